"""The trained agents that an agent is built on: whose they must be, and where they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, Checkpoint, read_meta
from entitybench.errors import BadValue, CheckpointError, a_path, unknown
from entitybench.leaderboard.evaluation.weights import check, find
from entitybench.registry import agents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import AgentSpec, TaskSpec


def checked_parts(
    spec: AgentSpec,
    task: TaskSpec,
    parts: Mapping[str, str | Path],
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Path]:
    """The checkpoints of parts; none where a setting takes their place.

    Raises BadValue unless they are those that the spec names, UnknownId where there are none such,
    CheckpointError for weights of another agent, task or version.
    """
    _check_names(spec, parts, changes)
    found = {name: Path(folder) for name, folder in parts.items()}
    for name, folder in found.items():
        check(Checkpoint(folder, read_meta(folder)), agents()[spec.parts[name]], task, None, None)
    return found


def parts_of_seeds(
    spec: AgentSpec,
    task: TaskSpec,
    folders: Mapping[str, str | Path],
    seeds: Sequence[int],
    changes: Mapping[str, Any] | None = None,
) -> dict[int, dict[str, Path]]:
    """The checkpoints of parts of each training seed.

    Args:
        spec: of what is built on them.
        task: where that is.
        folders: by the names in the spec: a folder of weights, of which each seed gets those of its
            number, or one checkpoint, for all.
        seeds: training seeds.
        changes: settings, one of which may take the place of all parts.

    Raises:
        BadValue: names that the spec does not have or lacks, or no folder.
        UnknownId: a part that there is not.
        CheckpointError: no weights there, or of another agent, task or version.
    """
    _check_names(spec, folders, changes)
    found: dict[int, dict[str, Path]] = {seed: {} for seed in seeds}
    for name, folder in folders.items():
        root, part = a_path(name, folder), agents()[spec.parts[name]]
        single = (root / META).is_file()
        try:
            there = find(part, task, seeds=None if single else list(seeds), weights=root)
        except CheckpointError as error:
            told = str(error).replace("then add `--weights ", f"then add `--part {name}=")
            raise CheckpointError(told) from None
        for seed in seeds:
            found[seed][name] = (next(iter(there.values())) if single else there[seed]).folder
    return found


def _check_names(
    spec: AgentSpec, given: Mapping[str, str | Path], changes: Mapping[str, Any] | None
) -> None:
    if not isinstance(given, Mapping):
        raise BadValue(f"parts are names with their folders: got {given!r}.")
    for part in spec.parts.values():
        if part not in agents():
            raise unknown(f"part of {spec.id}:", part, agents().ids, see="bench list agents")
    if spec.instead and isinstance(changes, Mapping) and changes.get(spec.instead):
        if given:
            raise BadValue(
                f"{spec.instead} takes the place of the parts of {spec.id}: leave one of them out."
            )
        return
    if set(given) != set(spec.parts):
        need = ", ".join(f"{name} (of {agent})" for name, agent in spec.parts.items())
        line = " ".join(f"{name}=FOLDER" for name in spec.parts)
        both = "; `bench reproduce` does both" if spec.claims else ""
        how = f" Train them and add `--part {line}`{both}." if line else ""
        if line and spec.instead:
            how += f" Or name a language model: `--set {spec.instead}=FOLDER`."
        parts = f"the parts {need}" if need else "no parts"
        raise BadValue(f"{spec.id} is built on {parts}: got {', '.join(given) or 'none'}.{how}")
