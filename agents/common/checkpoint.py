"""A checkpoint is a folder: agent.json, weights.safetensors and maybe training.safetensors."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from entitybench.checkpoints import checked_meta
from entitybench.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Tensor = torch.Tensor
FORMAT = 1


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def settings_sha256(meta: Mapping[str, Any]) -> str:
    """Of everything in agent.json but the hashes themselves, whatever the layout of the text."""
    rest = {k: v for k, v in meta.items() if k not in ("format", "sha256")}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    part = path.with_name(path.name + ".part")
    save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, part)
    umask = os.umask(0)
    os.umask(umask)
    part.chmod(0o666 & ~umask)  # as other files: safetensors lets nobody else read them
    os.replace(part, path)
    return sha256(path)


def write(
    folder: Path,
    meta: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    training: Mapping[str, Tensor] | None,
) -> None:
    """Write all files; agent.json last, so that a folder without it was cut short."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.json").unlink(missing_ok=True)
    sha = {"weights.safetensors": _write_tensors(folder / "weights.safetensors", weights)}
    if training is not None:
        sha["training.safetensors"] = _write_tensors(folder / "training.safetensors", training)
    else:
        (folder / "training.safetensors").unlink(missing_ok=True)
    sha["settings"] = settings_sha256(meta)
    part = folder / "agent.json.part"
    part.write_text(
        json.dumps({"format": FORMAT, **meta, "sha256": sha}, indent=1, sort_keys=True) + "\n"
    )
    os.replace(part, folder / "agent.json")


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor], dict[str, Tensor] | None]:
    """What `write` wrote: meta, weights, and the training state if it is there.

    Raises CheckpointError when a file is missing, cut short, or not the one agent.json speaks of.
    """
    path = folder / "agent.json"
    if not path.is_file():
        raise CheckpointError(f"no checkpoint in {str(folder)!r}: {path.name} is missing.")
    try:
        meta = json.loads(path.read_text())
        sha = dict(meta["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path} is corrupt ({error}); train again or restore it.") from error
    if meta.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {meta.get('format')!r}; this version reads {FORMAT}."
        )
    checked_meta(path, meta)
    if sha.get("settings") != settings_sha256(meta):
        raise CheckpointError(
            f"{path} was changed after it was written (sha256 of its settings differs); restore it."
        )
    weights = _read_tensors(folder / "weights.safetensors", sha.get("weights.safetensors"))
    rest = folder / "training.safetensors"
    training = _read_tensors(rest, sha["training.safetensors"]) if rest.name in sha else None
    return meta, weights, training


def _read_tensors(path: Path, expected: str | None) -> dict[str, Tensor]:
    if not path.is_file():
        raise CheckpointError(f"{path} is missing; train again or restore it.")
    if sha256(path) != expected:
        raise CheckpointError(f"{path} is truncated or corrupt (sha256 differs from agent.json).")
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
