"""`bench table`, `bench compare`, `bench plot`: from records, and pictures of runs and agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.cli.args import (
    Place,
    Seed,
    SuiteId,
    Tags,
    TaskId,
    existing,
    writable_file,
)
from entitybench.leaderboard.cli.output import print_json, print_table, put
from entitybench.registry import suites

if TYPE_CHECKING:
    from entitybench.leaderboard.tables.render import Tabular
    from entitybench.records import Record


WHOLE = ("csv", "html", "json")  # formats that are one document, whatever kinds are in it


def table(
    *records: Path,
    suite: SuiteId | None = None,
    sort: str | None = None,
    columns: Tags | None = None,
    format: str = "text",
    json: bool = False,
) -> None:
    """One table from evaluation records.

    Args:
        records: Record files; or folders of them, of which the newest of equal ones count, yours
            above the shipped ones of the same tasks. Default: the shipped records.
        suite: An id of `bench list suites`: one row for each agent, what it reaches over the tasks
            of the suite; what lacks some of it stands below a line.
        sort: A metric by its name in a record, e.g. return: best first, task by task. Also one
            that tables do not show otherwise, see --columns.
        columns: What to show, by name: metrics; violations, jerk, contacts (with obstacles),
            coordination (of teams); decision_p50_ms, decision_p99_ms (of a single decision),
            updates, training_cpu_s, evaluation_cpu_s. Or deployability for all but the metrics, or
            all.
        format: text, markdown, latex (with booktabs), csv, html or json.
        json: The same as --format json.
    """
    chosen = _format(format, json)
    protocol = None if suite is None else suites()[suite]
    if protocol is not None and columns is not None:
        raise BadValue("--columns are of tables by task: leave them out, or --suite.")
    if protocol is not None and sort is not None:
        raise BadValue(
            "--sort is of tables by task; those of a suite are best first: leave it out."
        )
    for path in records:
        existing(path, "record")
    if protocol is not None:
        from entitybench.leaderboard.suites.gather import suite_table

        _show(suite_table(protocol, records), chosen, "bench table --suite SUITE")
        return
    from entitybench.leaderboard.tables.gather import gathered, shipped

    made = gathered(records) if records else shipped()
    made = made if columns is None else made.showing(columns)
    made = made if sort is None else made.ranked(sort)
    for k, part in enumerate([made] if chosen in WHOLE else made.parts()):
        if k:
            put("")
        _show(part, chosen, "bench table RECORD")


def compare(
    a: Place,
    b: Place,
    /,
    *,
    suite: str | None = None,
    format: str = "text",
    json: bool = False,
) -> None:
    """Compare two records, or two agents over a suite, episode by episode on the same seeds.

    Args:
        a: The record whose gain is asked for; with --suite a folder of an agent's records, or the
            id of an agent that has shipped ones.
        b: The record, folder or agent to compare with.
        suite: An id of `bench list suites`: differences by task, and their mean over the tasks.
        format: text, markdown, latex (with booktabs), csv, html or json.
        json: The same as --format json.
    """
    chosen = _format(format, json)
    if suite is not None:
        protocol = suites()[suite]
        from entitybench.leaderboard.suites.compare import compare_suite

        _show(compare_suite(protocol, a, b), chosen, "bench compare A B --suite SUITE")
        return
    first, second = read_one(a), read_one(b)
    from entitybench.leaderboard.tables.compare import compare as difference

    _show(difference(first, second), chosen, "bench compare A B")


def plot(
    kind: str,
    /,
    *inputs: Path,
    out: Place,
    metric: str | None = None,
    task: TaskId | None = None,
    episode_seed: Seed | None = None,
    json: bool = False,
) -> None:
    """Draw records, training curves, goals or graphs into a PDF, SVG, PNG or HTML file.

    Args:
        kind: bars, profile, seeds (from records), curves (from metrics.jsonl or run folders),
            goals (those that hindsight puts, from runs in progress or their checkpoints) or
            graphs (who acted on whom over an episode, as agents say and as it was).
        inputs: Record files, folders of them, or run folders; for graphs agents, as ID or, for the
            weights in a folder, ID=FOLDER.
        out: The picture: .pdf, .svg, .png or .html.
        metric: What to draw. Default: what is counted first, such as success.
        task: With graphs: a task whose interactions are known, such as dag-10.
        episode_seed: With graphs: the public start of the episode. Default: 0.
        json: Print the path as JSON.
    """
    from entitybench.leaderboard.plots.draw import PLOTS
    from entitybench.leaderboard.plots.draw import plot as draw

    if kind not in PLOTS:
        raise unknown("plot", kind, PLOTS, see="bench plot --help")
    graphs = kind == "graphs"
    if not inputs:
        takes = "AGENT... --task TASK" if graphs else "FILE..."
        raise BadValue(f"nothing to draw: bench plot {kind} {takes} --out {out}")
    for path in () if graphs else inputs:
        existing(path, "record or run")
    writable_file(out)
    file = draw(kind, list(inputs), out, metric=metric, task=task, episode_seed=episode_seed)
    print_json({"file": str(file)}) if json else put(str(file))


def read_one(path: Path) -> Record:
    """One record. Raises RecordError or BadValue."""
    from entitybench.records import Record

    existing(path, "record")
    if path.is_dir():
        raise BadValue(f"{path} is a folder; name one record file.")
    return Record.read(path)


def _format(format: str, json: bool) -> str:
    from entitybench.leaderboard.tables.render import FORMATS

    if format not in FORMATS:
        raise unknown("format", format, FORMATS, see="bench table --help")
    return "json" if json else format


def _show(result: Tabular, format: str, command: str) -> None:
    if format == "text":
        print_table(result, command)
        return
    from entitybench.leaderboard.tables.render import render

    if format == "json":
        print_json(result.to_json())
        return
    put(render(result, format))
