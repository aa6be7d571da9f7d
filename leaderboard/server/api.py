"""The routes under /api/v1: sending, following, reading and taking back submissions."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

import entitybench
from entitybench.leaderboard.server import answers, queue, reads, seasons
from entitybench.leaderboard.server.intake import Refused, Sender
from entitybench.leaderboard.server.states import STATES, WITHDRAWN
from entitybench.leaderboard.server.tables import Evidence, Submission
from entitybench.leaderboard.server.uploads import receive
from entitybench.leaderboard.submission.keys import is_of
from entitybench.leaderboard.submission.models import Signature
from entitybench.leaderboard.submission.rules import RULES

router = APIRouter()

_HEX = "^[0-9a-f]{64}$"
_MOST = 2**53
Sha = Annotated[str, Path(pattern=_HEX, description="SHA-256 of the bundle, hex")]
_Name = Annotated[str | None, Query(pattern=r"^[\x21-\x7e]{1,200}$")]
_Key = Annotated[str | None, Query(pattern=_HEX, description="public key, hex")]
_State = Annotated[str | None, Query(pattern=f"^({'|'.join(STATES)})$")]
_Whole = Annotated[int, Query(ge=0, le=_MOST)]
_Corrects = Annotated[
    str | None, Query(pattern=_HEX, description="an accepted submission of the same key")
]
_Proof = Annotated[
    str | None,
    Query(
        pattern="^[0-9a-f]{128}$",
        description="with corrects: the key's signature of the SHA-256 of `correct OLD by NEW`",
    ),
]
_WHY = {
    400: "the request cannot be read",
    404: "there is no such thing",
    408: "nothing came for too long",
    409: "another part is expected, or it is in a state in which that cannot be",
    413: "too large",
    416: "there are no such bytes",
    422: "what was sent is no such thing, with the reason",
    429: "too often; Retry-After says when again",
}
_ZIP = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {n: {"model": answers.Problem, "description": _WHY[n]} for n in statuses}


def _sender(request: Request, corrects: str | None, proof: str | None) -> Sender:
    """Who sends; raises Refused where that is too often."""
    address = request.client.host if request.client else ""
    if wait := request.app.state.buckets.wait(address):
        raise Refused(429, "too many uploads from this address", after=int(wait) + 1)
    return Sender(address, corrects, proof)


def _found(request: Request, sha256: Sha) -> Submission:
    with request.app.state.database.reading() as session:
        found = reads.one(session, sha256)
    if found is None:
        raise HTTPException(404, f"there is no submission {sha256[:16]}")
    return found


_Found = Annotated[Submission, Depends(_found)]


async def _taken(request: Request, sender: Sender, sha256: str | None) -> JSONResponse:
    intake = request.app.state.intake
    found, new = await receive(request, intake, sender, sha256)
    body = reads.entry(found).model_dump()
    where = {"location": f"/api/v1/submissions/{found.sha256}"}
    return JSONResponse(body, 202 if new else 200, headers=where)


@router.post(
    "/api/v1/submissions",
    status_code=202,
    response_model=answers.Entry,
    responses={
        200: {"model": answers.Entry, "description": "it was there already"},
        **_errors(400, 408, 413, 422, 429),
    },
    openapi_extra=_ZIP,
    summary="Send a bundle, as the body of the request",
)
async def post_submission(
    request: Request, corrects: _Corrects = None, proof: _Proof = None
) -> JSONResponse:
    """Once this is answered by 202 the bundle is on the disk and in the database, for good."""
    return await _taken(request, _sender(request, corrects, proof), None)


@router.put(
    "/api/v1/bundles/{sha256}",
    status_code=202,
    response_model=answers.Entry,
    responses={
        200: {"model": answers.Entry, "description": "it was there already"},
        **_errors(400, 408, 409, 413, 422, 429),
    },
    openapi_extra=_ZIP,
    summary="Send a bundle, or with Content-Range the rest of it",
)
async def put_bundle(
    request: Request, sha256: Sha, corrects: _Corrects = None, proof: _Proof = None
) -> JSONResponse:
    """What had arrived when a connection broke is kept for a day."""
    return await _taken(request, _sender(request, corrects, proof), sha256)


@router.get(
    "/api/v1/bundles/{sha256}/arrived",
    responses=_errors(422),
    summary="How much of a bundle is there",
)
def arrived(request: Request, sha256: Sha) -> answers.Arrived:
    """Where to go on after a break."""
    with request.app.state.database.reading() as session:
        found = reads.one(session, sha256)
    if found is not None:
        return answers.Arrived(offset=found.size, received=True)
    return answers.Arrived(offset=request.app.state.blobs.arrived(sha256), received=False)


@router.get(
    "/api/v1/bundles/{sha256}",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {}}},
        206: {"description": "a range of it"},
        **_errors(404, 416, 422),
    },
    summary="The bundle, or a range of it",
)
def get_bundle(request: Request, found: _Found) -> FileResponse:
    """Byte for byte what was sent; its name is its SHA-256."""
    name = f"{found.sha256}.zip"
    return FileResponse(
        request.app.state.blobs.path(found.sha256),
        media_type="application/zip",
        filename=name,
        headers={"etag": f'"{found.sha256}"', "cache-control": "public, immutable"},
    )


@router.get("/api/v1/submissions", responses=_errors(422), summary="Submissions, newest first")
def list_submissions(
    request: Request,
    state: _State = None,
    task: _Name = None,
    agent: _Name = None,
    key: _Key = None,
    before: Annotated[int | None, Query(ge=0, le=_MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> answers.Entries:
    """By page; `next` is `before` of the next one."""
    with request.app.state.database.reading() as session:
        return reads.entries(
            session, state=state, task=task, agent=agent, key=key, before=before, limit=limit
        )


@router.get(
    "/api/v1/submissions/{sha256}",
    responses=_errors(404, 422),
    summary="A submission: state, place in the queue, log and results",
)
def get_submission(request: Request, found: _Found) -> answers.Full:
    """What its submitter follows."""
    with request.app.state.database.reading() as session:
        return reads.full(session, found)


def _evidence(request: Request, found: Submission, column: str) -> Response:
    with request.app.state.database.reading() as session:
        kept = session.get(Evidence, found.id)
        text = None if kept is None else getattr(kept, column)
    if text is None:
        raise HTTPException(404, f"there is no {column} of it: it is {found.state}")
    return Response(text, media_type="application/json")


@router.get(
    "/api/v1/submissions/{sha256}/report",
    responses=_errors(404, 422),
    summary="What the checker said, as `bench verify --json` does",
)
def get_report(request: Request, found: _Found) -> Response:
    """The whole report, JSON."""
    return _evidence(request, found, "report")


@router.get(
    "/api/v1/submissions/{sha256}/record",
    responses=_errors(404, 422),
    summary="The record in the bundle",
)
def get_record(request: Request, found: _Found) -> Response:
    """As `bench eval` wrote it."""
    return _evidence(request, found, "record")


@router.get(
    "/api/v1/submissions/{sha256}/episodes",
    responses=_errors(404, 422),
    summary="Its episodes, in order",
)
def get_episodes(
    request: Request,
    found: _Found,
    skip: _Whole = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> answers.Rows:
    """By page; `next` is `skip` of the next one."""
    with request.app.state.database.reading() as session:
        return reads.rows(session, found, skip, limit)


@router.post(
    "/api/v1/submissions/{sha256}/withdraw",
    responses=_errors(400, 404, 409, 413, 422),
    summary="Take a submission back",
)
def withdraw(request: Request, found: _Found, signed: answers.Signed) -> answers.Entry:
    """By the key that signed it. It stays in the log, and leaves the board."""
    if found.signed_by is None:
        raise HTTPException(409, "it is not signed: only the operator can take it off")
    digest = hashlib.sha256(f"withdraw {found.sha256}".encode()).digest()
    if not is_of(Signature(public_key=found.signed_by, signature=signed.signature), digest):
        raise HTTPException(422, "the signature is not of `withdraw SHA256` by the key of it")
    with request.app.state.database.writing() as session:
        mine = session.get_one(Submission, found.id, with_for_update=True)
        if WITHDRAWN not in STATES[mine.state].then:
            raise HTTPException(409, f"it is {mine.state}, which stays")
        queue.cancel(session, mine.id)
        queue.move(session, mine, WITHDRAWN, "by its key")
        return reads.entry(mine)


@router.get("/api/v1/log", responses=_errors(422), summary="The audit log, in order")
def get_log(
    request: Request, after: _Whole = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> answers.Log:
    """Each entry holds the hash of the one before: SHA-256 of the JSON list of its fields."""
    with request.app.state.database.reading() as session:
        return reads.log(session, after, limit)


@router.get("/api/v1/seasons", summary="Seasons of hidden starts, the newest first")
def get_seasons(request: Request) -> list[answers.Season]:
    """Commitments, and secrets of those that are over."""
    with request.app.state.database.reading() as session:
        return [answers.Season.model_validate(each) for each in seasons.told(session)]


@router.get(
    "/api/v1/submissions/{sha256}/season",
    responses=_errors(404, 422),
    summary="What its agent did from hidden starts, as `bench verify --season` takes it",
)
def get_season(request: Request, found: _Found) -> Response:
    """With the secret once the season is over."""
    with request.app.state.database.reading() as session:
        results = seasons.results(session, found)
    if results is None:
        raise HTTPException(404, "its agent has not acted from hidden starts")
    return Response(results.model_dump_json(), media_type="application/json")


@router.get("/api/v1/rules", summary="What a bundle is held to")
def get_rules() -> list[answers.RuleOf]:
    """The checker's own table."""
    return [
        answers.RuleOf(rule=name, level=rule.level, holds=rule.what, advice=rule.advice)
        for name, rule in RULES.items()
    ]


@router.get("/healthz", summary="Whether the server can do its work")
def health(request: Request) -> answers.Health:
    """Answers when the database does."""
    with request.app.state.database.reading() as session:
        reads.entries(session, limit=1)
    settled = getattr(request.app.state, "worker", None)
    worker = "none here" if settled is None else settled.said()
    return answers.Health(status="ok", version=entitybench.__version__, worker=worker)


@router.get("/metrics", response_class=PlainTextResponse, summary="For Prometheus")
async def metrics(request: Request) -> PlainTextResponse:
    """Requests by route and status, their seconds, submissions, jobs, entries of the log."""

    def text() -> str:
        with request.app.state.database.reading() as session:
            said: str = request.app.state.metrics.text(session)
            return said

    return PlainTextResponse(await run_in_threadpool(text), media_type="text/plain; version=0.0.4")
