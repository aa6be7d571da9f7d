"""docs/api.md has every function of `eb` with every argument, and says what each means."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import entitybench as eb
from entitybench.leaderboard.documents.api import PASSED_ON, arguments, names, read, shown
from entitybench.registry import resolve

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def section(name: str) -> str:
    found = PAGE.partition(f"\n## eb.{name}\n")[2]
    assert found, f"docs/api.md lacks eb.{name}: run `make results`"
    return found.partition("\n## ")[0]


def test_every_name_of_eb_is_on_the_page() -> None:
    assert set(eb.__all__) == {"__version__", *names()}
    assert re.findall(r"^## eb\.(\w+)$", PAGE, re.MULTILINE) == names()


@pytest.mark.parametrize("name", names())
def test_every_argument_is_on_the_page_and_explained(name: str) -> None:
    text = section(name)
    rows = dict(re.findall(r"^\| `(\*{0,2}\w+)` \|.*\| (.*) \|$", text, re.MULTILINE))
    variable = inspect.Parameter.VAR_KEYWORD
    for argument, about in inspect.signature(getattr(eb, name)).parameters.items():
        called = f"**{argument}" if about.kind is variable else argument
        assert rows.get(called), f"{argument} of eb.{name} is not explained"
        if about.default is not about.empty:
            assert f"| `{shown(about.default)}` |" in text
    # What is passed on: every argument that the classes behind name.
    for target in PASSED_ON.get(name, ()):
        for argument, about in inspect.signature(resolve(target)).parameters.items():
            if about.kind is about.KEYWORD_ONLY:
                assert rows.get(argument), f"{argument} of eb.{name} is not explained"
    assert all(row.meaning for row in arguments(name))
    assert not re.search(r"\| *\|$", text, re.MULTILINE)


@pytest.mark.parametrize("name", names())
def test_docstrings_name_no_argument_that_there_is_not(name: str) -> None:
    function = getattr(eb, name)
    told = {each.arg_name for each in read(function).params}
    assert told <= set(inspect.signature(function).parameters)
