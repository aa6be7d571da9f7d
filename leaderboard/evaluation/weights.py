"""Finds checkpoints: the shipped ones, or those in a user's folder. Reads only their agent.json."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import checked_meta
from entitybench.datasets.store.places import weights_folder
from entitybench.errors import BadValue, CheckpointError, nearest

if TYPE_CHECKING:
    from entitybench.types import AgentSpec, TaskSpec

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
META = "agent.json"
_SEED = re.compile(r"seed(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder and what its agent.json says."""

    folder: Path
    meta: dict[str, Any]
    shipped: bool

    @property
    def seed(self) -> int:
        """The training seed."""
        return int(self.meta["seed"])

    @property
    def sha256(self) -> str:
        """The hash of the weights that act."""
        named = self.meta.get("sha256") or {}
        if "weights.safetensors" in named:
            return str(named["weights.safetensors"])
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix in (".json", ".safetensors", ".npy"):
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


def owner(spec: AgentSpec) -> str:
    """The agent whose weights `spec` uses."""
    return spec.weights_of or spec.id


def reference_weights(agent: str, task: str) -> dict[int, Path]:
    """Shipped checkpoint folders by training seed; empty where none are shipped."""
    return _seed_folders(REFERENCE / "weights" / agent / task)


def _found_weights(agent: str, task: str) -> dict[int, Path]:
    """Shipped and downloaded checkpoint folders by training seed; where both are, the shipped."""
    return {**_seed_folders(weights_folder(agent, task)), **reference_weights(agent, task)}


def _seed_folders(root: Path) -> dict[int, Path]:
    if not root.is_dir():
        return {}
    found: dict[int, Path] = {}
    for folder in sorted(root.iterdir()):
        match = _SEED.fullmatch(folder.name)
        if not (match and (folder / META).is_file()):
            continue
        seed = int(match[1])
        if seed in found:
            raise CheckpointError(
                f"{str(folder)!r} and {str(found[seed])!r} are both of training seed {seed}; "
                "every seed counts once: remove one."
            )
        found[seed] = folder
    return dict(sorted(found.items()))


def train_line(agent: str, task: str, seed: int, preset: str | None) -> str:
    """The command that makes the weights, and what to add to use them."""
    out = f"runs/{agent}-{task}"
    return (
        f"bench train --agent {agent} --task {task} --preset {preset or 'small'} --seed {seed} "
        f"--out {out}` (then add `--weights {out}"
    )


def find(
    spec: AgentSpec,
    task: TaskSpec,
    *,
    seeds: list[int] | None = None,
    weights: str | Path | None = None,
    weights_from: str | None = None,
    preset: str | None = None,
) -> dict[int, Checkpoint]:
    """Checkpoints by training seed.

    Args:
        spec: the agent.
        task: where it will act.
        seeds: training seeds; None means all there are.
        weights: a folder of seed0/, seed1/, … or a checkpoint folder; None: the shipped ones, then
            the downloaded ones.
        weights_from: the task that the weights were trained on, where it is not `task`.
        preset: the preset they must have; None takes any.

    Raises:
        CheckpointError: none there, or of another agent, task, version or preset; a
            seed twice, or a folder named after another seed.
        BadValue: `weights` is no folder.
    """
    trained_on = weights_from or task.id
    if trained_on != task.id and "fixed-number" in spec.needs:
        raise CheckpointError(
            f"the networks of {spec.id} fit {trained_on} alone, not {task.id}: train it there, or "
            "choose an agent that reads entities."
        )
    if weights is None:
        folders = _found_weights(owner(spec), trained_on)
    else:
        folders = _folders(Path(weights))
    wanted = list(folders) if seeds is None else seeds
    missing = [seed for seed in wanted if seed not in folders]
    if missing or not wanted:
        raise CheckpointError(_missing(spec, trained_on, missing, folders, weights, preset))
    found = {}
    for seed in wanted:
        shipped = weights is None and folders[seed].is_relative_to(REFERENCE)
        checkpoint = Checkpoint(folders[seed], read_meta(folders[seed]), shipped)
        check(checkpoint, spec, task, weights_from, preset)
        if checkpoint.seed != seed:
            raise CheckpointError(
                f"{str(checkpoint.folder)!r} holds training seed {checkpoint.seed}, and its name "
                f"says {seed}: rename it to seed{checkpoint.seed}, or put the right weights there."
            )
        found[seed] = checkpoint
    return found


def _folders(root: Path) -> dict[int, Path]:
    if not root.is_dir():
        what = "a file, not a folder" if root.exists() else "not there"
        raise BadValue(f"no weights in {str(root)!r}: it is {what}.")
    if (root / META).is_file():
        return {int(read_meta(root)["seed"]): root}
    return _seed_folders(root)


def _missing(
    spec: AgentSpec,
    task: str,
    missing: list[int],
    folders: dict[int, Path],
    weights: str | Path | None,
    preset: str | None,
) -> str:
    agent = owner(spec)
    where = "shipped or downloaded" if weights is None else f"in {str(weights)!r}"
    which = f" for training seed {', '.join(map(str, missing))}" if missing else ""
    have = f"; there are seeds {', '.join(map(str, folders))}" if folders else ""
    line = train_line(agent, task, missing[0] if missing else 0, preset)
    begun = _unfinished(weights)
    if begun:
        return (
            f"the training in {str(begun[0])!r} is not finished: go on with `bench train --agent "
            f"{agent} --task {task} --preset {preset or 'small'} --seed {begun[1]} "
            f"--out {weights} --resume`."
        )
    other = ""
    if weights is None and not folders and "fixed-number" not in spec.needs:
        names = [path.name for path in (REFERENCE / "weights" / agent).glob("*")]
        close = nearest(task, sorted(names, reverse=True), count=1) or sorted(names)[:1]
        other = "".join(f" Or use those of {name}: `--weights-from {name}`." for name in close)
    return f"no weights of {agent} on {task}{which} are {where}{have}. Make them: `{line}`).{other}"


def _unfinished(weights: str | Path | None) -> tuple[Path, int] | None:
    """A training that was cut short in a folder of weights, and its seed."""
    for folder in sorted(Path(weights).glob("seed*.training")) if weights is not None else ():
        match = _SEED.fullmatch(folder.name.removesuffix(".training"))
        if match:
            return folder, int(match[1])
    return None


def read_meta(folder: Path) -> dict[str, Any]:
    """agent.json of a checkpoint folder. Raises CheckpointError."""
    path = folder / META
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint in {str(folder)!r}: {META} is missing.") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    return checked_meta(path, meta)


def check(
    checkpoint: Checkpoint,
    spec: AgentSpec,
    task: TaskSpec,
    weights_from: str | None,
    preset: str | None,
) -> None:
    """Raise CheckpointError unless a checkpoint is of this agent, task, version and preset."""
    meta, folder = checkpoint.meta, str(checkpoint.folder)
    if meta["agent"] != owner(spec):
        raise CheckpointError(f"{folder!r} holds weights of {meta['agent']}, not of {owner(spec)}.")
    trained_on = weights_from or task.id
    if meta["task"] != trained_on:
        raise CheckpointError(
            f"{folder!r} was trained on {meta['task']}, not on {trained_on}; "
            f"to use it anyway, add `--weights-from {meta['task']}`."
        )
    version = _version(trained_on, task)
    if meta["task_version"] != version:
        line = train_line(owner(spec), trained_on, checkpoint.seed, meta.get("preset"))
        raise CheckpointError(
            f"{folder!r} was trained on {trained_on} version {meta['task_version']}; this is "
            f"version {version}. Train again: `{line}`)."
        )
    if preset is not None and meta.get("preset") != preset:
        line = train_line(owner(spec), trained_on, checkpoint.seed, preset)
        raise CheckpointError(
            f"{folder!r} has preset {meta.get('preset')!r}, not {preset!r}. Make them: `{line}`)."
        )


def _version(trained_on: str, task: TaskSpec) -> int:
    from entitybench.registry import tasks

    return task.version if trained_on == task.id else tasks()[trained_on].version
