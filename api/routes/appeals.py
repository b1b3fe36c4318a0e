"""Asking a person to look at a block."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import BackendDep, RecordsDep, SessionDep, StoreDep
from api.moderation import masked
from api.routes.errors import problems
from api.schemas import AppealAnswer, AppealRequest
from chains.errors import ConflictError, NotFoundError

router = APIRouter(prefix="/appeals", tags=["appeals"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ),
)
async def appeal(
    body: AppealRequest,
    session: SessionDep,
    store: StoreDep,
    records: RecordsDep,
    backend: BackendDep,
) -> AppealAnswer:
    """Ask a person to look at a block of this session.

    The stopped text was not kept. A reviewer sees it only if it is sent along, with personal data
    masked, until the appeal is erased.
    """
    await store.session(session.subject)
    block = await store.block(session.subject, body.decision_id)
    if block is None:
        raise NotFoundError("There is no such decision in this session.")
    if not block.appealable:
        raise ConflictError("This was a fault of ours and not a verdict: please just try again.")
    rails = backend.rails.current
    kept = body.model_copy(
        update={
            "reason": None if body.reason is None else await masked(body.reason, rails),
            "text": None if body.text is None else await masked(body.text, rails),
        }
    )
    return await records.keep_appeal(session.subject, kept, block)


@router.get(
    "/{appeal_id}",
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
    ),
)
async def read_appeal(
    appeal_id: Annotated[str, Path(max_length=64)],
    session: SessionDep,
    store: StoreDep,
    records: RecordsDep,
) -> AppealAnswer:
    """Show what became of an appeal of this session."""
    await store.session(session.subject)
    found = await records.appeal(session.subject, appeal_id)
    if found is None:
        raise NotFoundError("There is no such appeal in this session.")
    return found
