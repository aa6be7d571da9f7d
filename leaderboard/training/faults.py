"""Whose fault it is when training fails: a stranger's agent, the memory, the disk, or ours."""

from __future__ import annotations

import reprlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from entitybench.checkpoints import META
from entitybench.errors import BadValue, BenchError, blamed
from entitybench.words import class_name, squeezed, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


@contextmanager
def faults_of(agent: Any, method: str, *passing: type[BaseException]) -> Iterator[None]:
    """Within, what the class of a stranger's agent raises is its fault: one line says so.

    What our own agents raise stays as it is, a defect of ours; so do Ctrl-C, errors that have their
    line, and a lack of memory or of room on the disk.

    Args:
        agent: the class, or a learner.
        method: of the class, for the line.
        passing: what is said elsewhere.

    Raises:
        BadValue: with the class, the method, and what it raised.
    """
    try:
        yield
    except BaseException as error:
        said = isinstance(error, (BenchError, KeyboardInterrupt, *passing))
        if said or ours(agent) or is_full(error) or lacks_memory(error):
            raise
        raise blamed(f"{_class_of(agent).__name__}.{method} failed", error) from error


def wrong(agent: Any, method: str, what: str) -> NoReturn:
    """Raise BadValue: a method of a stranger's agent did not do what is asked of it.

    Of one of ours TypeError, which is a defect.
    """
    line = f"{_class_of(agent).__name__}.{method} {what}."
    raise (TypeError if ours(agent) else BadValue)(line)


def ours(agent: Any) -> bool:
    """Whether the class of an agent comes with this package."""
    home = str(getattr(_class_of(agent), "__module__", ""))
    return home.partition(".")[0] == __name__.partition(".")[0]


def metrics_of(agent: Any, metrics: Any) -> dict[str, float]:
    """What `advance` returned, as numbers by name; nothing where there is nothing to log."""
    try:
        found = {name: float(value) for name, value in dict(metrics or {}).items()}
    except Exception:
        found = None
    if found is None or not all(isinstance(name, str) for name in found):
        wrong(agent, "advance", f"returns numbers by name, not {shown(metrics)}")
    return found


def check_saved(agent: Any, folders: Iterable[Path]) -> None:
    """Raise BadValue unless `save` wrote what makes a folder a checkpoint."""
    for folder in folders:
        if not (folder / META).is_file():
            wrong(agent, "save", f"wrote no {META} (entitybench.checkpoints.write does)")


def shown(value: Any) -> str:
    """A stranger's value for a line."""
    try:
        return squeezed(reprlib.repr(value), 200)
    except Exception:
        return class_name(value)


@contextmanager
def memory_errors(settings: Mapping[str, Any]) -> Iterator[None]:
    """Within, a lack of memory is one line with what makes training need less.

    `settings` are those of the agent, by name.
    """
    try:
        yield
    except Exception as error:
        if not lacks_memory(error):
            raise
        size = settings.get("batch_size")
        batch = "" if size is None else f"a smaller batch_size than {size}, "
        raise BenchError(
            f"out of memory: ask for {batch}smaller networks, or fewer training seeds at a time."
        ) from error


def lacks_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, of the machine or of a GPU."""
    if isinstance(error, MemoryError) or class_name(error) == "OutOfMemoryError":
        return True  # the second is torch's, of GPUs
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in text_of(error)


def is_full(error: BaseException) -> bool:
    """Whether the disk is full."""
    text = text_of(error)  # safetensors has an exception of its own for what the system said
    return "No space left" in text or "os error 28" in text


def _class_of(agent: Any) -> Any:
    return agent if isinstance(agent, type) else type(agent)
