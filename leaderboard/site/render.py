"""Jinja2's environment: templates of the package, everything escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from entitybench import words
from entitybench.errors import MissingExtra
from entitybench.leaderboard.board.model import SCORE
from entitybench.leaderboard.site import links
from entitybench.leaderboard.submission.rules import LEVELS, PROVES, RULES

if TYPE_CHECKING:
    from entitybench.leaderboard.site.links import Frame

# What a page may load: files beside it, nothing from elsewhere, no script or style within it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
TRUST = (
    "what was sent, and nobody looked further",
    "all files, seeds and episodes are there, as the protocol asks",
    "the actions lead through the recorded states, and scores follow from these",
    "the agent, loaded with its weights, chose the recorded actions where it was asked again",
    "and it acted from starts that nobody knew when it was fixed; its numbers of them are told",
)
DIVISIONS = {
    "closed": "the suite's data alone, and no more updates than it allows",
    "open": "other data, more updates, or not told",
    "scripted": "nothing was trained",
}


@cache
def environment() -> Any:
    """Jinja2's. Raises MissingExtra where it is not installed."""
    try:
        import jinja2
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "jinja2 is not installed, and pages of the board need it: pip install -e '.[site]'"
        ) from error
    from entitybench.leaderboard.site import charts

    found = jinja2.Environment(
        loader=jinja2.PackageLoader("entitybench.leaderboard.site", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals |= {
        "links": links,
        "charts": charts,
        "POLICY": POLICY,
        "LEVELS": LEVELS,
        "TRUST": TRUST,
        "DIVISIONS": DIVISIONS,
        "PROVES": PROVES,
        "RULES": RULES,
        "SCORE": SCORE,
    }
    found.filters |= {
        "ticks": _ticks,
        "line": lambda text: words.squeezed(str(text), 400),
        "day": lambda text: str(text)[:10],
        "count": lambda number: f"{number:,}".replace(",", "\u202f"),
        "megabytes": _megabytes,
        "number": _number,
    }
    return found


def render(template: str, frame: Frame, path: str, **values: Any) -> str:
    """A page.

    Args:
        template: its file.
        frame: where it is shown.
        path: its own.
        values: what it shows.
    """
    found: str = environment().get_template(template).render(frame=frame, path=path, **values)
    return found


def _ticks(text: str) -> Any:
    """Words with `code` in ticks as HTML."""
    from markupsafe import Markup, escape

    parts = str(escape(text)).split("`")
    return Markup("".join(f"<code>{x}</code>" if k % 2 else x for k, x in enumerate(parts)))


def _megabytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1e6:.1f} MB"


def _number(x: float | None, digits: int = 2) -> str:
    """A number of an episode, whole ones without the point."""
    if x is None:
        return "–"
    text = f"{x:.0f}" if float(x).is_integer() and abs(x) < 1e15 else f"{x:.{digits}f}"
    return text.replace("-", "\u2212", 1)
