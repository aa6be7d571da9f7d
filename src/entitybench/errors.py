"""The errors a user can cause. The command line prints them as one line and exits with code 2.

A message says what is wrong, the value given, what is allowed, and the nearest match or the command
that mends it.
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from entitybench.words import named, place


class BenchError(Exception):
    """Something the user can mend. `str(error)` is the one line that tells how."""


class UnknownId(BenchError):
    """An id that no registry knows."""


class BadValue(BenchError):
    """An argument outside what is allowed."""


class NoEpisode(BadValue, IndexError):
    """The number of an episode that a store has not; what Python asks of sequences."""


class DataError(BenchError):
    """A dataset that is missing, truncated, corrupt, or of another task or version."""


class CheckpointError(BenchError):
    """A checkpoint that is missing, truncated, corrupt, or of another agent, task or version."""


class Diverged(BenchError):
    """Training that cannot go on with one training seed or several: numbers are finite no more.

    `seeds` says by seed what happened; `finished` are the folders of those that came to their end.
    """

    def __init__(
        self, seeds: Mapping[int, str], finished: Mapping[int, Path] | None = None
    ) -> None:
        self.seeds, self.finished = dict(seeds), dict(finished or {})
        said = "; ".join(f"{seed_names([seed])}: {why}" for seed, why in self.seeds.items())
        rest = f"; {seed_names(self.finished)} finished" if self.finished else ""
        super().__init__(f"training stopped with {said}{rest}. Begin anew in another --out.")


class RecordError(BenchError):
    """A record file that cannot be read or does not follow the schema."""


class NoRecord(RecordError):
    """A JSON file that does not call itself a record of any schema."""


class MissingExtra(BenchError):
    """An optional dependency that is not installed."""


class OutOfReach(BenchError):
    """What a policy runs on is away, such as a server that does not answer: no fault of its own."""


class RenderError(BenchError):
    """No way to draw: neither EGL nor OSMesa nor a display works."""


@contextmanager
def foreign(what: str) -> Iterator[None]:
    """Within, whatever somebody else's code raises becomes one BadValue that begins with `what`.

    Also exceptions that are no `Exception`; Ctrl-C and our own errors pass.
    """
    try:
        yield
    except (BenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise blamed(what, error) from error


def blamed(what: str, error: BaseException) -> BadValue:
    """The line for what somebody else's code raised: `what`, then the exception and its place."""
    where = place(error)
    return BadValue(f"{what}: {named(error)}{where and f' ({where})'}")


def whole(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int. Raises BadValue unless it is a whole number, `least` or more."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise BadValue(f"{name} is a whole number, {least} or more: got {value!r}.")
    return number


def training_seeds(value: Any) -> list[int]:
    """One training seed or several, as a list. Raises BadValue: none, one twice, or no seed."""
    try:
        found = [operator.index(value)]
    except TypeError:
        found = list(value) if isinstance(value, Iterable) else [value]
    if isinstance(value, str | bytes | bool) or not found:
        raise BadValue(f"training seeds are whole numbers, at least one: got {value!r}.")
    seeds = [whole("a training seed", seed, 0) for seed in found]
    if len(set(seeds)) < len(seeds):
        raise BadValue(f"training seeds are different, and at least one: got {seeds}.")
    return seeds


def a_path(name: str, value: Any) -> Path:
    """`value` as a path. Raises BadValue for what is none."""
    try:
        return Path(value)
    except TypeError:
        raise BadValue(f"{name} is the path of a folder: got {value!r}.") from None


def a_speed(what: str, value: float) -> float:
    """How many times as fast as the world something is shown. Raises BadValue: too slow or fast."""
    if not 0.05 <= value <= 100:
        raise BadValue(f"{what} is 0.05 to 100 times as fast as the world: got {value:g}.")
    return value


def seed_names(seeds: Iterable[int]) -> str:
    """Training seeds in words: "seed 3", "seeds 0 1 2"."""
    names = [str(seed) for seed in seeds]
    return f"seed{'s' * (len(names) > 1)} {' '.join(names)}"


def nearest(value: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The `count` known names most like `value`, best first (may be empty).

    Those that are like it come first, then those of which it is the beginning.
    """
    names = list(known)
    found = difflib.get_close_matches(value, names, n=count, cutoff=0.5)
    longer = [name for name in names if value and name.startswith(value) and name not in found]
    return [*found, *longer][:count]


def did_you_mean(value: str, known: Iterable[str], *, count: int = 1) -> str:
    """The question with the known names most like `value`, after a space; "" where none is."""
    close = nearest(value, known, count=count)
    return f" Did you mean {' or '.join(map(repr, close))}?" if close else ""


def unknown(what: str, value: object, known: Iterable[str], *, see: str | None = None) -> UnknownId:
    """The error for an id that is not in `known`.

    `see` is the command that lists them; without one they are few, and the error lists them.
    """
    names = list(known) if see is None else sorted(known)
    hint = did_you_mean(str(value), names, count=3)
    rest = f"There are: {', '.join(names)}." if see is None else f"`{see}` shows all {len(names)}."
    return UnknownId(f"unknown {what} {value!r}.{hint} {rest}")
