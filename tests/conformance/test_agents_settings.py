"""Every numeric setting of every agent has its bounds, and says which."""

from __future__ import annotations

import dataclasses
import importlib
import math
import typing

import pytest

from entitybench.agents.common.bounds import bounded
from entitybench.errors import BadValue
from entitybench.registry import agent, agents, kinds, resolve_agent, tasks

TRAINED = [s.id for s in agents() if s.trains and s.weights_of is None and s.kind in kinds()]
SIGNED = {"reward_shift", "radius", "entropy"}  # below 0 too
# Beyond the ends, where there are some but 0.
BEYOND = {
    "batch_size": (0, 100_000_000_000),
    "best": (0.0, 1.1),
    "beta": (-0.1,),
    "discount": (1.1, 2),
    "expectile": (0.0, 1.0, 7),
    "grad_clip": (0.0,),
    "alpha": (-0.5,),
    "target_rate": (0.0, 1.1),
    "hidden": (0, 100_000),
    "width": (0, 100_000),
    "blocks": (0, 10**9),
    "heads": (0,),
    "samples": (0, 10**9),
    "policy_every": (0,),
    "replan_steps": (0,),
    "subgoal_steps": (0,),
    "diffusion_steps": (0, 10**9),
    "batches": (0,),
    "reward_scale": (0.0,),
    "mean_steps": (0.5,),
    "uniform": (1.5,),
    "balance": (0.0, 1.0),
    "iterations": (0, 101),
    "least_share": (1.5,),
    "policy_hidden": (0, 100_000),
    "temperature": (0.0,),
    "flow_penalty": (-0.1,),
    "kl_penalty": (-0.1,),
    "backward": (-0.1,),
    "conservatism": (-0.1,),
    "climb": (-0.1,),
    "actor_penalty": (-0.1,),
    "critic_penalty": (-0.1,),
    "potential_rate": (0.0,),
    "steps": (0, 1_205),
    "rows": (0, 5000),
    "horizon": (0, 1.5),
    "update_every": (0,),
    "capacity": (0, 10**10),
    "hindsight": (1.5,),
    "priority": (1.5,),
    "correction": (1.5,),
    "models": (1, 1000),
    "model_hidden": (0, 100_000),
    "novelty": (-0.1,),
    "dependency": (-0.1,),
    "potential_scale": (0.0,),
}


def configured(id, **changes):
    spec = agent(id)
    module = importlib.import_module(f"kinds.{spec.kind.replace('-', '_')}")
    return resolve_agent(spec).configure(spec, "tiny", tasks()[module.TASK], **changes)


def kinds_of_numbers(hint):
    """int or float where a setting is a number, or a list of such."""
    parts = typing.get_args(hint) or (hint,)
    return [part for part in parts if part in (int, float)]


def numeric(config, before=""):
    """(dotted name, int or float, whether it is a list) of every numeric setting."""
    hints = typing.get_type_hints(type(config))
    for field in dataclasses.fields(config):
        name, value = f"{before}{field.name}", getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from numeric(value, f"{name}.")
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for k, part in enumerate(value):
                yield from numeric(part, f"{name}.{k}.")
        elif found := kinds_of_numbers(hints[field.name]):
            yield name, found[0], typing.get_origin(hints[field.name]) is tuple


@pytest.mark.parametrize("id", TRAINED)
def test_what_no_setting_can_be_is_refused_in_one_line(id):
    config, missed, count = configured(id), [], 0
    for name, kind, several in numeric(config):
        last = name.rpartition(".")[2]
        wrong = [math.nan, math.inf, -math.inf, 1e39] if kind is float else []
        wrong += [] if last in SIGNED else [-1]
        wrong += BEYOND.get(last, ())
        for value in wrong:
            for given in (value, str(value)):
                asked = (given, given) if several and given is value else given
                count += 1
                try:
                    configured(id, **{name: asked})
                except BadValue as error:
                    if "\n" not in str(error) and last in str(error) and str(value) in str(error):
                        continue
                    missed.append((name, asked, str(error)))
                else:
                    missed.append((name, asked, "taken"))
        if several:
            for given in ((), "", "()"):
                with pytest.raises(BadValue, match=f"{last} is a list of one number or more"):
                    configured(id, **{name: given})
    assert missed == []
    assert count > 4


def test_what_has_ends_is_tried_beyond_them():
    names = {name.rpartition(".")[2] for id in TRAINED for name, *_ in numeric(configured(id))}
    assert BEYOND.keys() | SIGNED <= names


@pytest.mark.parametrize(
    ("id", "settings"),
    [
        ("iql", {"discount": 1, "beta": 0, "target_rate": "1", "reward_shift": "-1"}),
        ("iql", {"discount": 0, "grad_clip": "none", "best": 1, "hidden": "1"}),
        ("td3bc", {"noise": 0, "noise_clip": 0, "reward_scale": 1000, "policy_every": 1}),
        ("ec-iql", {"discount": "0", "phases.0.alpha": 0, "phases.1.updates": 0}),
        ("hecrl", {"radius": "-30", "high_level_from": 0, "max_subgoals": 0, "resolution": 0}),
        ("graph-static", {"batches": 1, "batch_size": 1_000_000}),
    ],
)
def test_ends_that_belong_to_an_interval_are_taken(id, settings):
    assert configured(id, **settings)


@pytest.mark.parametrize(
    ("interval", "value", "line"),
    [
        ("[1, inf)", 0, "x is 1 or more: got 0."),
        ("(0, inf)", math.nan, "x is above 0, and finite: got nan."),
        ("(0, 1)", 1.0, "x is above 0, and below 1: got 1.0."),
        ("[0, 1]", 2, "x is 0 or more, and 1 at most: got 2."),
        ("(-inf, inf)", math.inf, "x is a finite number: got inf."),
        ("[1, 9]", (3, 0), "x is a list of one number or more, each 1 or more, and 9 at most: "),
    ],
)
def test_an_interval_is_told_in_words(interval, value, line):
    config = dataclasses.make_dataclass("Config", [("x", object)])(value)
    with pytest.raises(BadValue) as caught:
        bounded(config, x=interval)
    assert str(caught.value).startswith(line)
