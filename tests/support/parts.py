"""Untrained checkpoints of the agents that an agent is built on."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from entitybench.registry import agent, resolve_agent


@functools.cache
def _folder():
    found = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, found, ignore_errors=True)
    return Path(found)


def untrained(id, task, folder, *, seed=0, **changes):
    """The checkpoint of a fresh agent in a folder."""
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", task, **changes)
    one = target.create(config, task, seed=seed, data=None, parts={}, device="cpu")
    one.save(folder, training=False)
    return folder


def parts_of(spec, task):
    """By name, made once a task."""
    found = {}
    for name, id in spec.parts.items():
        found[name] = _folder() / task.id / id
        if not found[name].exists():
            untrained(id, task, found[name])
    return found
