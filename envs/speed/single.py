"""What one environment reaches of its physics: the table of benchmarks/single_view.py."""

from __future__ import annotations

from typing import Any

_SIDES = ("ours", "before")


def markdown(found: dict[str, Any]) -> str:
    """The table of a run. Shares, times and ratios are of the rates that stand beside them.

    Args:
        found: "rows", each with "task" and the rates "raw" and "single" (control steps per
            second, whole numbers) of "ours" and, beside another build, of "before"; "beside",
            that build; and how it was measured: "date", "turns", "episodes", "cores", "load".
    """
    beside = found["beside"]
    head = ["task", "raw physics, steps/s", "one environment", "of raw", "around it, µs"]
    if beside:
        head += [f"{title}, before" for title in ("raw", "one environment", "of raw", "around it")]
        head.append("faster by")
    lines = [_line(head), "|---|" + "---:|" * (len(head) - 1)]
    for row in found["rows"]:
        sides = [row[side] for side in _SIDES if row.get(side)]
        cells = [cell for side in sides for cell in _cells(**side)]
        if len(sides) > 1:
            cells.append(f"{sides[0]['single'] / sides[1]['single']:.2f} ×")
        lines.append(_line([row["task"], *cells]))
    said = f"Of each step of {found['episodes']} episodes of the oracle the shortest of"
    said += f" {found['turns']} turns, measured on {found['date']}"
    said += f" on {found['cores']} cores"
    said += f" with a load of {found['load']:.1f} before it began"
    return "\n".join([*lines, "", said + (f"; before: the build {beside}." if beside else ".")])


def _cells(raw: int, single: int) -> list[str]:
    around = 1e6 / single - 1e6 / raw
    return [f"{raw:,}", f"{single:,}", f"{single / raw:.0%}", f"{around:.0f}"]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
