"""The web application: middleware, routes and pages, composed here and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.backend import BackendFactory
from api.docs import add_docs
from api.frontend import Pages, add_frontend
from api.lifespan import State, lifespan
from api.middleware import BodyBound, Faults, Requests
from api.openapi import describe
from api.request_ids import HEADER
from api.routes import appeals, chat, constitution, feedback, health, openai, runs, sources
from api.settings import Settings
from api.versioning import Version, Versions

FRONTEND = Path(__file__).parent / "_frontend"
VERSIONS = (Version("v1"),)


def create_app(
    settings: Settings,
    *,
    backend: BackendFactory | None = None,
    frontend: Path = FRONTEND,
) -> FastAPI:
    """Compose the service; nothing is started before its lifespan begins.

    Args:
        settings: The process's.
        backend: Makes the chain, the rails and the knowledge base; the real ones by default.
        frontend: The built page.
    """

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[State]:
        async with lifespan(settings, backend or _real_backend()) as state:
            yield state

    app = FastAPI(
        title="Covenant",
        version=version("covenant"),
        summary="A Qwen chatbot that answers under a published constitution.",
        openapi_url="/api/v1/openapi.json",
        generate_unique_id_function=_operation_id,
        docs_url=None,  # ours need no script from elsewhere
        redoc_url=None,
        lifespan=living,
        middleware=[
            Middleware(Requests),
            Middleware(Versions, versions=VERSIONS),
            Middleware(Pages),
            Middleware(Faults),
            *_cors(settings),
            Middleware(BodyBound, limit=settings.limits.body_bytes),
        ],
        # Spans and metrics are `api.observability`'s; FastAPI's own records would hold messages.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    problems.install(app)
    routers = [module.router for module in (chat, runs, sources, constitution, feedback, appeals)]
    for router in routers:
        app.include_router(router, prefix="/api/v1")
    app.include_router(openai.router)
    app.include_router(health.router)
    describe(app)
    add_docs(app)
    add_frontend(app, frontend)
    return app


def _cors(settings: Settings) -> list[Middleware]:
    """Closed by default: without the middleware no other origin can read an answer."""
    if not settings.allowed_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
            expose_headers=[HEADER, "Retry-After", "Deprecation", "Sunset", "Link"],
        )
    ]


def _operation_id(route: APIRoute) -> str:
    return route.name


def _real_backend() -> BackendFactory:
    # Imported late: a description of the API needs no model, no rails and no index.
    from api.wiring import real_backend  # noqa: PLC0415 - see above

    return real_backend
