"""Jobs that any process can do: a function by name, with arguments and a result that are JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from entitybench import errors
from entitybench.errors import BenchError
from entitybench.registry import resolve

_OF_MORE = frozenset({"Diverged"})  # errors of ours that are made of more than a text


@dataclass(frozen=True, slots=True)
class Call:
    """One job."""

    target: str  # "module:function"
    arguments: dict[str, Any]  # by name

    def text(self) -> str:
        """What a worker is sent, one line."""
        order = {"target": self.target, "arguments": self.arguments, "folder": os.getcwd()}
        return json.dumps(order)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a job raised, or what became of its worker."""

    kind: str  # "os", "bench" or "other"
    text: str
    name: str = ""  # the class of an error of ours
    errno: int = 0

    def error(self, what: str = "a job failed") -> BenchError | OSError:
        """The exception, to be raised; `what` begins the line of one that is not ours."""
        if self.kind == "os":
            return OSError(self.errno, self.text)
        if self.kind != "bench":
            return BenchError(f"{what}: {self.text}")
        found: Any = getattr(errors, self.name, None)
        ours = isinstance(found, type) and issubclass(found, BenchError)
        if not ours or self.name in _OF_MORE:
            return BenchError(self.text)
        made: BenchError = found(self.text)
        return made


Answer = Any  # a result of JSON, or a Failure


def lost(what: str) -> Failure:
    """That of a worker that ended without an answer."""
    again = "Give the same command again: finished blocks are kept."
    return Failure("bench", f"{what}. {again}", "BenchError")


def done(text: str) -> str:
    """Do the job of a text, and answer in a line of JSON. In whichever process."""
    order = json.loads(text)
    try:
        os.chdir(order["folder"])  # paths mean there what they mean here
        value = resolve(order["target"])(**order["arguments"])
        return json.dumps({"value": value})
    except OSError as error:
        failure = Failure("os", error.strerror or str(error), errno=error.errno or 0)
    except Exception as error:
        ours = isinstance(error, BenchError)
        said = str(error) if ours else f"{type(error).__name__}: {error}"
        failure = Failure("bench" if ours else "other", said, type(error).__name__)
    return json.dumps({"failure": [failure.kind, failure.text, failure.name, failure.errno]})


def answered(line: str) -> Answer:
    """What a worker's line says. Raises ValueError for one that was cut off."""
    found = json.loads(line)
    return Failure(*found["failure"]) if "failure" in found else found["value"]
