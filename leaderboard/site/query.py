"""What a list of rows shows: filters, order and part, which also are its address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.board.model import SCORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from entitybench.leaderboard.board.model import Board, Entry

PATH = "results"
MOST = 200  # rows of a page, which a phone lays out at once
FILTERS = ("family", "kind", "division", "level", "origin", "state")


def _score(entry: Entry) -> tuple[bool, float]:
    found = entry.score(SCORE)
    return found is None, 0.0 if found is None or found.mean is None else -found.mean


# Rows that have no place come last in each order.
SORTS: dict[str, Callable[[Entry], Any]] = {
    "task": lambda x: (x.family, len(x.task), x.task, x.kind, *_score(x)),
    "score": _score,
    "agent": lambda x: (x.label, x.family, len(x.task), x.task),
    "level": lambda x: (-1 if x.level is None else -x.level, *_score(x)),
    "errors": lambda x: (-(x.errors + x.broken), *_score(x)),
}


@dataclass(frozen=True, slots=True)
class Query:
    """Filters are empty where they let everything through."""

    family: str = ""
    kind: str = ""
    division: str = ""
    level: str = ""
    origin: str = ""
    state: str = ""
    sort: str = "task"
    part: int = 1

    @property
    def path(self) -> str:
        """Of its page; `of_path` reads it."""
        words = [f"{name}.{value}" for name, value in self.filters.items()]
        words += [f"sort.{self.sort}"] if self.sort != "task" else []
        words += [f"part.{self.part}"] if self.part > 1 else []
        return "/".join([PATH, *words])

    @property
    def filters(self) -> dict[str, str]:
        """Those that are set."""
        return {name: value for name in FILTERS if (value := getattr(self, name))}

    def with_filter(self, name: str, value: str, *, alone: bool) -> Self:
        """With a filter set anew, from the first part; `alone`: without the others."""
        others = dict.fromkeys(FILTERS, "") if alone else {}
        return replace(self, **{**others, name: value}, part=1)

    def sorted(self, sort: str) -> Self:
        """In another order, from the first part."""
        return replace(self, sort=sort, part=1)

    @classmethod
    def of_path(cls, path: str) -> Self:
        """The query of a page's path, "results/kind.graph/sort.score". Raises BadValue."""
        first, *words = path.strip("/").split("/")
        found: dict[str, Any] = {}
        for word in words:
            name, _, value = word.partition(".")
            known = (*FILTERS, "sort", "part")
            if name not in known or not value or name in found:
                raise BadValue(f"no list of results {path!r:.200}: filters are {', '.join(known)}.")
            found[name] = value
        if first != PATH:
            raise BadValue(f"no list of results {path!r:.200}: its path begins with {PATH}.")
        if found.get("sort", "task") not in SORTS:
            raise unknown("order", found["sort"], SORTS)
        if "part" in found:
            if not found["part"].isdecimal() or not 1 <= int(found["part"]) < 10**6:
                raise BadValue(f"a part is a whole number from 1: got {found['part']!r:.40}.")
            found["part"] = int(found["part"])
        return cls(**found)


def value_of(entry: Entry, name: str) -> str:
    """What a filter looks at."""
    if name == "level":
        return "none" if entry.level is None else str(entry.level)
    return str(getattr(entry, name))


def selected(entries: Iterable[Entry], query: Query) -> list[Entry]:
    """All rows of a query in its order, of any part."""
    wanted = query.filters.items()
    kept = [x for x in entries if all(value_of(x, name) == value for name, value in wanted)]
    order = SORTS[query.sort]
    return sorted(kept, key=lambda x: (not x.ranked, order(x), x.id))


def choices(board: Board, name: str) -> list[tuple[str, int]]:
    """The values of a filter that occur, with the number of rows of each."""
    found: dict[str, int] = {}
    for entry in board.entries:
        value = value_of(entry, name)
        found[value] = found.get(value, 0) + 1
    return sorted(found.items())


def all_of(board: Board) -> list[Query]:
    """Those that the export makes a page of: no filter or one, in every order.

    A filter with one value lets everything through, and only those that pages name have one.
    """
    one = [Query()]
    for name in FILTERS:
        values = choices(board, name)
        if len(values) > 1 or name in ("family", "kind"):
            one += [Query().with_filter(name, value, alone=True) for value, _ in values]
    every = [replace(query, sort=sort) for query in one for sort in SORTS]
    return [
        replace(query, part=part)
        for query in every
        for part in range(1, parts(len(selected(board.entries, query))) + 1)
    ]


def parts(count: int) -> int:
    """How many pages so many rows have."""
    return max(1, -(-count // MOST))
