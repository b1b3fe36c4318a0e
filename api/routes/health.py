"""Liveness and readiness, for operators and orchestrators."""

from http import HTTPStatus
from importlib.metadata import version

from fastapi import APIRouter, Response

from api.deps import ServicesDep
from api.schemas import Live, Readiness

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
async def live() -> Live:
    """Say that the process answers; depends on nothing else."""
    return Live()


@router.get(
    "/ready",
    responses={
        HTTPStatus.SERVICE_UNAVAILABLE.value: {
            "model": Readiness,
            "description": "Something is down without which nothing works, or the process stops.",
        }
    },
)
async def ready(response: Response, services: ServicesDep) -> Readiness:
    """Say whether requests can be taken, and how each dependency is."""
    found = await services.dependencies()
    down = any(dependency.status == "down" for dependency in found)
    degraded = any(dependency.status == "degraded" for dependency in found)
    if down:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return Readiness(
        status="unavailable" if down else "degraded" if degraded else "ready",
        version=version("covenant"),
        policy_version=services.backend.rails.current.policy.version,
        dependencies=found,
    )
