"""What the pages tell people to type works: files are written, commands run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from cyclopts import CycloptsError
from lasting import free_port, lasts, on_port, running
from pages import Block, blocks

from entitybench import registry
from entitybench.forms import form_of
from entitybench.leaderboard.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("agents/*/*.md")])
# Not run here: every example of every command, hours of training, files that a reader has, a page
# with a test of its own, what another page runs too, another project's program, signatures alone.
ELSEWHERE = (
    "api",
    "command-line",
    "hecrl",
    "index",
    "lint",
    "hosting-a-mirror",
    "dataset-format",
    "speed",
)
NOT_HERE = ("python -m entitybench.datasets.experts.", "pip install -e ")


def commands(page: Path) -> list[list[str]]:
    """The words of every complete `bench ...` line of a page, in blocks and in running text."""
    text = page.read_text()
    lines = [line.removeprefix("$ ") for line in text.splitlines()]
    lines += re.findall(r"`(bench [^`\n]+)`", text)
    found = [line.partition(" #")[0].split() for line in lines if line.startswith("bench ")]
    return [words for words in found if len(words) > 1 and not _is_pattern(words)]


def _is_pattern(words: list[str]) -> bool:
    """Whether a line only shows the form of a command: [optional], ALTERNATIVES, three dots."""
    return any(re.search(r"[\[\]|…{}<>]|\.\.\.|^[A-Z]+$|^\W+$", word) for word in words)


# Pages of datasets are all made by one function, so some of them will do.
WRITTEN = [page for page in PAGES if "datasets" not in page.parts[-3:-1]]
RUN = [
    page
    for page in WRITTEN
    if page.parent != ROOT and page.stem not in ELSEWHERE
    if any(block.language in {"console", "python"} for block in blocks(page))
]
MADE = [page for page in PAGES if page not in WRITTEN][::20]
CASES = [(page, words) for page in (*WRITTEN, *MADE) for words in commands(page)]


@pytest.mark.parametrize(
    ("page", "words"), CASES, ids=[f"{p.name}: {' '.join(w)}" for p, w in CASES]
)
def test_commands_in_the_documentation_exist(page: Path, words: list[str]) -> None:
    options = dict(pairwise(words))
    assert _refusal(words) == ""
    if "--task" in options and options["--task"] not in _invented(page):
        assert options["--task"] in registry.tasks()
    agent = options.get("--agent", ".py")
    if not agent.partition(":")[0].endswith(".py") and form_of(agent) is None:
        assert options["--agent"] in registry.agents() or options["--agent"] in _invented(page)


def _refusal(words: list[str]) -> str:
    """What the command line has against these words. A bare `bench eval` names a command: fine."""
    try:
        app.parse_args(words[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        bare = len(words) == 2 and words[1] in list(app)
        return "" if bare else str(error)
    return ""


def _invented(page: Path) -> set[str]:
    """Ids that a how-to page makes itself, and where it says `seen(` those of their pixels."""
    text = page.read_text()
    found = set(re.findall(r'id="([^"]+)"', text))
    return found | {f"{id}-pixels" for id in found if "seen(" in text}


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_pages_run_to_their_last_line(page: Path, tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    site = str(tmp_path / "site")  # `pip install` of a page's package leaves no trace elsewhere
    paths = os.pathsep.join(filter(None, (site, os.environ.get("PYTHONPATH"))))
    own = {"ENTITYBENCH_DATA": str(tmp_path / "data"), "PIP_TARGET": site, "PYTHONPATH": paths}
    own["ENTITYBENCH_BOARD"] = str(tmp_path / "store")
    environment = {**os.environ, "PATH": tools, **own}
    port, ran = free_port(), 0
    with ExitStack() as beside:
        for block in blocks(page):
            if block.title:
                (tmp_path / block.title).write_text(block.text, encoding="utf-8")
                continue
            for step in _steps(block, port):
                ran += 1
                if lasts(step[-1]):
                    beside.enter_context(running(step[-1], tmp_path, environment))
                    continue
                done = subprocess.run(
                    step, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900
                )
                assert done.returncode == 0, f"{step[-1]}\n{done.stdout}\n{done.stderr}"
    assert ran, f"{page.name} shows nothing that can be run"


def _steps(block: Block, port: int) -> list[list[str]]:
    """What is run for a block; this package is installed already."""
    if block.language == "python":
        return [[sys.executable, "-c", block.text]]
    if block.language != "console":
        return []
    lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    lines = [line.partition(" #")[0].strip() for line in lines if not line.startswith(NOT_HERE)]
    lines = [re.sub(r"^(bench eval (?!.*--episodes).*)$", r"\1 --episodes 2", s) for s in lines]
    return [["bash", "-c", on_port(line, port)] for line in lines]


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not dead
