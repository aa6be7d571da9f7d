"""What is to be cited for a task, an agent or a dataset, as BibTeX.

The entries are in `citations.bib`; specs name them by their keys (`cites`). A spec of another
package may hold a whole entry in the place of a key.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import unknown
from entitybench.types import DatasetSpec, SuiteSpec, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from entitybench.types import AgentSpec

FILE = Path(__file__).with_name("citations.bib")
OURS = "entitybench"
PHYSICS = "todorov2012mujoco"
_HEAD = re.compile(r"^@\w+\{([^,\s]+),", re.MULTILINE)


@cache
def entries() -> dict[str, str]:
    """All entries by key."""
    texts = re.split(r"\n\n(?=@)", FILE.read_text(encoding="utf-8").strip())
    return {found[1]: text for text in texts if (found := _HEAD.match(text))}


def cited(spec: TaskSpec | AgentSpec | DatasetSpec | SuiteSpec) -> list[str]:
    """Keys (or entries) of what to cite: ours, what it is made after, and MuJoCo for worlds."""
    from entitybench.registry import datasets, tasks

    if isinstance(spec, SuiteSpec):
        each = [datasets()[id] if id in datasets() else tasks()[id] for id in spec.data]
        return list(dict.fromkeys(key for one in each for key in cited(one)))
    if isinstance(spec, DatasetSpec):
        return cited(tasks()[spec.task])
    worlds = [PHYSICS] if isinstance(spec, TaskSpec) else []
    return [OURS, *spec.cites, *worlds]


def bibtex(keys: Iterable[str]) -> str:
    """The entries of these keys, each once. Raises UnknownId for one that there is not."""
    texts = []
    for key in dict.fromkeys(keys):
        if not key.startswith("@") and key not in entries():
            raise unknown("citation", key, entries())
        texts.append(key.strip() if key.startswith("@") else entries()[key])
    return "\n\n".join(texts)
