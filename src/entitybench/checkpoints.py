"""A checkpoint is a folder: agent.json, weights.safetensors and maybe training.safetensors.

Whatever trains writes it here, as numpy arrays; weights lie under AGENT/TASK/DATASET/seed<S>.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import CheckpointError
from entitybench.places import data_root, sha256_of
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array

FORMAT = 1
META, WEIGHTS, TRAINING = "agent.json", "weights.safetensors", "training.safetensors"
RUN = "run.json"  # beside a finished checkpoint: what its training was asked for
NO_DATASET = "online"  # the name in the place of a dataset's, where there was none

_WORDS = {str: "a string", int: "a whole number from 0", dict: "an object"}
_NEEDED: Mapping[str, type] = {"agent": str, "task": str, "task_version": int, "seed": int}
_OPTIONAL: Mapping[str, type] = {
    "preset": str,
    "step": int,
    "total": int,
    "unit": str,
    "parts": dict,
    "dataset": dict,
    "config": dict,
    "sha256": dict,
}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder and what its agent.json says."""

    folder: Path
    meta: dict[str, Any]
    shipped: bool = False  # with the package

    @property
    def seed(self) -> int:
        """The training seed."""
        return int(self.meta["seed"])

    @property
    def dataset(self) -> str | None:
        """The id of what it was trained on."""
        return (self.meta.get("dataset") or {}).get("id")

    @property
    def parts(self) -> dict[str, str]:
        """sha256 of the weights it was built on, by name.

        From agent.json, or, of an agent that does not tell there, from what its run was asked for.
        """
        if own := self.meta.get("parts"):
            return dict(own)
        try:
            return {str(name): str(sha) for name, sha in self._asked()["parts"].items()}
        except (LookupError, AttributeError):
            return {}

    @property
    def devices(self) -> tuple[str, ...]:
        """Which devices trained it, in order, as its run tells; none where that is not known."""
        asked = self._asked()
        try:
            found = [str(one["device"]) for one in asked.get("devices") or ()]
        except (LookupError, TypeError):
            return ()
        return tuple(found or [str(asked[name]) for name in ("device",) if name in asked])

    @property
    def cpu_s(self) -> float | None:
        """Seconds of processor time that its run took; None where that is not known."""
        found = self._asked().get("cpu_s")
        return float(found) if isinstance(found, int | float) and 0 <= found < 1e12 else None

    def _asked(self) -> dict[str, Any]:
        """What its run was asked for; nothing where that is not beside it."""
        try:
            found = parsed((self.folder / RUN).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def sha256(self) -> str:
        """The hash of the weights that act."""
        named = self.meta.get("sha256") or {}
        if WEIGHTS in named:
            return str(named[WEIGHTS])
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.suffix in (".json", ".safetensors", ".npy"):
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def check_version(self) -> None:
        """Raise CheckpointError unless it was trained on the version that its task has now."""
        from entitybench.registry import tasks

        meta, task = self.meta, tasks()[self.meta["task"]]
        if meta["task_version"] != task.version:
            line = train_line(meta["agent"], task.id, self.seed, meta.get("preset"))
            raise CheckpointError(
                f"{str(self.folder)!r} was trained on {task.id} version {meta['task_version']}; "
                f"this is version {task.version}. Train again: `{line}`)."
            )

    def check_preset(self, preset: str | None) -> None:
        """Raise CheckpointError unless it has this preset; None is any."""
        meta = self.meta
        if preset is not None and meta.get("preset") != preset:
            line = train_line(meta["agent"], meta["task"], self.seed, preset)
            raise CheckpointError(
                f"{str(self.folder)!r} has preset {meta.get('preset')!r}, not {preset!r}. "
                f"Make them: `{line}`)."
            )


def train_line(
    agent: str, task: str, seed: int, preset: str | None, dataset: str | None = None
) -> str:
    """The command that makes the weights, and what to add to use them."""
    out, data = f"runs/{agent}-{task}", f"--dataset {dataset} " if dataset else ""
    return (
        f"bench train --agent {agent} --task {task} {data}--preset {preset or 'small'} "
        f"--seed {seed} --out {out}` (then add `--weights {out}"
    )


def where(agent: str, task: str, dataset: str | None = None, seed: int | None = None) -> Path:
    """AGENT/TASK/DATASET/seed<S> below a folder of weights; without a seed, that of all of them.

    `dataset` is an id (push-3blocks/play-v1) or its name (play-v1).
    """
    name = (dataset or NO_DATASET).rpartition("/")[2]
    folder = Path(agent) / task / name
    return folder if seed is None else folder / f"seed{seed}"


def weights_folder(agent: str, task: str, dataset: str | None = None) -> Path:
    """The folder of the downloaded weights of an agent in a task: seed0/, seed1/, and so on."""
    return data_root() / "weights" / where(agent, task, dataset)


def today(config: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration under the names that its settings have now.

    Without those that its agent never read.
    """
    found = {name: value for name, value in config.items() if name != "subgoal_learning_rate"}
    if isinstance(stages := found.get("stages"), list):
        del found["stages"]
        renamed = [{"mix" if k == "policy" else k: v for k, v in one.items()} for one in stages]
        found["phases"] = [{"name": "", "learns": None, **one} for one in renamed]
    from entitybench.registry import agents

    agent = found.get("agent")
    for name in agents()[agent].former if isinstance(agent, str) and agent in agents() else ():
        found = _without(found, name.split("."))
    return found


def _without(config: Any, path: Sequence[str]) -> Any:
    """A stored configuration less the setting at `path`."""
    if isinstance(config, list):
        return [_without(part, path) for part in config]
    if not isinstance(config, dict):
        return config
    head, *rest = path
    if rest:
        return {k: _without(v, rest) if k == head else v for k, v in config.items()}
    return {k: v for k, v in config.items() if k != head}


def settings_sha256(meta: Mapping[str, Any]) -> str:
    """Of everything in agent.json but the hashes themselves, whatever the layout of the text."""
    rest = {k: v for k, v in meta.items() if k not in ("format", "sha256")}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def write(
    folder: Path,
    meta: Mapping[str, Any],
    weights: Mapping[str, Array],
    training: Mapping[str, Array] | None = None,
) -> None:
    """Write all files; agent.json last, so that a folder without it was cut short."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    sha = {WEIGHTS: _write_arrays(folder / WEIGHTS, weights)}
    if training is not None:
        sha[TRAINING] = _write_arrays(folder / TRAINING, training)
    else:
        (folder / TRAINING).unlink(missing_ok=True)
    sha["settings"] = settings_sha256(meta)
    part = folder / f"{META}.part"
    part.write_text(
        json.dumps({"format": FORMAT, **meta, "sha256": sha}, indent=1, sort_keys=True) + "\n"
    )
    os.replace(part, folder / META)


def _write_arrays(path: Path, arrays: Mapping[str, Array]) -> str:
    import numpy as np
    from safetensors.numpy import save_file

    part = path.with_name(path.name + ".part")
    save_file({name: np.ascontiguousarray(x).reshape(x.shape) for name, x in arrays.items()}, part)
    umask = os.umask(0)
    os.umask(umask)
    part.chmod(0o666 & ~umask)  # as other files: safetensors lets nobody else read them
    os.replace(part, path)
    return sha256_of(path)


def read_meta(folder: Path) -> dict[str, Any]:
    """agent.json of a checkpoint folder. Raises CheckpointError."""
    path = folder / META
    try:
        meta = parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint in {str(folder)!r}: {META} is missing.") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is corrupt ({error}); train again or restore it.") from error
    return checked_meta(path, meta)


def read(
    folder: Path, *, training: bool = True
) -> tuple[Checkpoint, dict[str, Array], dict[str, Array] | None]:
    """What `write` wrote: the checkpoint, its weights, and the training state if it is there.

    With `training` false that is left unread, and None. Raises CheckpointError when a file is
    missing, cut short, or not the one agent.json speaks of.
    """
    path, meta = folder / META, read_meta(folder)
    sha = meta.get("sha256") or {}
    if meta.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {meta.get('format')!r}; this version reads {FORMAT}."
        )
    if sha.get("settings") != settings_sha256(meta):
        raise CheckpointError(
            f"{path} was changed after it was written (sha256 of its settings differs); restore it."
        )
    for name in ("config", "step"):
        if meta.get(name) is None:
            raise CheckpointError(f"{path} lacks or misstates {name}.")
    checkpoint = Checkpoint(folder, meta)
    checkpoint.check_version()
    weights = _read_arrays(folder / WEIGHTS, sha.get(WEIGHTS))
    wanted = training and TRAINING in sha
    rest = _read_arrays(folder / TRAINING, sha[TRAINING]) if wanted else None
    return checkpoint, weights, rest


def _read_arrays(path: Path, expected: str | None) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        raise CheckpointError(f"{path} is missing; train again or restore it.")
    if sha256_of(path) != expected:
        raise CheckpointError(f"{path} is truncated or corrupt (sha256 differs from agent.json).")
    try:
        arrays: dict[str, Array] = load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    return arrays


def checked_meta(path: Path, meta: Any) -> dict[str, Any]:
    """The content of agent.json as it is. `path` is for the message.

    Raises CheckpointError when a field is missing or of another type.
    """
    if not isinstance(meta, dict):
        raise CheckpointError(f"{path} lacks a JSON object: it holds {_short(meta)}.")
    missing = sorted(_NEEDED.keys() - meta.keys())
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}.")
    for name, kind in {**_NEEDED, **_OPTIONAL}.items():
        value = meta.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not _is(value, kind):
            raise CheckpointError(
                f"{path} misstates {name}: it is {_short(value)}, not {_WORDS[kind]}."
            )
    for name, key in (("sha256", None), ("dataset", "content_hash"), ("dataset", "id")):
        inner = meta.get(name) or {}
        for field, value in inner.items():
            if key in (None, field) and not isinstance(value, str):
                raise CheckpointError(
                    f"{path} misstates {name}.{field}: it is {_short(value)}, not a string."
                )
    return meta


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return type(value) is int and value >= 0  # true is no number
    return isinstance(value, kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
