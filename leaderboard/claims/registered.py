"""The claims of all registered agents, those of other packages too. Loads no array library."""

from __future__ import annotations

from entitybench.claims import Claim, Mean, Measured, Training
from entitybench.errors import BadValue, BenchError, unknown
from entitybench.registry import agent as agent_spec
from entitybench.registry import agents, datasets, kind_for, resolve, tasks

OPTIONS = ("bank", "episode_seed", "failures")  # of an evaluation that an arm may set


def all_claims() -> list[Claim]:
    """Every claim that an agent's `claims` names, each once.

    Raises:
        BenchError: such a target cannot be imported, or holds something else.
        BadValue: two claims of one method share a name.
    """
    targets = {spec.claims: spec.id for spec in agents() if spec.claims is not None}
    found: dict[tuple[str, str], Claim] = {}
    for target, agent in targets.items():
        for claim in _claims_in(target, agent):
            if (claim.method, claim.name) in found:
                raise BadValue(f"{claim.method} has two claims {claim.name!r}: rename one.")
            found[claim.method, claim.name] = claim
    return list(found.values())


def _claims_in(target: str, agent: str) -> list[Claim]:
    try:
        found = resolve(target)
    except BenchError:
        raise
    except Exception as error:
        raise BadValue(
            f"the claims of {agent}, {target}, cannot be read: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, tuple | list) or not all(isinstance(x, Claim) for x in found):
        raise BadValue(f"the claims of {agent}, {target}, are no tuple of Claim.")
    return list(found)


def claims(method: str) -> list[Claim]:
    """The claims of a method. Raises UnknownId."""
    every = all_claims()
    found = [claim for claim in every if claim.method == method]
    if not found:
        raise unknown("method with claims", method, sorted({claim.method for claim in every}))
    return found


def chosen(method: str, claim: str | None, preset: str) -> list[Claim]:
    """One claim by name, or all of a method that are checked with a preset.

    Raises:
        UnknownId: no such method, claim or preset.
        BadValue: the claim is not checked with this preset.
    """
    known = {each.name: each for each in claims(method)}
    if claim is not None:
        if claim not in known:
            raise unknown("claim", claim, known, see=f"bench info {method}")
        if preset not in known[claim].presets:
            allowed = " or ".join(known[claim].presets)
            raise BadValue(f"claim {claim!r} is checked with --preset {allowed}: got {preset!r}.")
        return [known[claim]]
    found = [each for each in known.values() if preset in each.presets]
    if not found:
        presets = sorted({name for each in known.values() for name in each.presets})
        raise unknown("preset", preset, presets)
    return found


def check(claim: Claim) -> None:
    """Look up all that a claim names, before hours of training.

    Raises:
        UnknownId: an agent, task, dataset, metric or function that does not exist.
        BadValue: a dataset of another task, or training of an agent that does not learn.
    """
    metrics = {}
    for arm in claim.arms:
        spec, task = agent_spec(arm.agent), tasks()[arm.task]
        if not spec.scored:
            raise BadValue(
                f"arm {arm.name!r} of claim {claim.name!r}: {spec.id} is built into other agents, "
                "and acts in no task by itself."
            )
        kind = kind_for(spec.kind, task)
        metrics[arm.name] = (*kind.metrics, *kind.extras)
        trained_on = tasks()[arm.trained_on].id
        if arm.dataset is not None and datasets()[arm.dataset].task != trained_on:
            of = datasets()[arm.dataset].task
            raise BadValue(
                f"arm {arm.name!r} of claim {claim.name!r} is trained on {trained_on}, and "
                f"{arm.dataset} is a dataset of {of}."
            )
        if not spec.trains and (arm.dataset or arm.weights_from or arm.changes):
            raise BadValue(f"arm {arm.name!r} of claim {claim.name!r}: {spec.id} has no weights.")
        for option in arm.options:
            if option not in OPTIONS:
                raise unknown(f"option of arm {arm.name!r}", option, OPTIONS)
    by_name = {arm.name: arm for arm in claim.arms}
    for quantity in claim.quantities():
        if isinstance(quantity, Mean):
            known = [metric.name for metric in metrics[quantity.arm]]
            if quantity.metric not in known:
                raise unknown(f"metric of arm {quantity.arm!r}", quantity.metric, known)
        elif isinstance(quantity, Training):
            agent = by_name[quantity.arm].agent
            if not agent_spec(agent).trains:
                raise BadValue(f"{quantity} is of a training, and {agent} does not learn.")
        elif isinstance(quantity, Measured):
            resolve(quantity.function)
