"""Several agents in one command: words ID, or ID=FOLDER for the weights in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, CheckpointError
from entitybench.forms import short
from entitybench.leaderboard.evaluation.api import load_agents
from entitybench.places import expanded
from entitybench.registry import agent as agent_spec
from entitybench.registry import agents
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.types import TaskSpec


def named(words: Sequence[str]) -> dict[str, str]:
    """Words by the name that tables give them: an id, or where that comes twice the word itself.

    Raises BadValue for half a word, or one that comes twice.
    """
    if isinstance(words, str):
        words = [words]
    ids = [_parts(word)[0] for word in words]
    found: dict[str, str] = {}
    for id, word in zip(ids, words, strict=True):
        name = squeezed(short(id) if ids.count(id) == 1 else word, 100)
        if name in found:
            raise BadValue(f"{name} is named twice among the agents; name each once.")
        found[name] = word
    return found


def loaded(word: str, task: TaskSpec, **use: Any) -> dict[int, Loaded]:
    """The agents of a word by training seed.

    Args:
        word: ID or ID=FOLDER.
        task: where they act.
        use: further arguments of `load_agents` for what has weights.

    Raises:
        UnknownId, CheckpointError, BadValue: as `load_agents`, and for half a word.
    """
    id, folder = _parts(word)
    spec = agent_spec(id)
    if not spec.trains and folder is not None and id in agents():
        raise BadValue(f"{id} has no weights: write {id} alone, not {word!r}.")
    if not spec.trains and folder is None:
        return load_agents(id, task=task)
    weights = None if folder is None else expanded(folder)
    try:
        return load_agents(id, task=task, weights=weights, **use)
    except CheckpointError as error:
        # What `bench eval` calls --weights stands behind the id here.
        told = str(error).replace("then add `--weights ", f"then write `{id}=")
        raise CheckpointError(told) from error


def _parts(word: str) -> tuple[str, str | None]:
    """The id and the folder of ID=FOLDER. Raises BadValue for a half one."""
    id, equals, folder = word.partition("=")
    if not equals or "://" in id:  # an address may hold an equals sign
        return word, None
    if not (id and folder):
        raise BadValue(f"agents are named ID or ID=FOLDER, e.g. ma-bc=runs/ma-bc: got {word!r}.")
    return id, folder
