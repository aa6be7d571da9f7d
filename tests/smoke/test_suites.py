"""Suites: what is evaluated, gone on with, left out and told, and the tables of it."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from handmade import record

import entitybench as eb
from entitybench import registry
from entitybench.errors import BadValue, BenchError, RecordError, UnknownId
from entitybench.files import only_one
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation import evaluate as engine
from entitybench.leaderboard.suites.compare import MEAN, compare_suite, of_standings
from entitybench.leaderboard.suites.gather import suite_table
from entitybench.leaderboard.suites.plan import planned, share_of
from entitybench.leaderboard.suites.protocol import entries, kind_of, metric_of, title_of
from entitybench.leaderboard.suites.report import SuiteTable
from entitybench.leaderboard.suites.standings import complete_first, standings
from entitybench.records import Record
from entitybench.types import SuiteSpec

SMALL = SuiteSpec(
    id="two",
    metric="success",
    data=("push-1block/play-v1", "push-2blocks/play-v1"),
    training_seeds=(0, 1),
    episodes=4,
    updates=20_000,
)
BRIEF = SuiteSpec(
    id="brief",
    metric="success",
    data=("push-1block/play-v1", "push-1block-obstacles/play-v1"),
    episodes=2,
)
SHA = "1" * 64


def made(successes: list[list[int]], task: str, agent: str = "gcbc", **changes: Any) -> Record:
    """A record of a registered task, of the data that the suite names unless told otherwise."""
    spec = registry.tasks()[task]
    about = {"id": task, "version": spec.version, "kind": spec.kind, "horizon": spec.horizon}
    data = {"task": {**about, "kwargs": dict(spec.kwargs)}, "agent__updates": 100}
    found = record(successes, agent=agent, **{**data, **changes})
    seeds = found.training_seeds if found.hashes.weights else []
    learned = [
        {"training_seed": seed, "dataset": f"{task}/play-v1", "sha256": SHA} for seed in seeds
    ]
    dumped = found.model_dump(mode="json", by_alias=True)
    return Record.model_validate({**dumped, "data": learned})


ONE = [[1, 0, 1, 0], [1, 1, 1, 0]]  # 50 and 75 %
TWO = [[1, 1, 1, 1], [0, 0, 0, 0]]  # 100 and 0 %


@pytest.mark.parametrize("suite", registry.suites(), ids=lambda suite: suite.id)
def test_registered_suites_are_sound(suite: SuiteSpec) -> None:
    each = entries(suite)
    assert len({entry.id for entry in each}) == len(each)
    kind = kind_of(suite)
    for entry in each:
        assert not entry.task.extra, "its tasks need nothing but the core"
        assert entry.dataset in entry.task.datasets
        if kind.offered_by:
            assert getattr(registry.datasets()[entry.id], kind.offered_by)
    assert metric_of(suite).name == suite.metric
    assert title_of(suite)
    assert suite.updates
    assert suite.summary


def test_a_table_by_hand() -> None:
    records = [made(ONE, "push-1block"), made(TWO, "push-2blocks")]
    (found,) = standings(SMALL, records)
    assert found.lacking == {}
    assert found.division == "closed"
    aggregates = found.aggregates
    assert aggregates["mean"].mean == pytest.approx((0.625 + 0.5) / 2)
    assert aggregates["median"].mean == pytest.approx((0.625 + 0.5) / 2)
    assert aggregates["iqm"].mean == pytest.approx((0.5 + 0.75) / 2)  # of 0, 0.5, 0.75, 1
    assert aggregates["optimality_gap"].mean == pytest.approx(1 - (0.625 + 0.5) / 2)
    for interval in aggregates.values():
        assert 0 <= interval.low <= interval.mean <= interval.high <= 1
    shown = str(SuiteTable(SMALL, (found,)))
    assert re.search(r"push-1block/play-v1 +62\.5 \[", shown)
    assert "‡" not in shown
    assert "Closed division" in shown


@pytest.mark.parametrize(
    ("changes", "lacks", "opens"),
    [
        ({}, "", ""),
        ({"successes": ONE[:1]}, "no training seed 1", ""),
        ({"successes": [line[:3] for line in ONE]}, "3 of 4 episodes", ""),
        ({"first_training_seed": 1}, "no training seed 0", ""),
        ({"first_training_seed": 5}, "no record", ""),
        ({"agent__updates": 20_001}, "", "20001 updates, not 20000"),
        ({"agent__updates": None}, "", "not told how long it learned"),
        ({"task__version": 99}, "no record", ""),
        ({"task__horizon": 7}, "no record", ""),
        ({"agent__weights_from": "push-3blocks"}, "no record", ""),
    ],
)
def test_what_is_lacking_or_open_is_said(changes: dict[str, Any], lacks: str, opens: str) -> None:
    given = dict(changes)
    odd = made(given.pop("successes", ONE), "push-1block", **given)
    (found,) = standings(SMALL, [odd, made(TWO, "push-2blocks")])
    assert found.lacking == ({"push-1block/play-v1": lacks} if lacks else {})
    assert found.opens == ({"push-1block/play-v1": opens} if opens else {})
    assert found.division == ("open" if opens else "closed")


def test_data_decide_the_entry_and_the_division() -> None:
    own = made(ONE, "push-1block")
    other = own.model_copy(
        update={"data": [each.model_copy(update={"registered": False}) for each in own.data]}
    )
    (found,) = standings(SMALL, [other, made(TWO, "push-2blocks")])
    assert found.opens == {"push-1block/play-v1": "data of its own content"}
    # A record of another registered dataset of the task is of no entry.
    named = [each.model_copy(update={"dataset": "push-3blocks/random-v1"}) for each in own.data]
    (found,) = standings(SMALL, [own.model_copy(update={"data": named}), made(TWO, "push-2blocks")])
    assert found.lacking == {"push-1block/play-v1": "no record"}
    untold = made(ONE, "push-1block", agent="mine.py:Mine", weights=False)
    (found,) = standings(SMALL, [untold])
    assert found.division == "open"


def test_several_agents_stand_best_first_and_incomplete_ones_last(tmp_path: Path) -> None:
    for name, records in {
        "gcbc": [made(ONE, "push-1block"), made(ONE, "push-2blocks")],
        "hiql": [made(TWO, "push-1block", "hiql"), made(ONE, "push-2blocks", "hiql")],
        "gciql": [made([[1, 1, 1, 1]] * 2, "push-2blocks", "gciql")],
    }.items():
        for each in records:
            each.write(tmp_path / each.task.id / f"{name}.json")
    table = suite_table(SMALL, sorted(tmp_path.glob("*/*.json")))
    assert [each.name for each in table.standings] == ["gcbc", "hiql", "gciql"]
    assert not table.complete
    assert table.grid().rules == (2,)
    assert "gciql ‡" in str(table)
    assert "push-1block/play-v1: no record" in str(table)
    data = table.to_json()["agents"]
    assert [each["complete"] for each in data] == [True, True, False]
    rows = list(csv.DictReader(io.StringIO(table.csv())))
    assert len(rows) == 3 * (4 + 2)
    assert table.markdown().count("| gcbc |") == 1
    # Of a folder the shipped records stand beside yours.
    beside = suite_table(SMALL, [tmp_path])
    assert {"gcbc (yours)", "hiql (yours)", "oracle"} <= {each.name for each in beside.standings}
    with pytest.raises(BenchError, match="none of the records is of the suite rewards"):
        suite_table(registry.suites()["rewards"], [tmp_path])


def test_several_presets_and_records_beside_are_told() -> None:
    small, paper = made(ONE, "push-1block"), made(TWO, "push-1block", agent__preset="paper")
    second = made(ONE, "push-2blocks", agent__preset="paper")
    # Of one preset in each task the row is one, and says so.
    (found,) = standings(SMALL, [small, second])
    table = SuiteTable(SMALL, (found,))
    assert "gcbc: of several presets, paper and small." in str(table)
    # Of two in one task there are two rows: none is chosen in silence.
    rows = standings(SMALL, [small, paper, second])
    assert [(each.name, bool(each.lacking)) for each in rows] == [
        ("gcbc, small", True),
        ("gcbc, paper", False),
    ]
    own = small.model_copy(
        update={"data": [each.model_copy(update={"registered": False}) for each in small.data]}
    )
    (found,) = standings(SMALL, [own, small])
    assert found.opens == {}
    assert found.beside == ("gcbc (on play-v1 of own content 11111111) on push-1block",)


def test_the_gap_between_banks_stands_beside(tmp_path: Path) -> None:
    public = [made(ONE, "push-1block"), made(TWO, "push-2blocks")]
    hidden = [
        made([[0, 0, 0, 0], [1, 0, 0, 0]], "push-1block"),
        made([[1, 1, 0, 1], [0, 0, 0, 0]], "push-2blocks"),
    ]
    hidden = [
        each.model_copy(update={"task": each.task.model_copy(update={"bank": "hidden"})})
        for each in hidden
    ]
    table = SuiteTable(SMALL, tuple(standings(SMALL, [*public, *hidden])))
    assert [each.name for each in table.standings] == ["gcbc", "gcbc (hidden starts)"]
    first, second = (table.gap(each) for each in table.standings)
    assert first is None
    assert second is not None
    assert second.mean == pytest.approx(((0.625 - 0.125) + (0.5 - 0.375)) / 2)
    assert second.low < second.mean < second.high
    assert "31.2 [" in str(table)
    assert table.to_json()["agents"][1]["gap_to_public"]["method"] == "zou-donner over 2 tasks"
    alone = SuiteTable(SMALL, tuple(standings(SMALL, [*public, made(ONE, "push-1block", "hiql")])))
    assert "gap to public" not in str(alone)


def test_the_chance_that_the_first_is_better_by_hand() -> None:
    first = [made([[1, 1, 1, 1], [1, 1, 1, 0]], "push-1block"), made(TWO, "push-2blocks")]
    second = [made(ONE, "push-1block", "hiql"), made(ONE, "push-2blocks", "hiql")]
    scripted = [made([[0, 0, 0, 0]], "push-1block", "zero", weights=False)]
    found = complete_first(standings(SMALL, [*second, *scripted, *first]))
    table = SuiteTable(SMALL, tuple(found))
    best = table.first
    assert best is not None
    assert [each.name for each in found] == ["gcbc", "hiql", "zero"]
    # Seeds 1 and 0.75 against 0.5 and 0.75, a tie: 3.5 of 4. Then 1 and 0 against these: 2 of 4.
    assert table.beaten(found[1]).mean == pytest.approx((3.5 / 4 + 2 / 4) / 2)
    assert 0 <= table.beaten(found[1]).low < table.beaten(found[1]).high <= 1
    # One seed has episodes alone: seven successes of eight against none of four.
    assert table.beaten(found[2]).mean == pytest.approx(7 / 8 + 1 / 16)
    assert table.beaten(found[0]).count == 0
    assert "P(first better): that a run of gcbc is better" in str(table)


def test_two_agents_are_compared_over_a_suite_by_hand() -> None:
    first = [made([[1, 1, 1, 1], [1, 1, 1, 0]], "push-1block"), made(TWO, "push-2blocks")]
    second = [made(ONE, "push-1block", "hiql"), made(ONE, "push-2blocks", "hiql")]
    a, b = standings(SMALL, [*first, *second])
    found = of_standings(a, b)
    assert list(found.lines) == ["push-1block/play-v1", "push-2blocks/play-v1", MEAN]
    one, other, mean = found.lines.values()
    assert one.difference.mean == pytest.approx(0.875 - 0.625)
    assert other.difference.mean == pytest.approx(0.5 - 0.625)
    assert mean.difference.mean == pytest.approx((0.25 - 0.125) / 2)
    assert mean.hierarchical.mean == pytest.approx(mean.difference.mean)
    assert (mean.a.mean, mean.b.mean) == pytest.approx((0.6875, 0.625))
    assert mean.improvement.mean == pytest.approx((3.5 / 4 + 2 / 4) / 2)
    for line in found.lines.values():
        assert -1 <= line.difference.low <= line.difference.mean <= line.difference.high <= 1
    turned = of_standings(b, a).lines[MEAN].difference
    assert turned.mean == pytest.approx(-mean.difference.mean)
    assert "mean over tasks" in str(found)
    assert found.to_json()["tasks"][MEAN]["difference"]["count"] == 2
    (alone,) = standings(SMALL, [made(ONE, "push-1block", "zero", weights=False)])
    against = of_standings(a, alone)
    assert against.lacking == ("push-2blocks/play-v1",)
    assert "Left out, since not both have it: push-2blocks/play-v1." in str(against)
    (elsewhere,) = standings(SMALL, [made(ONE, "push-2blocks", "zero", weights=False)])
    with pytest.raises(RecordError, match="no task of two in common"):
        of_standings(alone, elsewhere)


def test_less_is_better_of_graphs_and_agents_are_found_by_name() -> None:
    suite = registry.suites()["graphs"]
    found = compare_suite(suite, "graph-distance", "graph-static")
    line = found.lines["hockey-mallets-4/random-v1"]
    assert line.a.mean > line.b.mean
    assert line.difference.mean == pytest.approx(line.a.mean - line.b.mean)
    with pytest.raises(UnknownId, match="agent with shipped records: 'graph-distanc'"):
        compare_suite(suite, "graph-distanc", "graph-static")


def test_a_folder_that_is_compared_is_of_one_agent(tmp_path: Path) -> None:
    made(ONE, "push-1block").write(tmp_path / "one" / "a.json")
    assert compare_suite(SMALL, tmp_path / "one", tmp_path / "one" / "a.json").lines
    made(ONE, "push-1block", "hiql").write(tmp_path / "one" / "b.json")
    with pytest.raises(RecordError, match=r"holds those of .*hiql"):
        compare_suite(SMALL, tmp_path / "one", tmp_path / "one" / "a.json")


def test_a_suite_is_evaluated_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    real, ran = engine.evaluate, list[str]()

    def killed_at_the_second(agent: Any, task: Any, **how: Any) -> Record:
        if ran:
            raise KeyboardInterrupt
        ran.append(task.id)
        return real(agent, task, **how)

    monkeypatch.setattr(engine, "evaluate", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        eb.evaluate_suite("zero", BRIEF, out=tmp_path)
    first = tmp_path / "push-1block" / "zero.json"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [first]
    before = first.read_bytes()

    ran.clear()
    table = eb.evaluate_suite("zero", BRIEF, out=tmp_path, told=lines.append)
    assert ran == ["push-1block-obstacles"]
    assert first.read_bytes() == before
    assert lines[0].startswith("1/2 push-1block/play-v1: there already, success 0.0 % [")
    assert lines[1].startswith("2/2 push-1block-obstacles/play-v1: success 0.0 % [")
    assert table.complete
    assert table.standings[0].division == "scripted"

    ran.clear()
    assert str(eb.evaluate_suite("zero", BRIEF, out=tmp_path)) == str(table)
    assert not ran
    with pytest.raises(BadValue, match=r"zero\.json is there already, and its list of episodes"):
        eb.evaluate_suite("zero", BRIEF, out=tmp_path, episodes=1)


def test_after_kill_9_the_same_command_goes_on(tmp_path: Path) -> None:
    line = "eval --suite control-small --agent zero --episodes 1 --json --out"
    command = [sys.executable, "-P", "-m", "entitybench", *line.split(), str(tmp_path)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = tmp_path / "push-1block" / "zero.json"
    with subprocess.Popen(command, **quiet) as process:
        while not first.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    before = first.read_bytes()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1/3 push-1block/play-v1: there already" in done.stderr
    assert first.read_bytes() == before
    (agent,) = json.loads(done.stdout)["agents"]
    assert agent["lacking"] == dict.fromkeys(agent["tasks"], "1 of 100 episodes")
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"zero.json"}, "nothing hidden is left"


def test_shards_make_the_whole(tmp_path: Path) -> None:
    one = eb.evaluate_suite("zero", BRIEF, out=tmp_path, shard="1/2")
    assert one.standings[0].lacking == {"push-1block-obstacles/play-v1": "no record"}
    both = eb.evaluate_suite("zero", BRIEF, out=tmp_path, shard="2/2")
    assert both.complete
    for shard in ("0/2", "3/2", "half", "1/0", ""):
        with pytest.raises(BadValue, match="a shard is i/n"):
            share_of([], shard)


POLICY = """
import numpy as np

class Odd:
    def __init__(self, task):
        self.task = task

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        if "obstacles" in self.task.id:
            raise RuntimeError("afraid of obstacles")
        return np.zeros((len(obs["observation"]), 2)), state
"""


def test_a_failing_task_is_told_and_the_others_are_done(tmp_path: Path) -> None:
    file, lines = tmp_path / "odd.py", list[str]()
    file.write_text(POLICY)
    table = eb.evaluate_suite(f"{file}:Odd", BRIEF, out=tmp_path / "out", told=lines.append)
    assert "afraid of obstacles" in lines[-1]
    (why,) = table.standings[0].lacking.values()
    assert "afraid of obstacles" in why
    assert table.standings[0].division == "open"
    assert [path.parent.name for path in (tmp_path / "out").glob("*/*.json")] == ["push-1block"]


def test_what_has_no_weights_is_told(tmp_path: Path) -> None:
    suite = SuiteSpec(
        id="some",
        metric="success",
        data=("push-1block/play-v1", "push-3blocks/play-v1"),
        training_seeds=(0, 1, 2, 3),
    )
    plan = planned(registry.agent("gciql"), suite, tmp_path, seeds=suite.training_seeds)
    assert [(job.entry.id, job.seeds) for job in plan.jobs] == [("push-3blocks/play-v1", (0, 1, 2))]
    assert plan.lacking["push-3blocks/play-v1"] == "no training seed 3"
    assert plan.told["push-3blocks/play-v1"] == "there are seeds 0 1 2, and no training seed 3"
    assert plan.lacking["push-1block/play-v1"] == "no weights"  # in tables; a line says more
    assert "bench train --agent gciql --task push-1block" in plan.told["push-1block/play-v1"]
    assert plan.jobs[0].path == tmp_path / "push-3blocks" / "gciql@play-v1.json"


REFUSED = {
    "eval --agent zero --suite control-smal": "Did you mean 'control-small'",
    "eval --agent bc --suite control-small": "bc is for reward-control, and the suite",
    "eval --agent zero": "bench eval needs a --task, or a --suite",
    "eval --agent zero --suite control-small --task push-1block": "--task is of one task",
    "eval --agent zero --suite control-small --video": "--video is of one task",
    "eval --agent zero --task push-1block --shard 1/2": "--shard 1/2 is of a suite",
    "eval --agent zero --suite control-small --shard 3/2": "a shard is i/n",
    "eval --agent gcbc --suite control-small --weights nowhere": "it is no folder",
    "eval --agent hiql --suite rewards": "Suites for it: control-small, control.",
    "table --suite nothing": "unknown suite 'nothing'",
    "table --suite control-small --sort return": "--sort is of tables by task",
    "list suits": "Did you mean 'suites'",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_is_one_line(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert REFUSED[line] in told
    assert list(tmp_path.iterdir()) == []


def test_commands_show_suites(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "suites", "--kind", "graph"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["SUITE", "graphs"]
    assert main(["info", "control-small", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["data"] == list(registry.suites()["control-small"].data)
    assert about["resolves"] == {"task": 0.089, "mean": 0.051}  # 2.8016 √(2 · 0.25 / 500), / √3
    assert main(["table", "--suite", "control-small", "--json"]) == 0
    agents = {each["agent"]: each for each in json.loads(capsys.readouterr().out)["agents"]}
    assert agents["oracle"]["complete"]
    assert agents["oracle"]["aggregates"]["iqm"]["mean"] > 0.99


THEIRS = """
from entitybench.types import SuiteSpec

GOOD = [SuiteSpec(id="theirs", metric="success", data=("push-1block/play-v1",), summary="one")]
LOST = [SuiteSpec(id="theirs", metric="success", data=("push-1block/nothing-v1",))]
EMPTY = [SuiteSpec(id="theirs", metric="success", data=())]
TWICE = [SuiteSpec(id="theirs", metric="success", data=("push-1block", "push-1block"))]
MIXED = [SuiteSpec(id="theirs", metric="return", data=("push-1block", "dag-4"))]
UNBOUNDED = [SuiteSpec(id="theirs", metric="return", data=("push-1block",))]
SEEDLESS = [SuiteSpec(id="theirs", metric="success", data=("push-1block",), training_seeds=())]
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GOOD", ""),
        ("LOST", "unknown dataset 'push-1block/nothing-v1'"),
        ("EMPTY", "the suite theirs has no data"),
        ("TWICE", "names push-1block twice"),
        ("MIXED", "there is none"),
        ("UNBOUNDED", "return is neither"),
        ("SEEDLESS", "training seeds are whole numbers, at least one"),
    ],
)
def test_suites_of_other_packages_are_listed_or_left_out(
    name: str,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module = f"theirs_{name.lower()}"
    (tmp_path / f"{module}.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint(name="mine", value=f"{module}:{name}", group="entitybench.suites")
    real = registry.entry_points
    monkeypatch.setattr(
        registry,
        "entry_points",
        lambda group: [point] if group == point.group else real(group=group),
    )
    registry.suites.cache_clear()
    try:
        assert main(["list", "suites"]) == 0
    finally:
        registry.suites.cache_clear()
    shown = capsys.readouterr()
    assert ("theirs " in shown.out) == (not words)
    assert "control-small" in shown.out
    assert words in shown.err
    assert shown.err.count("\n") == bool(words)


def test_a_second_run_in_one_folder_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "push-1block" / ".random.json.lock"
    with only_one(path, lambda: None), pytest.raises(BadValue, match=r"another .* is making"):
        eb.evaluate_suite("random", BRIEF, out=tmp_path, episodes=1)
