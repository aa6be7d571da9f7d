"""The viewer as HTML: a part for pages of others, and a page of its own.

Without JavaScript it is a table of the episodes; with it the table becomes the viewer's list. No
script and no style stands in the page itself, so that the strictest policy may forbid them.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from entitybench.leaderboard.submission.rules import LEVELS, PROVES
from entitybench.leaderboard.viewer.assets import LICENCE, PROGRAM, STYLE
from entitybench.leaderboard.viewer.models import GEOMETRY, TABLE, entries

if TYPE_CHECKING:
    from entitybench.leaderboard.viewer.models import Entry, Index, Source

ROWS = 200  # of the table without JavaScript; all are in the CSV file
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'none'; base-uri 'none'; form-action 'none'"
)
_KEYS = (
    ("Space", "play or pause"),
    ("← →", "one step back or on; with Shift ten"),
    ("Home, End", "first and last step"),
    ("↑ ↓", "the episode before or after"),
    ("F", "the end of the next failed episode"),
    ("J", "the next jerk: a step at which the action changes most"),
    ("R", "the view as it was at first"),
)
_SPEEDS = ("0.1", "0.25", "0.5", "1", "2", "4", "8")


def page(index: Index, root: str = "", shared: str = "", geometry: str = "") -> str:
    """A whole page, as `bench replay` writes it.

    Folders are as the page sees them, empty or with a slash at their end.

    Args:
        index: what it shows.
        root: the folder of the index and the episodes.
        shared: the folder of program and style, which many pages may share.
        geometry: the task's geometry file; default: that in `root`.
    """
    who = " and ".join(dict.fromkeys(source.label for source in index.sources))
    title = escape(f"{index.name}: episodes of {who}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{escape(shared)}{STYLE}">
<script src="{escape(shared)}{PROGRAM}" defer></script>
</head>
<body class="ev-page">
<main>
<h1>{escape(index.name)} <span class="ev-task">{escape(index.task.summary)}</span></h1>
{part(index, root, geometry)}
</main>
<footer><p>Drawn with three.js (<a href="{escape(shared)}{LICENCE}">licence</a>).
{escape(PROVES)}</p></footer>
</body>
</html>
"""


def part(index: Index, root: str = "", geometry: str = "") -> str:
    """The viewer as a part of a page, which also loads its style and its program; as `page`."""
    geometry = geometry or f"{root}{GEOMETRY}"
    return f"""<section class="ev" data-episode-viewer data-root="{escape(root)}"
 data-geometry="{escape(geometry)}" aria-label="Episodes in 3-D">
<div class="ev-needs-script" hidden>
{_choices(index)}
<div class="ev-columns">
<div class="ev-left">
{_STAGE}
{_transport()}
<div class="ev-about" data-ev="about"></div>
</div>
<div class="ev-right">
{_FILTER}
</div>
</div>
{_keys()}
</div>
<noscript><p>The 3-D view needs JavaScript; the table below does not.</p></noscript>
{_table(index, root)}
</section>"""


def _choices(index: Index) -> str:
    agents = "".join(
        f'<option value="{k}">{escape(source.name)}</option>'
        for k, source in enumerate(index.sources)
    )
    hidden = "" if len(index.sources) > 1 else " hidden"
    return f"""<div class="ev-choices">
<label>Agent <select data-ev="agent">{agents}</select></label>
<label{hidden}>Beside it <select data-ev="beside"><option value="">nobody</option>{agents}</select>
</label>
<label data-ev="arrangement-label" hidden>as <select data-ev="arrangement">
<option value="beside">a second picture</option><option value="ghost">a ghost</option></select>
</label>
</div>"""


_STAGE = """<div class="ev-stage" data-ev="stage">
<canvas data-ev="canvas" tabindex="0" role="img"
 aria-label="The scene in 3-D. Drag to turn, scroll to zoom; arrow keys step through time.">
</canvas>
<p class="ev-name" data-ev="name-a"></p>
<p class="ev-name ev-name-b" data-ev="name-b" hidden></p>
<p class="ev-message" data-ev="message" role="status" hidden></p>
</div>"""

_FILTER = """<div class="ev-filter">
<label>Show <select data-ev="filter"><option value="all">all episodes</option>
<option value="failed">failed ones</option><option value="success">successes</option></select>
</label>
<label>sorted by <select data-ev="order"><option value="item">start</option>
<option value="jump">largest jerk</option><option value="steps">steps</option>
<option value="return">return</option></select></label>
</div>
<div data-ev="list"></div>
<div class="ev-pager"><button type="button" data-ev="page-before">Earlier</button>
<span data-ev="page-where" aria-live="polite"></span>
<button type="button" data-ev="page-after">Later</button></div>"""


def _transport() -> str:
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed} ×</option>'
        for speed in _SPEEDS
    )
    buttons = "".join(
        f'<button type="button" data-ev="{name}" aria-label="{words}" title="{words}">'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg></button>'
        for name, words, path in (
            ("first", "First step", "M5 4h3v16H5zM20 4v16L9 12z"),
            ("back", "One step back", "M17 4v16L5 12z"),
            ("play", "Play", "M6 3v18l15-9z"),
            ("on", "One step on", "M7 4v16l12-8z"),
            ("last", "Last step", "M16 4h3v16h-3zM4 4v16l11-8z"),
        )
    )
    return f"""<div class="ev-time">
<canvas class="ev-strip" data-ev="strip" aria-hidden="true"></canvas>
<input type="range" data-ev="slider" min="0" max="0" step="1" value="0" aria-label="Step">
</div>
<div class="ev-transport">
<div class="ev-buttons">{buttons}</div>
<output data-ev="where" class="ev-where" aria-live="off"></output>
</div>
<div class="ev-tools">
<label>Speed <select data-ev="speed">{speeds}</select></label>
<label>View <select data-ev="view"></select></label>
<label><input type="checkbox" data-ev="trail" checked> Trail</label>
<button type="button" data-ev="failure">Next failure</button>
<button type="button" data-ev="jerk">Next jerk</button>
<a data-ev="link" href="#">Link to this step</a>
</div>"""


def _keys() -> str:
    rows = "".join(
        f"<div><dt><kbd>{escape(key)}</kbd></dt><dd>{escape(what)}</dd></div>"
        for key, what in _KEYS
    )
    return f'<details class="ev-keys"><summary>Keys</summary><dl>{rows}</dl></details>'


def _table(index: Index, root: str) -> str:
    rows = [(source, entry) for source in index.sources for entry in entries(source)]
    more = len(rows) - ROWS
    note = f"<p>{more} more are in the file.</p>" if more > 0 else ""
    body = "\n".join(_row(source, entry) for source, entry in rows[:ROWS])
    return f"""<div class="ev-plain" data-ev="plain">
<h2>Episodes</h2>
<p>All of them as <a href="{escape(root)}{TABLE}">a table of text</a>. {_levels(index)}</p>
<div class="ev-scroll" tabindex="0" role="region" aria-label="Table of episodes"><table>
<thead><tr><th scope="col">Agent</th><th scope="col">Start</th><th scope="col">Outcome</th>
<th scope="col">Steps</th><th scope="col">Return</th><th scope="col">Largest jerk</th></tr></thead>
<tbody>
{body}
</tbody></table></div>{note}
</div>"""


def _row(source: Source, entry: Entry) -> str:
    sign = "✓" if entry.success else "✗"
    return (
        f"<tr><td>{escape(source.name)}</td><td>{entry.item}</td>"
        f'<td class="ev-{entry.outcome}">{sign} {entry.outcome}</td><td>{entry.steps}</td>'
        f"<td>{entry.total:.2f}</td><td>{entry.jump:.2f}</td></tr>"
    )


def _levels(index: Index) -> str:
    levels = {source.level for source in index.sources}
    words = " and ".join(f"{level} ({LEVELS[level]})" for level in sorted(levels))
    return f"Level {words}."
