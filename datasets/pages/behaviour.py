"""Who acted in a dataset, as the page says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.datasets.pages.facts import fields
from entitybench.datasets.pages.markup import arguments, code, percent, plain, value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.datasets.pages.facts import Facts


def behaviour(facts: Facts) -> str:
    """The policies of a dataset, what each is made of, and what their docstrings say."""
    manifest = facts["manifest"]
    target, kwargs = manifest.get("behaviour"), fields(manifest.get("behaviour_kwargs"))
    if not target:
        return "The manifest names none."
    lines = _policy(str(target), kwargs, facts["policies"], 0)
    words = [
        f"{code(value(name))}: {about['words']}"
        for name, about in facts["policies"].items()
        if about["words"]
    ]
    return "\n\n".join(["\n".join(lines), *words])


def _policy(
    target: str, kwargs: Mapping[str, Any], policies: Mapping[str, Any], depth: int, share: str = ""
) -> list[str]:
    """A line on a policy and its arguments, then one for each policy that it is made of."""
    simple = {k: v for k, v in kwargs.items() if k not in ("base", "base_kwargs", "parts")}
    line = f"{'    ' * depth}* {share}{code(value(target))}"
    line += f" ({arguments(simple)})" if simple else ""
    inner, base = fields(kwargs.get("base_kwargs")), kwargs.get("base")
    if base is None and (inner or fields(policies.get(target)).get("on_script")):
        line += " on the task's script" + (f" ({arguments(inner)})" if inner else "")
    lines = [line] if base is None else [line, *_policy(str(base), inner, policies, depth + 1)]
    parts = kwargs.get("parts")
    for part in map(fields, parts if isinstance(parts, list) else ()):
        share = part.get("share", "–")
        words = percent(share) if isinstance(share, int | float) else plain(share)
        chosen = str(part.get("base") or "the task's script")
        own = fields(part.get("kwargs"))
        lines += _policy(chosen, own, policies, depth + 1, f"{words} of episodes: ")
    return lines
