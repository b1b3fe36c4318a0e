"""The published principles."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import BackendDep
from api.routes.errors import problems
from api.schemas import Constitution, PublishedPrinciple
from chains.turn import Language
from guardrails.principles import LANGUAGES

router = APIRouter(prefix="/constitution", tags=["constitution"])


@router.get("", responses=problems(HTTPStatus.BAD_REQUEST))
async def read_constitution(
    backend: BackendDep,
    language: Annotated[Language, Query(description="Language of titles and texts.")] = "en",
) -> Constitution:
    """List the principles every answer is held to, and the version of the policy in force."""
    policy = backend.rails.current.policy
    return Constitution(
        policy_version=policy.version,
        language=language,
        principles=tuple(
            PublishedPrinciple(
                id=principle.id,
                title=principle.title[language],
                text=principle.text[language],
                summary=principle.summary[language],
                languages=LANGUAGES,
            )
            for principle in policy.principles
        ),
    )
