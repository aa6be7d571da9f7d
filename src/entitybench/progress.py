"""A progress bar for the person who waits, in commands and in Python."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 1.0  # seconds of silence before a bar says what takes so long
_shown: list[tuple[Any, Any]] = []  # bars and their tasks on this process's terminal, outer first


@contextmanager
def progress_bar(label: str, unit: Literal["", "bytes"] = "") -> Iterator[Callable[..., None]]:
    """A bar on standard error: call the yielded function with (done, total, text="").

    Of bytes it shows sizes and speed. Where standard error is neither a terminal nor a notebook
    nothing is drawn. A bar within another one is a line below it.
    """
    label = squeezed(label, 100)
    with _outer() if _shown else _drawn(unit) as bar:
        task = bar.add_task(label, total=None, text="")

        def update(done: int, total: int, text: str = "") -> None:
            bar.update(task, completed=done, total=total, text=squeezed(text, 200))

        _shown.append((bar, task))
        try:
            yield update
        finally:
            _shown.remove((bar, task))
            if _shown:
                bar.remove_task(task)


@contextmanager
def busy(text: str) -> Iterator[None]:
    """The bar on show, if there is one, says this while the block runs for over a second."""
    if not _shown:
        yield
        return
    bar, task = _shown[-1]
    before = bar.tasks[bar.task_ids.index(task)].fields["text"]
    timer = threading.Timer(_PATIENCE, lambda: bar.update(task, text=text))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.update(task, text=before)


@contextmanager
def _outer() -> Iterator[Any]:
    yield _shown[-1][0]


def _drawn(unit: str) -> Any:
    """Rich's own, on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    counts = (DownloadColumn(), TransferSpeedColumn()) if unit else (MofNCompleteColumn(),)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *counts,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
        transient=True,
        disable=not (console.is_terminal or console.is_jupyter),
    )
