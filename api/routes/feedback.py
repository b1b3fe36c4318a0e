"""What people think of answers."""

from http import HTTPStatus

from fastapi import APIRouter

from api.deps import BackendDep, RecordsDep, SessionDep, StoreDep
from api.moderation import admitted
from api.routes.errors import problems
from api.schemas import FeedbackAnswer, FeedbackRequest
from chains.errors import NotFoundError

router = APIRouter(prefix="/feedback", tags=["feedback"])


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ),
)
async def give_feedback(
    body: FeedbackRequest,
    session: SessionDep,
    store: StoreDep,
    records: RecordsDep,
    backend: BackendDep,
) -> FeedbackAnswer:
    """Rate an answer of this session; a comment is checked like a message before it is kept."""
    conversation = await store.conversation(session.subject)
    known = {exchange.message_id for exchange in conversation.exchanges}
    if body.message_id not in known:
        raise NotFoundError("There is no such answer in this session.")
    comment = None if body.comment is None else await admitted(body.comment, backend.rails.current)
    return await records.keep_feedback(
        session.subject,
        body.model_copy(update={"comment": comment}),
        policy_version=backend.rails.current.policy.version,
    )
