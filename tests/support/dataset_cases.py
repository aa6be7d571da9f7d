"""Registered datasets as the cases of a test."""

from __future__ import annotations

import importlib.util

import pytest

from entitybench.registry import tasks


def cases(specs, alike=lambda spec: spec.id):
    """Of those that are alike only the first is quick; what needs an extra is slow."""
    found, before = [], set()
    for spec in specs:
        extra = tasks()[spec.task].extra
        missing = bool(extra) and importlib.util.find_spec(extra) is None
        marks = [pytest.mark.skipif(missing, reason=f"[{extra}] is not installed")]
        marks += [pytest.mark.slow] if extra or alike(spec) in before else []
        before.add(alike(spec))
        found.append(pytest.param(spec, id=spec.id, marks=marks))
    return found


def kind(spec):
    """A behaviour in a world, whatever their arguments."""
    base = spec.behaviour_kwargs.get("base")
    return spec.behaviour, base, tasks()[spec.task].target, spec.absent > 0
