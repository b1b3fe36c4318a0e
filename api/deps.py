"""What routes ask for, as annotated aliases: a route's signature says what it needs.

All are coroutines, though few wait: FastAPI runs plain functions in a thread each, which cost more
than the rest of a request.
"""

from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPBearer

from api.auth import Principal
from api.backend import Backend
from api.chat import Chat
from api.lifespan import Services
from api.records import RecordStore
from api.request_ids import request_id
from api.runs import Runs
from api.sessions import Sessions
from api.settings import Settings
from chains.errors import ForbiddenError
from chains.store import ConversationStore

# Named in OpenAPI; the header itself is read by `principal`, which answers with a problem.
_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", scheme_name="token", description="From `/chat/start`."
)


async def services(request: Request) -> Services:
    """Everything long-lived, made in the lifespan."""
    found: Services = request.state.services
    return found


ServicesDep = Annotated[Services, Depends(services)]


async def settings(services: ServicesDep) -> Settings:
    """The settings the process started with."""
    return services.settings


async def backend(services: ServicesDep) -> Backend:
    """The chain, the rails and the knowledge base."""
    return services.backend


async def store(services: ServicesDep) -> ConversationStore:
    """Conversations."""
    return services.store


async def records(services: ServicesDep) -> RecordStore:
    """What lasts."""
    return services.records


async def runs(services: ServicesDep) -> Runs:
    """Runs of this process, and the way to those of others."""
    return services.runs


async def chat(services: ServicesDep) -> Chat:
    """Asks."""
    return services.chat


async def sessions(services: ServicesDep) -> Sessions:
    """Begins, renews, reads and ends sessions."""
    return services.sessions


async def principal(
    request: Request, services: ServicesDep, _scheme: Annotated[object, Depends(_bearer)]
) -> Principal:
    """Whoever sent the request.

    Raises:
        AuthenticationError: There is no valid token.
    """
    return await services.authenticate(request.headers.get("authorization"))


async def visitor(
    request: Request, services: ServicesDep, _scheme: Annotated[object, Depends(_bearer)]
) -> Principal | None:
    """Whoever sent the request, or nobody where it has no token at all.

    Raises:
        AuthenticationError: There is a token and it is not valid.
    """
    authorization = request.headers.get("authorization")
    return None if authorization is None else await services.authenticate(authorization)


async def session_principal(who: Annotated[Principal, Depends(principal)]) -> Principal:
    """The session that sent the request.

    Raises:
        AuthenticationError: There is no valid token.
        ForbiddenError: It is a staff member's own token.
    """
    if not who.is_session:
        raise ForbiddenError("This needs a session's token: POST /api/v1/chat/start gives one.")
    return who


async def current_request_id(request: Request) -> str:
    """The id of this request."""
    return request_id(request.scope)


SettingsDep = Annotated[Settings, Depends(settings)]
BackendDep = Annotated[Backend, Depends(backend)]
StoreDep = Annotated[ConversationStore, Depends(store)]
RecordsDep = Annotated[RecordStore, Depends(records)]
RunsDep = Annotated[Runs, Depends(runs)]
ChatDep = Annotated[Chat, Depends(chat)]
SessionsDep = Annotated[Sessions, Depends(sessions)]
PrincipalDep = Annotated[Principal, Depends(principal)]
VisitorDep = Annotated[Principal | None, Depends(visitor)]
SessionDep = Annotated[Principal, Depends(session_principal)]
RequestIdDep = Annotated[str, Depends(current_request_id)]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128)
]
"""A repeat under the same key returns the first run."""
