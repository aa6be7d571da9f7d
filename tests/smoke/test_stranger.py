"""Packages of strangers, installed: a kind of tasks of its own, and an agent of an old kind.

The first is the one that docs/how-to-add-a-kind.md shows (`test_docs.py` runs that page to its
end); the second is tests/support/stranger. Neither is known to this checkout but by entry points.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from pages import ROOT, write_files


class Place(NamedTuple):
    """A folder to work in, and the environment with both packages."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    def done(self, *command: str) -> str:
        """Standard output of a command that succeeds."""
        found = self.run(*command)
        assert found.returncode == 0, f"{command}\n{found.stdout}\n{found.stderr}"
        return found.stdout

    def bench(self, line: str) -> str:
        return self.done(*BENCH, *line.split())

    def refused(self, line: str) -> str:
        """The one line of a command that is refused."""
        found = self.run(*BENCH, *line.split())
        assert found.returncode == 2, found.stdout + found.stderr
        assert found.stderr.count("\n") == 1, found.stderr
        return found.stderr


BENCH = (sys.executable, "-P", "-m", "entitybench")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("stranger")
    sources = [folder / "kind", folder / "agent"]
    write_files(ROOT / "docs" / "how-to-add-a-kind.md", sources[0])
    shutil.copytree(ROOT / "tests" / "support" / "stranger", sources[1])
    site = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    for source in sources:
        command = [*pip, "--disable-pip-version-check", "--target", str(site), str(source)]
        subprocess.run(command, check=True, capture_output=True)
    paths = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    own = {"PYTHONPATH": paths, "ENTITYBENCH_DATA": str(folder / "data")}
    return Place(folder, {**os.environ, **own})


@pytest.fixture(scope="module")
def ridge(place: Place) -> Place:
    """With weights of the agent of an old kind, from a dataset that is not its task's default."""
    place.bench("generate hopper/expert-v1 --episodes 10")
    place.bench(
        "train --agent ridge --task hopper --dataset hopper/expert-v1 --preset small --seeds 0 1 "
        "--evaluate-every 40 --out runs/ridge"
    )
    return place


def test_an_agent_of_an_old_kind_is_listed_trained_evaluated_and_in_tables(ridge: Place) -> None:
    listed = ridge.bench("list agents --kind reward-control --json")
    assert "ridge" in [row["id"] for row in json.loads(listed)]
    rows = (ridge.folder / "runs/ridge/seed1/metrics.jsonl").read_text().splitlines()
    assert "return" in json.loads(rows[-1]).get("evaluation", {})
    ridge.bench(
        "eval --agent ridge --task hopper --weights runs/ridge --episodes 5 --out ridge.json"
    )
    record = json.loads((ridge.folder / "ridge.json").read_text())
    assert record["kind"] == "reward-control"
    assert [each["dataset"] for each in record["data"]] == ["hopper/expert-v1"] * 2
    assert "ridge (on expert-v1 of own content" in ridge.bench("table ridge.json --format markdown")


def test_a_claim_of_an_old_kind_is_judged(ridge: Place) -> None:
    ridge.bench("reproduce ridge")
    verdict = json.loads((ridge.folder / "reproductions" / "ridge-small.json").read_text())
    assert verdict["verdicts"][0]["holds"] is True
    assert len(verdict["trained"]) == 2


def test_training_of_an_old_kind_goes_on_exactly(ridge: Place) -> None:
    """Its own arrays, step by step through a checkpoint, are those of an unbroken run."""
    ridge.done(sys.executable, "-c", RESUMED)


RESUMED = """
import numpy as np
from pathlib import Path
from entitybench import checkpoints
from entitybench.datasets.api import load_dataset
from entitybench.registry import agent, resolve_agent, tasks

data = load_dataset("hopper/expert-v1").split("train")
spec, task = agent("ridge"), tasks()["hopper"]
target = resolve_agent(spec)
config = target.configure(spec, "tiny", task)
one = target.create(config, task, seed=3, data=data, parts={}, device="cpu")
for _ in range(2):
    one.advance(data)
one.save(Path("half"))
two = target.load(Path("half"))
for each in (one, two):
    for _ in range(2):
        each.advance(data)
one.save(Path("one")), two.save(Path("two"))
(_, a, _), (_, b, _) = (checkpoints.read(Path(name)) for name in ("one", "two"))
assert a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)
"""


def test_a_new_kind_has_one_table_and_rows_that_stand_alone(place: Place) -> None:
    place.done(sys.executable, "-c", EVALUATED)


EVALUATED = """
import numpy as np
import entitybench as eb
from entitybench.errors import BadValue, BenchError, RecordError
from entitybench.leaderboard.tables.compare import compare
from entitybench.leaderboard.tables.data import by_seed, cell
from entitybench.leaderboard.tables.table import table
from entitybench.records import Record
from entitybench.registry import kinds

kind = kinds()["sums"]
whole = eb.evaluate("sums-guess", "sums-3", episodes=50, threads=2)
part = eb.evaluate("sums-guess", "sums-3", episodes=13, episode_seed=17, threads=1)
assert (whole.kind, whole.item, whole.block) == ("sums", "problem", 20)
assert part.rows == [row for row in whole.rows if row.item in part.items]
again = Record.read(whole.write("guess.json"))
assert again.rows == whole.rows and again.rows[0].note

# A metric that is no mean: one number a training seed, its interval by the bootstrap over items.
errors = [row.values["error"] for row in whole.rows]
assert np.isclose(by_seed(whole, "error"), np.quantile(errors, 0.9)).all()
assert cell(whole, "error").low < np.quantile(errors, 0.9) < cell(whole, "error").high
assert [m.title for m in kind.metrics] == list(table([whole]).grid().header[1:3])
assert "paired by problem" in " ".join(compare(whole, part).grid().notes)


class Broken:
    def answer(self, problems, rng):
        return 1 / 0


class Short:
    def answer(self, problems, rng):
        return problems[:3, 0]


def refused(error, part, call, *given, **options):
    try:
        call(*given, **options)
    except error as found:
        assert part in str(found) and "\\n" not in str(found), str(found)
    else:
        raise AssertionError(f"nothing was said of {part}")


record = eb.evaluate(Broken(), "sums-3", episodes=5, failures="record")
assert record.failures() == {"infrastructure": 0, "policy": 5}
assert cell(record, "solved").mean == 0
refused(BenchError, "ZeroDivisionError", eb.evaluate, Broken(), "sums-3")
refused(BadValue, "20 finite numbers", eb.evaluate, Short(), "sums-3")
refused(BadValue, "lacks answer", eb.evaluate, object(), "sums-3")
refused(BadValue, "--bank", eb.evaluate, "sums-guess", "sums-3", bank="hidden")
refused(BadValue, "no environment", eb.make, "sums-3")
refused(BadValue, "no environment", eb.make_vec, "sums-3", 4)
refused(BadValue, "is for reward-control", eb.load_agent, "ridge", task="sums-3")
refused(BadValue, "is for sums", eb.load_agent, "sums-guess", task="hopper")
other = eb.evaluate("zero", "point-maze-u", episodes=1)
refused(RecordError, "cannot be compared", compare, whole, other)
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("eval --agent sums-guess --task sums-3 --video --out a.json", "--video means nothing"),
        (
            "eval --agent sums-guess --task sums-3 --bank hidden --out a.json",
            "--bank means nothing",
        ),
        ("eval --agent zero --task sums-3 --out a.json", "lacks answer(problems, rng)"),
        ("speed --task sums-3", "no environment to step"),
        ("train --agent sums-guess --task sums-3 --out runs/guess", "does not learn"),
        (
            "train --agent sums-learned --task sums-3 --preset tiny --set learning_rat=1 --out x",
            "Did you mean 'learning_rate'?",
        ),
        (
            "train --agent sums-learned --task sums-3 --preset tiny --out runs/x "
            "--dataset push-1block/play-v1",
            "learns from problems",
        ),
        (
            "train --agent ridge --task hopper --preset tiny --out runs/x "
            "--dataset push-1block/play-v1",
            "push-1block",
        ),
    ],
)
def test_what_means_nothing_for_a_kind_is_refused_in_one_line(
    place: Place, line: str, words: str
) -> None:
    assert words in place.refused(line)
