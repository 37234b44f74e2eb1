"""Settings of the portal: the only reader of the environment.

Everything starts closed. ``EMBEDDED`` (set by ``make run``) turns the embedded default on:
keys, database and outbox are kept under ``VAR_DIR`` and nothing has to be configured.
Without it a missing variable stops the start with one sentence that names it.
"""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
MINUTE, HOUR, DAY = 60, 3600, 86_400
BASE_DIR = Path(__file__).resolve().parent.parent


def kept_key(name: str) -> str:
    """Return the key kept in ``VAR_DIR`` under this name, made on first use (embedded default only)."""
    path = VAR_DIR / f"{name}.key"
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(key := secrets.token_urlsafe(50))
    return key


def required(name: str) -> str:
    """Return a variable that production cannot do without."""
    if value := env.str(name, ""):
        return str(value)
    raise ImproperlyConfigured(f"Set {name}. It has no default outside of the embedded one (make run).")


def limit(scope: str, default: str) -> list[tuple[int, int]]:
    """Return how many may be in how many seconds: LIMIT_PHONE="3/600,6/3600" sets the limits of "phone"."""
    windows = [window.split("/") for window in env.list(f"LIMIT_{scope.upper()}", default=default.split(","))]
    return [(int(how_many), int(seconds)) for how_many, seconds in windows]


DEBUG = env.bool("DEBUG", False)
EMBEDDED = env.bool("EMBEDDED", False)
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
PORT = env.int("PORT", 8000)

# Where we are: one public address, exact hosts (W-03) -----------------------------------------

PUBLIC_URL = (env.str("PUBLIC_URL", f"http://localhost:{PORT}") if EMBEDDED else required("PUBLIC_URL")).rstrip("/")
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else [PUBLIC_HOST])
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 0)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Keys -----------------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY", "") or (kept_key("secret") if EMBEDDED else required("SECRET_KEY"))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
TOKEN_KEY = env.str("TOKEN_KEY", "") or (kept_key("token") if EMBEDDED else required("TOKEN_KEY"))
TOKEN_KEY_PREVIOUS = env.str("TOKEN_KEY_PREVIOUS", "")

# Second factor --------------------------------------------------------------------------------

TOKEN_LIFETIME_SECONDS = env.int("TOKEN_LIFETIME_SECONDS", 180)
PENDING_SIGN_IN_SECONDS = 600
PENDING_SIGN_INS = 5
REAUTHENTICATION_SECONDS = 300
CAPTCHA_UNLOCK_SECONDS = 600
CAPTCHA_UNLOCK_SENDS = 3
TOKEN_ATTEMPTS = 5
USERS_PER_PHONE = 5
USERS_PER_PHONE_ALARM = 3
ALLOWED_REGIONS = env.list("ALLOWED_REGIONS", default=["BR"])

# Limits: so many in so many seconds, all in the database (section 3; `manage.py limits` prints the table) ----------

LIMITS = {
    scope: limit(scope, default)
    for scope, default in {
        # wrong passwords
        "password_from_address": "5/300,10/3600,20/86400",
        "password": "100/3600",
        "address_passwords": "10/60,300/3600",
        "reauthentication": "10/86400",
        # sends
        "user": "5/900,10/3600,20/86400",
        "phone": "3/600,6/3600,10/86400",
        "mailbox": "3/600,10/86400",
        "numbers": "3/86400,5/2592000",
        "address": "20/3600,60/86400",
        "prefix": "10/3600",
        "country": "50/3600",
        "account": "200/86400",
        "system": "10000/86400",
        # links to choose a new password
        "links": "3/3600",
        "address_links": "60/3600",
        # invitations
        "invitations": "500/86400",
        "invited": "3/86400",
    }.items()
}
ACCOUNT_SMS_PER_USER = 5
COUNTRY_BREAKER_SENDS = 20
COUNTRY_BREAKER_CONVERSION = 0.3
# Seconds to wait after the first, the second and each later token to one destination.
RESEND_COOLDOWNS = (30, 60, 120)
# How long the n-th consecutive failure of the second step keeps a person from trying; between the rungs it does not.
FAILURE_LADDER = {10: 15 * MINUTE, 15: HOUR, 20: 4 * HOUR, **dict.fromkeys(range(25, 100, 5), DAY)}
FAILURES_TOLD_AT = 5
FAILURES_DISABLED_AT = 100

# What leaves the system -----------------------------------------------------------------------

SMS_GATEWAYS = env.list("SMS_GATEWAYS", default=["outbox"] if EMBEDDED else [])
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", "")
TWILIO_MESSAGING_SERVICE_SID = env.str("TWILIO_MESSAGING_SERVICE_SID", "")
TWILIO_FROM = env.str("TWILIO_FROM", "")
TWILIO_API_URL = env.str("TWILIO_API_URL", "")
SINCH_SERVICE_PLAN_ID = env.str("SINCH_SERVICE_PLAN_ID", "")
SINCH_API_TOKEN = env.str("SINCH_API_TOKEN", "")
SINCH_FROM = env.str("SINCH_FROM", "")
SINCH_API_URL = env.str("SINCH_API_URL", "https://us.sms.api.sinch.com")
GATEWAY_CONNECT_SECONDS = 3
GATEWAY_READ_SECONDS = 8
GATEWAY_CAP_SECONDS = 13
DELIVERY_LEASE_SECONDS = 15
DELIVERY_TRIES = 2
DELIVERY_MINIMUM_SECONDS_LEFT = 30
NOTICE_TRIES = 20
SWEEP_THREADS = 8
CIRCUIT_WINDOW_SECONDS = 60
CIRCUIT_CALLS = 20
CIRCUIT_SECONDS = 30
PREFIX_BLOCK_SECONDS = 12 * HOUR  # by a gateway, or by our own budget of unconverted sends
MESSAGE_DAYS = 90
CHALLENGE_DAYS = 30

OUTBOX_DIR = VAR_DIR / "outbox"
_mail = env.email_url("EMAIL_URL") if EMBEDDED and env.str("EMAIL_URL", "") else {}
if not EMBEDDED:
    _mail = env.email_url_config(required("EMAIL_URL"))
EMAIL_BACKEND = _mail.get("EMAIL_BACKEND", "messaging.delivery.outbox.EmailBackend")
EMAIL_HOST = _mail.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = _mail.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"Messaging <no-reply@{PUBLIC_HOST}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# The outbox page exists only while nothing can really leave.
OUTBOX_ENABLED = EMBEDDED and SMS_GATEWAYS == ["outbox"] and EMAIL_BACKEND == "messaging.delivery.outbox.EmailBackend"

# Captcha: reCAPTCHA when its keys are set, else self-hosted -----------------------------------

RECAPTCHA_PUBLIC_KEY = env.str("RECAPTCHA_PUBLIC_KEY", "")
RECAPTCHA_PRIVATE_KEY = env.str("RECAPTCHA_PRIVATE_KEY", "")
RECAPTCHA_DOMAIN = env.str("RECAPTCHA_DOMAIN", "www.google.com")
RECAPTCHA_ENABLED = bool(RECAPTCHA_PUBLIC_KEY and RECAPTCHA_PRIVATE_KEY)
RECAPTCHA_VERIFY_REQUEST_TIMEOUT = 4
ALTCHA_MAX_NUMBER = 20_000
# Whether the self-hosted captcha stands in while reCAPTCHA does not answer, and for how long before it is asked again.
CAPTCHA_FALLBACK = env.bool("CAPTCHA_FALLBACK", False)
CAPTCHA_FALLBACK_SECONDS = 120
CAPTCHA_PROBE_SECONDS = 30

# The code -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_otp",
    "django_recaptcha",
    "messaging.delivery",
    "accounts",
    "twofactor",
    "messaging.apps.PortalAdminConfig",
]
MIDDLEWARE = [
    # What is promised of every answer stands outside of whatever may answer by itself, static files among them.
    "django.middleware.security.SecurityMiddleware",
    "messaging.headers.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The only secret in a page, the CSRF token, is masked anew in each, and Django pads at random (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "accounts.middleware.OriginMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "twofactor.middleware.PhoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "twofactor.middleware.RefusalMiddleware",
    "twofactor.middleware.GateMiddleware",
]
ROOT_URLCONF = "messaging.urls"
WSGI_APPLICATION = "messaging.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "messaging.delivery.context_processors.outbox",
            ],
        },
    },
]

# Data -----------------------------------------------------------------------------------------

DATABASES = {
    "default": env.db("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")
    if EMBEDDED
    else env.db_url_config(required("DATABASE_URL"))
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Django's own options gave "database is locked" to 15 of 16 writers (packages.md, section 2).
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["ENGINE"] = "messaging.postgresql"
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", 600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        # No statement here runs long enough to be worth compiling; PostgreSQL spends 0.2 s on one that might.
        connect_timeout=3,
        options="-c statement_timeout=5s -c lock_timeout=2s -c jit=off",
    )
DATABASE_ANSWER_SECONDS = 8  # more than the statement's own 5: the server's word is the better one
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "") or ("" if EMBEDDED else required("REDIS_URL"))
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "tokens"
CELERY_TASK_ROUTES = {"*.purge": {"queue": "notices"}}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A frozen broker held the publisher without end until these were set (packages.md, section 5).
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
        # Acknowledged in the worker's memory only: the database is the queue and gives back what a dead worker
        # held, while a copy of each doorbell in Redis cost more than all statements of a token.
        "ack_emulation": False,
    }
    if REDIS_URL
    else {}
)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 15
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "messaging.delivery.tasks.sweep", "schedule": 5.0},
    "purge-messages": {"task": "messaging.delivery.tasks.purge", "schedule": 3600.0},
    "purge-journeys": {"task": "twofactor.tasks.purge", "schedule": 3600.0},
}

# People and sessions --------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["twofactor.backends.PhoneBackend"]
PASSWORD_HASHERS = ["accounts.hashers.OwaspArgon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"

SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 12 * 3600  # after the sign-in it ends, however busy (S-07)
SESSION_IDLE_SECONDS = 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
LANGUAGE_COOKIE_NAME = "__Host-language" if SECURE else "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
CSRF_FAILURE_VIEW = "messaging.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Browser --------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Nothing of ours asks for these; whatever else came to run in a page does not get them either. WebOTP is left alone.
_UNUSED_POWERS = (
    "accelerometer autoplay camera display-capture encrypted-media fullscreen geolocation gyroscope magnetometer"
    " microphone midi payment picture-in-picture publickey-credentials-get screen-wake-lock serial usb"
)
RESPONSE_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{power}=()" for power in _UNUSED_POWERS.split()),
}
_RECAPTCHA_HOSTS = [f"https://{RECAPTCHA_DOMAIN}", "https://www.gstatic.com"] if RECAPTCHA_ENABLED else []
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, *_RECAPTCHA_HOSTS],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "frame-src": [f"https://{RECAPTCHA_DOMAIN}"] if RECAPTCHA_ENABLED else [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100
DATA_UPLOAD_MAX_NUMBER_FILES = 1
FILE_UPLOAD_HANDLERS = ["accounts.uploads.LogoUploadHandler"]  # which takes it at one address only
SECURITY_CONTACT = env.str("SECURITY_CONTACT", "")

DEMO_PASSWORD = env.str("DEMO_PASSWORD", "messaging-demo")

# Languages ------------------------------------------------------------------------------------

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", "Português Brasileiro"), ("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "messaging" / "locale"]
TIME_ZONE = env.str("TIME_ZONE", "America/Sao_Paulo")
USE_TZ = True
FORMAT_MODULE_PATH = ["messaging.formats"]

# Static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "messaging.sheets.JoiningStorage"},
}

# Metrics: open in the embedded default, else behind a bearer token ----------------------------

METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# Logs: no body, no token, no full number; the Twilio client writes addresses at INFO (J-03) ----

LOG_FORMAT = env.str("LOG_FORMAT", "line" if EMBEDDED else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "accounts.logs.LineFormatter"},
        "json": {"()": "accounts.logs.JsonFormatter"},
    },
    "filters": {
        "request_id": {"()": "accounts.origin.RequestIdFilter"},
        "refusal": {"()": "accounts.logs.RefusalFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": LOG_FORMAT,
            "filters": ["request_id", "refusal"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        # A stranger's forged Host is answered with 400; its traceback tells nothing (W-03).
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "twilio.http_client": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        # Warns at each HEAD that it drops the body, which is its job.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    },
}
