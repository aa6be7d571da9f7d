"""The table of agents. Specs only: importing it loads no framework.

Each method keeps its own in `agents/<method>/specs.py`, each kit of baselines in
`agents/baselines/<kit>/specs.py`: whatever such a file names AGENTS is registered.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.types import AgentSpec

_HERE = Path(__file__).parent


def _specs() -> Iterator[AgentSpec]:
    """Methods by name, then the baselines, kits first."""
    found = [path.relative_to(_HERE).parts[:-1] for path in _HERE.rglob("specs.py")]
    for parts in sorted(found, key=lambda parts: (parts[0] == "baselines", -len(parts), parts)):
        yield from importlib.import_module(".".join((__package__ or "", *parts, "specs"))).AGENTS


AGENTS: tuple[AgentSpec, ...] = tuple(_specs())
