"""Plots of records and of training curves: their colours, what is in them, and their bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from colour_vision import VISIONS, ciede2000, contrast, lab, seen
from handmade import HALF, NONE, record

from entitybench.errors import BadValue, BenchError, RecordError
from entitybench.leaderboard.plots import style
from entitybench.leaderboard.plots.draw import _OF_RECORDS, PLOTS, plot
from entitybench.leaderboard.tables import curves as tables_curves
from entitybench.leaderboard.tables.curves import read_runs
from entitybench.records import Record
from entitybench.registry import kinds

STORED = Path(__file__).parents[2] / "leaderboard" / "reference" / "records"
OF_RECORDS = [kind for kind in PLOTS if kind not in ("curves", "goals", "graphs")]
LEAST = 12.0  # of CIEDE2000; 1 is just seen
OTHER = {"task__id": "push-5blocks"}


@pytest.fixture
def files(tmp_path):
    return [
        record(HALF).write(tmp_path / "a.json"),
        record(NONE, agent="ec-iql").write(tmp_path / "b.json"),
    ]


@pytest.fixture
def grid(tmp_path, files):
    """Two agents in two tasks."""
    return [
        *files,
        record(NONE, **OTHER).write(tmp_path / "c.json"),
        record(HALF, agent="ec-iql", **OTHER).write(tmp_path / "d.json"),
    ]


def test_the_difference_of_colours_is_the_published_one():
    """Three pairs of table 1 of Sharma, Wu and Dalal, 2005."""
    for first, second, known in (
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ):
        assert ciede2000(first, second) == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
def test_every_two_colours_are_told_apart(vision):
    assert len(set(style.COLOURS)) >= 12
    for a, b in combinations(style.COLOURS, 2):
        assert ciede2000(lab(seen(a, vision)), lab(seen(b, vision))) >= LEAST, (a, b)


def test_every_colour_is_seen_on_white():
    assert min(map(contrast, style.COLOURS)) >= 1.8
    assert contrast(style.INK) > 12


def test_more_things_than_colours_are_told_apart():
    count = 3 * len(style.COLOURS)
    assert len({(style.colour(k), style.dash(k)) for k in range(count)}) == count
    assert len({(style.colour(k), style.hatch(k)) for k in range(count)}) == count


@pytest.mark.parametrize("kind", OF_RECORDS)
def test_plots_are_the_same_bytes_twice(kind, files, tmp_path):
    pytest.importorskip("matplotlib")
    folder = [files[0].parent]
    one, two = (plot(kind, what, tmp_path / "p.svg").read_bytes() for what in (files, folder))
    assert one == two
    assert b"hecrl" in one
    assert plot(kind, files, tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in plot(kind, files, tmp_path / "p.html").read_bytes()


def test_another_process_on_another_day_draws_the_same_bytes(files, tmp_path):
    pytest.importorskip("matplotlib")
    code = (
        "import sys; from entitybench.leaderboard.plots.draw import plot; "
        "[plot('bars', sys.argv[2:], out) for out in sys.argv[1].split()]"
    )
    made = []
    for k in (1, 2):
        outs = [str(tmp_path / f"{k}{suffix}") for suffix in style.SUFFIXES]
        environment = {**os.environ, "PYTHONHASHSEED": str(k), "SOURCE_DATE_EPOCH": str(k * 10**8)}
        words = [sys.executable, "-P", "-c", code, " ".join(outs), *map(str, files)]
        subprocess.run(words, check=True, env=environment)
        made.append([Path(out).read_bytes() for out in outs])
    assert made[0] == made[1]
    pdf, svg = made[0][:2]
    assert pdf.startswith(b"%PDF-")
    assert not re.search(rb"CreationDate|ModDate|<dc:date>", pdf + svg)
    assert b"/Type3" not in pdf  # fonts that proceedings refuse


def figure_of(monkeypatch, kind, inputs, tmp_path, **options):
    """The figure of a plot, drawn."""
    pytest.importorskip("matplotlib")
    kept = []
    monkeypatch.setattr(style, "drawn", lambda figure, suffix: (kept.append(figure), b"")[1])
    with style.of_papers():
        plot(kind, inputs, tmp_path / "p.png", **options)
        kept[0].draw_without_rendering()
    return kept[0]


def inside(figure):
    """Whether every word and every legend lies within the picture, and no legend on its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    whole = figure.bbox
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    for each in figure.legends:
        box = each.get_window_extent(renderer)
        assert not any(box.overlaps(other) for other in boxes)
        boxes.append(box)
    return all(
        box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.x1 + 1 and box.y1 <= whole.y1 + 1
        for box in boxes
    )


LONG = "an-agent-of-a-very-long-name-that-somebody-gave-it-in-a-hurry"


@pytest.mark.parametrize("kind", OF_RECORDS)
@pytest.mark.parametrize("agents", [["hecrl"], [f"agent-{k}" for k in range(14)], [LONG, "b"]])
def test_no_word_is_cut_off_and_no_legend_covers_anything(
    kind, agents, tmp_path, monkeypatch, recwarn
):
    made = [
        record(HALF if k % 2 else NONE, agent=name, task__id=task).write(tmp_path / f"{k}{task}")
        for k, name in enumerate(agents)
        for task in ("push-3blocks", f"task-of-{LONG}")
    ]
    figure = figure_of(monkeypatch, kind, made, tmp_path)
    assert inside(figure)
    assert min(axes.get_window_extent().height for axes in figure.axes) > 60
    # matplotlib's words on what it could not lay out or draw; others are of other tests' remains
    assert not [each for each in recwarn.list if issubclass(each.category, UserWarning)]


def test_bars_of_several_tasks_stand_in_groups(grid, tmp_path, monkeypatch):
    figure = figure_of(monkeypatch, "bars", grid, tmp_path)
    (axes,) = figure.axes
    assert [word.get_text() for word in axes.get_xticklabels()] == ["push-3blocks", "push-5blocks"]
    (legend,) = figure.legends
    assert [word.get_text() for word in legend.get_texts()] == ["hecrl", "ec-iql"]
    bars = {bar.get_x() + bar.get_width() / 2: bar for bar in axes.patches}
    places = sorted(bars)
    heights = [bars[x].get_height() for x in places]
    assert heights == [62.5, 12.5, 12.5, 62.5]  # hecrl beside ec-iql, twice
    assert len({bar.get_facecolor() for bar in axes.patches}) == 2
    assert len({round(x) for x in places}) == 2


def test_one_label_with_two_presets_is_two_bars(files, tmp_path, monkeypatch):
    other = record(NONE, agent__preset="full").write(tmp_path / "c.json")
    figure = figure_of(monkeypatch, "bars", [*files, other], tmp_path)
    words = [word.get_text() for word in figure.axes[0].get_yticklabels()]
    assert words == ["hecrl, small", "ec-iql", "hecrl, full"]


def test_of_equal_records_in_a_folder_the_newest_is_drawn(tmp_path, monkeypatch):
    """Of a folder of folders, as results/ is."""
    for name, day, values in (("old", 1, NONE), ("new", 2, HALF)):
        made = record(values, created=f"2026-01-0{day}T00:00:00+00:00")
        made.write(tmp_path / "results" / "push-3blocks" / f"{name}.json")
    figure = figure_of(monkeypatch, "bars", [tmp_path / "results"], tmp_path)
    assert [bar.get_width() for bar in figure.axes[0].patches] == [62.5]


def test_what_has_no_interval_says_so(tmp_path, monkeypatch):
    same = record([[1]]).write(tmp_path / "a.json")
    figure = figure_of(monkeypatch, "bars", [same], tmp_path, metric="return")
    assert [word.get_text() for word in figure.axes[0].texts] == ["[–]"]


def test_profiles_are_of_the_same_tasks(grid, tmp_path, monkeypatch):
    figure = figure_of(monkeypatch, "profile", grid, tmp_path)
    assert len(figure.axes[0].lines) == 2
    with pytest.raises(BadValue, match=r"same tasks: ec-iql has no record of push-5blocks") as told:
        plot("profile", grid[:3], tmp_path / "p.svg")
    assert "\n" not in str(told.value)
    alone = record([[1, 0, 1, 0]], agent="ec-iql", **OTHER).write(tmp_path / "d.json")
    with pytest.raises(BadValue, match=r"has 1 in push-5blocks and 2 in push-3blocks"):
        plot("profile", [*grid[:3], alone], tmp_path / "p.svg")


def test_profiles_of_what_should_be_small_are_below_each_level(tmp_path, monkeypatch):
    never = record([[0, 0], [1, 1]]).write(tmp_path / "a.json")  # one seed never succeeds
    both = record([[1, 1], [1, 1]], agent="ec-iql")
    both.columns.values["steps_to_success"][:] = [4, 4, 20, 20]
    two = both.write(tmp_path / "b.json")
    figure = figure_of(monkeypatch, "profile", [never, two], tmp_path, metric="steps_to_success")
    (axes,) = figure.axes
    assert axes.get_ylabel() == "share of training seeds below"
    first, second = (dict(zip(*line.get_data(), strict=True)) for line in axes.lines)
    levels = sorted(first)
    assert [first[levels[0]], first[levels[-1]]] == [0, 0.5]  # of it 10 steps; the other never
    assert [second[levels[0]], second[levels[1]], second[levels[-1]]] == [0, 0.5, 0.5]
    figure = figure_of(monkeypatch, "profile", [never, two], tmp_path)
    assert figure.axes[0].get_ylabel() == "share of training seeds above"


def run(folder, seed, values, **asked):
    """A run folder with these losses at steps 10, 20, …"""
    where = folder / f"seed{seed}"
    where.mkdir(parents=True)
    (where / "run.json").write_text(json.dumps({"seed": seed, "device": f"cpu{seed}", **asked}))
    rows = [{"step": 10 * (k + 1), "loss": value} for k, value in enumerate(values)]
    (where / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return where


def test_curves_are_means_over_seeds_with_an_interval(tmp_path, monkeypatch):
    for seed, values in enumerate([(1.0, 2.0, 3.0), (3.0, 2.0, 5.0), (2.0, 2.0)]):
        run(tmp_path / "iql", seed, values, task="hopper", unit="updates")
    run(tmp_path / "bc", 0, (4.0, 4.0), task="hopper", unit="updates")
    figure = figure_of(
        monkeypatch, "curves", [tmp_path / "iql", tmp_path / "bc"], tmp_path, metric="loss"
    )
    (axes,) = figure.axes
    first, second = axes.lines
    assert first.get_xydata().tolist() == [[10, 2.0], [20, 2.0]]  # the steps that all have
    assert second.get_xydata().tolist() == [[10, 4.0], [20, 4.0]]
    (legend,) = figure.legends
    assert [word.get_text() for word in legend.get_texts()] == ["iql (3 seeds)", "bc"]
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    # mean 2, deviation 1 of three: t(0.975, 2) = 4.3027; at step 20 all agree: no interval
    half = 4.302652730 / np.sqrt(3)
    assert band.min() == pytest.approx(2 - half)
    assert band.max() == pytest.approx(2 + half)
    assert len(axes.collections) == 1  # of one seed there is none


def test_curves_beside_weights_are_told_by_their_agent(tmp_path):
    for agent, settings in (("hint", "online"), ("her", "online")):
        for seed in range(2):
            where = run(tmp_path / agent / settings, seed, [1.0])
            (where / "run.json").unlink()
            told = {"agent": agent, "seed": seed, "unit": "environment steps", "task": "hopper"}
            told["sha256"] = {"weights.safetensors": f"{seed}"}
            (where / "agent.json").write_text(json.dumps(told))
    runs = read_runs([tmp_path / "hint" / "online", tmp_path / "her" / "online"])
    assert [each.group for each in runs] == ["hint", "hint", "her", "her"]
    assert {(each.unit, each.task) for each in runs} == {("environment steps", "hopper")}


def test_runs_that_asked_for_other_things_are_no_seeds_of_one(tmp_path):
    run(tmp_path / "a", 0, [1.0], task="hopper")
    run(tmp_path / "a", 1, [1.0], task="hopper")
    run(tmp_path / "a", 2, [1.0], task="ant")
    run(tmp_path / "b" / "a", 0, [1.0], task="hopper")
    runs = read_runs([tmp_path / "a", tmp_path / "b" / "a", tmp_path / "a" / "seed0"])
    assert len(runs) == 4  # the one that is given twice counts once
    assert len({each.group for each in runs}) == 3
    assert runs[0].group == runs[1].group


def test_seeds_without_a_step_in_common(tmp_path):
    pytest.importorskip("matplotlib")
    run(tmp_path / "a", 0, [1.0])
    other = run(tmp_path / "a", 1, [1.0])
    (other / "metrics.jsonl").write_text('{"step": 15, "loss": 2.0}\n')
    with pytest.raises(RecordError, match="no step in common"):
        plot("curves", [tmp_path / "a"], tmp_path / "c.pdf", metric="loss")


def test_learning_curves(tmp_path):
    pytest.importorskip("matplotlib")
    run = tmp_path / "hecrl" / "seed0"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text(
        '{"step": 1, "loss": 2.0}\n{"step": 2, "evaluation": {"success": 0.5}}\n'
    )
    assert b"hecrl/seed0" in plot("curves", [run], tmp_path / "c.svg").read_bytes()
    assert plot("curves", [run], tmp_path / "d.svg", metric="loss").is_file()
    with pytest.raises(BenchError, match=r"unknown training metric 'los'.*'loss'"):
        plot("curves", [run], tmp_path / "e.svg", metric="los")
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"step": 3, "lo')  # what a kill may leave behind
    assert [row["step"] for row in read_runs([run])[0].rows] == [1, 2]
    (run / "metrics.jsonl").write_text('{"step": 1, "lo')
    with pytest.raises(RecordError, match="no training metrics"):
        plot("curves", [run], tmp_path / "e.svg")


def evaluated(folder, **values):
    """Into a run folder evaluations: of each metric its values at steps 10, 20, …, or None."""
    rows = [
        {
            "step": 10 * k,
            "evaluation": {n: x for n, x in zip(values, found, strict=True) if x is not None},
        }
        for k, found in enumerate(zip(*values.values(), strict=True), 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_curves_show_first_what_their_kind_counts_first(tmp_path, monkeypatch):
    where = run(tmp_path / "a", 0, [1.0], agent="graph-distance", task="push-3blocks")
    # As where no edge was active in the first evaluation.
    evaluated(where, auroc=[0.5, 0.75], misprediction=[None, 0.25])
    (axes,) = figure_of(monkeypatch, "curves", [where], tmp_path).axes
    assert axes.get_ylabel() == "balanced misprediction (%)"
    assert axes.lines[0].get_xydata().tolist() == [[20, 25.0]]


def test_curves_know_the_metrics_of_registered_kinds(tmp_path, monkeypatch):
    metric = replace(kinds()["graph"].primary, name="mine", title="mine (%)", scale=100.0)
    kind = replace(kinds()["graph"], metrics=(metric,))
    monkeypatch.setattr(tables_curves, "kinds", lambda: [kind])
    where = run(tmp_path / "a", 0, [1.0])
    evaluated(where, other=[1.0], mine=[0.5])
    (axes,) = figure_of(monkeypatch, "curves", [where], tmp_path).axes
    assert axes.get_ylabel() == "mine (%)"
    assert axes.lines[0].get_xydata().tolist() == [[10, 50.0]]


def test_curves_of_the_folder_that_training_was_given(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("seed2", "seed10", "seed3.training"):
        (tmp_path / "full" / name).mkdir(parents=True)
        (tmp_path / "full" / name / "metrics.jsonl").write_text('{"step": 1, "loss": 2.0}\n')
    names = [run.name for run in read_runs([tmp_path / "full"])]
    assert names == ["full/seed2", "full/seed10", "full/seed3.training"]
    drawn = plot("curves", [tmp_path / "full"], tmp_path / "c.svg", metric="loss").read_bytes()
    assert b"full/seed10" in drawn
    with pytest.raises(RecordError, match=r"no training metrics in .*seed\*"):
        read_runs([tmp_path])


@pytest.mark.parametrize("kind", OF_RECORDS)
def test_a_plot_is_of_the_records_that_have_its_metric(kind, files, tmp_path, monkeypatch):
    """One folder can hold evaluations of control and of graphs, as that of a task does."""
    graphs = STORED / "push-3blocks" / "graph-static.json"
    drawn = []
    monkeypatch.setitem(_OF_RECORDS, kind, lambda *given: drawn.append(given))
    monkeypatch.setattr(style, "drawn", lambda *_: b"")
    for metric, mine in (("success", files), ("misprediction", [graphs])):
        with pytest.warns(UserWarning, match=f"of 3 records are of a kind without {metric}"):
            plot(kind, [*files, graphs], tmp_path / "x.svg", metric=metric)
        rows, number = drawn.pop()
        assert number.name == metric
        assert [row.agent.id for row in rows] == [Record.read(path).agent.id for path in mine]


def test_plots_that_cannot_be(files, tmp_path):
    with pytest.raises(BadValue, match=r"\.pdf, \.svg, \.png, \.html: got"):
        plot("bars", files, tmp_path / "x.eps")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadValue, match="no record"):
        plot("bars", [tmp_path / "empty"], tmp_path / "x.svg")
    with pytest.raises(BenchError, match="unknown plot 'bar'"):
        plot("bar", files, tmp_path / "x.svg")
    with pytest.raises(BenchError, match="unknown metric 'succes'"):
        plot("bars", files, tmp_path / "x.svg", metric="succes")
