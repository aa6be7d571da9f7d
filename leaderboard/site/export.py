"""`bench site`: the board as a folder of files that opens by double click.

    index.html, results/, task/, agent/, dataset/, suite/, submission/, compare/, claim/   pages
    episodes/                  episodes in 3-D, of tasks that have bundles
    static/                    style, script, icon, viewer
    data/board.json            the whole board; `Board.from_json` reads it
    data/records/ID.json       the record of each row, as it was sent
    data/bundles/ID.zip        the bundle of each row that has one
    data/site.json             says that the folder is such a site

The same inputs give the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue
from entitybench.files import swap
from entitybench.leaderboard.board.entries import episodes_of
from entitybench.leaderboard.board.model import SCHEMA_VERSION
from entitybench.leaderboard.board.pairs import pairs_of, profiles_of
from entitybench.leaderboard.site import links, pages, pictures
from entitybench.leaderboard.site.query import all_of
from entitybench.leaderboard.site.watching import watched
from entitybench.leaderboard.viewer.assets import assets
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from entitybench.leaderboard.board.model import Board
    from entitybench.leaderboard.board.standings import Evidence
    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.site.watching import Watched

MARK = "data/site.json"
_SAYS = {"site": "entitybench", "schema_version": SCHEMA_VERSION}
STATIC = ("board.css", "board.js", "icon.svg")


@dataclass
class Files:
    """What is written below a folder, counted."""

    folder: Path
    total: int
    progress: Progress | None = None
    told: Callable[[str], None] = lambda _: None  # a line for each bundle that cannot be shown
    watch: int = 0  # starts in which hosts' rows act again
    watched: dict[str, Watched] = field(default_factory=dict)  # by task
    done: int = 0
    written: set[str] = field(default_factory=set)

    def put(self, path: str, content: str | bytes) -> None:
        """One file. Raises BadValue where two have one path."""
        if path in self.written:
            raise BadValue(f"two pages of the site have one path, {path}.")
        self.written.add(path)
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def page(self, path: str, make: Callable[..., str], board: Board, *of: Any, **how: Any) -> None:
        """A page at its path: make(board, frame, *of, **how)."""
        self.put(f"{path}.html", make(board, links.for_file(path), *of, **how))
        self.tick()

    def tick(self) -> None:
        """One more of `total` is done."""
        self.done += 1
        if self.progress is not None:
            self.progress(min(self.done, self.total), self.total)


def export(
    out: Path,
    board: Board,
    evidence: Sequence[Evidence],
    *,
    progress: Progress | None = None,
    told: Callable[[str], None] = lambda _: None,
    watch: int = 0,
) -> int:
    """Write the site; `out` is as it was until all of it is there.

    Args:
        out: a folder that is not there, is empty, or is such a site, which is replaced.
        board: what is shown.
        evidence: its rows with their records.
        progress: called with (pages done, all).
        told: called with a line for each bundle that cannot be shown in 3-D.
        watch: in how many starts hosts' rows act again, to be shown in 3-D.

    Returns:
        The number of files.

    Raises BadValue for a folder of something else, or that cannot be written.
    """
    check_folder(out)
    target = out.resolve()
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        temporary.mkdir(parents=True)
        files = Files(temporary, _count(board, evidence), progress, told, watch)
        for put in (_static, _data, _plain, _tasks, _submissions):
            put(files, board, evidence)
        _put_in_place(temporary, target)
    except OSError as error:
        raise BadValue(f"cannot write the site {out}: {reason(error)}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return len(files.written)


def check_folder(out: Path) -> None:
    """Raise BadValue unless a site may be written there: nothing, or such a site, is there."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BadValue(f"--out {out} is no folder: name a new one.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    try:
        if json.loads((out / MARK).read_text(encoding="utf-8"))["site"] == _SAYS["site"]:
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise BadValue(f"--out {out} holds other things than a site of ours: name a new folder.")


def _put_in_place(made: Path, target: Path) -> None:
    if target.is_dir() and swap(made, target):
        return
    if not target.is_dir():
        os.replace(made, target)
        return
    old = target.with_name(f".{target.name}.{uuid.uuid4().hex}.old")
    os.replace(target, old)
    os.replace(made, target)
    shutil.rmtree(old, ignore_errors=True)


def _count(board: Board, evidence: Sequence[Evidence]) -> int:
    """About how many pages there are, for the bar."""
    ids = len(board.tasks) + len(board.datasets) + len(board.agents) + len(board.claims)
    return ids + 2 * len(evidence) + len(all_of(board)) + len(board.suites) + 3


def _static(files: Files, board: Board, evidence: Sequence[Evidence]) -> None:
    del board, evidence
    folder = resources.files("entitybench.leaderboard.site") / "static"
    for name in STATIC:
        files.put(f"static/{name}", (folder / name).read_bytes())


def _viewer(files: Files) -> None:
    """The program that shows episodes, once."""
    for name, data in assets().items():
        files.put(f"static/{name}", data)


def _data(files: Files, board: Board, evidence: Sequence[Evidence]) -> None:
    files.put(MARK, json.dumps(_SAYS) + "\n")
    files.put("data/board.json", board.to_json())
    for each in evidence:
        text = each.text or each.record.to_json().encode()
        files.put(f"data/records/{each.entry.id}.json", text)
        if each.bundle is not None:
            files.put(f"data/bundles/{each.entry.id}.zip", each.bundle.read_bytes())


def _plain(files: Files, board: Board, evidence: Sequence[Evidence]) -> None:
    """Pages that need nothing but the board."""
    del evidence
    files.page(links.HOME, pages.home, board)
    files.page("about", pages.about, board)
    files.page("claims", pages.claims, board)
    for query in all_of(board):
        files.page(query.path, pages.results, board, query)
    for suite in board.suites:
        files.page(links.suite(suite.id), pages.suite, board, suite.id)
    agents = [*(x.id for x in board.agents), *(x.agent for x in board.entries)]
    for id in dict.fromkeys(agents):
        files.page(links.agent(id), pages.agent, board, id)
    for claim in board.claims:
        path = links.claim(claim.method, claim.name)
        files.page(path, pages.claim, board, claim.method, claim.name)
    used = [id for entry in board.entries for id in entry.datasets]
    for id in dict.fromkeys([*(x.id for x in board.datasets), *used]):
        shown = _copied(files, pictures.of_dataset(id))
        files.page(links.dataset(id), pages.dataset, board, id, pictures=shown)


def _copied(files: Files, found: list[tuple[Path, str]]) -> list[tuple[str, str]]:
    """Pictures put beside the pages: their paths there, with what they show."""
    shown = []
    for path, words in found:
        name = f"pictures/{links.named(words.partition(':')[0])}{path.suffix}"
        files.put(name, path.read_bytes())
        shown.append((name, words))
    return shown


def _tasks(files: Files, board: Board, evidence: Sequence[Evidence]) -> None:
    """Of each task its page, and of each of its rows the comparison with the others."""
    groups: dict[str, list[Evidence]] = {}
    for each in evidence:
        groups.setdefault(each.entry.task, []).append(each)
    for id in dict.fromkeys([*(x.id for x in board.tasks), *groups]):
        own = groups.get(id, [])
        curves = {kind: profiles_of(some) for kind, some in _by_kind(own)}
        order = [entry.id for entry in board.by_task.get(id, ())]
        first = next(iter(curves.values()), [])
        first.sort(key=lambda curve: order.index(curve.entry))
        shown = _copied(files, pictures.of_task(id))
        if found := watched(id, own, files.put, files.told, starts=files.watch):
            files.watched[id] = found
            files.page(links.episodes(id), pages.episodes, board, id, found.part)
        there = found is not None
        how = {"curves": first, "pictures": shown, "viewer": there}
        files.page(links.task(id), pages.task, board, id, **how)
        for kind, some in _by_kind(own):
            pairs = pairs_of(some)
            for each in some:
                path = links.compare(each.entry.id)
                files.page(path, pages.compare, board, each.entry.id, pairs, curves[kind])
    if files.watched:
        _viewer(files)


def _by_kind(evidence: Sequence[Evidence]) -> Iterator[tuple[str, list[Evidence]]]:
    """The rows of one task that can be compared: those of one kind and metric, in their order."""
    groups: dict[tuple[str, str], list[Evidence]] = {}
    for each in sorted(evidence, key=lambda x: x.entry.kind):
        groups.setdefault((each.entry.kind, each.entry.main), []).append(each)
    for (kind, main), own in groups.items():
        yield f"{kind} {main}", own


def _submissions(files: Files, board: Board, evidence: Sequence[Evidence]) -> None:
    for each in evidence:
        id, rows = each.entry.id, episodes_of(each.record)
        beside = {"record (JSON)": f"data/records/{id}.json"}
        if each.bundle is not None:
            beside["bundle (zip)"] = f"data/bundles/{id}.zip"
        there = files.watched.get(each.entry.task)
        places = {} if there is None else there.sources.get(id, {})
        viewer = links.episodes(each.entry.task) if places else ""
        for part in range(1, pages.parts_of(rows) + 1):
            path = links.submission(id, part)
            how = {"part": part, "files": beside, "viewer": viewer, "sources": places}
            files.page(path, pages.submission, board, id, rows, **how)
