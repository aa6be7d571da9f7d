"""Tables and comparisons of records made by hand."""

import csv
import io
import json
import re

import pytest
from handmade import HALF, NONE, episodes, record
from rich.console import Console

from entitybench.errors import RecordError, UnknownId
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.compare import compare
from entitybench.leaderboard.tables.latex import escaped
from entitybench.leaderboard.tables.merge import Named
from entitybench.leaderboard.tables.render import FORMATS, fitted, plain, render, rich_table
from entitybench.leaderboard.tables.table import table
from entitybench.records import DataInfo, Record


def test_cells_by_hand():
    found = table([record(HALF)]).to_json()["rows"][0]["metrics"]
    # mean 62.5, difference 25, error 12.5, t(0.975, 1) = 12.706; the interval is cut at 0 and 1
    assert found["success"]["mean"] == 0.625
    assert (found["success"]["low"], found["success"]["high"]) == (0.0, 1.0)
    assert found["success_fraction"]["mean"] == pytest.approx(0.8125)
    assert found["steps_to_success"]["mean"] == 10.0
    assert found["return"]["mean"] == pytest.approx((-29.5 - 19.25) / 2)
    low = found["return"]["mean"] - 12.706204736 * (29.5 - 19.25) / 2
    assert found["return"]["low"] == pytest.approx(low)


def test_no_time_is_shorter_than_nothing():
    rows = episodes(HALF)
    for row in rows:
        row["latency_ms"] = 1.0 + 8.0 * row["training_seed"]  # 1 and 9: the half width is 51
    found = table([record(HALF, episodes=rows)]).to_json()["rows"][0]["metrics"]["latency_ms"]
    assert (found["mean"], found["low"]) == (5.0, 0.0)
    assert found["high"] == pytest.approx(5.0 + 12.706204736 * 4.0)


def test_one_success_has_steps_but_no_interval():
    successes = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    made = table([record(successes), record(successes, agent="gcbc")])
    assert [row[4] for row in made.grid().rows] == ["10 [–]"] * 2
    assert "[–]: no interval, since there is one value or all are equal." in made.grid().notes
    found = made.to_json()["rows"][0]["metrics"]["steps_to_success"]
    assert (found["mean"], found["low"], found["high"]) == (10, None, None)
    assert found["method"] == "no interval: there is one value"
    assert not any("[–]" in note for note in table([record(NONE)]).grid().notes[:1])


def test_steps_are_neither_below_zero_nor_beyond_the_horizon():
    rows = episodes(HALF)
    for row in rows:  # means 2 and 40 of a task of 50 steps: t would say [-220, 262]
        row["steps_to_success"] = row["steps_to_success"] and (2, 40)[row["training_seed"]]
    made = record(HALF, episodes=rows)
    found = table([made]).to_json()["rows"][0]["metrics"]["steps_to_success"]
    assert (found["mean"], found["low"], found["high"]) == (21.0, 0.0, 50.0)
    away = compare(made, record(HALF, agent="gcbc")).metrics["steps_to_success"].difference
    assert (away.mean, away.low, away.high) == (11.0, -50.0, 50.0)  # -8 and 30


def test_bounds_of_metrics_are_in_records_and_found_for_those_before(tmp_path):
    made = record(HALF)
    data = json.loads(made.to_json())
    steps = next(m for m in data["metrics"] if m["name"] == "steps_to_success")
    assert (steps.pop("lower"), steps.pop("upper")) == (0, "horizon")
    path = tmp_path / "before.json"
    path.write_text(json.dumps(data))
    assert Record.read(path) == made
    data["rows"]["values"]["latency_ms"][0] = -1
    path.write_text(json.dumps(data))
    with pytest.raises(RecordError, match="latency_ms is at least 0, and -1"):
        Record.read(path)


def test_one_training_seed_is_marked():
    grid = table([record(HALF), record([[1, 1, 0, 1]], agent="oracle", weights=False)]).grid()
    assert grid.rows[0][0] == "hecrl"
    assert grid.rows[1][0] == "oracle †"
    assert any("one training seed" in note for note in grid.notes)
    assert grid.rows[0][-1] == "2 × 4"


def test_never_solved_has_no_steps_to_success():
    row = table([record([[0, 0], [0, 0]])]).grid().rows[0]
    assert row[4] == "–"


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_names_every_agent(format):
    things = [record(HALF), record(NONE, agent="ec-iql")]
    for text in (render(table(things), format), render(compare(*things), format)):
        assert "hecrl" in text
        assert "ec-iql" in text
        assert not text.endswith("\n")


def test_csv_and_json_hold_the_numbers():
    made = table([record(HALF)])
    row = next(csv.DictReader(io.StringIO(made.csv())))
    assert float(row["success"]) == 0.625
    assert (row["training_seeds"], row["episodes"]) == ("2", "8")
    assert json.loads(render(made, "json"))["rows"][0]["agent"] == "hecrl"


def test_json_of_several_kinds_has_the_metrics_of_each():
    graphs = Record.read(REFERENCE / "records" / "dag-4" / "random.json")
    rows = table([record(HALF), graphs]).to_json()["rows"]
    names = [set(row["metrics"]) for row in rows]
    assert [("success" in own, "misprediction" in own) for own in names] == [
        (True, False),
        (False, True),
    ]


def test_html_escapes_and_stands_alone():
    page = table([record(HALF, agent="<b>x")]).html()
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
    assert "http" not in page


def test_latex_is_a_balanced_table_with_nothing_raw():
    agent = "a_b%c{d}$e#f&g^h~i\\j"
    made = table([record(HALF, agent=agent), record(NONE, agent="[x]")])
    for text in (made.latex(), compare(record(HALF, agent=agent), record(NONE)).latex()):
        opened = re.findall(r"\\begin{(\w+)}", text)
        assert opened == ["table", "tabular"]
        assert re.findall(r"\\end{(\w+)}", text) == opened[::-1]
        assert [text.count(rf"\{rule}rule") for rule in ("top", "mid", "bottom")] == [1, 1, 1]
        bare = re.sub(r"\\[\\{}$&%#_^~]", "", text)  # less what is escaped
        assert not re.search(r"[%#_^~†×±−–]", bare)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0
        body = bare.partition(r"\toprule")[2].partition(r"\bottomrule")[0].splitlines()
        columns = re.search(r"tabular}{l(r+)}", text)[1]
        assert {line.count("&") for line in body if "&" in line} == {len(columns)}
        assert not any(line.startswith("[") for line in body)


def test_latex_has_minus_signs_for_numbers_and_hyphens_for_names():
    found = escaped("push-3blocks -105.4 [-110.0, -0.5] 3 × 100")
    assert found == r"push-3blocks $-$105.4 [$-$110.0, $-$0.5] 3 $\times$ 100"


def test_rows_are_ranked_by_a_metric():
    quick = episodes(NONE)
    for row in quick:
        row["steps_to_success"] = row["steps_to_success"] and 3
    things = [record(NONE, agent="b", episodes=quick), record(HALF, agent="a")]
    things += [record([[0, 0, 0, 0]] * 2, agent="c")]
    made = table([record(NONE, agent="z", task__id="push-1block"), *things])

    def order(name):
        return [row.record.agent.id for row in made.ranked(name).rows]

    assert order("success") == ["z", "a", "b", "c"]  # task by task
    assert order("steps_to_success") == ["z", "b", "a", "c"]  # fewer are better; none is last
    with pytest.raises(UnknownId, match=r"unknown metric 'retrun'\. Did you mean 'return'"):
        made.ranked("retrun")


def test_training_seeds_of_several_records_share_a_row():
    parts = [record([HALF[0]]), record([HALF[1]], first_training_seed=1)]
    assert table(parts).to_json()["rows"][0]["metrics"]["success"]["mean"] == 0.625
    assert len(table([*parts, record(NONE, agent="ec-iql")]).rows) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task__version": 2}, "versions 1 and 2"),
        ({"hashes__task": "t2"}, "different tasks"),
        ({"agent__config": {"alpha": 1}}, "different configurations"),
        ({"versions__mujoco": "3.9"}, "different MuJoCo versions"),
        ({"first_training_seed": 1}, "training seed 1 of hecrl .* in two records"),
    ],
)
def test_rows_are_not_mixed(change, words):
    settings = {"first_training_seed": 2, **change}
    with pytest.raises(RecordError, match=words):
        table([record(HALF), record(NONE, **settings)])
    with pytest.raises(RecordError, match="no records"):
        table([])
    with pytest.raises(RecordError, match=r"\(?a\.json\)? and .*x\.txt"):
        table([Named(record(HALF), "a.json"), Named(record(NONE, **settings), "x.txt")])


def test_infrastructure_failures_enter_no_mean_and_are_told():
    rows = episodes(HALF)
    rows[1]["error"] = "infrastructure: MemoryError"
    made = table([record(HALF, episodes=rows)])
    assert made.to_json()["rows"][0]["metrics"]["success"]["mean"] == pytest.approx(
        (2 / 3 + 3 / 4) / 2
    )
    assert any("1 episode ended by infrastructure error," in note for note in made.grid().notes)


def test_comparison_by_hand():
    found = compare(record(HALF), record(NONE, agent="ec-iql")).metrics["success"]
    # differences by training seed: 50 and 50 points
    assert found.difference.mean == 0.5
    # that the seeds agree does not make it certain: of eight pairs four were won alone
    half = 1.959963985 * (0.6 - 0.4**2) ** 0.5 / 10**0.5
    ends = found.difference.low, found.difference.high
    assert ends == pytest.approx((0.4 - half, 0.4 + half))
    assert found.improvement.mean == 1.0
    assert found.improvement.low < 0.5  # of two seeds against two
    assert found.hierarchical.low < 0 < found.hierarchical.mean  # as of two seeds
    back = compare(record(NONE), record(HALF, agent="ec-iql")).metrics
    assert back["success"].difference.mean == -0.5
    assert back["success"].improvement.mean == 0.0


def test_fewer_steps_are_better():
    slow = episodes(HALF)
    for row in slow:
        row["steps_to_success"] = row["steps_to_success"] and 30
    other = record(HALF, agent="ec-iql", episodes=slow)
    found = compare(record(HALF), other).metrics["steps_to_success"]
    assert found.difference.mean == -20
    assert found.improvement.mean == 1.0


def test_an_agent_without_weights_is_paired_with_every_seed():
    oracle = record([[1, 1, 1, 1]], agent="oracle", weights=False)
    found = compare(oracle, record(HALF))
    assert found.training_seeds == 2
    assert found.metrics["success"].difference.mean == 0.375


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task__id": "push-4blocks"}, "another task, push-3blocks and push-4blocks"),
        ({"task__version": 2}, "another version"),
        ({"first_training_seed": 5}, "no training seed in common"),
    ],
)
def test_what_cannot_be_compared(change, words):
    with pytest.raises(RecordError, match=words):
        compare(record(HALF), record(NONE, agent="ec-iql", **change))


ZERO_SHOT = {"agent__weights_from": "push-3blocks", "task__id": "push-10blocks"}
RECORDS = [record(HALF), record(NONE, agent="[bold]ec-iql"), record(HALF, **ZERO_SHOT)]


def printed(grid, width):
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(rich_table(fitted(grid, width, "bench table RECORD")))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140, 300])
@pytest.mark.parametrize("grid", [table(RECORDS).grid(), compare(*RECORDS[:2]).grid()])
def test_words_and_numbers_stay_whole_in_any_width(grid, width):
    shown = printed(grid, width)
    assert all(len(line) <= width for line in shown.splitlines())
    kept = fitted(grid, width, "")
    for cell in [cell for row in kept.rows for cell in row[1:]]:
        assert cell in shown
    for part in " ".join((*kept.header, *(row[0] for row in kept.rows))).split():
        assert part in shown
    if width == 300:
        assert kept is grid


def test_what_matters_least_goes_first_and_is_named():
    shown = " ".join(printed(table(RECORDS).grid(), 80).split())
    assert "success %" in shown
    assert "Left out in 80 columns: ms, return, steps, at goals %" in shown
    assert "`bench table RECORD --format markdown`" in shown
    assert "ms: mean time" not in shown


def test_without_a_terminal_nothing_is_left_out():
    shown = plain(table(RECORDS).grid())
    assert "decision (ms)" in shown
    assert "seeds × episodes" in shown


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "json"])
def test_a_line_break_in_a_name_breaks_no_row(format):
    things = [record(HALF, agent="two\nlines\x1b[31m"), record(HALF, agent="x")]
    if format != "csv":  # it has quotes for that
        name = "two lines\\x1b[31m"
        shown = escaped(name) if format == "latex" else name
        assert shown in render(table(things), format)
    assert "two lines\\x1b" in render(compare(*things), "text")


@pytest.mark.filterwarnings("error")
def test_huge_returns_overflow_nowhere():
    rows = episodes(HALF)
    for row in rows:
        row["return"] = -1e100 if row["success"] else 1e100
    huge = record(HALF, episodes=rows)
    assert "e+99 [" in render(table([huge]), "text")
    compare(huge, record(NONE, agent="ec-iql"))


def learned(dataset, sha256, *, default=True):
    """What both training seeds of a record learned from."""
    return [
        {"training_seed": s, "dataset": dataset, "sha256": sha256, "default": default}
        for s in (0, 1)
    ]


def of_data(successes, *args, **changes):
    """A record of schema 2 whose training seeds learned from a dataset."""
    made = record(successes, **changes)
    data = [
        DataInfo(**{**each, "training_seed": seed})
        for seed, each in zip(made.training_seeds, learned(*args), strict=True)
    ]
    return made.model_copy(update={"data": data})


def test_other_data_are_another_row_and_named():
    usual = of_data(HALF, "push-3blocks/play-v1", "a1")
    other = record(NONE).model_copy(
        update={"data": [DataInfo(**x) for x in learned("push/random-v1", "b2", default=False)]}
    )
    found = table([usual, other])
    assert [row.record.label for row in found.rows] == ["hecrl", "hecrl (on random-v1)"]
    assert [row["dataset"] for row in found.values()] == ["push-3blocks/play-v1", "push/random-v1"]


def test_data_of_one_name_and_other_content_share_no_row():
    one = of_data(HALF, "push-3blocks/play-v1", "a1")
    two = of_data(HALF, "push-3blocks/play-v1", "b2", first_training_seed=2)
    with pytest.raises(RecordError, match="different datasets"):
        table([one, two])
    same = of_data(HALF, "push-3blocks/play-v1", "a1", first_training_seed=2)
    assert len(table([one, same]).rows) == 1


def test_seeds_of_one_record_that_learned_from_other_data_share_no_row():
    two = [
        DataInfo(training_seed=s, dataset="push-3blocks/play-v1", sha256="ab"[s]) for s in (0, 1)
    ]
    for data, words in ((two, "seeds 0 and 1 .* different data"), (two[:1], "what .* seed 1")):
        odd = record(HALF).model_copy(update={"data": data})
        with pytest.raises(RecordError, match=words):
            table([odd])
        with pytest.raises(RecordError, match=words):
            compare(odd, record(NONE, agent="ec-iql"))


def test_a_comparison_says_that_the_data_differ():
    one = of_data(HALF, "push-3blocks/play-v1", "a1")
    two = of_data(NONE, "push-3blocks/mine-v1", "b2", agent="ec-iql")
    notes = compare(one, two).grid().notes
    assert any("different data: push-3blocks/play-v1 and push-3blocks/mine-v1" in n for n in notes)
    again = of_data(NONE, "push-3blocks/play-v1", "a1", agent="ec-iql")
    assert not any("different data" in note for note in compare(one, again).grid().notes)


def test_values_that_are_no_metric_of_a_record_leave_a_cell_empty():
    first, other = record([[1, 0]]), record([[1, 1]], agent="gcbc")
    some = [metric for metric in other.metrics if metric.name != "return"]
    found = table([first, other.model_copy(update={"metrics": some})])
    assert [row.cells["return"].count for row in found.rows] == [2, 0]
