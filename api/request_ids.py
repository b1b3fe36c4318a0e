"""The id every request carries, from the client where it is well formed, else new."""

import re
import secrets

from starlette.datastructures import Headers
from starlette.types import Scope

HEADER = "x-request-id"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_KEY = "covenant.request_id"


def assign(scope: Scope) -> str:
    """Give a request its id and remember it in the scope."""
    given = Headers(scope=scope).get(HEADER, "")
    chosen = given if _WELL_FORMED.fullmatch(given) else f"req_{secrets.token_hex(12)}"
    scope[_KEY] = chosen
    return chosen


def request_id(scope: Scope) -> str:
    """The id `assign` gave this request."""
    known = scope.get(_KEY)
    return known if isinstance(known, str) else assign(scope)
