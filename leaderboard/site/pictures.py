"""Pictures that lie in a checkout: films of tasks, pictures of datasets. A package has none."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "docs"
MOST = 700_000  # bytes: a page has to open at once
FILMS = ("oracle", "hecrl")  # agents whose films are in docs/images, as AGENT-TASK.gif


def of_task(task: str, root: Path = ROOT) -> list[tuple[Path, str]]:
    """Films of a task, with what they show; none where there are none, or too large ones."""
    found = [(root / "images" / f"{agent}-{task}.gif", f"{agent} in {task}") for agent in FILMS]
    return [(path, words) for path, words in found if _fits(path)]


def of_dataset(dataset: str, root: Path = ROOT) -> list[tuple[Path, str]]:
    """The picture of a dataset."""
    path = root / "datasets" / f"{dataset}.webp"
    words = f"{dataset}: coverage, returns and moments of episodes"
    return [(path, words)] if _fits(path) else []


def _fits(path: Path) -> bool:
    return path.is_file() and path.stat().st_size <= MOST
