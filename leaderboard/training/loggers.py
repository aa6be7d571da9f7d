"""Where the numbers of a run are shown beside metrics.jsonl, which is always written.

A logger belongs to the folder of one run. It is told the whole history of the run, from its first
row on, whenever the run begins or goes on, and so begins anew each time: nothing that an
interrupted run wrote too much or too little is left.
"""

from __future__ import annotations

import csv
import os
import shutil
import time
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from entitybench.errors import BadValue, MissingExtra, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Logger(Protocol):
    """Takes rows of numbers."""

    leaves: str  # the file or folder that it writes below that of the run

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Begin, in the folder of a run that was asked for `about`. Removes what it left before."""
        ...

    @staticmethod
    def check() -> None:
        """Raise BadValue or MissingExtra where it cannot be used: before the work, not after."""
        ...

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """A row: numbers by name."""
        ...

    def close(self) -> None:
        """Write out what is left."""
        ...


class Csv:
    """metrics.csv: a line for each row, a column for each number that ever occurred."""

    leaves = "metrics.csv"

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        del about
        self.columns: list[str] = ["step"]
        self.rows: list[dict[str, float]] = []
        self.path = folder / self.leaves
        self.file = open(self.path, "w", newline="", encoding="utf-8")  # noqa: SIM115 - see close

    @staticmethod
    def check() -> None:
        """It needs nothing."""

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """A line; all lines anew where a column is new."""
        row = {"step": step, **values}
        self.rows.append(row)
        new = [name for name in row if name not in self.columns]
        writing = [row]
        if new or len(self.rows) == 1:
            self.columns += new
            self.file.seek(0)
            self.file.truncate()
            writing = self.rows
        lines = csv.DictWriter(self.file, self.columns, lineterminator="\n")
        if writing is self.rows:
            lines.writeheader()
        lines.writerows(writing)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class Tensorboard:
    """tensorboard/: event files."""

    leaves = "tensorboard"

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        del about
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        shutil.rmtree(folder / self.leaves, ignore_errors=True)
        self.events = EventFileWriter(str(folder / self.leaves))

    @staticmethod
    def check() -> None:
        """Raise MissingExtra where it is not installed."""
        _installed("tensorboard.summary.writer.event_file_writer", "train")

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar for each number."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=x) for name, x in values.items()]
        self.events.add_event(
            Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))
        )

    def close(self) -> None:
        """Write out and close the file."""
        self.events.close()


class Wandb:
    """wandb/: a run of Weights & Biases, sent to its server or, with WANDB_MODE=offline, not."""

    leaves = "wandb"

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        import wandb

        place = folder / self.leaves
        file = place / "run-id"  # of the server, which a resumed run goes on with
        id = file.read_text(encoding="utf-8") if file.is_file() else uuid.uuid4().hex[:12]
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        file.write_text(id, encoding="utf-8")
        online = os.environ.get("WANDB_MODE", "online") == "online"
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "entitybench"),
            dir=str(folder),
            id=id,
            resume="allow" if online else None,
            name=f"{about['agent']} {about['task']} seed {about['seed']}",
            group=f"{about['agent']} {about['task']}",
            config=dict(about),
            # Several seeds are several runs at a time; the terminal belongs to the progress bar.
            settings=wandb.Settings(silent=True, console="off", reinit="create_new"),
        )

    @staticmethod
    def check() -> None:
        """Raise MissingExtra where it is not installed, BadValue where nobody is logged in."""
        _installed("wandb", "wandb")
        import wandb

        mode = os.environ.get("WANDB_MODE", "online")
        if mode == "online" and not wandb.api.api_key:
            raise BadValue(
                "wandb knows no key to send the numbers with: run `wandb login`, or set "
                "WANDB_MODE=offline to keep them in the folder of the run."
            )

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """A row of the history."""
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        """Write out and end the run."""
        self.run.finish()


LOGGERS: Mapping[str, type[Logger]] = {"csv": Csv, "tensorboard": Tensorboard, "wandb": Wandb}


def logger_named(name: str) -> type[Logger]:
    """The class of a logger that can be used. Raises UnknownId, MissingExtra or BadValue."""
    if name not in LOGGERS:
        raise unknown("logger", name, LOGGERS)
    LOGGERS[name].check()
    return LOGGERS[name]


def numbers(row: Mapping[str, Any]) -> dict[str, float]:
    """What a logger is told of a row of metrics.jsonl: evaluations as "evaluation/success"."""
    flat = {f"evaluation/{name}": value for name, value in row.get("evaluation", {}).items()}
    return flat | {k: v for k, v in row.items() if k not in ("step", "evaluation")}


def _installed(module: str, extra: str) -> None:
    import importlib

    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        name, lacking = (text.partition(".")[0] for text in (module, error.name or module))
        raise MissingExtra(
            f"{lacking} is not installed, and --logger {name} needs it: pip install -e '.[{extra}]'"
        ) from error
