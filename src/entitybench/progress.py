"""A progress bar for the person who waits, in commands and in Python."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from entitybench.streams import note
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 1.0  # seconds of silence before a bar says what takes so long
_APART = 10.0  # seconds from one line of progress to the next, where there is no bar
_shown: list[tuple[Any, Any]] = []  # bars and their tasks on this process's terminal, outer first


@contextmanager
def progress_bar(
    label: str, unit: Literal["", "bytes"] = "", *, lines: bool = False
) -> Iterator[Callable[..., None]]:
    """A bar on standard error: call the yielded function with (done, total, text="").

    Of bytes it shows sizes and speed. Where standard error is neither a terminal nor a notebook
    nothing is drawn; with `lines` a line is printed there at every tenth of a total, ten seconds
    apart or more. A bar within another one is a line below it.
    """
    label = squeezed(label, 100)
    tenths = _Tenths(label)
    with _outer() if _shown else _drawn(unit) as bar:
        task = bar.add_task(label, total=None, text="")

        def update(done: int, total: int, text: str = "") -> None:
            text = squeezed(text, 200)
            bar.update(task, completed=done, total=total, text=text)
            if lines and bar.disable:
                tenths.tell(done, total, text)

        _shown.append((bar, task))
        try:
            yield update
        finally:
            _shown.remove((bar, task))
            if _shown:
                bar.remove_task(task)


class _Tenths:
    """Lines of progress for a log. A new total begins anew."""

    def __init__(self, label: str) -> None:
        self._label, self._total, self._tenth = label, 0, 0
        self._said = time.monotonic()

    def tell(self, done: int, total: int, text: str) -> None:
        """A line, if there is a further tenth to tell."""
        if total != self._total:
            self._total, self._tenth = total, 0
        tenth = 10 * done // max(total, 1)
        now = time.monotonic()
        if tenth > self._tenth and now - self._said >= _APART:
            self._tenth, self._said = tenth, now
            note(f"{self._label}: {10 * tenth} %{f', {text}' if text else ''}")


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
