"""Following and stopping runs."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from api.deps import ChatDep, RunsDep, SessionDep, StoreDep
from api.routes.chat import STREAMED
from api.routes.errors import problems
from api.schemas import RunAnswer, StopRequest
from chains.errors import BadRequestError

router = APIRouter(prefix="/runs/{run_id}", tags=["runs"])

RunId = Annotated[str, Path(min_length=1, max_length=64)]
_LONGEST_NUMBER = 9


@router.get(
    "/events",
    response_class=Response,
    responses=STREAMED
    | {HTTPStatus.NO_CONTENT.value: {"description": "The run has ended and you have it all."}}
    | problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
    ),
)
async def follow(
    run_id: RunId,
    chat: ChatDep,
    session: SessionDep,
    store: StoreDep,
    last_event_id: Annotated[
        str | None, Header(description="The `id` of the last event that was read.")
    ] = None,
    after: Annotated[
        int, Query(ge=0, description="The same, for clients that cannot send the header.")
    ] = 0,
) -> Response:
    """Replay a run's events and follow it to its end, from any worker, as often as needed."""
    await store.session(session.subject)
    stream = await chat.follow(session.subject, run_id, after=_place(last_event_id, after))
    return Response(status_code=HTTPStatus.NO_CONTENT) if stream is None else stream


@router.post(
    "/stop",
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ),
)
async def stop(
    run_id: RunId,
    runs: RunsDep,
    session: SessionDep,
    store: StoreDep,
    body: StopRequest | None = None,
) -> RunAnswer:
    """Stop a run upstream at once; the saved text is what was seen. Stopping twice is harmless."""
    await store.session(session.subject)
    seen = None if body is None else body.seen_chars
    return RunAnswer(run_id=run_id, status=await runs.stop(session.subject, run_id, seen))


def _place(last_event_id: str | None, after: int) -> int:
    if last_event_id is None or last_event_id == "":
        return after
    if (
        last_event_id.isascii()
        and last_event_id.isdigit()
        and len(last_event_id) <= _LONGEST_NUMBER
    ):
        return int(last_event_id)
    raise BadRequestError(
        "There is no such event.", fields=(("Last-Event-ID", "must be an event's id"),)
    )
