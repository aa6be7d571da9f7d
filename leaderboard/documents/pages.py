"""Writes what documents show of records, verdicts and commands into them: `make results`.

A document says what it wants between two comments, and the text between them is written anew:

    <!-- results: push-3blocks -->          the stored records of a task, best first
    <!-- results: push-*/oracle -->         those of one agent over tasks: TASK/AGENT patterns
    <!-- claims: hecrl-small -->            the verdicts of a stored `bench reproduce`
    <!-- checks: hecrl-small -->            every inequality behind them
    <!-- commands -->                       the table of commands
    <!-- options -->                        every command with its options and examples
    <!-- api -->                            every function of `eb` with its arguments
    <!-- speed -->                          the committed run of `bench speed --targets`
    <!-- single -->                         the committed run of benchmarks/single_view.py
    <!-- frames -->                         the committed run of benchmarks/frames.py
    <!-- loading -->                        the committed run of benchmarks/loading.py
    <!-- profiles: oracle -->               what an agent reaches in each profile of robosuite
    <!-- baselines: reward-control -->   normalised scores of all datasets of a kind of task
    <!-- published: d4rl -->             ours beside published scores on like data
    <!-- rules -->                       what a bundle is held to
    <!-- suites: control-small,rewards -->   complete agents in suites
    <!-- bibtex: hecrl,push-* -->        what to cite for agents and tasks
    <!-- end -->

A test holds the documents of a checkout to what this makes.
"""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench import citations
from entitybench.datasets.catalogue.scores import FILE as SCORES
from entitybench.errors import BadValue
from entitybench.files import write_atomic
from entitybench.leaderboard.board.build import host_row, record_files
from entitybench.leaderboard.board.prepared import FILE as ROWS
from entitybench.leaderboard.board.prepared import text_of
from entitybench.leaderboard.documents.api import api
from entitybench.leaderboard.documents.baselines import baselines, published
from entitybench.leaderboard.documents.schemas import FOLDER, schemas
from entitybench.leaderboard.documents.scores import reference_scores, written
from entitybench.leaderboard.documents.suites import suites_table
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.profiles import profiles_table
from entitybench.leaderboard.tables.render import markdown
from entitybench.leaderboard.tables.table import table
from entitybench.records import Record
from entitybench.registry import agents, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.claims.outcome import Reproduction

MANY = 3  # arms of a claim that fit on a line
_BLOCK = re.compile(
    r"(?P<open><!-- (?P<kind>[a-z]+)(?:: (?P<what>[^\s>]+))? -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)


def filled(text: str, reference: Path = REFERENCE) -> str:
    """A document with its blocks made anew.

    Args:
        text: Markdown.
        reference: the folder that holds records/ and verdicts/.

    Raises:
        BadValue: a block of a kind that does not exist.
        RecordError: a record that cannot be read.
    """

    def block(found: re.Match[str]) -> str:
        kind, what = found["kind"], found["what"] or ""
        if kind not in KINDS:
            known = ", ".join(KINDS)
            raise BadValue(f"no block {kind!r} in documents; there are {known}.")
        body = KINDS[kind](what, reference)
        return (
            f"{found['open']}\n{body}\n\n{found['end']}" if body else found["open"] + found["end"]
        )

    return _BLOCK.sub(block, text)


def documents(root: Path) -> list[Path]:
    """The Markdown files of a checkout that hold blocks."""
    paths = [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]
    return [path for path in paths if _BLOCK.search(path.read_text(encoding="utf-8"))]


def results(pattern: str, reference: Path) -> str:
    """A table of stored records, best first within a task; empty where there are none.

    The pattern is TASK,TASK/AGENT,AGENT, with the wildcards of file names; without the second half
    of all agents that were scored as the task's own kind.
    """
    names, _, agents = pattern.partition("/")
    records = [
        Record.read(path)
        for name in names.split(",")
        for agent in (agents or "*").split(",")
        for path in (reference / "records").glob(f"{name}/{agent}.json")
    ]
    # Another kind that a task can be scored as is shown where its agents are named.
    records = [r for r in records if agents or r.kind == r.task.kind]
    if not records:
        return ""

    found = table(records).best_first()
    texts = []
    for part in found.parts():
        grid = part.grid()
        for metric in part.metrics.values():
            if not metric.exact:  # a matter of the machine, so documents do not show it
                grid = grid.without(metric.title)
        texts.append(markdown(grid))
    return "\n\n".join(texts)


def claims(name: str, reference: Path) -> str:
    """A row for each claim: what it says, the published number, ours, the verdict."""
    found = _reproduction(name, reference)
    if found is None:
        return ""
    rows = [
        (
            v.claim,
            v.statement,
            v.published,
            _lines(v.ours),
            f"**{v.word}**",
            f"{v.training_seeds} × {v.episodes or '–'}",
        )
        for v in found.verdicts
    ]
    ours = "ours: success, if not said otherwise [95 % interval]"
    head = ("claim", "statement", "published", ours, "verdict")
    return f"{_made(found)}\n\n{_rows((*head, 'seeds × episodes'), rows)}"


def _lines(ours: str) -> str:
    """A line for each arm, where there are more than three."""
    parts = re.split(r", (?![^\[]*\])", ours)  # not those between the ends of an interval
    if len(parts) <= MANY:
        return ours
    head, colon, first = parts[0].partition(": ")
    return "<br>".join([f"{head}:", first, *parts[1:]] if colon else parts)


def _made(found: Reproduction) -> str:
    """What made the verdicts, in a line."""
    command = f"bench reproduce {found.method}"
    command += "" if found.preset == "small" else f" --preset {found.preset}"
    if found.revision is None:
        where = "an installed package"
    else:
        changed = " with changes" if found.revision.dirty else ""
        where = f"revision {found.revision.commit[:10]}{changed}"
    weights = [
        f"{len(names)} {words}"
        for names, words in (
            (found.shipped, "shipped"),
            (found.found, "trained earlier"),
            (found.trained, "trained in the same run"),
        )
        if names
    ]
    return (
        f"`{command}`, {found.created[:10]}, {where}, MuJoCo {found.versions.get('mujoco')}; "
        f"checkpoints: {', '.join(weights)}."
    )


def checks(name: str, reference: Path) -> str:
    """A row for each inequality that a verdict rests on, and for those printed beside it."""
    found = _reproduction(name, reference)
    if found is None:
        return ""
    rows = [
        (v.claim, f.says, f.shown, _word(f.holds, f.required), f.why)
        for v in found.verdicts
        for f in v.findings
    ]
    return _rows(("claim", "check", "found [95 % interval]", "holds", "remark"), rows)


def _word(holds: bool, required: bool) -> str:
    word = "yes" if holds else "no"
    return word if required else f"({word})"  # in brackets: no part of the verdict


def _reproduction(name: str, reference: Path) -> Reproduction | None:
    from entitybench.leaderboard.claims.outcome import Reproduction

    path = reference / "verdicts" / f"{name}.json"
    if not path.is_file():
        return None
    return Reproduction.model_validate_json(path.read_text(encoding="utf-8"))


def commands(_what: str, _reference: Path) -> str:
    """A row for each command."""
    from entitybench.leaderboard.cli.app import app

    rows = [(f"`bench {name}`", app[name].help) for name in _names()]
    return _rows(("command", "what it does"), rows)


def options(_what: str, _reference: Path) -> str:
    """A section for each command: arguments, options, examples."""
    return "\n\n".join(_section(name) for name in _names())


def _names() -> list[str]:
    from entitybench.leaderboard.cli.app import app

    return [name for name in app if not name.startswith("-")]


def is_told(default: object) -> bool:
    """Whether a default says something in print: not False, nor an empty word; 0 does."""
    return isinstance(default, int | str) and default is not False and default != ""


def _section(name: str) -> str:
    from entitybench.leaderboard.cli.app import app

    command = app[name]
    rows = []
    for argument in command.assemble_argument_collection(parse_docstring=True):
        help = argument.parameter.help or ""
        default = argument.field_info.default
        if argument.required:
            help = f"{help} Required."
        elif is_told(default) and "Default" not in help:
            help = f"{help} Default: {default}."
        rows.append((f"`{argument.name}`", help))
    examples = (command.help_epilogue or "").splitlines()[1:]
    return "\n".join(
        [
            f"## bench {name}",
            "",
            command.help,
            "",
            "```",
            *(line.strip() for line in examples),
            "```",
            "",
            _rows(("option", "meaning"), rows),
        ]
    )


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        one_line = (" ".join(cell.replace("|", "\\|").split()) for cell in cells)
        return "| " + " | ".join(one_line) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *(line(row) for row in rows)])


def speed(what: str, reference: Path) -> str:
    """The committed table of speeds; nothing where there is none."""
    from entitybench.envs.speed.table import markdown as speed_table

    del what
    path = reference / "speed.json"
    return speed_table(json.loads(path.read_text())) if path.is_file() else ""


def single(what: str, reference: Path) -> str:
    """The committed run of benchmarks/single_view.py; nothing where there is none."""
    from entitybench.envs.speed.single import markdown as single_table

    del what
    path = reference / "single.json"
    return single_table(json.loads(path.read_text())) if path.is_file() else ""


def frames(what: str, reference: Path) -> str:
    """The committed frames a second, a row for each task and size; nothing where there are none."""
    del what
    path = reference / "frames.json"
    if not path.is_file():
        return ""
    found = json.loads(path.read_text())
    rates = ("cpu_second", "second", "second_two_threads")
    rows = [
        (row["task"], f"{row['pixels']}", row["renderer"], *(f"{row[rate]:,}" for rate in rates))
        for row in found["rows"]
    ]
    head = ("task", "pixels", "renderer", "frames a CPU-second", "a second, one thread")
    table = _rows((*head, "a second, two threads"), rows)
    missing = [f"\nNot measured: {name} ({why})." for name, why in found["missing"].items()]
    return "\n".join([table, *missing])


def loading(what: str, reference: Path) -> str:
    """The committed run of benchmarks/loading.py; nothing where there is none."""
    del what
    path = reference / "loading.json"
    if not path.is_file():
        return ""
    found = json.loads(path.read_text())
    rows = []
    for state, seconds in found["open"].items():
        for what_for, key in (("the first batch", "open"), ("all columns in memory", "read")):
            times = [seconds[name] for name in (key, "minari", "ogbench")]
            cells = [f"{time:.2g} s" if time < 1 else f"{time:.1f} s" for time in times]
            rows.append(
                (f"open, {what_for}, {state}", *cells, f"{times[1] / times[0]:,.0f} × Minari")
            )
    for row in found["sample"]:
        for name, how in (("ours", "in memory"), ("mapped", "from mapped files")):
            ours, theirs = row[name], row["ogbench"]
            rates = f"{ours / 1e6:.2f} M/s", "", f"{theirs / 1e6:.2f} M/s"
            said = f"{ours / theirs:.2f} × OGBench"
            rows.append((f"goal batches of {row['batch']}, {how}", *rates, said))
    memory = {name: value / found["memory"]["columns"] for name, value in found["memory"].items()}
    part = f"{memory['ours']:.2f} ×", "", f"{memory['ogbench']:.2f} ×"
    rows.append(("memory, of the columns touched", *part, ""))
    frames = found["frames"]
    rows.append(
        (
            f"random frames of {frames['shape'][0]} pixels",
            f"{frames['per_second']:,.0f}/s",
            "",
            "",
            "",
        )
    )
    return _rows(("", "ours", "Minari", "OGBench", "ours is"), rows)


def rules(what: str, reference: Path) -> str:
    """The rules by which bundles are checked, from the checker's own table."""
    from entitybench.leaderboard.submission.rules import RULES

    del what, reference
    rows = [(f"`{name}`", f"{x.level}", x.what, x.advice) for name, x in RULES.items()]
    return _rows(("rule", "level", "holds", "where it does not"), rows)


def bibtex(what: str, reference: Path) -> str:
    """The BibTeX of agents and tasks: ids, with the wildcards of file names."""
    del reference
    specs = [*agents(), *tasks()]
    keys = [
        key
        for pattern in what.split(",")
        for spec in specs
        if fnmatch.fnmatchcase(spec.id, pattern)
        for key in citations.cited(spec)
    ]
    return f"```bibtex\n{citations.bibtex(keys)}\n```"


KINDS: dict[str, Callable[[str, Path], str]] = {
    "results": results,
    "claims": claims,
    "checks": checks,
    "commands": commands,
    "options": options,
    "api": api,
    "speed": speed,
    "single": single,
    "frames": frames,
    "loading": loading,
    "profiles": profiles_table,
    "baselines": baselines,
    "published": published,
    "rules": rules,
    "suites": suites_table,
    "bibtex": bibtex,
}


def main() -> int:
    """Write the documents of this checkout; say which changed."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file():
        raise BadValue("documents are written in a checkout, and this is an installed package.")
    texts = {path: filled(path.read_text(encoding="utf-8")) for path in documents(root)}
    texts |= {root / FOLDER / name: text for name, text in schemas().items()}
    texts[SCORES] = written(reference_scores(REFERENCE / "records"))
    texts[REFERENCE / ROWS] = text_of(host_row(path).entry for path in record_files(REFERENCE))
    for path, text in texts.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomic(path, text)
            sys.stderr.write(f"{path.relative_to(root)}: written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
