"""The pages: those of the static site, over the board as it is now."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from entitybench.errors import BenchError
from entitybench.leaderboard.board.entries import episodes_of
from entitybench.leaderboard.board.pairs import profiles_of
from entitybench.leaderboard.board.standings import Evidence as Row
from entitybench.leaderboard.board.submissions import id_of
from entitybench.leaderboard.server import reads, seasons, shown
from entitybench.leaderboard.server.worker import view_of
from entitybench.leaderboard.site import links, pages, pictures
from entitybench.leaderboard.site.export import STATIC
from entitybench.leaderboard.site.query import Query
from entitybench.leaderboard.site.render import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from entitybench.leaderboard.board.model import Board
    from entitybench.leaderboard.server.tables import Submission

router = APIRouter(include_in_schema=False)
_SERVER = links.SERVER
_KEPT = 64 << 20  # characters of pages that are kept until the board changes
_PARTS = "part."


class Pages:
    """Pages that were made, for as long as the board is the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._made: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    def get(self, path: str, stamp: tuple[int, ...], make: Callable[[], str]) -> str:
        """The page at a path: as it was made, or made now."""
        with self._lock:
            if stamp != self._stamp:
                self._stamp, self._size = stamp, 0
                self._made.clear()
            if path in self._made:
                self._made.move_to_end(path)
                return self._made[path]
        text = make()
        with self._lock:
            if stamp == self._stamp and path not in self._made:
                self._made[path] = text
                self._size += len(text)
                while self._size > _KEPT:
                    _, old = self._made.popitem(last=False)
                    self._size -= len(old)
        return text


def _page(request: Request, make: Callable[[Board, Session], str]) -> HTMLResponse:
    """A page of the board. What is not on it is not found."""
    state = request.app.state
    with state.database.reading() as session:
        board, stamp = state.live.board(session)
        try:
            text = state.pages.get(request.url.path, stamp, lambda: make(board, session))
        except BenchError as error:
            raise HTTPException(404, str(error)) from error
    return HTMLResponse(text)


@router.get("/")
def home(request: Request) -> HTMLResponse:
    """Suites, tasks, levels."""
    return _page(request, lambda board, _: pages.home(board, _SERVER))


@router.get("/about")
def about(request: Request) -> HTMLResponse:
    """What words mean."""
    return _page(request, lambda board, _: pages.about(board, _SERVER))


@router.get("/seasons")
def hidden(request: Request) -> HTMLResponse:
    """Seasons of hidden starts, with what the board committed itself to."""
    with request.app.state.database.reading() as session:
        board, _ = request.app.state.live.board(session)
        found = [{**each, "opened": reads.moment(each["opened"])} for each in seasons.told(session)]
    return HTMLResponse(render("seasons.html", _SERVER, "seasons", board=board, seasons=found))


@router.get("/claims")
def claims(request: Request) -> HTMLResponse:
    """All claims."""
    return _page(request, lambda board, _: pages.claims(board, _SERVER))


@router.get("/claim/{method}/{name}")
def claim(request: Request, method: str, name: str) -> HTMLResponse:
    """One claim."""

    def make(board: Board, _: Session) -> str:
        by_path = {links.claim(x.method, x.name): x for x in board.claims}
        path = shown.named(by_path, links.named(f"claim/{method}/{name}"), "claim")
        found = by_path[path]
        return pages.claim(board, _SERVER, found.method, found.name)

    return _page(request, make)


@router.get("/results")
@router.get("/results/{rest:path}")
def results(request: Request, rest: str = "") -> HTMLResponse:
    """Lists of rows, filtered and sorted."""
    path = f"results/{rest}" if rest else "results"
    return _page(request, lambda board, _: pages.results(board, _SERVER, Query.of_path(path)))


@router.get("/suite/{part}")
def suite(request: Request, part: str) -> HTMLResponse:
    """A suite's standings."""

    def make(board: Board, _: Session) -> str:
        id = shown.named((x.id for x in board.suites), part, "suite")
        return pages.suite(board, _SERVER, id)

    return _page(request, make)


@router.get("/task/{part}")
def task(request: Request, part: str) -> HTMLResponse:
    """What was reached in a task."""
    records = request.app.state.records

    def make(board: Board, session: Session) -> str:
        id = shown.named((*(x.id for x in board.tasks), *board.by_task), part, "task")
        rows = board.by_task.get(id, ())
        best = shown.rows_like(board, rows[0], shown.CURVES) if rows else []
        curves = profiles_of([Row(each, records.of(session, each)) for each in best])
        found = [(f"pictures/task/{p.name}", words) for p, words in pictures.of_task(id)]
        return pages.task(board, _SERVER, id, curves=curves, pictures=found)

    return _page(request, make)


@router.get("/agent/{part}")
def agent(request: Request, part: str) -> HTMLResponse:
    """What an agent reached."""

    def make(board: Board, _: Session) -> str:
        ids = (*(x.id for x in board.agents), *(x.agent for x in board.entries))
        return pages.agent(board, _SERVER, shown.named(ids, part, "agent"))

    return _page(request, make)


@router.get("/dataset/{rest:path}")
def dataset(request: Request, rest: str) -> HTMLResponse:
    """What was learned from a dataset."""

    def make(board: Board, _: Session) -> str:
        used = (id for entry in board.entries for id in entry.datasets)
        paths = {links.dataset(id): id for id in (*(x.id for x in board.datasets), *used)}
        id = paths.get(f"dataset/{rest}", rest)
        found = [(f"pictures/dataset/{id}", words) for _, words in pictures.of_dataset(id)]
        return pages.dataset(board, _SERVER, id, pictures=found)

    return _page(request, make)


@router.get("/submission/{id}")
@router.get("/submission/{id}/{rest}")
def submission(request: Request, id: str, rest: str = "part.1") -> HTMLResponse:
    """A row: what it is, what was verified, every episode."""
    settings = request.app.state.settings
    number = rest.removeprefix(_PARTS)
    if not rest.startswith(_PARTS) or not number.isdecimal() or len(number) > 6:
        raise HTTPException(404, f"there is no part {rest[:40]!r} of it")

    def make(board: Board, session: Session) -> str:
        own = shown.submission_of(session, id)
        entry = board.by_id.get(id)
        if own is not None:
            entry = shown.entry_in_any_state(session, own) if entry is None else entry
            if entry is None or own.state in ("received", "verifying"):
                return _status(board, session, own)
            events = shown.events_of(session, own)
            others = [each for each in board.entries if each.id != id]
            board = replace(board, events=events, entries=(*others, entry))
        entry = pages.entry_on(board, id) if entry is None else entry
        record = request.app.state.records.of(session, entry)
        files = {"record (JSON)": f"data/records/{id}.json"}
        viewer = ""
        if own is not None:
            files["bundle (zip)"] = f"data/bundles/{id}.zip"
            drawn = (view_of(settings.store, own.sha256) / "index.html").is_file()
            viewer = f"view/{id}/index.html" if drawn else ""
        return pages.submission(
            board,
            _SERVER,
            id,
            episodes_of(record),
            part=int(number),
            files=files,
            viewer=viewer,
        )

    with request.app.state.database.reading() as session:
        own = shown.submission_of(session, id)
    if own is None or own.state == "accepted":  # the others change without the board
        return _page(request, make)
    with request.app.state.database.reading() as session:
        board, _ = request.app.state.live.board(session)
        try:
            return HTMLResponse(make(board, session))
        except BenchError as error:
            raise HTTPException(404, str(error)) from error


def _status(board: Board, session: Session, own: Submission) -> str:
    """Of what is not verified yet, or could not be read."""
    path = links.submission(id_of(own.sha256))
    return render("status.html", _SERVER, path, board=board, found=reads.full(session, own))


@router.get("/submissions/{sha256}")
def by_hash(sha256: str) -> RedirectResponse:
    """The address that needs nothing but the bundle."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise HTTPException(404, "a submission is named by the SHA-256 of its bundle")
    return RedirectResponse(f"/submission/{id_of(sha256)}", 303)


@router.get("/compare/{id}")
def compare(request: Request, id: str) -> HTMLResponse:
    """A row against the best others of its task, on the same starts."""
    records = request.app.state.records

    def make(board: Board, session: Session) -> str:
        entry = pages.entry_on(board, id)
        rows = shown.rows_like(board, entry, shown.COMPARED)
        pairs, curves = shown.compared(rows, entry, partial(records.of, session))
        return pages.compare(board, _SERVER, id, pairs, curves)

    return _page(request, make)


@router.get("/view/{id}/{rest:path}")
def view(request: Request, id: str, rest: str) -> Response:
    """The 3-D view of a submission's episodes."""
    with request.app.state.database.reading() as session:
        own = shown.submission_of(session, id)
    folder = None if own is None else view_of(request.app.state.settings.store, own.sha256)
    return _file(folder, rest or "index.html")


@router.get("/data/board.json")
def whole(request: Request) -> Response:
    """The whole board."""
    state = request.app.state
    with state.database.reading() as session:
        board, stamp = state.live.board(session)
        text = state.pages.get(request.url.path, stamp, board.to_json)
    return Response(text, media_type="application/json")


@router.get("/data/records/{name}.json")
def record(request: Request, name: str) -> Response:
    """The record of a row, as it was sent."""
    state = request.app.state
    with state.database.reading() as session:
        board, _ = state.live.board(session)
        entry, own = board.by_id.get(name), shown.submission_of(session, name)
        if entry is None and own is not None:
            entry = shown.entry_in_any_state(session, own)
        if entry is None:
            raise HTTPException(404, f"there is no row {name[:60]!r}")
        try:
            text = shown.record_text(session, state.settings.reference, entry)
        except BenchError as error:
            raise HTTPException(404, str(error)) from error
    return Response(text, media_type="application/json")


@router.get("/data/bundles/{name}.zip")
def bundle(request: Request, name: str) -> RedirectResponse:
    """The bundle of a row."""
    with request.app.state.database.reading() as session:
        own = shown.submission_of(session, name)
    if own is None:
        raise HTTPException(404, f"there is no bundle {name[:60]!r}")
    return RedirectResponse(f"/api/v1/bundles/{own.sha256}", 303)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Style and script of the pages."""
    if name not in STATIC:
        raise HTTPException(404, "there is no such file")
    folder = resources.files("entitybench.leaderboard.site") / "static"
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    kind = kinds.get(name.rpartition(".")[2], "application/octet-stream")
    headers = {"cache-control": "max-age=300"}
    return Response((folder / name).read_bytes(), media_type=kind, headers=headers)


@router.get("/pictures/{what}/{rest:path}")
def picture(what: str, rest: str) -> Response:
    """Films of tasks and pictures of datasets, where the package lies in a checkout."""
    folder = pictures.ROOT / "images"
    if what == "dataset":
        folder, rest = pictures.ROOT / "datasets", f"{rest}.webp"
    elif what != "task" or not rest.endswith(".gif"):
        raise HTTPException(404, "there is no such picture")
    return _file(folder, rest)


def _file(folder: Path | None, name: str) -> FileResponse:
    """A file below a folder, wherever its name would lead."""
    path = None if folder is None or "\0" in name else (folder / name).resolve()
    if folder is None or path is None or not path.is_relative_to(folder.resolve()):
        raise HTTPException(404, "there is no such file")
    try:
        if not path.is_file():
            raise HTTPException(404, "there is no such file")
    except OSError:  # such as a name that is too long
        raise HTTPException(404, "there is no such file") from None
    return FileResponse(path)
