"""`bench check`: a task that keeps all passes, and of one with a defect the right check fails."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import ROOT, write_files

import entitybench as eb
from entitybench.envs.conformance.api import CHECKS, Report
from entitybench.errors import BadValue, UnknownId
from entitybench.leaderboard.cli.main import main
from entitybench.registry import kinds, resolve, task, tasks
from entitybench.types import TaskSpec

QUICK = ("push-1block", "hopper", "team-spread", "dag-4")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page that makes a world."""
    folder = tmp_path_factory.mktemp("world")
    write_files(ROOT / "docs" / "how-to-add-a-world.md", folder)
    return folder


@pytest.fixture
def here(page: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(page)
    return page


def test_a_task_of_ones_own_is_described(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del here
    assert main(["info", "reach.py:TASK"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "id reach-1place",
        "success random=–, oracle=–",
        "observation 1, 2",
        "action 2",
        "entities disc",
        "features x, y",
    ):
        assert line in lines
    assert not any(line.startswith("gymnasium") for line in lines)  # nobody has registered it
    assert main(["info", "reach.py:TASC"]) == 2
    assert "TASC" in capsys.readouterr().err


# What a world does wrong, the check that fails, and its words.
DEFECTS = {
    "random": (
        "def start(self, seed):\n"
        "        start = super().start(seed)\n"
        "        return replace(start, qpos=np.random.uniform(-0.2, 0.2, 2))",
        "seeds",
        "differ at the reset",
    ),
    "remembers": (
        "def observe(self, state, constants):\n"
        "        self.calls = getattr(self, 'calls', 0) + 1\n"
        "        return super().observe(state, constants) + np.float32(1e-6 * self.calls)",
        "axes",
        "gives another result the second time",
    ),
    "first axis": (
        "def achieved(self, observation):\n"
        "        found = observation.copy()\n"
        "        return found - found[:1] if found.ndim > 2 else found",
        "axes",
        "achieved gives something else",
    ),
    "solved without entities": (
        "def solved(self, achieved, desired):\n"
        "        return super().solved(achieved, desired)[..., 0]",
        "axes",
        "a bool for each entity that has a goal, (4, 1 to 1)",
    ),
    "shares memory": (
        "def achieved(self, observation):\n        return observation",
        "axes",
        "return a copy",
    ),
    "bounds": (
        "bounds = np.full(2, 0.2, np.float32)",
        "bounds",
        "leaves its bounds in step",
    ),
    "goals in bytes": (
        "def achieved(self, observation):\n"
        "        return super().achieved(observation).astype(np.uint8)",
        "names",
        "achieved_goal is uint8, not float32",
    ),
    "names": (
        "feature_names = ('x', 'x')",
        "names",
        "feature_names holds a name twice",
    ),
    "no camera": (
        "def spec(self):\n"
        "        spec = super().spec()\n"
        "        for camera in spec.cameras:\n"
        "            spec.delete(camera)\n"
        "        return spec",
        "pictures",
        "add_views(spec, size)",
    ),
    "solved at once": (
        "def start(self, seed):\n"
        "        start = super().start(seed)\n"
        "        return replace(start, goal=start.qpos[None].astype(np.float32))",
        "starts",
        "50 of 50 starts are solved",
    ),
    "steps": ("control_dt = 0.015", "world", "no whole number of physics steps"),
    "raises": (
        "def start(self, seed):\n        raise RuntimeError('no start today')",
        "names",
        "RuntimeError: no start today (defects.py:",
    ),
}


ALONE = ("names", "no camera", "solved at once", "shares memory")  # no other check fails


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_fails_its_check(defect: str, here: Path) -> None:
    body, name, words = DEFECTS[defect]
    lines = [
        "from dataclasses import replace",
        "import numpy as np",
        "from entitybench.registry import resolve",
        "class World(resolve('reach.py:ReachWorld')):",
        f"    {body}",
    ]
    (here / "defects.py").write_text("\n".join([*lines, ""]))
    spec = replace(task("reach.py:TASK"), target="defects.py:World", kwargs={"tolerance": 0.0499})
    from entitybench.envs.worlds import _world

    _world.cache_clear()
    report = eb.check(spec)
    failed = {name for name, said in report.checks.items() if said.startswith("failed")}
    assert name in failed, report
    assert words in report.checks[name]
    assert defect not in ALONE or failed == {name}, report
    if name == "world":
        others = [said for other, said in report.checks.items() if other != name]
        assert set(others) == {"skipped: the world is not sound, see world"}


def test_an_oracle_that_fails_and_one_that_there_is_not(here: Path) -> None:
    spec = task("reach.py:TASK")
    run = CHECKS["oracle"].run
    from entitybench.checks import Broken, NotChecked

    with pytest.raises(NotChecked, match="names no oracle"):
        run(replace(spec, oracle=None))
    (here / "lazy.py").write_text(
        "import numpy as np\n"
        "class Lazy:\n"
        "    def __init__(self, task): pass\n"
        "    def initial_state(self, batch): return None\n"
        "    def act(self, obs, state, rng): return np.zeros((len(rng), 2)), state\n"
    )
    with pytest.raises(Broken, match=r"the oracle solves 0%.*80% or more"):
        run(replace(spec, oracle="lazy.py:Lazy"))


def test_nothing_is_beside_a_region_at_the_other_edge() -> None:
    from entitybench.envs.conformance.play import _beside

    mine = np.zeros((6, 7), bool)
    mine[0, 6] = True
    assert np.argwhere(_beside(mine)).tolist() == [[0, 4], [2, 6]]
    mine[:] = True
    assert not _beside(mine).any()


@pytest.mark.parametrize("id", QUICK)
def test_what_is_registered_passes(id: str) -> None:
    few = [name for name in ("world", "oracle", "copies") if CHECKS[name].applies(tasks()[id])]
    from entitybench.checks import NotChecked

    for name in few:
        if name == "oracle" and kinds()[tasks()[id].kind].does != "policy":
            with pytest.raises(NotChecked, match="inferred"):
                CHECKS[name].run(tasks()[id])
            continue
        CHECKS[name].run(tasks()[id])


def test_a_task_is_named_by_id_module_and_file(here: Path, monkeypatch: Any) -> None:
    assert task("push-1block") is tasks()["push-1block"]
    assert task("reach.py:TASK").id == "reach-1place"
    monkeypatch.syspath_prepend(str(here))
    assert task("reach_tasks:REACH").target == "reach:ReachWorld"
    for wrong, words in (
        ("push-1blok", "Did you mean 'push-1block'"),
        ("reach.py:TSK", "Did you mean 'TASK'"),
        ("nowhere.py:TASK", "no file 'nowhere.py'"),
        ("nowhere:TASK", "no module 'nowhere'"),
        (":TASK", "no module ''"),
    ):
        with pytest.raises(UnknownId, match=words):
            task(wrong)
    for wrong, words in (("reach.py", "write reach.py:NAME"), ("reach.py:ReachWorld", "a class")):
        with pytest.raises(BadValue, match=words):
            task(wrong)


def test_the_looks_of_another_package_are_its_own() -> None:
    from entitybench.checks import NotChecked

    with pytest.raises(NotChecked, match="its light are robosuite's"):
        CHECKS["pictures"].run(tasks()["robosuite-lift"])


def fixed(checks: dict[str, str]) -> Any:
    return lambda _: iter(checks.items())


@pytest.mark.parametrize(
    ("said", "flags", "code"),
    [
        ("done", [], 0),
        ("skipped: no screen", [], 0),
        ("skipped: no screen", ["--strict"], 2),
        ("failed: of no use", [], 2),
    ],
)
def test_exit_codes_are_those_of_lint(
    said: str,
    flags: list[str],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from entitybench.envs.conformance import api

    monkeypatch.setattr(api, "checked", fixed({"world": "done", "pictures": said}))
    assert main(["check", "push-1block", *flags]) == code
    shown = capsys.readouterr().out
    assert said in shown
    assert shown.splitlines()[-1].startswith("push-1block: ")
    assert main(["check", "push-1block", *flags, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert found["checks"] == {"world": "done", "pictures": said}
    assert found[said.partition(":")[0]] == (2 if said == "done" else 1)


def test_there_is_nothing_to_check_where_nothing_is_stepped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from entitybench.envs import worlds

    still = replace(kinds()["graph"], views=None)
    monkeypatch.setattr(worlds, "kinds", lambda: {"graph": still})
    spec = TaskSpec(id="still", version=1, kind="graph", target="nothing:Nothing")
    with pytest.raises(BadValue, match="no environment to step"):
        eb.check(spec)


def test_a_report_prints_a_line_a_check() -> None:
    report = Report("mine", {"world": "done", "oracle": "failed: lazy"})
    assert repr(report).splitlines() == ["mine:", "world       done", "oracle      failed: lazy"]
    assert report.counts == {"done": 1, "skipped": 0, "failed": 1}
    assert np.all([name in report.json() for name in ("task", "done", "failed", "checks")])


def test_every_check_says_what_it_looks_for() -> None:
    for name, check in CHECKS.items():
        assert check.looks_for, name
        assert check.run.__doc__, name
    assert resolve("entitybench.envs.conformance.api:CHECKS") is CHECKS
