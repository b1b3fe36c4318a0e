"""`covenant token`: staff tokens."""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
import typer

from api.auth import STAFF_TTL_LIMIT, Role, Tokens
from api.keys import Keys
from api.settings import load_settings
from chains.errors import BadRequestError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Issue and revoke staff tokens.")


@app.command()
def issue(
    role: Annotated[Role, typer.Option(help="What the token's holder may do.")],
    name: Annotated[str, typer.Option(help="Whose token it is, for the audit trail.")] = "staff",
    ttl: Annotated[float, typer.Option(help="Hours it is good.")] = 8.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - an option of the command line
) -> None:
    """Print a new staff token. Keep it like a password: it cannot be shown again."""
    if role is Role.USER:
        raise BadRequestError("People need no token from here: POST /api/v1/chat/start gives one.")
    token = Tokens(Keys(load_settings().data_dir)).issue_staff(name, role, ttl=timedelta(hours=ttl))
    if as_json:
        shown = {"token": token.text, "id": token.id, "expires_at": token.expires.isoformat()}
        print(json.dumps(shown))
        return
    print(token.text)
    print(f"id {token.id}, good until {token.expires:%Y-%m-%d %H:%M} UTC", file=sys.stderr)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The token, or its id.")],
) -> None:
    """Take a staff token back, at once and in every process that shares the data directory."""
    token_id = token
    if token.count(".") == 2:  # noqa: PLR2004 - the three parts of a token
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
            token_id = str(claims["jti"])
        except (jwt.PyJWTError, KeyError):
            raise BadRequestError("That is not a token of ours.") from None
    Keys(load_settings().data_dir).revoke(token_id, datetime.now(UTC) + STAFF_TTL_LIMIT)
    print(f"{token_id} is revoked.")
