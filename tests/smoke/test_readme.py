"""The README: its two commands first, and all that it shows, run in order."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from lasting import free_port, lasts, on_port, running
from pages import blocks, write_files

import entitybench as eb

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TASK = "push-3blocks"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_two_commands_come_first() -> None:
    first = [line.removeprefix("$ ") for line in _blocks("console")[0].splitlines()]
    assert [line.split("#")[0].split() for line in first] == [["make", "eval"], ["make", "test"]]
    makefile = (ROOT / "Makefile").read_text()
    assert f"bench eval --agent hecrl --task {TASK} $(ARGS)" in makefile
    assert "pytest" in makefile.partition("\ntest:")[2].partition("\n\n")[0]


def test_python_names_exist() -> None:
    used = {
        node.attr
        for block in _blocks("python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "eb"
    }
    assert {"make", "make_vec", "load_dataset", "train", "load_agent", "evaluate"} <= used
    assert used <= set(eb.__all__)
    for name in used:
        assert callable(getattr(eb, name))


# What takes minutes in full, and what it is tried with instead.
SHORTER = (
    (r"--preset small", "--preset tiny"),
    (r"^(bench train (?!.*--preset).*)$", r"\1 --preset tiny"),
    (r" --episodes \d+", ""),
    (r"^(bench eval .*)$", r"\1 --episodes 2"),
)
# Set-up, and hours: `test_harness_reproduce.py` runs `bench reproduce` on small claims.
NOT_HERE = ("make ", "pip ", "source ", "bench reproduce ")


def _lines() -> list[str]:
    """Every command that the README shows, in order, without its remark."""
    shown = "".join(block.text for block in blocks(ROOT / "README.md") if not block.title)
    return [
        line.removeprefix("$ ").partition(" #")[0].strip()
        for line in shown.splitlines()
        if line.startswith("$ ")
    ]


def test_data_are_made_before_they_are_trained_on() -> None:
    lines = _lines()
    made = lines.index("bench generate push-3blocks/play-v1")
    for k, line in enumerate(lines):
        if line.startswith("bench train"):
            assert "--generate" in line or (made < k and "--task push-3blocks" in line)


@pytest.mark.slow
def test_what_the_readme_shows_runs_in_order_on_an_empty_data_folder(tmp_path: Path) -> None:
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"ENTITYBENCH_DATA": str(tmp_path / "data"), "PATH": paths}
    own["ENTITYBENCH_BOARD"] = str(tmp_path / "store")

    def run(*words: str) -> None:
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{words[-1]}\n{done.stdout}\n{done.stderr}"

    write_files(ROOT / "README.md", tmp_path)
    port, ran = free_port(), 0
    with ExitStack() as beside:
        for line in _lines():
            if line.startswith(NOT_HERE):
                continue
            ran += 1
            if lasts(line):
                served = on_port(line, port)
                beside.enter_context(running(served, tmp_path, {**os.environ, **own}))
                continue
            for long, short in SHORTER:
                line = re.sub(long, short, line)
            run("bash", "-c", on_port(line, port))
    assert ran >= 8
    python = "".join(b.text for b in blocks(ROOT / "README.md") if b[:2] == ("python", ""))
    assert "episodes=100" in python
    run(sys.executable, "-c", python + "\nassert len(record.rows) == 100\n")
