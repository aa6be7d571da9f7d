"""Which settings of a configuration the code of an agent reads while it learns and acts."""

from __future__ import annotations

import dataclasses
import sys
import typing
from contextlib import contextmanager
from pathlib import Path

from entitybench import agents, datasets
from entitybench.agents.common.learner import TorchLearner

READERS = [str(Path(package.__path__[0])) for package in (agents, datasets)]
# Who reads every setting, whether it means anything or not.
GENERAL = {"__post_init__", "constants", "_with", "bounded"}


def classes_of(config):
    """The configuration's class and those of its parts."""
    found = {type(config)}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                found |= classes_of(part)
    return found


def settings_of(config):
    """(class, field) of every setting."""
    return {(c.__name__, field.name) for c in classes_of(config) for field in dataclasses.fields(c)}


def words(config):
    """(name, word) of every setting that is one of some words."""
    hints = typing.get_type_hints(type(config))
    found = []
    for name, hint in hints.items():
        for part in (hint, *typing.get_args(hint)):
            if typing.get_origin(part) is typing.Literal:
                found += [(name, word) for word in typing.get_args(part)]
    return found


@contextmanager
def recorded(config, patch):
    """Within, what is read of configurations of these classes is noted, as (class, field).

    Reads by general code that takes any setting (checks, copies, JSON) do not count, nor does
    handing a phase's numbers to the losses: a loss has to take one of them.
    """
    found = set()
    for cls in classes_of(config):
        _watch(cls, found, patch)
    numbers = TorchLearner._numbers

    class Constants(dict):
        def __getitem__(self, name):
            found.add((self.phase, name))
            return super().__getitem__(name)

    def watched(self, phase):
        made = Constants(numbers(self, phase))
        made.phase = type(phase).__name__
        return made

    patch.setattr(TorchLearner, "_numbers", watched)
    yield found


def _watch(cls, found, patch):
    names = {field.name for field in dataclasses.fields(cls)}

    def read(self, name):
        if name in names:
            code = sys._getframe(1).f_code
            general = GENERAL & set(code.co_qualname.split("."))
            if code.co_filename.startswith(tuple(READERS)) and not general:
                found.add((type(self).__name__, name))
        return object.__getattribute__(self, name)

    patch.setattr(cls, "__getattribute__", read)
