"""Requests that nobody should send: hostile strings, wrong types, fields missing, repeated and made up."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from hypothesis import strategies as st

from tests.conftest import PASSWORD
from tests.fuzz.targets import Target

MARK = "x9x9"
HOSTILE = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "a\r\nSet-Cookie: evil=1\r\n\r\n",
    "\u202eevil\u2066\u2028\u2029\x85",
    "é" * 300,
    "Ⅷ①２３４５６",
    "１２３４５６",
    "१२३४५६",
    "123456",
    "000000",
    "9" * 10_240,
    "A" * 10_240,
    "💣" * 500,
    "'; DROP TABLE accounts_user; --",
    "' OR '1'='1",
    f'"><script>{MARK}</script><img src=x onerror={MARK}>',
    "{{ settings.SECRET_KEY }}{% debug %}",
    '=HYPERLINK("http://evil.example")',
    "%(password)s %s %d {0} {x.__class__}",
    "../../../../etc/passwd",
    "//evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "https://evil.example/",
    "http:///evil.example",
    "-1",
    "0",
    "1e309",
    "NaN",
    "99999999999999999999999999",
    "true",
    "null",
    "[]",
    "{}",
    "on",
    "BR",
    "sms",
    "email",
    "e-mail@example.com",
    "BOB",
    "bob\u200b",
    "bob@EXAMPLE.com",
    "ﬀ@example.com",
    "ınternet@example.com",
    "+55 11 98765-4321",
    "tel:+5511987654321;ext=1",
    "2001-02-30",
    "0000-00-00",
    "9999-99-99",
    "\ufeff",
]
# What is right at the place where it belongs, so that what lies behind is reached as well.
RIGHT = {
    "username": "bob",
    "email": "bob@example.com",
    "password": PASSWORD,
    "old_password": PASSWORD,
    "new_password": "mallorys good password",
    "country": "BR",
    "number": "11 91234-5678",
    "channel": "sms",
    "language": "es",
    "two_factor_required": "on",
    "first_name": "Mallory",
}
BROKEN_OFF = 10_000
CAPTCHA = "<a captcha that was solved just now>"  # put in at the last moment
METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "post", "P" * 300]
CONTENT_TYPES = [
    "application/x-www-form-urlencoded",
    *(
        f"{kind}; charset={charset}"
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=edge")
        for charset in ("latin-1", "utf8", "UTF-8", "utf-16", "utf-7", "idna", "nonsense", "hex", "", "\x00", "é" * 50)
    ),
    "text/plain; name*=nonsense''x",
    "application/x-www-form-urlencoded;charset",
    "APPLICATION/X-WWW-FORM-URLENCODED",
    "application/json",
    "text/plain",
    "text/xml",
    "application/octet-stream",
    "application/x-www-form-urlencoded, multipart/form-data",
    "multipart/mixed; boundary=edge",
    "a/b/c",
    "x" * 5000,
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=é",
    "multipart/form-data; boundary=" + "b" * 300,
    "",
    "\x00",
]
HEADERS = [
    ("accept", "application/json"),
    ("accept", "text/html"),
    ("accept", ""),
    ("accept", "*/*;q=nonsense"),
    ("accept", "text/html;level*=nonsense''1"),
    ("accept", "x" * 5000),
    ("accept-language", "xx-" * 2000),
    ("accept-language", "pt-br"),
    ("accept-language", "../../etc"),
    ("user-agent", "x\x00\x1b[31m" * 100),
    ("user-agent", ""),
    ("cookie", "session=" + "z" * 32),
    ("cookie", 'session="aaaaaaaaaaaaaaaa\\000aaaaaaaaaaaaaaa"'),
    ("cookie", "session=\x00; csrf=; language=../x; messages=W10:1:x"),
    ("cookie", "messages=not-a-message; session=; ;=;\ud800".encode("utf-8", "replace").decode()),
    ("cookie", "a" * 8000),
    ("host", "evil.example"),
    ("host", "localhost:99999"),
    ("host", ""),
    ("referer", "https://evil.example/"),
    ("x-forwarded-for", "' OR 1=1, \x00"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-http-method-override", "DELETE"),
    ("x-requested-with", "XMLHttpRequest"),
    ("range", "bytes=0-0,-1"),
    ("if-none-match", "*"),
]

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=[]), max_size=60),
)


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


CLIENTS = [
    json.dumps({"type": kind, "challenge": challenge, "origin": "http://testserver", "crossOrigin": False}).encode()
    for kind in ("webauthn.get", "webauthn.create")
    for challenge in ("", "AAAA", _encoded(b"nonce:1w:signature"), "!", "é")
]
# What a passkey says, with a piece of it wrong: CBOR that ends too early, numbers for texts, lists for numbers.
pieces: st.SearchStrategy[Any] = st.one_of(
    texts,
    st.sampled_from([None, 0, -1, True, [], {}, ["usb"], [{}], {"rk": True}]),
    st.binary(max_size=80).map(_encoded),
    st.sampled_from([_encoded(client) for client in CLIENTS]),
    st.sampled_from([_encoded(bytes(37)), _encoded(b"\xa3cfmtdnonegattStmt\xa0hauthDataX%" + bytes(37))]),
)
NAMES = ("clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject", "transports")
answers = st.one_of(
    texts,
    st.fixed_dictionaries(
        {"id": st.one_of(st.just("AAAA"), pieces), "response": st.fixed_dictionaries(dict.fromkeys(NAMES, pieces))},
        optional={
            "rawId": st.one_of(st.just("AAAA"), pieces),
            "type": st.one_of(st.just("public-key"), pieces),
            "clientExtensionResults": pieces,
        },
    ).map(json.dumps),
)


@dataclass(frozen=True)
class Shot:
    """One request, ready to be sent."""

    method: str
    path: str
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]

    @property
    def has_key(self) -> bool:
        """Tell whether the right password is in it: its holder may do what others may not."""
        return quote_plus(PASSWORD).encode() in self.body or PASSWORD.encode() in self.body


@st.composite
def shots(draw: Any, targets: list[Target], captcha: Any, token: str) -> Shot:
    """Draw a request to one of the targets."""
    target = draw(st.sampled_from(targets))
    fields = draw(_fields(target, token))
    fields = [(name, captcha() if value == CAPTCHA else value) for name, value in fields]
    body, content_type = draw(_bodies(fields))
    headers = draw(st.lists(st.sampled_from(HEADERS), max_size=2, unique_by=lambda pair: pair[0]))
    method = draw(st.one_of(*[st.just("POST")] * 3, st.sampled_from(METHODS)))
    path = target.path
    if target.is_asked:
        query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields)
        return Shot("GET", f"{path}?{query}", b"", content_type, tuple(headers))
    if draw(st.integers(0, 5)) == 0:
        name = draw(st.sampled_from(["next", "q", "after", "before", "sort", "o", "e", "_popup"]))
        path += f"?{name}={_quoted(draw(texts))}"
    return Shot(method, path, body, content_type, tuple(headers))


@st.composite
def _fields(draw: Any, target: Target, token: str) -> list[tuple[str, str]]:
    """Draw what is posted: each field of the form as it is, right, hostile, twice or not at all; and made-up ones."""
    fields: list[tuple[str, str]] = []
    for name, value in target.fields:
        right = {**RIGHT, "token": token, "altcha": CAPTCHA}.get(name, value)
        times = draw(st.sampled_from([1, 1, 1, 1, 1, 1, 0, 2]))
        others = answers if name == "credential" else texts
        fields += [(name, draw(st.one_of(st.just(right), st.just(right), others))) for _ in range(times)]
    more = st.sampled_from(["is_staff", "role", "account", "id", "pk", "user", "next", "token", "action", "locked_at"])
    fields += draw(st.lists(st.tuples(st.one_of(more, texts), texts), max_size=2))
    return fields


@st.composite
def _bodies(draw: Any, fields: list[tuple[str, str]]) -> tuple[bytes, str]:
    """Draw how it is wrapped: mostly as browsers do; else as JSON, broken, of another type, or a megabyte of it."""
    way = draw(st.sampled_from(["form"] * 6 + ["multipart"] * 2 + ["json", "broken", "type", "large", "many"]))
    form = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in fields).encode()
    if way in {"multipart", "broken"}:
        whole = _multipart(fields, draw(st.booleans()))
        # A share, no place: a solved captcha is never as long as the one before, and what is drawn depends on nothing.
        share = draw(st.integers(0, BROKEN_OFF)) if way == "broken" else BROKEN_OFF
        return whole[: len(whole) * share // BROKEN_OFF], "multipart/form-data; boundary=edge"
    if way == "json":
        return json.dumps(dict(fields)).encode(), "application/json"
    more = {"large": b"&large=" + b"A" * 1_048_576, "many": b"&x=1" * 1000}.get(way, b"")
    return form + more, draw(st.sampled_from(CONTENT_TYPES)) if way == "type" else CONTENT_TYPES[0]


def _quoted(text: str) -> str:
    return quote_plus(text.encode("utf-8", "surrogatepass"))


def _multipart(fields: list[tuple[str, str]], files: bool) -> bytes:
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (name.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass"))
        for name, value in fields
    ]
    if files:
        parts.append(
            b'--edge\r\nContent-Disposition: form-data; name="token"; filename="../../x.php"\r\n'
            b"Content-Type: text/php\r\n\r\n" + b"A" * 100_000 + b"\r\n"
        )
    return b"".join([*parts, b"--edge--\r\n"])
