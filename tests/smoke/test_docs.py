"""What the pages tell people to type works: files are written, commands run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from cyclopts import CycloptsError
from pages import blocks

from entitybench import registry
from entitybench.forms import form_of
from entitybench.leaderboard.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("agents/*/*.md")])
RUN = ("claims", "how-to-", "loading", "policies", "records", "submitting", "suites")
HOW_TO = [page for page in PAGES if page.name.startswith(RUN)]


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
@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_how_to_pages_run(page: Path, tmp_path: Path) -> None:
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    site = str(tmp_path / "site")  # `pip install` of a page's package leaves no trace elsewhere
    paths = os.pathsep.join(filter(None, (site, os.environ.get("PYTHONPATH"))))
    own = {"ENTITYBENCH_DATA": str(tmp_path / "data"), "PIP_TARGET": site, "PYTHONPATH": paths}
    environment = {**os.environ, "PATH": tools, **own}
    ran = 0
    for block in blocks(page):
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
            continue
        if block.language == "python":
            steps = [[sys.executable, "-c", block.text]]
        elif block.language == "console":
            lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
            steps = [["bash", "-c", line] for line in lines]
        else:
            continue
        for step in steps:
            done = subprocess.run(
                step, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
            )
            assert done.returncode == 0, f"{step[-1]}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran, f"{page.name} shows nothing that can be run"


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not dead
