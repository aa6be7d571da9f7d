"""The package map of pyproject.toml, the tree, and the links for type checkers say the same."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("envs", "datasets", "agents", "leaderboard")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]


def test_package_list_matches_the_tree() -> None:
    found = set()
    for name, folder in SETUPTOOLS["package-dir"].items():
        found.add(name)
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join([name, *init.parent.relative_to(ROOT / folder).parts]))
    assert found == set(SETUPTOOLS["packages"])


def test_every_module_lies_in_a_package() -> None:
    listed = {
        ROOT / folder / Path(*package.removeprefix(name).strip(".").split("."))
        for package in SETUPTOOLS["packages"]
        for name, folder in SETUPTOOLS["package-dir"].items()
        if package == name or (name != "entitybench" and package.startswith(name + "."))
    }
    strays = [
        str(module.relative_to(ROOT))
        for folder in FOLDERS
        for module in (ROOT / folder).rglob("*.py")
        if module.parent not in listed
    ]
    assert not strays, "modules that the wheel would leave out"


@pytest.mark.parametrize("folder", FOLDERS)
def test_top_level_folders_cannot_shadow_other_packages(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists(), f"{folder}/ must stay a namespace portion"


def test_links_for_type_checkers_cover_the_package() -> None:
    links = ROOT / "tests" / "typing" / "entitybench"
    if not any(link.is_symlink() for link in links.iterdir()):
        pytest.skip("this checkout has no symbolic links; they serve type checkers only")
    expected = {path.name for path in (ROOT / "src" / "entitybench").iterdir()} - {"__pycache__"}
    expected |= set(FOLDERS)
    assert {link.name for link in links.iterdir()} - {"__pycache__"} == expected
    for link in links.iterdir():
        assert link.exists(), f"{link.name} points nowhere"
        assert not link.readlink().is_absolute(), f"{link.name} must be a relative link"


def test_optional_groups_reach_all_and_dev() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert {"train", "minari", "video", "plots", "sb3", "peers", "docs", "all", "dev"} <= set(
        extras
    )


@pytest.mark.parametrize("file", ["default.txt", "numpy1.txt"])
def test_constraints_are_exact_pins(file: str) -> None:
    lines = (ROOT / "constraints" / file).read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins, f"constraints/{file} pins nothing"
    for pin in pins:
        name, _, version = pin.partition("==")
        assert name, pin
        assert version[:1].isdigit(), pin
        assert "+" not in version, f"{pin}: a local build is not on every machine"


def test_the_citation_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    assert f"version: {project['version']}" in lines
    assert f"license: {project['license']}" in lines
