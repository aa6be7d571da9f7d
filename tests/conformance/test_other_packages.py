"""What other packages register: in the tables, or told and left out. Records run none of it."""

from __future__ import annotations

import json
import os
import pickle  # noqa: TID251 - what workers are sent by
import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGENTS = """
    from entitybench.types import AgentSpec, TaskSpec

    def spec(id="theirs", kind="any", **more):
        target = "theirs:Agent"
        return AgentSpec(id=id, kind=kind, target=target, presets=("small",), **more)

    GOOD = (spec(learns_from="nothing"),)
    NUMBER = 3
    NAMES = ("bc",)
    TAKEN = (spec(learns_from="nothing"), spec("bc", learns_from="nothing"))
    TWICE = GOOD * 2
    KIND = (spec(kind="nokind", learns_from="nothing"),)
    PART = (spec(kind="reward-control", parts={"base": "nobody"}),)

    class Agent:
        configure = create = policy = None
"""


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Has a package offer agents under a name of the module above, or of a module that is none."""
    (tmp_path / "theirs.py").write_text(textwrap.dedent(AGENTS))
    monkeypatch.syspath_prepend(tmp_path)
    real = registry.entry_points

    def offered(value: str) -> None:
        group = "entitybench.agents"
        point = EntryPoint(name="mine", value=value, group=group)
        monkeypatch.setattr(
            registry,
            "entry_points",
            lambda group: [point] if group == point.group else real(group=group),
        )
        registry.agents.cache_clear()

    yield offered
    registry.agents.cache_clear()


BAD = {
    "gone_module:AGENTS": "ModuleNotFoundError: No module named 'gone_module'",
    "theirs:NOTHING": "AttributeError",
    "theirs:NUMBER": "TypeError: 'int' object is not iterable",
    "theirs:NAMES": "it is of AgentSpec, and 'bc' is none",
    "theirs:TAKEN": "agent 'bc' is there already",
    "theirs:TWICE": "agent 'theirs' is there already",
    "theirs:KIND": "unknown kind of agent 'theirs', 'nokind'",
}


@pytest.mark.parametrize("value", BAD)
def test_a_package_that_cannot_be_had_is_left_out(
    value: str, offer: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(value)
    assert main(["info", "bc"]) == 0
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"(entitybench.agents: mine = {value}) are left out" in told
    assert BAD[value] in told
    assert "theirs" not in registry.agents()
    assert "bc" in registry.agents()


def test_a_package_is_in_the_table(offer: Callable[[str], None]) -> None:
    offer("theirs:GOOD")
    assert registry.agents()["theirs"].target == "theirs:Agent"


def test_a_part_that_there_is_not_is_named(
    offer: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offer("theirs:PART")
    out = str(tmp_path / "out")
    assert main(["train", "--agent", "theirs", "--task", "hopper", "--out", out]) == 2
    assert "unknown part of theirs: 'nobody'" in capsys.readouterr().err


def test_kinds_are_listed_where_one_is_unknown() -> None:
    with pytest.raises(registry.UnknownId, match="There are: goal-control"):
        registry.kinds()["nokind"]


def changed(folder: Path, source: Path, change: Callable[[Any], None]) -> str:
    """A record of ours, changed."""
    found = json.loads((REFERENCE / "records" / source).read_text())
    change(found)
    path = folder / "record.json"
    path.write_text(json.dumps(found))
    return str(path)


@pytest.mark.parametrize("command", ["table", "compare"])
@pytest.mark.parametrize("reduce", ["theirs.py:f", "theirs:run", "os:getcwd", "median"])
def test_code_that_a_record_names_is_not_run(
    command: str,
    reduce: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "theirs.py").write_text(
        "from pathlib import Path\nPath('ran').touch()\ndef f(rows): return 1.0\nrun = f\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def change(record: Any) -> None:
        record["metrics"][0]["reduce"] = reduce

    path = changed(tmp_path, Path("hopper/zero.json"), change)
    again = [path] if command == "compare" else []
    assert main([command, path, *again]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not Path("ran").exists()
    if reduce != "median":
        with pytest.raises(registry.UnknownId, match="no kind of tasks here"):
            Record.read(path).summary()


def test_a_metric_without_what_it_is_made_of_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(
        tmp_path,
        Path("dag-10/graph-static.json"),
        lambda record: record["rows"]["values"].pop("tp"),
    )
    assert main(["table", path]) == 2
    assert "'tp'" in capsys.readouterr().err


MINE = """
from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

@dataclass
class Mine:
    numbers: list[int]
    kept: ClassVar[str] = "{kept}"
"""


def test_a_file_is_a_module_like_any_other(tmp_path: Path) -> None:
    for name in ("one", "two"):  # two files of one name are two modules
        (tmp_path / name).mkdir()
        (tmp_path / name / "my.py").write_text(MINE.format(kept=name))
    classes = [registry.resolve(f"{tmp_path / name / 'my.py'}:Mine") for name in ("one", "two")]
    for name, Mine in zip(("one", "two"), classes, strict=True):
        assert pickle.loads(pickle.dumps(Mine([1]))).kept == name
    file = tmp_path / "one" / "my.py"
    file.write_text(MINE.format(kept="changed"))
    os.utime(file, (0, 0))  # whatever the clock's grain
    changed = registry.resolve(f"{file}:Mine")
    assert changed.kept == "changed"
    assert pickle.loads(pickle.dumps(changed([1]))).numbers == [1]


def test_a_file_that_fails_leaves_no_module(tmp_path: Path) -> None:
    (tmp_path / "half_of_it.py").write_text("class Mine: ...\nraise ValueError('half')\n")
    with pytest.raises(BadValue, match=r"cannot be imported: ValueError: half"):
        registry.resolve(f"{tmp_path / 'half_of_it.py'}:Mine")
    assert not [name for name in sys.modules if "half_of_it" in name]
