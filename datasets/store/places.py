"""Where datasets lie, and the command that makes one."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from entitybench.errors import BadValue, unknown
from entitybench.places import data_root, real
from entitybench.registry import datasets

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import DatasetSpec


def dataset_folder(id: str, size: str = "small") -> Path:
    """Where the dataset `<task>/<name-vN>` lies by default; other sizes in `<name-vN>@<size>`.

    Raises BadValue for an id that would leave the data root.
    """
    parts = id.split("/")
    if not all(parts) or any(part in {".", ".."} or "\\" in part for part in parts):
        raise BadValue(f"{id!r} is no dataset id: an id is <task>/<name>-v<number>.")
    folder = data_root().joinpath(*parts)
    return folder if size == "small" else folder.with_name(f"{folder.name}@{size}")


def named_folder(text: str) -> Path:
    """The folder of a registered dataset, named by its id or by `<id>@<size>`. Raises UnknownId."""
    id, _, size = text.partition("@")
    sizes = {"small", *datasets()[id].sizes}
    if (size or "small") not in sizes:
        raise unknown("size", size, sorted(sizes))
    return dataset_folder(id, size or "small")


def generate_line(
    spec: DatasetSpec,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    size: str = "small",
    pixels: int | None = None,
    out: Path | None = None,
) -> str:
    """The `bench generate` line that makes a dataset.

    `episodes` counts training episodes. Where an argument is None, the default place and the
    registered numbers of the size are meant, and no frames.
    """
    count = f"--episodes {spec.episodes if episodes is None else episodes}"
    words = [
        "bench generate",
        shlex.quote(spec.id),
        count if size == "small" else f"--size {size}",
        f"--seed {spec.seed if seed is None else seed}",
        f"--workers {os.cpu_count() or 1}",
    ]
    if pixels is not None:
        words.append(f"--pixels {pixels}")
    if out is not None and real(out) != real(dataset_folder(spec.id)):
        words.append(f"--out {shlex.quote(str(out))}")
    return " ".join(words)
