"""Every example runs to its last line: a script as its own process, the notebook cell by cell."""

from __future__ import annotations

import importlib.util
import json
import os
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


@pytest.mark.parametrize("name", CASES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    if case.needs and importlib.util.find_spec(case.needs) is None:
        pytest.skip(f"{case.needs} is not installed: pip install -e '.[{case.extra}]'")
    own = {"ENTITYBENCH_DATA": str(tmp_path / "data"), "MINARI_DATASETS_PATH": str(tmp_path / "m")}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *case.words.split()],
        cwd=tmp_path,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert case.says in done.stdout


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
    assert len(names["mine"].rows) == 10  # type: ignore[attr-defined]
