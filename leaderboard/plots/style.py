"""How plots look, and their bytes: for papers, legible at the width of a page of text.

The same records give the same bytes: fixed ids, no dates.
"""

from __future__ import annotations

import html
import io
import math
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from entitybench.errors import MissingExtra
from entitybench.words import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.records import Record

SUFFIXES = (".pdf", ".svg", ".png", ".html")
WIDTH = 5.5  # inches: the text of a page in most proceedings
INK, PALE = "#1c1e21", "#dcdfe4"  # words and lines; the grid
_POINTS = 8.0  # of a letter, as in captions
_LETTER = 0.6 * _POINTS / 72  # inches: the width of a letter, on average rather less
_LONGEST, _LINE = 72, 30  # letters of a name, and of a line of it

# Twelve colours that stay apart for everyone: `tests/golden/test_plots.py` measures every pair
# of them by CIEDE2000, seen by normal eyes and by dichromats of all three kinds. The first ones
# are those farthest apart.
COLOURS = (
    "#008962",
    "#4e2776",
    "#ebb100",
    "#89c4eb",
    "#890000",
    "#8976ff",
    "#626276",
    "#eb2700",
    "#b1c49d",
    "#9d899d",
    "#62273b",
    "#4e00ff",
)
_DASHES = ("-", "--", ":", "-.")
_HATCHES = ("", "////", "....", "xxxx")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")

_RC: dict[Any, Any] = {
    "text.parse_math": False,  # names are no formulas
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": _POINTS,
    "axes.titlesize": _POINTS,
    "axes.labelsize": _POINTS,
    "xtick.labelsize": _POINTS,
    "ytick.labelsize": _POINTS,
    "legend.fontsize": _POINTS,
    "legend.title_fontsize": _POINTS,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.3,
    "hatch.linewidth": 0.5,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "svg.hashsalt": "entitybench",
    "svg.fonttype": "none",  # words stay words
    "pdf.fonttype": 42,  # TrueType, which proceedings ask for
}


@contextmanager
def of_papers() -> Iterator[None]:
    """Within, matplotlib draws in this style, whatever its user has set."""
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "matplotlib is not installed, and plots need it: pip install -e '.[plots]'"
        ) from error
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def axes(height: float, rows: int = 1, *, legend: Sequence[str] = ()) -> tuple[Any, list[Any]]:
    """A figure with a column of axes, each `height` inches, and room for a legend below them."""
    from matplotlib.figure import Figure

    beside = 0.24 * math.ceil(len(legend) / _columns(legend)) + 0.3 if legend else 0.0
    figure = Figure(figsize=(WIDTH, height * rows + beside), layout="constrained")
    made = list(figure.subplots(rows, 1, squeeze=False)[:, 0])
    for each in made:
        each.spines[["top", "right"]].set_visible(False)
    return figure, made


def legend(figure: Any, handles: Sequence[Any], names: Sequence[str], title: str = "") -> None:
    """A legend below the axes, where it covers nothing."""
    figure.legend(
        handles,
        names,
        loc="outside lower center",
        ncols=_columns(names),
        title=title or None,
        frameon=False,
    )


def _columns(names: Sequence[str]) -> int:
    longest = max(len(line) for name in names for line in name.splitlines())
    return max(1, min(len(names), int(WIDTH / (_LETTER * longest + 0.5))))


def colour(k: int) -> str:
    """Of the k-th thing; after the last one the first comes again, in another dash or hatch."""
    return COLOURS[k % len(COLOURS)]


def dash(k: int) -> str:
    """The line of the k-th thing."""
    return _DASHES[k // len(COLOURS) % len(_DASHES)]


def hatch(k: int) -> str:
    """The filling of the k-th thing."""
    return _HATCHES[k // len(COLOURS) % len(_HATCHES)]


def marker(k: int) -> str:
    """The dot of the k-th thing."""
    return _MARKERS[k % len(_MARKERS)]


def wrapped(name: str, line: int = _LINE) -> str:
    """A name in lines of so many letters; the middle of a very long one is left out."""
    text = one_line(name)
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 24]}…{text[-23:]}"
    return "\n".join(textwrap.wrap(text, line)) or "–"


def names(records: Sequence[Record]) -> list[str]:
    """What tells agents apart: the label, and the preset where that alone differs."""
    presets: dict[str, set[str | None]] = {}
    for record in records:
        presets.setdefault(record.label, set()).add(record.agent.preset)
    return [
        f"{r.label}, {r.agent.preset}" if len(presets[r.label]) > 1 else r.label for r in records
    ]


def drawn(figure: Any, suffix: str) -> bytes:
    """The file of a figure."""
    file = io.BytesIO()
    if suffix == ".png":
        figure.savefig(file, format="png", dpi=300, metadata={"Software": None})
        return file.getvalue()
    if suffix == ".pdf":
        figure.savefig(file, format="pdf", metadata={"CreationDate": None})
        return file.getvalue()
    figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    if suffix == ".svg":
        return svg
    title = html.escape(figure.axes[0].get_title(loc="left") or "entitybench")
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    inline = svg[svg.index(b"<svg") :]
    return f"{head}</head><body>\n".encode() + inline + b"</body></html>\n"
