"""The application: routes of the API, and the pages beside them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

import entitybench
from entitybench.leaderboard.board.prepared import prepared
from entitybench.leaderboard.server import answers, api, pages, shown
from entitybench.leaderboard.server.blobs import Blobs
from entitybench.leaderboard.server.builder import file_of
from entitybench.leaderboard.server.database import Database, opened
from entitybench.leaderboard.server.guard import Guard
from entitybench.leaderboard.server.intake import Intake, Refused
from entitybench.leaderboard.server.limits import Buckets
from entitybench.leaderboard.server.live import Live
from entitybench.leaderboard.server.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from entitybench.leaderboard.server.settings import Settings

_HOUR = 3600.0  # s between two looks at parts of uploads that nobody goes on with


def application(settings: Settings, database: Database | None = None) -> FastAPI:
    """The server of a store, without the worker.

    Raises BadValue where the database cannot be opened.
    """
    blobs = Blobs(settings.store)
    database = opened(settings.url) if database is None else database
    blobs.sweep()
    app = FastAPI(
        title="EntityBench leaderboard",
        version=entitybench.__version__,
        description="Submissions are simulated again before they are believed.",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        lifespan=_sweeping,
    )
    app.state.settings, app.state.database, app.state.blobs = settings, database, blobs
    app.state.intake = Intake(settings, database, blobs)
    app.state.metrics, app.state.buckets = Metrics(), Buckets(settings.uploads)
    hosts = prepared(settings.reference).values()
    app.state.live, app.state.pages = Live(file_of(settings.store), hosts), pages.Pages()
    app.state.records = shown.Records(settings.reference)
    with database.reading() as session:  # better now than for whoever comes first
        app.state.live.board(session)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _defect)
    app.add_middleware(Guard, metrics=app.state.metrics)
    return app


@asynccontextmanager
async def _sweeping(app: FastAPI) -> AsyncIterator[None]:
    async def hourly() -> None:
        while True:
            await asyncio.sleep(_HOUR)
            await run_in_threadpool(app.state.blobs.sweep)

    task = asyncio.create_task(hourly())
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _problem(status: int, why: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = answers.Problem(error=why, **more).model_dump()
    return JSONResponse(body, status, headers=headers)


async def _refused(request: Request, error: Exception) -> Any:
    del request
    assert isinstance(error, Refused)
    headers = {} if error.after is None else {"retry-after": str(error.after)}
    if error.status in (408, 413):  # the rest of the body is not read
        headers["connection"] = "close"
    return _problem(error.status, error.why, headers, findings=error.findings)


async def _http(request: Request, error: Exception) -> Any:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if "text/html" in request.headers.get("accept", "") and not _is_api(request):
        return PlainTextResponse(f"{error.status_code}: {error.detail}\n", error.status_code)
    return _problem(error.status_code, str(error.detail), headers)


async def _invalid(request: Request, error: Exception) -> Any:
    del request
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return _problem(422, f"{where}: {first['msg']}")


async def _defect(request: Request, error: Exception) -> Any:
    del request, error  # uvicorn logs it; nothing of it leaves
    return _problem(500, "a defect of the server: its operator's log tells more")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/api/")
