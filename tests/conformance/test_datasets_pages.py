"""Pages of datasets: every kind of data gets one, and what it says is what the data hold."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from stores import contents, generated, plain_store, rewritten
from uniform_sets import uniform_set

from entitybench.datasets.generate.api import generate
from entitybench.datasets.pages import api
from entitybench.datasets.pages.api import make_all, make_page, read_facts
from entitybench.datasets.pages.behaviour import behaviour
from entitybench.datasets.pages.checkout import refresh
from entitybench.datasets.pages.coverage import BINS, panels
from entitybench.datasets.pages.facts import _policies, facts_of, labels_of, world_like
from entitybench.datasets.pages.index import SHOWN
from entitybench.datasets.pages.moments import people_view, seen_box, two_episodes
from entitybench.datasets.pages.site import site_pages
from entitybench.datasets.pages.text import normalised, page
from entitybench.datasets.store.schema import episode_row
from entitybench.envs.api import world_of
from entitybench.errors import BadValue, DataError, MissingExtra, RenderError, UnknownId
from entitybench.leaderboard.cli.main import main
from entitybench.registry import datasets

KINDS = {  # kind of task -> panels of coverage
    "push-2blocks": ["pusher", "block0, block1"],  # absent entities, contacts; one is never hit
    "hopper": ["torso", "11 of 11 features vary"],
    "kitchen-gripper-4tasks": ["robot"],
    "team-tag": ["adversary_0, adversary_1, adversary_2", "agent_0"],
    "team-matrix-xor": ["actions"],
    "dag-4": ["16 of 16 features vary"],
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    return {kind: generated(kind, folder / kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_has_a_page(kind, stores, tmp_path) -> None:
    store = stores[kind]
    written = make_page(store.folder, tmp_path)
    assert written == tmp_path / f"{kind}.md"
    facts, text = read_facts(tmp_path / f"{kind}.json"), written.read_text()
    assert facts["picture"]["panels"][: len(KINDS[kind])] == KINDS[kind]
    assert f"| transitions | {store.transitions:,} |" in text
    assert f"`{store.manifest['manifest_hash']}`" in text
    for name in store.columns:
        assert f"| `{name}` |" in text
    assert "`Uniform`" in text
    assert f"![Coverage, returns and moments of episodes]({kind}.webp)" in text
    image = Image.open(tmp_path / f"{kind}.webp")
    assert image.width == 960
    assert 306 < image.height < 700
    assert (tmp_path / f"{kind}.webp").stat().st_size < 80_000
    assert page(facts, tmp_path) == text
    assert len(facts["picture"]["strips"]) == 2 or facts["picture"]["no_strips"]


def test_a_page_says_what_the_data_hold(stores) -> None:
    store = stores["hopper"]
    measured = facts_of(store, "x")["measured"]
    assert measured["episodes"] == {"train": 9, "validation": 2}
    assert measured["steps"]["max"] == store.lengths.max()
    returns = [row["return"] for row in store.episodes]
    assert measured["return"]["mean"] == pytest.approx(np.mean(returns), abs=1e-4)
    terminated = [not store.episode(i)["masks"][-1] for i in range(len(store))]
    assert measured["ended"] == pytest.approx(np.mean(terminated), abs=1e-4)
    assert measured["ended"] > 0
    assert measured["labels"]["kind"] == {"uniform": 1.0}
    assert measured["flags"] == {"odd": pytest.approx(np.mean(store.columns["odd"] != 0), abs=0.05)}
    assert measured["distinct"] == 1.0


def test_copies_are_counted(stores, tmp_path) -> None:
    store = stores["team-matrix-xor"]
    columns, rows = contents(store)
    columns["actions"][:] = 0.5
    same = rewritten(store, tmp_path / "same", columns, rows)
    assert facts_of(same, "x")["measured"]["distinct"] == pytest.approx(1 / 11, abs=1e-4)


def test_contacts_are_counted(stores) -> None:
    store = stores["dag-4"]
    contacts = store.columns["contacts"][:, :, :-1] & ~np.eye(4, dtype=bool)
    share = facts_of(store, "x")["measured"]["contacts"]
    assert share == pytest.approx(contacts.any((1, 2)).sum() / store.transitions, abs=1e-4)
    assert share > 0


def test_coverage_counts_every_row_that_is_there(stores) -> None:
    store = stores["push-2blocks"]
    robot, blocks = panels(store, world_like(store))
    rows = int(store.offsets[-1])
    assert robot.counts.shape == (BINS, BINS)
    assert 0.97 * rows <= robot.counts.sum() <= rows
    there = np.repeat(store.columns["entity_masks"], np.diff(store.offsets), axis=0)[:, 1:3]
    assert 0.97 * there.sum() <= blocks.counts.sum() <= there.sum()
    place = np.argwhere(robot.counts)[0]
    left, right, bottom, top = robot.extent
    x = left + (place[1] + 0.5) * (right - left) / BINS
    y = bottom + (place[0] + 0.5) * (top - bottom) / BINS
    apart = np.abs(store.observations[:, 0, :2] - [x, y])
    half = np.array([right - left, top - bottom]) / BINS / 2 + 1e-6
    assert (apart <= half).all(1).any()


def test_data_of_no_task_have_a_page(tmp_path) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "observations": rng.normal(size=(63, 5)).astype(np.float32),
        "actions": rng.normal(size=(63, 2)).astype(np.float32),
    }
    arrays["observations"][3, 1] = np.nan
    arrays["observations"][:, 4] = 7
    store = plain_store(tmp_path / "foreign", arrays, [20, 20, 20])
    text = make_page(store.folder, tmp_path / "pages").read_text()
    facts = read_facts(tmp_path / "pages" / "foreign.json")
    assert facts["picture"]["panels"] == ["4 of 5 features vary"]
    assert facts["picture"]["no_strips"] == "its task is none of ours"
    assert "| task | none of ours |" in text
    assert "no pictures of episodes: its task is none of ours" in text
    assert "| this dataset | – | – |" in text


def test_an_imported_file_has_a_page(tmp_path) -> None:
    h5py = pytest.importorskip("h5py")
    from entitybench.datasets.minari.importer import import_minari

    rng = np.random.default_rng(1)
    with h5py.File(tmp_path / "maze.hdf5", "w") as file:
        file["observations"] = rng.normal(size=(40, 4)).astype(np.float32)
        file["actions"] = rng.uniform(-1, 1, (40, 2)).astype(np.float32)
        file["rewards"] = np.arange(40, dtype=np.float32)
        file["terminals"] = np.zeros(40, bool)
        file["timeouts"] = np.arange(40) % 20 == 19
    store = import_minari(tmp_path / "maze.hdf5", tmp_path / "maze")
    text = make_page(store.folder, tmp_path).read_text()
    assert "| this dataset, mean ± deviation |" in text
    assert "registered | no" in text


def test_what_a_manifest_says_is_no_markup_and_is_not_run(stores, tmp_path) -> None:
    arrays = {"observations": np.zeros((4, 1), np.float32)}
    evil = tmp_path / "evil.py"
    evil.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass P: 'words'\n")
    row = episode_row(0, "train", 3, labels={"<b>": "a|b`c"})
    about = {
        "dataset": "../../x",
        "behaviour": f"{evil}:P",
        "behaviour_kwargs": {"a": "<script>|`"},
        "mujoco": "<script>alert(1)</script>",
    }
    store = plain_store(tmp_path / "evil", arrays, [3], [row], **about)
    text = make_page(store.folder, tmp_path / "pages").read_text()
    assert not (tmp_path / "ran").exists()
    assert "<script>" not in re.sub(r"`[^`\n]*`", "", text)
    assert sorted(p.name for p in (tmp_path / "pages").iterdir()) == [
        "evil.json",
        "evil.md",
        "evil.webp",
    ]


@pytest.mark.parametrize(
    "about",
    [
        {"task_kwargs": {"blocks": "x"}, "behaviour_kwargs": [1], "absent": ["block0"]},
        {"task_kwargs": None, "behaviour": "x:y", "behaviour_kwargs": {"parts": 3, "base": 2}},
        {"reference_scores": {"random": None, "oracle": {"return": None}}},
        {"behaviour": "b:B", "behaviour_kwargs": {"parts": [1, {"share": "half", "kwargs": 2}]}},
        {"task": "push-3blocks"},
        {"task": "no-such-task"},
    ],
)
def test_a_manifest_may_say_anything(about, tmp_path) -> None:
    arrays = {
        "observations": np.full((12, 4, 20), np.nan, np.float32),
        "poses": np.full((12, 11), np.nan, np.float32),
    }
    rows = [
        episode_row(0, "train", 5, labels={"a": [None]}, **{"return": 1e300}),
        episode_row(1, "train", 5, labels={"spread": "spread"}, **{"return": -1e300}),
    ]
    known = {"task": "push-3blocks", "task_version": 1}
    store = plain_store(tmp_path / "odd", arrays, [5, 5], rows, **{**known, **about})
    assert make_page(store.folder, tmp_path).read_text().startswith("# odd\n")


@pytest.fixture
def registered_set(tmp_path, monkeypatch):
    """A tiny dataset with its registered numbers, alone in a data folder."""
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    with uniform_set("push-1block") as spec:
        generate(spec.id, workers=1, say=lambda _: None)
        yield spec


def test_all_pages_and_an_index(registered_set, tmp_path) -> None:
    out, said = tmp_path / "pages", []
    found = make_all(out, say=said.append)
    assert found.made == [registered_set.id]
    assert len(found.absent) == len(datasets()) - 1
    index = (out / "index.md").read_text()
    assert f"[`{registered_set.id}`]({registered_set.id}.md)" in index
    assert "| `push-3blocks/play-v1` | about 330,000 |" in index
    assert index.count("not drawn yet") == len(datasets()) - 1
    picture = out / f"{registered_set.id}.webp"
    before = picture.stat().st_mtime_ns
    (out / f"{registered_set.id}.md").write_text("old words")
    assert make_all(out).kept == [registered_set.id]
    assert picture.stat().st_mtime_ns == before
    assert (out / f"{registered_set.id}.md").read_text().startswith(f"# {registered_set.task}")


def test_the_pages_of_a_checkout(registered_set, tmp_path, monkeypatch) -> None:
    """Facts of all that are here; pages of those that are shown; other pictures beside."""
    id, folders = registered_set.id, [tmp_path / name for name in ("facts", "docs", "build")]
    facts, pages, pictures = folders
    assert refresh(*folders).made == [id]
    found = read_facts(facts / f"{id}.json")
    assert found["manifest"]["dataset"] == id
    assert [path.name for path in pages.rglob("*")] == ["index.md"]
    text = (pages / "index.md").read_text()
    assert f"| `{id}` | {found['manifest']['transitions']:,} |" in text
    assert [path.stem for path in pictures.iterdir()] == [found["manifest"]["manifest_hash"]]
    assert refresh(*folders).kept == [id]

    monkeypatch.setitem(SHOWN, "push", id)
    assert refresh(*folders).made == [id]  # its picture goes elsewhere now
    page = (pages / f"{id}.md").read_text()
    assert (pages / f"{id}.webp").is_file()
    assert f"`datasets/catalogue/facts/{id}.json`" in page
    assert f"[`{id}`]({id}.md)" in (pages / "index.md").read_text()
    site = site_pages({id: found}, pages, pictures)
    assert site.keys() == {f"{id}.md", f"{id}.json", f"{id}.webp", "index.md"}


def test_a_bad_set_does_not_stop_the_others(registered_set, tmp_path, monkeypatch) -> None:
    out, said = tmp_path / "pages", []
    bad = tmp_path / "data" / "push-3blocks" / "play-v1"
    bad.mkdir(parents=True)
    (bad / "manifest.json").write_text("{}")
    found = make_all(out, say=said.append)
    assert found.made == [registered_set.id]
    assert list(found.failed) == ["push-3blocks/play-v1"]
    assert "push-3blocks/play-v1: manifest.json" in said[0]
    good = tmp_path / "data" / registered_set.id
    shutil.rmtree(bad)
    generate("push-3blocks/play-v1", episodes=2, workers=1, out=bad, say=lambda _: None)
    assert "custom" in make_all(out).failed["push-3blocks/play-v1"]
    shutil.rmtree(out)
    monkeypatch.setattr(api, "draw", lambda *_: 1 / 0)
    assert make_all(out).failed[registered_set.id].startswith("ZeroDivisionError")
    assert good.is_dir()


def test_the_command(registered_set, tmp_path, capsys) -> None:
    out = str(tmp_path / "pages")
    assert main(["page", registered_set.id, "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [f"{out}/{registered_set.id}.md"]
    assert main(["page", "--all", "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kept"] == [registered_set.id]
    bad = tmp_path / "data" / "push-3blocks" / "play-v1"
    bad.mkdir(parents=True)
    (bad / "manifest.json").write_text("{}")
    for words in (["--all"], [], ["--all", registered_set.id], ["nowhere"], [str(bad)]):
        assert main(["page", *words, "--out", out]) == 2
        said = capsys.readouterr().err
        assert said.startswith("bench: ")
        assert said.count("\n") == 1


def test_what_is_wrong_is_said(stores, tmp_path, monkeypatch) -> None:
    with pytest.raises(UnknownId, match="'push-3blocks/play-v1'"):
        make_page("push-3block/play-v1", tmp_path)
    with pytest.raises(DataError, match="no folder"):
        make_page("./nowhere", tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "none"))
    with pytest.raises(DataError, match="bench generate push-3blocks/play-v1"):
        make_page("push-3blocks/play-v1", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"manifest\.json"):
        make_page(tmp_path / "empty", tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(stores["dag-4"].folder, copy)
    with (copy / "observations.npy").open("r+b") as file:
        file.seek(400)
        file.write(b"\xff")
    with pytest.raises(DataError, match=r"observations\.npy"):
        make_page(copy, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadValue, match="cannot write"):
        make_page(stores["dag-4"].folder, tmp_path / "file")


def test_without_opengl_the_page_says_so(stores, tmp_path, monkeypatch) -> None:
    def nothing(*_):
        raise RenderError("no EGL.")

    monkeypatch.setattr("entitybench.datasets.pages.moments.frames_of", nothing)
    text = make_page(stores["team-tag"].folder, tmp_path).read_text()
    assert "no pictures of episodes: nothing can be drawn here (no EGL)" in text


def test_without_matplotlib_it_is_asked_for(stores, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"\[plots\]"):
        make_page(stores["dag-4"].folder, tmp_path)


def test_normalised_returns(stores) -> None:
    facts = facts_of(stores["hopper"], "x")
    scores = {who: {"return": r, "success": 0} for who, r in (("random", 10), ("oracle", 110))}
    facts["manifest"] = {"reference_scores": scores}
    facts["measured"]["return"]["mean"] = 60.0
    facts["picture"] = {"marks": ["oracle", "random"]}
    assert normalised(facts) == 50
    facts["picture"] = {"marks": []}  # other lengths than those of the reference
    assert normalised(facts) is None


def test_which_episodes_are_shown() -> None:
    rows = [{"return": value} for value in (1.0, 5.0, 3.0)]
    assert [index for index, _ in two_episodes(rows)] == [1, 2]
    rows = [{"return": value} for value in (1.0, 5.0, 5.0)]
    assert [index for index, _ in two_episodes(rows)] == [2, 0]
    assert [index for index, _ in two_episodes([{"return": 0.0}] * 3)] == [0, 1]
    assert [index for index, _ in two_episodes([{"return": None}])] == [0]
    frames = np.zeros((2, 8, 9, 3), np.uint8)
    frames[1, 2:5, 3:4] = 9
    assert seen_box(frames) == (slice(2, 5), slice(3, 4))


def test_heights_are_seen_from_the_side() -> None:
    assert people_view(world_of("pick-1cube")) == "side"
    assert people_view(world_of("push-1block")) == "top"
    assert people_view(world_of("hopper")) == world_of("hopper").view


def test_policies_are_told_in_words(stores) -> None:
    facts = facts_of(stores["hopper"], "x")
    noisy, fixed = (f"entitybench.datasets.behaviours.basic:{name}" for name in ("Noisy", "Fixed"))
    parts = [{"share": 0.9, "base": noisy, "kwargs": {"sigma": 0.2}}, {"share": 0.1, "base": fixed}]
    facts["manifest"] = {"behaviour": noisy, "behaviour_kwargs": {"parts": parts, "base": fixed}}
    facts["policies"] = _policies([noisy, fixed])
    assert behaviour(facts).splitlines()[:4] == [
        "* `Noisy`",
        "    * `Fixed`",
        "    * 90 % of episodes: `Noisy` (`sigma=0.2`) on the task's script",
        "    * 10 % of episodes: `Fixed`",
    ]
    assert "`Fixed`: One action for ever" in behaviour(facts)


def test_labels_are_counted_or_spread() -> None:
    rows = [{"labels": {"part": i % 2, "size": i / 100}} for i in range(100)] + [{"labels": None}]
    found = labels_of(rows)
    assert found["part"] == {"0": 0.495, "1": 0.495}
    assert found["size"]["spread"]["max"] == 0.99
