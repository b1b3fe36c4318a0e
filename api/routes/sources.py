"""The passage behind a citation."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import BackendDep, SessionDep, StoreDep
from api.routes.errors import problems
from api.schemas import Neighbour, SourceView
from chains.errors import NotFoundError

router = APIRouter(prefix="/sources", tags=["sources"])


@router.get(
    "/{source_id}",
    responses=problems(
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
    ),
)
async def read_source(
    source_id: Annotated[str, Path(max_length=200)],
    session: SessionDep,
    store: StoreDep,
    backend: BackendDep,
) -> SourceView:
    """Show a cited passage with its neighbours and its document's title."""
    await store.session(session.subject)
    passage = await backend.passages.passage(source_id)
    if passage is None:
        raise NotFoundError("There is no such source; the documents may have changed since.")
    return SourceView(
        id=passage.id,
        title=passage.title,
        text=passage.text,
        heading=passage.heading,
        page=passage.page,
        url=passage.url,
        neighbours=tuple(Neighbour(id=name, text=text) for name, text in passage.neighbours),
    )
