"""Reference scores of a task: what random actions and the scripted oracle reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entitybench.types import TaskSpec


def reference_of(task: TaskSpec) -> dict[str, Any] | None:
    """The measured scores of this version of a task; None where nobody has measured them."""
    return None
