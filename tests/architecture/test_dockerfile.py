"""The Dockerfile cannot be built by the tests; what it names exists, and fits the project."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from entitybench.envs.drawing.gl import ADVICE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _lines(word: str) -> list[str]:
    return re.findall(rf"^{word} (.+)$", TEXT, re.MULTILINE)


def test_python_is_the_oldest_that_the_project_takes() -> None:
    (image,) = _lines("FROM")
    (version,) = re.findall(r"^python:(\d+\.\d+)-slim$", image)
    allowed = SpecifierSet(PROJECT["requires-python"])
    major, minor = map(int, version.split("."))
    assert f"{version}.0" in allowed
    assert f"{major}.{minor - 1}.0" not in allowed


def test_what_is_installed_is_pinned_and_offered() -> None:
    installs = [line for line in _lines("RUN") if "pip install" in line]
    assert len(installs) == 2
    for line in installs:
        (pins,) = re.findall(r"-c (\S+)", line)
        assert (ROOT / pins).is_file()
        assert any(copied.split()[0] in (pins, ".") for copied in _lines("COPY"))
    pinned = dict(
        line.split("==") for line in (ROOT / pins).read_text().splitlines() if "==" in line
    )
    (extra,) = re.findall(r"'\.\[(\w+)\]'", installs[1])
    assert extra in PROJECT["optional-dependencies"]
    (torch,) = [
        each
        for each in map(Requirement, PROJECT["optional-dependencies"]["train"])
        if each.name == "torch"
    ]
    assert pinned["torch"] in torch.specifier  # of the build for processors, by its own index
    assert " torch " in installs[0]
    assert "--index-url" in installs[0]


def test_it_can_draw_and_starts_the_command() -> None:
    (system,) = [line for line in _lines("RUN") if "apt-get install" in line]
    advised = set(re.findall(r"\blib[\w-]+", ADVICE.partition("apt-get install")[2]))
    assert advised <= set(system.split())
    (entry,) = _lines("ENTRYPOINT")
    assert set(json.loads(entry)) == set(PROJECT["scripts"])
    (env,) = _lines("ENV")
    names = [word.partition("=")[0] for word in env.split()]
    assert names == ["ENTITYBENCH_DATA", "OMP_NUM_THREADS", "HOME"]  # any user may write there
    assert "ENTITYBENCH_DATA" in (ROOT / "src" / "entitybench" / "places.py").read_text()
    work = _lines("WORKDIR")[-1]
    assert env.startswith(f"ENTITYBENCH_DATA={work}/")


def test_what_is_left_out_of_the_image_is_not_needed_in_it() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    packages = PROJECT["name"], "src", "envs", "datasets", "agents", "leaderboard", "constraints"
    assert not set(ignored) & {*packages, "README.md", "LICENSE", "setup.py", "pyproject.toml"}
    assert {".git", "tests", "data"} <= set(ignored)
