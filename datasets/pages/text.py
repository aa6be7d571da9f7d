"""The page of a dataset as Markdown, from its facts alone."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

from entitybench.datasets.pages.behaviour import behaviour
from entitybench.datasets.pages.facts import fields, reference
from entitybench.datasets.pages.markup import (
    arguments,
    code,
    fence,
    megabytes,
    number,
    percent,
    plain,
    table,
)
from entitybench.registry import datasets, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.datasets.pages.facts import Facts
    from entitybench.types import TaskSpec


def page(facts: Facts, folder: Path, *, pictured: bool = True, numbers: str | None = None) -> str:
    """The page.

    Args:
        facts: `facts.facts_of` and, under "picture", what `picture.draw` tells of it.
        folder: where the page is to lie: it links to pages that are there, such as the task's.
        pictured: whether its picture lies beside it.
        numbers: Markdown that leads to the facts; None: they lie beside it.
    """
    parts = [
        f"# {plain(facts['name'])}",
        facts["summary"] and _sentence(facts["summary"]),
        _picture(facts) if pictured else _missing(facts),
        _overview(facts, folder),
        "## Get it",
        _commands(facts),
        "## Behaviour",
        behaviour(facts),
        "## Scores",
        _scores(facts),
        *_section("## Labels and flags", _labels(facts)),
        "## Columns",
        _columns(facts, folder),
        f"The numbers of this page and the manifest: {numbers or _beside(facts)}. Made by "
        f"`bench page {shlex.quote(facts['name'])}`.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _beside(facts: Facts) -> str:
    return f"[JSON]({file_stem(facts)}.json)"


def file_stem(facts: Facts) -> str:
    """The name of the page's files, without the suffix."""
    return str(facts["name"]).rpartition("/")[2]


def family(task: str | None) -> str | None:
    """The folder of worlds that a task belongs to: its page has that name. None: not ours."""
    if task is None or task not in tasks():
        return None
    spec: TaskSpec = tasks()[task]
    parts = spec.target.split(".")
    if spec.kind == "team-control" and "locomotion" in parts:
        return "team"
    return parts[2] if parts[:2] == ["entitybench", "envs"] else None


def normalised(facts: Facts) -> float | None:
    """The mean return where random actions are 0 and the script is 100; None where unknown.

    Also where the data's episodes have other lengths than those of the reference scores.
    """
    low, high = (reference(facts, who) for who in ("random", "oracle"))
    if low is None or high is None or not facts["picture"]["marks"]:
        return None
    mean, gap = facts["measured"]["return"]["mean"], high["return"] - low["return"]
    return 100 * (mean - low["return"]) / gap if gap else None


def is_there(folder: Path, link: str) -> bool:
    """Whether a link from a page in a folder, which need not be there yet, leads to a file."""
    return os.path.isfile(os.path.normpath(folder / link))


def _section(title: str, body: str) -> list[str]:
    return [title, body] if body else []


def _sentence(words: str) -> str:
    return plain(words[:1].upper() + words[1:]) + "."


def _picture(facts: Facts) -> str:
    picture = facts["picture"]
    shown = [
        f"left: where states lie ({'; '.join(map(plain, picture['panels']))}), darker is oftener, "
        "on a logarithmic scale"
        if picture["panels"]
        else "no observations in numbers, so no coverage"
    ]
    unit = "steps" if facts["measured"]["return"] is None else "returns"
    dashed = f", dashed: {' and '.join(picture['marks'])}" if picture["marks"] else ""
    shown.append(f"right: {unit} of episodes{dashed}")
    if picture["strips"]:
        shown.append("below: moments of two episodes, drawn from the stored poses, no goal shown")
    else:
        shown.append(f"no pictures of episodes: {plain(picture['no_strips'])}")
    words = "; ".join(shown)
    alt = "Coverage, returns and moments of episodes"
    return f"![{alt}]({file_stem(facts)}.webp)\n\n*{words[:1].upper()}{words[1:]}.*"


def _missing(facts: Facts) -> str:
    """Words instead of the picture."""
    name = shlex.quote(facts["name"])
    return (
        f"*No picture here: `bench page {name}` draws it, and moments of episodes, from the data.*"
    )


def _overview(facts: Facts, folder: Path) -> str:
    manifest, measured = facts["manifest"], facts["measured"]
    episodes = ", ".join(f"{count:,} {plain(name)}" for name, count in measured["episodes"].items())
    rows = [
        ("", ""),
        ("made as", "" if manifest["dataset"] == facts["name"] else code(manifest["dataset"])),
        ("task", _task(manifest, folder)),
        ("episodes", episodes),
        ("transitions", f"{manifest['transitions']:,}"),
        ("length of an episode", _lengths(measured)),
        ("seed", plain(manifest.get("seed", "–"))),
        ("absent", _absent(manifest)),
        ("different observations with actions", percent(measured["distinct"])),
        ("transitions with a contact", _or_nothing(measured["contacts"])),
        ("on disk", megabytes(manifest)),
        ("MuJoCo", plain(manifest.get("mujoco") or "–")),
        ("registered", _registered(facts)),
        ("content hash", code(manifest["content_hash"])),
        ("manifest hash", code(manifest["manifest_hash"])),
    ]
    return table([row for row in rows if row == ("", "") or row[1]])


def _task(manifest: Mapping[str, Any], folder: Path) -> str:
    if manifest["task"] is None:
        return "none of ours"
    words = code(manifest["task"])
    home = f"{family(manifest['task'])}.md"
    for up in ("..", "../.."):
        if is_there(folder, f"{up}/{home}"):
            words = f"[{words}]({up}/{home})"
    words += f", version {manifest['task_version']}"
    kwargs = fields(manifest.get("task_kwargs"))
    return f"{words}, {arguments(kwargs)}" if kwargs else words


def _lengths(measured: Mapping[str, Any]) -> str:
    steps = measured["steps"]
    if steps is None:
        return ""
    same = steps["min"] == steps["max"]
    words = number(steps["max"]) if same else f"{number(steps['min'])} to {number(steps['max'])}"
    words += " steps" if same else f" steps, {number(steps['mean'])} on average"
    ended = measured["ended"]
    return f"{words}; {percent(ended)} of episodes ended by a state" if ended else words


def _absent(manifest: Mapping[str, Any]) -> str:
    absent = manifest.get("absent")
    if isinstance(absent, list):
        return ", ".join(map(code, absent))
    return f"each movable entity in {percent(absent)} of episodes" if absent else ""


def _or_nothing(share: float | None) -> str:
    return "" if share is None else percent(share)


def _registered(facts: Facts) -> str:
    manifest = facts["manifest"]
    if manifest.get("custom"):
        return "no: other episodes, seed or data than a registered dataset has (`custom`)"
    return f"yes, size {plain(manifest.get('size', '–'))}" if _known(facts) else "no"


def _known(facts: Facts) -> bool:
    manifest = facts["manifest"]
    return manifest["dataset"] in datasets() and not manifest.get("custom")


def _commands(facts: Facts) -> str:
    name = facts["name"]
    if not _known(facts):
        lines = [f"bench lint {shlex.quote(name)}"]
        return fence("console", lines) + "\n\n" + fence("python", _loading(name))
    id, _, size = name.partition("@")
    option = f" --size {size}" if size else ""
    lines = [
        f"bench generate {id}{option}",
        f"bench download {name} --from URL",
        f"bench lint {name}",
    ]
    return fence("console", lines) + "\n\n" + fence("python", _loading(name))


def _loading(name: str) -> list[str]:
    opened = f'store = eb.load_dataset("{name}")'
    return ["import entitybench as eb", "", opened, 'train = store.split("train")']


def _scores(facts: Facts) -> str:
    measured = facts["measured"]
    spread = measured["return"]
    rows = [("", "return", "success in the last state")]
    if spread is None:
        rows.append(("this dataset", "–", percent(measured["success"])))
    else:
        words = f"{number(spread['mean'])} ± {number(spread['std'])}"
        words += f", from {number(spread['min'])} to {number(spread['max'])}"
        rows.append(("this dataset, mean ± deviation", words, percent(measured["success"])))
    for who, title in (("random", "random actions"), ("oracle", "scripted oracle")):
        about = reference(facts, who)
        if about is not None:
            rows.append((title, number(about["return"]), percent(about["success"])))
    return "\n\n".join([table(rows), *_remarks(facts)])


def _remarks(facts: Facts) -> list[str]:
    how, score = fields(facts["manifest"].get("reference_scores")).get("how"), normalised(facts)
    remarks = []
    if score is not None:
        remarks.append(f"Normalised return (random 0, oracle 100): {score:.1f}.")
    elif reference(facts, "oracle") and not facts["picture"]["marks"]:
        remarks.append(
            f"The reference scores are of {facts['horizon']} steps; episodes here have another "
            "length, so their returns do not compare."
        )
    if how:
        remarks.append(f"Reference scores: {plain(how)}.")
    return remarks


def _labels(facts: Facts) -> str:
    measured, rows = facts["measured"], [("", "", "share")]
    for label, shares in measured["labels"].items():
        if "spread" in shares and isinstance(shares["spread"], dict):
            spread = shares["spread"]
            words = f"from {number(spread['min'])} to {number(spread['max'])}"
            rows.append((f"label {code(label)}", words, f"mean {number(spread['mean'])}"))
            continue
        for value, share in shares.items():
            rows.append((f"label {code(label)}", code(value), f"{percent(share)} of episodes"))
    for flag, share in measured["flags"].items():
        rows.append((f"flag {code(flag)}", "set", f"{percent(share)} of transitions"))
    return table(rows) if len(rows) > 1 else ""


def _columns(facts: Facts, folder: Path) -> str:
    manifest = facts["manifest"]
    rows = [("column", "an entry", "type", "one a", "size")]
    for name, about in manifest["columns"].items():
        file = f"{name}.{'h5' if about.get('format') == 'hdf5' else 'npy'}"
        size = manifest["files"][file]["bytes"]
        shape = " × ".join(map(str, about["shape"])) or "a number"
        kind = code(about["dtype"].lstrip("<|>"))
        rows.append((code(name), shape, kind, about["per"], f"{size / 1e6:,.2f} MB"))
    home = "../../dataset-format.md"
    if is_there(folder, home):
        return f"{table(rows)}\n\nWhat they mean: [format]({home}).{_names(facts)}"
    return table(rows) + _names(facts)


def _names(facts: Facts) -> str:
    world = facts["world"]
    if world is None:
        return ""
    words = [
        f"{title}: {', '.join(map(code, world[key]))}."
        for key, title in (
            ("entities", "Entities"),
            ("features", "Features of an entity"),
            ("agents", "Agents"),
            ("agent_features", "Features of what an agent observes"),
        )
        if world[key]
    ]
    return "".join(f"\n\n{line}" for line in words)
