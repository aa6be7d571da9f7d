"""What to cite: entries of every task and method, our own as CITATION.cff has it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from entitybench import citations, registry
from entitybench.errors import UnknownId
from entitybench.leaderboard.cli.main import main

ROOT = Path(__file__).parents[2]
SPECS = [*registry.tasks(), *registry.agents()]


def test_every_entry_is_whole_and_cited() -> None:
    entries = citations.entries()
    text = citations.FILE.read_text()
    assert len(entries) == text.count("\n@") + 1
    used = {key for spec in SPECS for key in citations.cited(spec)}
    assert used == set(entries)
    for key, entry in entries.items():
        assert entry.count("{") == entry.count("}"), key
        names = re.findall(r"^  (\w+) = \{", entry, re.MULTILINE)
        assert {"title", "author"} <= set(names), key
        assert len(names) == len(set(names)), key
        assert key == citations.OURS or "year" in names, key


def test_our_own_is_that_of_the_citation_file() -> None:
    ours, file = citations.entries()[citations.OURS], (ROOT / "CITATION.cff").read_text()
    for name in ("title", "version", "license"):
        (value,) = re.findall(rf"^{name}: \"?([^\"\n]+)", file, re.MULTILINE)
        assert f"{name} = {{{value}}}" in ours
    (author,) = re.findall(r"- name: (.+)", file)
    assert f"{{{{{author}}}}}" in ours


def test_methods_with_a_paper_cite_it() -> None:
    for agent in registry.agents():
        assert bool(agent.paper) == bool(agent.cites), agent.id
        for key in agent.cites:
            entry = citations.entries()[key]
            years = re.findall(r"year = \{(\d+)\}", entry)
            surname = re.findall(r"author = \{(\w+),", entry)[0]
            same = surname in agent.paper and years[0] in agent.paper
            assert same or len(agent.cites) > 1, agent.id


def test_tasks_cite_what_they_are_made_after_and_mujoco() -> None:
    for task in registry.tasks():
        keys = citations.cited(task)
        assert keys[0] == citations.OURS
        assert keys[-1] == citations.PHYSICS
    assert "chuck2025ncii" in citations.cited(registry.tasks()["dag-10"])
    assert "peng2021facmac" in citations.cited(registry.tasks()["team-cheetah-2x3"])
    assert citations.cited(registry.tasks()["hopper-pixels"]) == citations.cited(
        registry.tasks()["hopper"]
    )


def test_the_command_prints_bibtex(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "hecrl", "--bibtex"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("@software{entitybench,")
    assert "@inproceedings{haramati2026hecrl," in shown
    assert main(["info", "push-3blocks/play-v1", "--bibtex", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "todorov2012mujoco" in found["bibtex"]


def test_entries_of_others_and_unknown_keys() -> None:
    own = "@misc{mine,\n  title = {Mine},\n}"
    assert citations.bibtex(["entitybench", own, own]).endswith(own)
    with pytest.raises(UnknownId, match="unknown citation 'kostrikov2022'"):
        citations.bibtex(["kostrikov2022"])
