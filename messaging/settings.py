"""Settings of the portal: the only reader of the environment, through ``environment`` and ``service_urls``.

Everything is closed by default. ``EMBEDDED`` (set by ``make run``) switches the embedded default on: keys, database and
outbox are kept under ``VAR_DIR`` and nothing has to be configured. Without it a missing variable stops the start with
one sentence that names it; a wrong value always does.
"""

import logging
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from messaging import environment as env
from messaging import service_urls
from messaging.environment import required

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


DEBUG = env.flag("DEBUG")
EMBEDDED = env.flag("EMBEDDED")
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))
if EMBEDDED:  # so that doctor and other commands use the port and broker of the running portal
    env.also_from(VAR_DIR / "running.env")
PORT = env.number("PORT", 8000, 1, 65_535)

# Address: one public address, exact hosts (W-03) ----------------------------------------------

PUBLIC_URL = env.origin(
    "PUBLIC_URL", env.text("PUBLIC_URL", f"http://localhost:{PORT}") if EMBEDDED else required("PUBLIC_URL")
)
PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or ""
SECURE = urlsplit(PUBLIC_URL).scheme == "https"
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else [PUBLIC_HOST])
# With https there is no default: behind a proxy that ends TLS a forgotten 0 lets every page redirect to itself.
if SECURE and not EMBEDDED and not env.text("TRUSTED_PROXY_COUNT"):
    raise env.wrong("TRUSTED_PROXY_COUNT", "is not set. PUBLIC_URL is https: say how many own proxies stand in front.")
TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0, 0, 10)
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Keys -----------------------------------------------------------------------------------------

SECRET_KEY = env.text("SECRET_KEY") or (kept_key("secret") if EMBEDDED else required("SECRET_KEY"))
SECRET_KEY_FALLBACKS = env.items("SECRET_KEY_FALLBACKS")
TOKEN_KEY = env.text("TOKEN_KEY") or (kept_key("token") if EMBEDDED else required("TOKEN_KEY"))
TOKEN_KEY_PREVIOUS = env.text("TOKEN_KEY_PREVIOUS")
# Seal the secrets of authenticator apps; the newest first.
FACTOR_KEYS = env.items("FACTOR_KEYS") or [kept_key("factor") if EMBEDDED else required("FACTOR_KEYS")]

# Second factor --------------------------------------------------------------------------------

# At least a whole minute, which pages show; at most the life of the sign-in that waits for the token.
TOKEN_LIFETIME_SECONDS = env.number("TOKEN_LIFETIME_SECONDS", 180, MINUTE, 10 * MINUTE)
PENDING_SIGN_IN_SECONDS = 600
PENDING_SIGN_INS = 5  # of a person from one browser or network
UNFINISHED_SIGN_INS = 3  # in an hour, in browsers that are not known: the person is notified
REAUTHENTICATION_SECONDS = 300
PASSKEY_SECONDS = 300  # of a challenge
PASSKEYS_OF_A_USER = 10
RECOVERY_CODE_SECONDS = DAY
CAPTCHA_UNLOCK_SECONDS = 600
CAPTCHA_UNLOCK_SENDS = 3
TOKEN_ATTEMPTS = 5
USERS_PER_PHONE = 5
USERS_PER_PHONE_ALARM = 3
ALLOWED_REGIONS = env.regions("ALLOWED_REGIONS", ["BR"])
# Which kinds count for operators, whatever their account chose (K-06); empty: those of the account.
OPERATOR_FACTORS = env.some("OPERATOR_FACTORS", among=["app", "passkey"])

# Limits: so many in so many seconds, all in the database (C-08; `manage.py limits` prints the table) -------------

LIMITS = {
    scope: env.windows(f"LIMIT_{scope.upper()}", default)
    for scope, default in {
        # wrong passwords
        "password_from_address": "5/300,10/3600,20/86400",
        "password_anywhere": "100/2592000",
        "password_known": "10/900,15/3600,20/86400",
        "reauthentication": "5/300,10/86400",
        # tokens tried in a known browser while all others wait
        "token_known": "5/900,10/86400",
        # wrong recovery codes, from one browser or network
        "recovery": "5/86400",
        # wrong passwords after which the captcha is asked for; its work doubles as their number does
        "password": "10/3600",
        "address_passwords": "10/3600",
        # sends
        "user": "5/900,10/3600,20/86400",
        "phone": "3/600,6/3600,10/86400",
        "phone_typed": "3/600,6/3600,10/86400",
        "mailbox": "3/600,10/86400",
        "mailbox_typed": "3/600,10/86400",
        "numbers": "5/86400",
        # tokens that nobody typed, after which the share of typed ones is computed
        "address": "20/3600,60/86400",
        "prefix": "20/3600",
        "country": "20/3600",
        # tokens that leave although others have closed a destination or an address, for each of these
        "spared": "5/86400",
        # money: these hold over any such span
        "person": "30/86400",
        "account": "200/86400",
        "system": "10000/86400",
        # links to choose a new password
        "links": "3/3600",
        "address_links": "60/3600",
        # links that make a browser known: they are good longer than the window lasts, so one of them is always valid
        "browser_links": "3/86400",
        # notices of one kind about what a person does again and again
        "notices": "20/86400",
        # invitations
        "invitations": "500/86400",
        "invited": "3/86400",
    }.items()
}
env.no_other("LIMIT_", {f"LIMIT_{scope.upper()}" for scope in LIMITS})
ACCOUNT_SMS_PER_USER = 5  # with a confirmed phone
ACCOUNT_SMS_SHARE = 20  # per cent of the system's SMS; an operator gives an account more
# Per cent of an account's SMS that are kept for the first SMS of each person in known browsers.
ACCOUNT_SMS_KEPT = 60
# How many first SMS a person has in any 24 hours: at least, and at most where the account has few people.
ACCOUNT_SMS_FIRST = (3, 10)
SYSTEM_SMS_RESERVE = 30  # per cent of the system's SMS, for confirmed phones; half of it for known browsers
# So many SMS to unconfirmed phones that an account sends in 24 hours may use all of the system's SMS that are not kept
# for confirmed phones. Further ones may not use the last so many per cent, which stay for the first ones of others.
ACCOUNT_SMS_NEWCOMERS = 10
SYSTEM_SMS_NEWCOMERS = 10  # per cent
# A range or a country gets no SMS while fewer than so many per cent of its tokens are typed, if the untyped ones are of
# so many people and accounts. For a network address one person of one account is enough.
UNTYPED_PERCENT = 30
UNTYPED_PEOPLE = 5
UNTYPED_ACCOUNTS = 3
# With fewer untyped tokens of its own people an account may still send there: it is closed for other accounts only.
UNTYPED_OF_ACCOUNT = 5
NOTHING_CAME_SECONDS = 60  # after which the token page says what else a person can do
# Seconds to wait after the first, the second and each later token to one destination.
RESEND_COOLDOWNS = (30, 60, 120)
# How long the pause after the n-th consecutive failure of the second step is; other failures begin none.
LOCKOUT_SCHEDULE = {10: 15 * MINUTE, 15: HOUR, 20: 4 * HOUR, **dict.fromkeys(range(25, 100, 5), DAY)}
FAILURES_NOTIFIED_AT = 5
FAILURES_DISABLED_AT = 100

# What is sent ---------------------------------------------------------------------------------

SMS_GATEWAYS = env.items("SMS_GATEWAYS", ["outbox"] if EMBEDDED else [])
TWILIO_ACCOUNT_SID = env.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = env.text("TWILIO_AUTH_TOKEN")
TWILIO_MESSAGING_SERVICE_SID = env.text("TWILIO_MESSAGING_SERVICE_SID")
TWILIO_FROM = env.text("TWILIO_FROM")
TWILIO_API_URL = env.address("TWILIO_API_URL")
SINCH_SERVICE_PLAN_ID = env.text("SINCH_SERVICE_PLAN_ID")
SINCH_API_TOKEN = env.text("SINCH_API_TOKEN")
SINCH_FROM = env.text("SINCH_FROM")
SINCH_API_URL = env.address("SINCH_API_URL", "https://us.sms.api.sinch.com")
GATEWAY_CONNECT_SECONDS = 3
GATEWAY_READ_SECONDS = 8
GATEWAY_CAP_SECONDS = 13
DELIVERY_LEASE_SECONDS = 15
DELIVERY_TRIES = 2
DELIVERY_MINIMUM_SECONDS_LEFT = 30
NOTICE_TRIES = 110  # most of them an hour apart: four days, as mail servers do (RFC 5321, 4.5.4.1)
SWEEP_THREADS = 8
SENDER_SILENCE_SECONDS = 60  # without a sender that looks for messages: reported by /readyz and doctor
CIRCUIT_WINDOW_SECONDS = 60
CIRCUIT_CALLS = 20
CIRCUIT_SECONDS = 30
PREFIX_BLOCK_SECONDS = 12 * HOUR  # by a gateway
MESSAGE_DAYS = 90
CHALLENGE_DAYS = 30

OUTBOX_DIR = VAR_DIR / "outbox"
_mail_url = env.text("EMAIL_URL") if EMBEDDED else required("EMAIL_URL")
_mail = service_urls.mail_server("EMAIL_URL", _mail_url) if _mail_url else {}
EMAIL_BACKEND = f"messaging.delivery.{'mail' if _mail else 'outbox'}.EmailBackend"
EMAIL_HOST = _mail.get("EMAIL_HOST", "localhost")
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_VERIFY = _mail.get("EMAIL_VERIFY", True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", f"Messaging <no-reply@{PUBLIC_HOST}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# The outbox page exists only while nothing can really be sent.
OUTBOX_ENABLED = EMBEDDED and SMS_GATEWAYS == ["outbox"] and not _mail

# Captcha: reCAPTCHA when its keys are set, else self-hosted -----------------------------------

RECAPTCHA_PUBLIC_KEY = env.text("RECAPTCHA_PUBLIC_KEY")
RECAPTCHA_PRIVATE_KEY = env.text("RECAPTCHA_PRIVATE_KEY")
RECAPTCHA_DOMAIN = env.host_with_port("RECAPTCHA_DOMAIN", "www.google.com")
RECAPTCHA_ENABLED = bool(RECAPTCHA_PUBLIC_KEY and RECAPTCHA_PRIVATE_KEY)
RECAPTCHA_VERIFY_REQUEST_TIMEOUT = 4
# How many keys of ALTCHA_COST rounds of PBKDF2 a browser derives at most: 0.2 s for a laptop, 1 s for a slow phone.
ALTCHA_COST = 200
ALTCHA_WORK = 2_000
ALTCHA_MAX_WORK = 100_000  # the doubling ends here: a minute for a slow phone
# Whether the self-hosted captcha is used while reCAPTCHA does not answer, and for how long before it is asked again.
CAPTCHA_FALLBACK = env.flag("CAPTCHA_FALLBACK")
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
    "messaging.periodic",
    "accounts",
    "twofactor",
    "messaging.apps.PortalAdminConfig",
]
MIDDLEWARE = [
    "messaging.request_metrics.RequestMetricsMiddleware",
    # Middleware that adds headers to every answer comes before middleware that may answer, static files included.
    "django.middleware.security.SecurityMiddleware",
    "messaging.headers.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "messaging.headers.PolicyMiddleware",
    "messaging.bad_requests.CharsetMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # The only secret in a page, the CSRF token, is masked newly in each, and Django pads at random (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "accounts.request.middleware.OriginMiddleware",
    "messaging.health.MachinesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "twofactor.middleware.FactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "messaging.bad_requests.MethodMiddleware",
    "twofactor.middleware.RefusalMiddleware",
    "twofactor.middleware.GateMiddleware",
]
ROOT_URLCONF = "messaging.urls"
WSGI_APPLICATION = "messaging.wsgi.application"
FORM_RENDERER = "messaging.form_renderer.InputRenderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["messaging.fixed_parts"],
            "libraries": {"i18n": "messaging.fixed_parts", "static": "messaging.fixed_parts"},
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

_database_url = env.text("DATABASE_URL") if EMBEDDED else required("DATABASE_URL")
# A pooler gives a connection for one transaction and passes no options: the time-outs are then set for the role.
DATABASE_POOLER = env.flag("DATABASE_POOLER")
# PostgreSQL plans a statement once for each connection instead of at each run: this saves 12.7 of the 16 ms that a
# sign-in takes in the database (messaging/postgresql/base.py). A pooler has to keep them: PgBouncer from 1.21 with
# max_prepared_statements.
DATABASE_PREPARED = env.flag("DATABASE_PREPARED", default=not DATABASE_POOLER)
_connection_seconds = env.number("CONN_MAX_AGE", 600, 0, DAY)
DATABASES: dict[str, dict[str, Any]] = {
    "default": service_urls.database("DATABASE_URL", _database_url)
    if _database_url
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "db.sqlite3")}
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # With Django's own options 15 of 16 parallel writers got "database is locked".
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"]["CONN_MAX_AGE"] = _connection_seconds
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = DATABASE_POOLER
    DATABASES["default"]["OPTIONS"]["connect_timeout"] = 3
    if DATABASE_PREPARED:
        # Values are sent apart from the statement, which is prepared at its third run on a connection.
        DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 2}
    if not DATABASE_POOLER:
        # No statement here runs long enough to be worth compiling; PostgreSQL spends 0.2 s on one that might.
        DATABASES["default"]["OPTIONS"]["options"] = "-c statement_timeout=5s -c lock_timeout=2s -c jit=off"
DATABASE_ANSWER_SECONDS = 8  # more than the statement's own 5, whose error is more useful
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL") if EMBEDDED else required("REDIS_URL")
CELERY_BROKER_URL, CELERY_BROKER_USE_SSL = (
    service_urls.broker("REDIS_URL", REDIS_URL) if REDIS_URL else ("memory://", None)
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "tokens"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker sends without it, and tries to connect for ever
# Without these a frozen broker (SIGSTOP) blocks the publisher for ever (F8).
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "socket_connect_timeout": 0.5,
        "socket_timeout": 0.5,
        "max_retries": 0,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
        # Acknowledged in the worker's memory only: the database is the queue and gives back what a dead worker
        # held, while a copy of each wake-up in Redis cost more than all statements of a token.
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

# People and sessions --------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["twofactor.backends.PhoneBackend"]
PASSWORD_HASHERS = ["accounts.auth.hashers.OwaspArgon2PasswordHasher"]
# The minimum length where the password is the only factor, and where a second one is required too (PW-02).
PASSWORD_MIN_LENGTH = env.number("PASSWORD_MIN_LENGTH", 15, 8, 64)
PASSWORD_MIN_LENGTH_TWO_FACTOR = env.number("PASSWORD_MIN_LENGTH_TWO_FACTOR", 10, 8, 64)
PASSWORD_MAX_LENGTH = 1024  # where a password is chosen and where it is typed (PW-03)
PASSWORD_MIN_GUESSES_LOG10 = 8
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"accounts.passwords.validators.{name}Validator"}
    for name in ("Length", "Context", "Common", "Guessable", "Breach")
]
# A range API is asked for leaked passwords; it sees five digits of a hash. Without an answer a password is accepted
# (PW-06).
BREACHED_PASSWORDS = env.flag("BREACHED_PASSWORDS")
BREACHED_PASSWORDS_URL = env.address("BREACHED_PASSWORDS_URL", "https://api.pwnedpasswords.com/range") + "/"
BREACHED_PASSWORDS_SECONDS = 1.5
PWNED_PASSWORDS = {"API_TIMEOUT": 1.0}
# A link outlives the window in which its mailbox is sent no more of them. So a stranger who asks for all of them leaves
# one that works for as long as reading an e-mail takes, at the window's end, too (B-04).
LINK_OUTLIVES = 15 * MINUTE
PASSWORD_RESET_TIMEOUT = max(HOUR, *(seconds for _most, seconds in LIMITS["links"])) + LINK_OUTLIVES
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"

SESSION_ENGINE = "accounts.auth.session_store"
SESSION_COOKIE_AGE = 12 * 3600  # it ends so long after the sign-in, however much it is used (S-07)
SESSION_IDLE_SECONDS = 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
LANGUAGE_COOKIE_NAME = "__Host-language" if SECURE else "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
KNOWN_BROWSER_COOKIE_NAME = "__Host-browser" if SECURE else "browser"
RESET_COOKIE_NAME = "__Host-reset" if SECURE else "reset"
KNOWN_BROWSER_SECONDS = 180 * DAY
BROWSER_LINK_SECONDS = max(DAY, *(seconds for _most, seconds in LIMITS["browser_links"])) + LINK_OUTLIVES
CSRF_FAILURE_VIEW = "messaging.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# Browser --------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked from inside, by http
# Other hosts of the same domain are not ours, so subdomains and the browsers' list have to be switched on.
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 365 * DAY, 0, 10 * 365 * DAY) if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS") and SECURE
SECURE_HSTS_PRELOAD = env.flag("HSTS_PRELOAD") and SECURE
if SECURE_HSTS_PRELOAD and not (SECURE_HSTS_INCLUDE_SUBDOMAINS and SECURE_HSTS_SECONDS >= 365 * DAY):
    raise env.wrong("HSTS_PRELOAD", "wants HSTS_SUBDOMAINS=on and HSTS_SECONDS of a year or more.")
SILENCED_SYSTEM_CHECKS = [
    *("security.W005", "security.W021"),  # they require subdomains and preload of every site
    "templates.W003",  # messaging.fixed_parts replaces Django's i18n and static, on purpose
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The portal uses none of these, so an injected script gets none either. WebOTP is not restricted.
# Passkeys are for our own pages, not for frames in them.
_UNUSED_POWERS = (
    "accelerometer autoplay camera display-capture encrypted-media fullscreen geolocation gyroscope magnetometer"
    " microphone midi payment picture-in-picture screen-wake-lock serial usb"
)
RESPONSE_HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        [f"{power}=()" for power in _UNUSED_POWERS.split()]
        + ["publickey-credentials-create=(self)", "publickey-credentials-get=(self)"]
    ),
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
FILE_UPLOAD_HANDLERS = ["accounts.branding.uploads.LogoUploadHandler"]  # accepts a file at one address only
SECURITY_CONTACT = env.contact("SECURITY_CONTACT")

DEMO_PASSWORD = env.text("DEMO_PASSWORD", "messaging-demo")

# Languages ------------------------------------------------------------------------------------

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", "Português (Brasil)"), ("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "messaging" / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", "America/Sao_Paulo")
USE_TZ = True
FORMAT_MODULE_PATH = ["messaging.formats"]

# Static files ---------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# A file that worker and poller touch each time they look for messages, for a cheap health check.
ALIVE_FILE = env.text("ALIVE_FILE")

# Metrics: open in the embedded default, else behind a bearer token ----------------------------

METRICS_TOKEN = env.text("METRICS_TOKEN")

# Logs: no body, no token, no full number; the Twilio client writes addresses at INFO (J-03) ----

logging.captureWarnings(True)  # Python's warnings are log lines of the same format
LOG_FORMAT = env.choice("LOG_FORMAT", "line" if EMBEDDED else "json", {"json", "line"})
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "accounts.request.logging.LineFormatter"},
        "json": {"()": "accounts.request.logging.JsonFormatter"},
    },
    "filters": {
        "request_id": {"()": "accounts.request.context.RequestIdFilter"},
        "refusal": {"()": "accounts.request.logging.RefusalFilter"},
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
        # A forged Host is answered with 400; its traceback tells nothing (W-03).
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "twilio.http_client": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        # Logs the addresses it requests, which have the beginning of a password's hash.
        "httpx": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        # Warns at each HEAD that it drops the body, which is correct.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    },
}
