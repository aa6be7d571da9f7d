"""Every example runs to its last line: a script as its own process, the notebook cell by cell."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


class Example(NamedTuple):
    words: str  # what follows the script, so that it is short
    needs: str  # a module of an extra, or ""
    extra: str
    says: str  # words of its last lines


CASES = {
    "own_agent.py": Example("10", "", "", "success: "),
    "policy_server.py": Example("0 2", "", "", "seeds × episodes"),
    "sb3_her.py": Example("250", "stable_baselines3", "sb3", "success"),
    "sb3_ppo.py": Example("256", "stable_baselines3", "sb3", "after 256 steps"),
    "pettingzoo_loop.py": Example("30", "", "", "central state: "),
    "minari_round_trip.py": Example("4", "minari", "minari", "has the same content: True"),
    "data_loader.py": Example("10", "torch", "train", "after 10 updates"),
}


def test_every_example_is_run_and_listed() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(CASES)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")]:
        assert f"]({path.name})" in listed
        extra = CASES[path.name].extra if path.suffix == ".py" else "all"
        row = next(line for line in listed.splitlines() if f"]({path.name})" in line)
        assert row.endswith(f"| `.[{extra}]` |" if extra else "| |")
    assert "(examples/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def _output(name: str, words: str, folder: Path) -> str:
    """What an example printed, run with these words in a folder, also its home."""
    case = CASES[name]
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"{case.needs} is not installed: pip install -e '.[{case.extra}]'")
    env = {**os.environ, "ENTITYBENCH_DATA": str(folder / "data"), "HOME": str(folder / "home")}
    env.pop("MINARI_DATASETS_PATH", None)
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *words.split()],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow  # as the pages: `make test-pages`
@pytest.mark.parametrize("name", CASES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    assert CASES[name].says in _output(name, CASES[name].words, tmp_path)


def test_the_policy_server_answers(tmp_path: Path) -> None:
    text = _output("policy_server.py", "0 2", tmp_path)
    assert CASES["policy_server.py"].says in text
    assert "127.0.0.1:" in text


def test_the_agent_of_ones_own_beats_chance(tmp_path: Path) -> None:
    text = _output("own_agent.py", "20", tmp_path)
    mine, oracle, chance = map(int, re.findall(r"(\d+)%", text.splitlines()[-1]))
    assert oracle == 100
    assert mine >= 50 + chance


@pytest.mark.slow
def test_examples_with_data_run_in_one_folder_with_any_number(tmp_path: Path) -> None:
    """One after another, again with another number; nothing is left elsewhere."""
    for name, words in [
        ("data_loader.py", "4"),
        ("minari_round_trip.py", "4"),
        ("data_loader.py", "5"),
        ("minari_round_trip.py", "5"),
    ]:
        _output(name, words, tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert {"data-loader", "minari-round-trip"} <= left
    assert not (tmp_path / "home" / ".minari").exists()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without outputs in git. Its cells are plain Python, so they need no kernel."""
    matplotlib = pytest.importorskip("matplotlib", reason="pip install -e '.[plots]'")
    from entitybench.envs.drawing.gl import make_context
    from entitybench.errors import RenderError

    try:
        make_context(8, 8).free()
    except RenderError as error:
        pytest.skip(str(error))
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    cells = notebook["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    names: dict[str, object] = {}
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        exec(compile("".join(cell["source"]), f"{path.name}: {cell['id']}", "exec"), names)
    assert names["info"]["is_success"]  # type: ignore[index]
    mine, chance = (names[name].summary() for name in ("mine", "random"))  # type: ignore[attr-defined]
    assert len(names["mine"].rows) == 10  # type: ignore[attr-defined]
    assert mine["success_fraction"] >= 0.3 + chance["success_fraction"]
