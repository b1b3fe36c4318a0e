"""Who asks: tokens, roles, and what a token must be to be believed.

Every way a token can be wrong gives the same answer, so that nobody learns which.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from api.keys import Keys
from chains.errors import AuthenticationError, BadRequestError, ForbiddenError

ISSUER: Final = "covenant"
AUDIENCE: Final = "covenant-api"
LEEWAY: Final = timedelta(seconds=30)
"""How far another machine's clock may be off."""
STAFF_TTL_LIMIT: Final = timedelta(days=30)
_LONGEST_TOKEN = 4096
"""Characters; ours are below 500."""
_REMEMBERED = 4096
"""Tokens whose signature is remembered as good."""
_HEADER_FIELDS = frozenset({"alg", "kid", "typ"})
"""Fields such as `jku`, `jwk`, `x5u` or `crit` would ask us to take a key from the token."""
_BEARER = re.compile(r"Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.IGNORECASE)


class Role(StrEnum):
    """What somebody may do."""

    USER = "user"
    ENGINEER = "engineer"
    REVIEWER = "reviewer"
    QA = "qa"
    ADMIN = "admin"
    """May do everything staff may."""


class Actor(BaseModel):
    """The staff member behind a session (RFC 8693, `act`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    sub: str = Field(max_length=100)
    jti: str = Field(max_length=64)
    exp: int


class Claims(BaseModel):
    """What a token says, every type checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=True)

    iss: str
    aud: str
    sub: str = Field(min_length=3, max_length=100)
    role: Role = Field(strict=False)
    iat: int
    nbf: int
    exp: int
    jti: str = Field(min_length=8, max_length=64)
    act: Actor | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whose token was believed."""

    subject: str
    role: Role
    token_id: str
    expires: datetime
    actor: Actor | None = None

    @property
    def is_session(self) -> bool:
        """Whether this is a chat session's token, and not a staff member's own."""
        return self.subject.startswith("s_")

    def require(self, *roles: Role) -> None:
        """Refuse everybody but `roles` and admins.

        Raises:
            ForbiddenError: The role is not enough.
        """
        if self.role not in roles and self.role is not Role.ADMIN:
            raise ForbiddenError("Your role may not do this.")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and how long it is good."""

    text: str
    id: str
    expires: datetime

    @override
    def __repr__(self) -> str:
        return f"IssuedToken(id={self.id!r}, expires={self.expires!r})"


class Tokens:
    """Makes and believes tokens.

    Args:
        keys: The signing keys.
        clock: The time now; injected so that tests need not wait.
    """

    def __init__(
        self, keys: Keys, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._believed: dict[bytes, tuple[str, Claims]] = {}

    def issue_session(
        self, session_id: str, *, ttl: timedelta, ends: datetime, actor: Principal | None = None
    ) -> IssuedToken:
        """Make a session's token.

        Args:
            session_id: Whose.
            ttl: How long it is good.
            ends: When the session ends; no token outlives it.
            actor: The staff member, or the session of one, whose role it carries; no token
                outlives that one's either.
        """
        expires = min(self._clock() + ttl, ends)
        act: Actor | None = None
        if actor is not None and actor.role is not Role.USER:
            act = actor.actor or Actor(
                sub=actor.subject, jti=actor.token_id, exp=int(actor.expires.timestamp())
            )
            expires = min(expires, datetime.fromtimestamp(act.exp, UTC))
        role = actor.role if act is not None and actor is not None else Role.USER
        return self._issue(session_id, role, expires, act)

    def issue_staff(self, name: str, role: Role, *, ttl: timedelta) -> IssuedToken:
        """Make a staff member's token.

        Raises:
            BadRequestError: The name or the time is not possible.
        """
        if not re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", name):
            raise BadRequestError("A name is 1 to 64 letters, digits, dots, dashes, _ or @.")
        if not timedelta(0) < ttl <= STAFF_TTL_LIMIT:
            raise BadRequestError(f"A token lives for up to {STAFF_TTL_LIMIT.days} days.")
        return self._issue(f"staff:{name}", role, self._clock() + ttl, None)

    def read(self, authorization: str | None) -> Principal:
        """Believe an `Authorization` header, or not.

        Raises:
            AuthenticationError: Always with the same words, whatever is wrong.
        """
        match = _BEARER.fullmatch(authorization or "")
        if match is None or len(match[1]) > _LONGEST_TOKEN:
            raise _refused()
        claims = self._known(match[1])
        now = self._clock().timestamp()
        leeway = LEEWAY.total_seconds()
        if not (claims.nbf - leeway <= now < claims.exp + leeway and claims.iat - leeway <= now):
            raise _refused()
        if self._keys.is_revoked(claims.jti):
            raise _refused()
        if claims.act is not None and (
            self._keys.is_revoked(claims.act.jti) or now >= claims.act.exp + leeway
        ):
            raise _refused()
        return Principal(
            subject=claims.sub,
            role=claims.role,
            token_id=claims.jti,
            expires=datetime.fromtimestamp(claims.exp, UTC),
            actor=claims.act,
        )

    def _known(self, token: str) -> Claims:
        """The claims of a token; its signature is computed once, all else is checked each time."""
        digest = hashlib.sha256(token.encode()).digest()
        found = self._believed.get(digest)
        if found is not None and self._keys.verifying(found[0]) is not None:
            return found[1]
        kid, claims = self._claims(token)
        if len(self._believed) >= _REMEMBERED:
            self._believed.clear()
        self._believed[digest] = kid, claims
        return claims

    def _claims(self, token: str) -> tuple[str, Claims]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.verifying(str(header.get("kid")))
            if key is None or not _HEADER_FIELDS.issuperset(header):
                raise _refused()
            payload = jwt.decode(
                token,
                key.secret.get_secret_value(),
                algorithms=[key.algorithm],  # the file's, never the token's
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["exp", "nbf", "iat", "iss", "aud", "sub", "jti"],
                    "strict_aud": True,
                    # Times are checked above, against our own clock, once their types are sure.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            return key.kid, Claims.model_validate(payload)
        except (jwt.PyJWTError, ValidationError, ValueError, TypeError, RecursionError):
            raise _refused() from None

    def _issue(self, subject: str, role: Role, expires: datetime, act: Actor | None) -> IssuedToken:
        now = int(self._clock().timestamp())
        key = self._keys.signing
        token_id = secrets.token_urlsafe(12)
        claims = Claims(
            iss=ISSUER,
            aud=AUDIENCE,
            sub=subject,
            role=role,
            iat=now,
            nbf=now,
            exp=int(expires.timestamp()),
            jti=token_id,
            act=act,
        )
        text = jwt.encode(
            claims.model_dump(mode="json", exclude_none=True),
            key.secret.get_secret_value(),
            algorithm=key.algorithm,
            headers={"kid": key.kid},
        )
        return IssuedToken(text, token_id, datetime.fromtimestamp(claims.exp, UTC))


def _refused() -> AuthenticationError:
    return AuthenticationError("There is no valid token with this request.")
