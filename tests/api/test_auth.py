"""Tokens: what is believed, and that everything else is refused alike."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from api.auth import AUDIENCE, ISSUER, Principal, Role, Tokens
from api.keys import Keys
from chains.errors import AuthenticationError, BadRequestError, ForbiddenError
from tests.fakes.api_service import ApiService, Client

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Clock:
    """A clock a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(keys: Keys, clock: Clock) -> Tokens:
    return Tokens(keys, clock)


def forged(
    keys: Keys,
    *,
    key: Any = None,
    algorithm: str = "HS256",
    headers: dict[str, object] | None = None,
    drop: str = "",
    **claims: object,
) -> str:
    """A token with the given differences from a good one."""
    seconds = int(NOW.timestamp())
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "s_someone",
        "role": "user",
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + 900,
        "jti": "0123456789abcdef",
        **claims,
    }
    payload.pop(drop, None)
    secret = keys.signing.secret.get_secret_value() if key is None else key
    return jwt.encode(
        payload,
        secret,
        algorithm=algorithm,
        headers={"kid": keys.signing.kid, **(headers or {})},
    )


def unsigned(
    header: Mapping[str, object], payload: Mapping[str, object], signature: str = ""
) -> str:
    """A token put together by hand."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, payload)
    ]
    return ".".join([*parts, signature])


def test_a_good_token_is_believed(tokens: Tokens) -> None:
    """A session's token names its session and role, and expires in time."""
    token = tokens.issue_session("s_someone", ttl=timedelta(minutes=15), ends=NOW + HOUR)

    who = tokens.read(f"Bearer {token.text}")

    assert who.subject == "s_someone"
    assert who.role is Role.USER
    assert who.is_session
    assert who.expires == NOW + timedelta(minutes=15)


def test_no_token_outlives_its_session(tokens: Tokens) -> None:
    """A token ends with the session at the latest."""
    token = tokens.issue_session(
        "s_someone", ttl=timedelta(minutes=15), ends=NOW + timedelta(minutes=2)
    )

    assert token.expires == NOW + timedelta(minutes=2)


ATTACKS: dict[str, dict[str, Any]] = {
    "another secret": {"key": "x" * 32},
    "an empty secret": {"key": "x" * 32, "headers": {"kid": ""}},
    "another algorithm": {"algorithm": "HS512"},
    "an unknown kid": {"headers": {"kid": "0" * 16}},
    "a path as kid": {"headers": {"kid": "../../../../dev/null"}},
    "a URL as kid": {"headers": {"kid": "https://evil.example/key"}},
    "SQL as kid": {"headers": {"kid": "' UNION SELECT 'key"}},
    "a jku header": {"headers": {"jku": "https://evil.example/jwks"}},
    "a jwk header": {"headers": {"jwk": {"kty": "oct", "k": "eA"}}},
    "an x5u header": {"headers": {"x5u": "https://evil.example/cert"}},
    "an unknown crit": {"headers": {"crit": ["made-up"], "made-up": 1}},
    "expired": {"exp": int(NOW.timestamp()) - 31},
    "not yet valid": {"nbf": int(NOW.timestamp()) + 31},
    "issued in the future": {"iat": int(NOW.timestamp()) + 31},
    "another audience": {"aud": "somebody-else"},
    "a list of audiences": {"aud": [AUDIENCE, "somebody-else"]},
    "another issuer": {"iss": "somebody-else"},
    "an unknown role": {"role": "root"},
    "roles in a list": {"role": ["user", "admin"]},
    "no expiry": {"drop": "exp"},
    "no subject": {"drop": "sub"},
    "no token id": {"drop": "jti"},
    "no role": {"drop": "role"},
    "no start": {"drop": "nbf"},
    "expiry as text": {"exp": "4102444800"},
    "expiry as a float": {"exp": 4102444800.5},
    "an endless expiry": {"exp": 1e308},
    "expiry as true": {"exp": True},
    "a negative expiry": {"exp": -1},
    "an unknown claim": {"admin": True},
    "an empty subject": {"sub": ""},
    "a subject that is no text": {"sub": 7},
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_a_wrong_token_is_refused(keys: Keys, tokens: Tokens, attack: dict[str, Any]) -> None:
    """Every way a token can be wrong is refused, in the same words."""
    with pytest.raises(AuthenticationError) as refusal:
        tokens.read(f"Bearer {forged(keys, **attack)}")

    assert refusal.value.message == "There is no valid token with this request."
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "NONE", ""])
def test_an_unsigned_token_is_refused(keys: Keys, tokens: Tokens, algorithm: str) -> None:
    """`alg: none` in any spelling is refused, with and without a signature."""
    good = forged(keys)
    payload = jwt.decode(good, options={"verify_signature": False})
    header = {"alg": algorithm, "kid": keys.signing.kid, "typ": "JWT"}

    for signature in ("", good.rsplit(".", 1)[1]):
        with pytest.raises(AuthenticationError):
            tokens.read(f"Bearer {unsigned(header, payload, signature)}")


def test_a_changed_token_is_refused(keys: Keys, tokens: Tokens) -> None:
    """Claims cannot be changed under a signature, and a signature cannot be cut off."""
    header, payload, signature = forged(keys).split(".")
    _, admin, _ = forged(keys, role="admin").split(".")

    for attempt in (
        f"{header}.{admin}.{signature}",
        f"{header}.{payload}.",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
    ):
        with pytest.raises(AuthenticationError):
            tokens.read(f"Bearer {attempt}")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ....",
        "Bearer {token} extra",
        "Bearer {token}\n",
        "Bearer \u200b{token}",
        "Bearer " + "a" * 5000 + ".b.c",
    ],
)
def test_a_malformed_header_is_refused(keys: Keys, tokens: Tokens, header: str | None) -> None:
    """Only `Bearer` and one token of ordinary length is an authorization."""
    with pytest.raises(AuthenticationError):
        tokens.read(None if header is None else header.replace("{token}", forged(keys)))


@pytest.mark.parametrize(("seconds", "good"), [(-29, True), (-31, False), (29, True), (31, False)])
def test_clocks_may_differ_by_half_a_minute(
    keys: Keys,
    tokens: Tokens,
    clock: Clock,
    seconds: int,
    good: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """A token from a machine whose clock is off by up to 30 seconds is good."""
    token = forged(keys, exp=int((NOW + HOUR).timestamp()))
    clock.now = NOW + timedelta(seconds=seconds) + (HOUR if seconds > 0 else timedelta(0))

    if good:
        tokens.read(f"Bearer {token}")
    else:
        with pytest.raises(AuthenticationError):
            tokens.read(f"Bearer {token}")


def test_a_session_of_staff_carries_the_role_and_ends_with_it(
    keys: Keys, tokens: Tokens, clock: Clock
) -> None:
    """An engineer's session keeps the role through refreshes, until the staff token ends."""
    staff = tokens.read(f"Bearer {tokens.issue_staff('eva', Role.ENGINEER, ttl=HOUR).text}")
    ends = NOW + 12 * HOUR
    first = tokens.issue_session("s_x", ttl=timedelta(minutes=15), ends=ends, actor=staff)
    clock.now = NOW + timedelta(minutes=10)
    who = tokens.read(f"Bearer {first.text}")
    second = tokens.issue_session("s_x", ttl=12 * HOUR, ends=ends, actor=who)

    assert who.role is Role.ENGINEER
    assert who.actor is not None
    assert who.actor.sub == "staff:eva"
    assert second.expires == NOW + HOUR
    keys.revoke(staff.token_id, staff.expires)
    with pytest.raises(AuthenticationError):
        tokens.read(f"Bearer {second.text}")


def test_a_revoked_staff_token_is_refused(keys: Keys, tokens: Tokens) -> None:
    """A staff token that was taken back is refused at once."""
    token = tokens.issue_staff("eva", Role.QA, ttl=HOUR)
    tokens.read(f"Bearer {token.text}")

    keys.revoke(token.id, token.expires)

    with pytest.raises(AuthenticationError):
        tokens.read(f"Bearer {token.text}")


def test_rotation_ends_no_session_and_dropping_ends_all(keys: Keys, tokens: Tokens) -> None:
    """A token signed by the key before the last is good, until old keys are dropped."""
    token = tokens.issue_session("s_x", ttl=HOUR, ends=NOW + HOUR).text

    keys.rotate()
    keys.rotate()
    assert tokens.read(f"Bearer {token}").subject == "s_x"
    assert (
        jwt.get_unverified_header(tokens.issue_session("s_x", ttl=HOUR, ends=NOW + HOUR).text)[
            "kid"
        ]
        == keys.signing.kid
    )

    keys.rotate(drop=True)
    with pytest.raises(AuthenticationError):
        tokens.read(f"Bearer {token}")


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "eva\n", "staff:eva"])
def test_a_staff_name_is_plain(tokens: Tokens, name: str) -> None:
    """Names that could confuse a log or another claim are refused."""
    with pytest.raises(BadRequestError):
        tokens.issue_staff(name, Role.QA, ttl=HOUR)


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(days=31)])
def test_a_staff_token_lives_for_a_bounded_time(tokens: Tokens, ttl: timedelta) -> None:
    """A staff token lives for more than nothing and at most 30 days."""
    with pytest.raises(BadRequestError):
        tokens.issue_staff("eva", Role.QA, ttl=ttl)


def test_roles_are_required() -> None:
    """A role opens its own doors; an admin's opens all."""
    engineer = Principal("staff:eva", Role.ENGINEER, "t", NOW)
    admin = Principal("staff:ada", Role.ADMIN, "t", NOW)

    engineer.require(Role.ENGINEER, Role.QA)
    admin.require(Role.REVIEWER)
    with pytest.raises(ForbiddenError):
        engineer.require(Role.REVIEWER)


def test_a_token_never_shows_in_a_repr(tokens: Tokens) -> None:
    """What is logged by accident holds no token."""
    token = tokens.issue_staff("eva", Role.QA, ttl=HOUR)

    assert token.text not in repr(token)


async def test_every_guarded_path_wants_a_token(service: ApiService, person: Client) -> None:
    """Without a token, with a wrong one, or with one in the query: 401 and no hint."""
    document = service.app.openapi()
    open_paths = {"/api/v1/chat/start", "/api/v1/constitution", "/health/live", "/health/ready"}
    refusals = set()
    for path, operations in document["paths"].items():
        if path in open_paths:
            continue
        for method in operations:
            url = path.replace("{", "").replace("}", "")
            for headers, query in (
                ({}, {}),
                ({"Authorization": "Bearer a.b.c"}, {}),
                ({}, {"token": person.token, "access_token": person.token}),
            ):
                response = await service.http.request(
                    method, url, headers=headers, params=query, json={}
                )
                assert response.status_code == 401, (method, path)
                assert response.headers["www-authenticate"].startswith("Bearer")
                refusals.add(response.json()["detail"])

    assert len(refusals) == 1


async def test_a_wrong_token_does_not_begin_a_session(service: ApiService) -> None:
    """A visitor may come without a token, but not with a wrong one."""
    response = await service.http.post(
        "/api/v1/chat/start", headers={"Authorization": "Bearer a.b.c"}
    )

    assert response.status_code == 401
