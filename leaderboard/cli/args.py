"""Types of command-line arguments: what a number may be; files checked before work starts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_origin

from cyclopts import Parameter, Token

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.files import sweep
from entitybench.places import expanded

MAX_EPISODES = 100_000
MAX_SEED = 2**32 - 1
MAX_STEPS = 10_000_000
MAX_THREADS = 256


def whole(low: int, high: int) -> Callable[[Any, Sequence[Token]], Any]:
    """A converter to whole numbers from low to high; cyclopts' own would round 1.5 to 2."""

    def convert(hint: Any, tokens: Sequence[Token]) -> Any:
        numbers = [number(token.value) for token in tokens]
        return numbers if get_origin(hint) is list else numbers[0]

    def number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number from {low} to {high}.") from None
        if not low <= value <= high:
            raise ValueError(f"{value} is not between {low} and {high}.")
        return value

    return convert


_seed = whole(0, MAX_SEED)
Seed = Annotated[int, Parameter(converter=_seed)]
Seeds = Annotated[list[int], Parameter(consume_multiple=True, converter=_seed)]
Episodes = Annotated[int, Parameter(converter=whole(1, MAX_EPISODES))]
Pixels = Annotated[int, Parameter(converter=whole(16, 1024))]
Steps = Annotated[int, Parameter(converter=whole(1, MAX_STEPS))]
Every = Annotated[int, Parameter(converter=whole(0, MAX_STEPS))]
Settings = Annotated[list[str], Parameter(name="--set", consume_multiple=True)]
Parts = Annotated[list[str], Parameter(name="--part", consume_multiple=True)]
Tags = Annotated[list[str], Parameter(consume_multiple=True)]


def _place(_: Any, tokens: Sequence[Token]) -> Path:
    if not tokens[0].value:
        raise ValueError("the name of a file or folder is empty.")
    return expanded(tokens[0].value)


Place = Annotated[Path, Parameter(converter=_place)]


def _ids(*names: str) -> Parameter:
    """What the tabulator offers: the ids of these tables, of whatever is installed by then."""

    def offered(_: Any) -> list[str]:
        return [id for name in names for id in getattr(registry, name)().ids]

    return Parameter(completer=offered)


TaskId = Annotated[str, _ids("tasks")]
AgentId = Annotated[str, _ids("agents")]
AgentWords = Annotated[list[str], Parameter(consume_multiple=True), _ids("agents")]
DatasetId = Annotated[str, _ids("datasets")]
SuiteId = Annotated[str, _ids("suites")]
TrainedId = Annotated[str, _ids("datasets", "agents")]  # what a mirror has
AnyId = Annotated[str, _ids("tasks", "agents", "datasets", "suites")]
Threads = Annotated[int, Parameter(converter=whole(1, MAX_THREADS))]


def different(seeds: list[int] | None, flag: str) -> list[int] | None:
    """The seeds as given. Raises BadValue for an empty list or a repeated seed."""
    if seeds is None:
        return None
    if not seeds:
        raise BadValue(f"{flag} needs at least one seed, e.g. {flag} 0 1 2.")
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise BadValue(f"{flag} names {twice[0]} twice; every seed counts once.")
    return seeds


def settings(
    words: list[str] | None, flag: str = "--set", example: str = "batch_size=64"
) -> dict[str, str]:
    """NAME=VALUE words as a mapping; what they may be is the agent's affair. Raises BadValue."""
    found: dict[str, str] = {}
    for word in words or ():
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise BadValue(f"{flag} takes NAME=VALUE, e.g. {flag} {example}: got {word!r}.")
        if name in found:
            raise BadValue(f"{flag} names {name} twice: {found[name]!r} and {value!r}.")
        found[name] = value
    if words is not None and not words:
        raise BadValue(f"{flag} needs at least one NAME=VALUE, e.g. {flag} {example}.")
    return found


def writable_file(path: Path, flag: str = "--out") -> Path:
    """The path, if a file can be made there. Raises BadValue: better now than after an hour."""
    if path.is_dir():
        raise BadValue(f"{flag} {path} is a folder; name a file in it.")
    if path.exists() and not path.is_file():  # a device or a pipe is written into
        if not os.access(path, os.W_OK):
            raise BadValue(f"{flag}: no permission to write into {path}; name another file.")
        return path
    folder = Path(os.path.realpath(path)).parent  # a link stays, its target is written
    _writable(folder, flag)
    sweep(folder)
    return path


def writable_folder(path: Path, flag: str = "--out") -> Path:
    """The path, if a folder can be made or filled there. Raises BadValue."""
    if path.exists() and not path.is_dir():
        raise BadValue(f"{flag} {path} is a file; name a folder.")
    _writable(path, flag)
    return path


def _writable(folder: Path, flag: str) -> None:
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir():
        raise BadValue(f"{flag}: {existing} is a file, so nothing can be put below it.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise BadValue(f"{flag}: no permission to write in {existing}; name another folder.")


def existing(path: Path, what: str) -> Path:
    """The path, if there is something. Raises BadValue."""
    if not path.exists():
        raise BadValue(f"no {what} at {path}.")
    return path
