"""Where a result comes from: versions, revision, hashes, device."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, MissingExtra
from entitybench.records import Revision

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

_PACKAGES = ("entitybench", "numpy", "mujoco", "gymnasium")
_IF_LOADED = ("torch", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an agent is, and where its weights come from."""

    id: str
    kind: str | None = None  # of the agent; None or "any": that of the task it is evaluated in
    training_seed: int = 0
    preset: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    updates: int | None = None
    weights_sha256: str | None = None
    trained_on: str | None = None  # the task of the weights
    dataset: str | None = None  # that it learned from
    dataset_sha256: str | None = None
    parts: dict[str, str] = field(default_factory=dict)  # sha256 by name
    devices: tuple[str, ...] = ()  # that trained it, in order
    training_cpu_s: float | None = None
    device: str = "cpu"  # where it acts
    shipped: bool = False  # the weights are those of the package


def versions() -> dict[str, str]:
    """Versions of all that can change a result, and the processor."""
    found = {"python": platform.python_version(), "platform": _platform(), "cpu": _cpu()}
    for name in (*_PACKAGES, *(name for name in _IF_LOADED if name in sys.modules)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _platform() -> str:
    """System, processor family and C library; a kernel's own name says nothing about results."""
    return "-".join([platform.system(), platform.machine(), *filter(None, platform.libc_ver())])


@cache
def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """Processor cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


@cache
def revision() -> Revision | None:
    """The commit of the checkout the package runs from, or None outside of one."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file() or not (root / "src" / "entitybench").is_dir():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return Revision(commit=commit, dirty=dirty)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def task_hash(task: TaskSpec) -> str:
    """sha256 of everything in the spec that changes an episode."""
    facts = [task.id, task.version, task.kind, task.target, dict(task.kwargs), task.horizon]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def model_hash(world: Any) -> str | None:
    """sha256 of the compiled scene as MJCF, or None for a world without one."""
    if not hasattr(world, "spec"):
        return None
    spec = world.spec()
    spec.compile()
    return hashlib.sha256(spec.to_xml().encode()).hexdigest()


def check_device(device: str | None) -> None:
    """Raise BadValue unless it is the name of a device; whether that is there needs torch."""
    if device not in (None, "auto", "cpu") and str(device).partition(":")[0] != "cuda":
        raise BadValue(f"unknown device {device!r}; use cpu, cuda, cuda:<index> or auto.")


def pick_device(device: str | None) -> str:
    """The device to use: None or "auto" takes a GPU where there is one.

    Raises BadValue for a GPU that is not there, and never falls back in silence.
    """
    check_device(device)
    if device == "cpu":
        return "cpu"
    automatic = device in (None, "auto")
    try:
        import torch
    except ModuleNotFoundError as error:
        if automatic:
            return "cpu"
        raise MissingExtra(
            f"torch is not installed, and device {device!r} needs it: pip install -e '.[all]'"
        ) from error
    if automatic:
        return "cuda" if torch.cuda.is_available() else "cpu"
    assert device is not None
    if not torch.cuda.is_available():
        raise BadValue(f"no GPU for device {device!r}: torch finds no CUDA; use --device cpu.")
    index = device.partition(":")[2]
    if index and (not index.isdigit() or int(index) >= torch.cuda.device_count()):
        raise BadValue(f"no device {device!r}: there are {torch.cuda.device_count()} GPUs.")
    return device
