"""The pages: each a pure function of the board, and of where it is shown.

    page(board, frame, …) -> str

Paths are those of `entitybench.leaderboard.site.links`; ids that are not on the board raise
UnknownId, which a server answers as not found.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.site import charts, links
from entitybench.leaderboard.site.query import (
    FILTERS,
    MOST,
    SORTS,
    Query,
    choices,
    parts,
    selected,
)
from entitybench.leaderboard.site.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.leaderboard.board.model import Board, Curve, Entry, Episodes, Paired
    from entitybench.leaderboard.site.links import Frame

EPISODES = 200  # rows of a page
SHOWN = 8  # curves of a picture: as many as there are colours

_T = TypeVar("_T")


def home(board: Board, frame: Frame) -> str:
    """The first page: suites with their leaders, families of tasks, what levels mean."""
    families: dict[str, list[str]] = {}
    for task in board.tasks:
        if task.id in board.by_task:
            families.setdefault(task.family, []).append(task.id)
    others = {entry.task for entry in board.entries} - {task.id for task in board.tasks}
    if others:
        families.setdefault("others", []).extend(sorted(others))
    return render("home.html", frame, links.HOME, board=board, families=families)


def results(board: Board, frame: Frame, query: Query) -> str:
    """A list of rows."""
    found = selected(board.entries, query)
    count = parts(len(found))
    if query.part > count:
        raise BadValue(f"the list has {count} parts: got {query.part}.")
    return render(
        "results.html",
        frame,
        query.path,
        board=board,
        query=query,
        rows=found[MOST * (query.part - 1) : MOST * query.part],
        total=len(found),
        pages=[replace(query, part=k) for k in range(1, count + 1)],
        filters={name: choices(board, name) for name in FILTERS},
        sorts=list(SORTS),
        scale=charts.PERCENT,
    )


def suite(board: Board, frame: Frame, id: str) -> str:
    """A suite's standings."""
    found = _one(board.suites, "suite", id)
    return render(
        "suite.html",
        frame,
        links.suite(id),
        board=board,
        suite=found,
        scale=charts.PERCENT,
        curves=found.profiles[:SHOWN],
    )


def task(
    board: Board,
    frame: Frame,
    id: str,
    *,
    curves: Sequence[Curve] = (),
    pictures: Sequence[tuple[str, str]] = (),
    viewer: bool = False,
) -> str:
    """Everything that was reached in a task.

    Args:
        board: the board.
        frame: where it is shown.
        id: of the task.
        curves: performance profiles of its rows; see `entitybench.leaderboard.board.pairs`.
        pictures: paths of files beside the pages, with what they show.
        viewer: whether there is a page that shows its episodes in 3-D.
    """
    rows = board.by_task.get(id, ())
    about = next((x for x in board.tasks if x.id == id), None)
    if about is None and not rows:
        raise unknown("task", id, [x.id for x in board.tasks])
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in rows:
        groups.setdefault((entry.kind, entry.main), []).append(entry)
    tables = [
        {
            "kind": kind,
            "rows": own,
            "main": next((s for e in own if (s := e.score(main)) is not None), None),
            "columns": _columns(own, main),
            "scale": charts.scale_of(s for e in own if (s := e.score(main)) is not None),
        }
        for (kind, main), own in groups.items()
    ]
    return render(
        "task.html",
        frame,
        links.task(id),
        board=board,
        id=id,
        about=about,
        tables=tables,
        suites=[x for x in board.suites if any(p.task == id for s in x.standings for p in s.parts)],
        claims=[claim for claim in board.claims if id in claim.tasks],
        curves=curves[:SHOWN],
        pictures=pictures,
        viewer=viewer,
    )


def _columns(rows: Sequence[Entry], main: str) -> list[tuple[str, str]]:
    """Names and titles of the metrics beside the main one, at most four."""
    titles: dict[str, str] = {}
    for entry in rows:
        for score in entry.scores:
            if score.mean is not None and score.metric not in (main, "score"):
                titles.setdefault(score.metric, score.title)
    return list(titles.items())[:4]


def agent(board: Board, frame: Frame, id: str) -> str:
    """Everything that an agent reached."""
    rows = [x for x in board.entries if x.agent == id]
    about = next((x for x in board.agents if x.id == id), None)
    if about is None and not rows:
        raise unknown("agent", id, [x.id for x in board.agents])
    return render(
        "agent.html",
        frame,
        links.agent(id),
        board=board,
        id=id,
        about=about,
        rows=selected(rows, Query()),
        standings=[(s, x) for s in board.suites for x in s.standings if x.agent == id],
        claims=[claim for claim in board.claims if claim.method == id],
        scale=charts.PERCENT,
    )


def dataset(
    board: Board, frame: Frame, id: str, *, pictures: Sequence[tuple[str, str]] = ()
) -> str:
    """What was learned from a dataset."""
    rows = [x for x in board.entries if id in x.datasets]
    about = next((x for x in board.datasets if x.id == id), None)
    if about is None and not rows:
        raise unknown("dataset", id, [x.id for x in board.datasets])
    return render(
        "dataset.html",
        frame,
        links.dataset(id),
        board=board,
        id=id,
        about=about,
        rows=selected(rows, Query(sort="score")),
        scale=charts.PERCENT,
        pictures=pictures,
    )


def submission(
    board: Board,
    frame: Frame,
    id: str,
    episodes: Episodes,
    *,
    part: int = 1,
    files: Mapping[str, str] | None = None,
    viewer: str = "",
    sources: Mapping[int, int] | None = None,
) -> str:
    """One row: what it is, what was verified, every episode.

    Args:
        board: the board.
        frame: where it is shown.
        id: of the row.
        episodes: its rows.
        part: of the table of episodes, from 1.
        files: paths of its record and bundle beside the pages, by what they are called.
        viewer: the path of the page that shows its episodes in 3-D; empty: there is none.
        sources: the place of each training seed there; None: the first, the second and so on.
    """
    entry = entry_on(board, id)
    count = parts_of(episodes)
    places = {x: k for k, x in enumerate(entry.training_seeds)} if sources is None else sources
    if not 1 <= part <= count:
        raise BadValue(f"the episodes of {id} have {count} parts: got {part}.")
    return render(
        "submission.html",
        frame,
        links.submission(id, part),
        board=board,
        entry=entry,
        episodes=episodes,
        rows=episodes.rows[EPISODES * (part - 1) : EPISODES * part],
        part=part,
        parts=count,
        files=files or {},
        viewer=viewer,
        sources=places,
        events=[event for event in board.events if event.submission == id],
        failed=[row for row in episodes.rows if row.error],
    )


def episodes(board: Board, frame: Frame, id: str, part: str) -> str:
    """A task's episodes in 3-D.

    Args:
        board: the board.
        frame: where it is shown.
        id: of the task.
        part: the viewer's HTML, as `entitybench.leaderboard.viewer.page.part` gives it.
    """
    from markupsafe import Markup

    return render(
        "episodes.html",
        frame,
        links.episodes(id),
        board=board,
        id=id,
        part=Markup(part),  # of our own making, its words escaped there
    )


def parts_of(episodes: Episodes) -> int:
    """How many pages the table of episodes has."""
    return max(1, -(-len(episodes.rows) // EPISODES))


def compare(
    board: Board, frame: Frame, id: str, pairs: Sequence[Paired], curves: Sequence[Curve] = ()
) -> str:
    """A row against the others of its task, on the same starts.

    Args:
        board: the board.
        frame: where it is shown.
        id: of the row that the others are subtracted from.
        pairs: of all rows; those whose `a` it is are shown, largest difference first.
        curves: performance profiles of the task's rows.
    """
    entry = entry_on(board, id)
    own = [x for x in pairs if x.a == id and x.b in board.by_id]
    own.sort(key=lambda x: (-(x.difference.mean or 0.0), x.b))
    first = [x for x in curves if x.entry == id]
    return render(
        "compare.html",
        frame,
        links.compare(id),
        board=board,
        entry=entry,
        pairs=own,
        scale=charts.scale_of(x.difference for x in own),
        curves=[*first, *(x for x in curves if x.entry != id)][:SHOWN],
    )


def claims(board: Board, frame: Frame) -> str:
    """All claims, with their verdicts."""
    return render("claims.html", frame, "claims", board=board)


def claim(board: Board, frame: Frame, method: str, name: str) -> str:
    """One claim: statement, published, ours, interval, verdict, the command."""
    found = [x for x in board.claims if (x.method, x.name) == (method, name)]
    if not found:
        names = [f"{x.method}/{x.name}" for x in board.claims]
        raise unknown("claim", f"{method}/{name}", names)
    return render("claim.html", frame, links.claim(method, name), board=board, claim=found[0])


def about(board: Board, frame: Frame) -> str:
    """What levels, divisions, states and rules mean, and how to submit."""
    return render("about.html", frame, "about", board=board)


def entry_on(board: Board, id: str) -> Entry:
    """A row by its id. Raises UnknownId."""
    if id not in board.by_id:
        raise unknown("submission", id, board.by_id)
    return board.by_id[id]


def _one(things: Sequence[_T], what: str, id: str) -> _T:
    """The one with an id. Raises UnknownId."""
    for each in things:
        if getattr(each, "id", None) == id:
            return each
    raise unknown(what, id, [str(getattr(each, "id", "")) for each in things])
