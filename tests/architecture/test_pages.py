"""Documents say what the stored records say, and the records are of the worlds and weights here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entitybench.envs.core.api import world_of
from entitybench.envs.push import world as push
from entitybench.errors import BadValue
from entitybench.leaderboard.harness.api import reference_weights
from entitybench.leaderboard.harness.provenance import model_hash, task_hash
from entitybench.leaderboard.harness.weights import REFERENCE, Checkpoint, owner, read_meta
from entitybench.leaderboard.tables.pages import documents, filled
from entitybench.records import Record
from entitybench.registry import agent, tasks

ROOT = Path(__file__).parents[2]
STORED = sorted((REFERENCE / "records").glob("*/*.json"))


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_documents_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert filled(text) == text, "run `make results`"


def test_blocks_are_written_anew(tmp_path: Path) -> None:
    text = "a\n<!-- results: push-3blocks -->\nold\n<!-- end -->\nb\n"
    empty = filled(text, tmp_path)
    assert empty == "a\n<!-- results: push-3blocks -->\n<!-- end -->\nb\n"
    assert filled("<!-- commands --><!-- end -->") == "<!-- commands --><!-- end -->"
    once = filled("<!-- commands -->\n<!-- end -->")
    assert "| `bench eval` |" in once
    assert filled(once) == once
    with pytest.raises(BadValue, match="reslts"):
        filled("<!-- reslts: push-3blocks -->\n<!-- end -->")


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_stored_records_are_of_what_is_here(path: Path) -> None:
    record = Record.read(path)
    task = tasks()[record.task.id]
    origin = record.agent.weights_from
    name = f"{record.agent.id}-from-{origin}" if origin else record.agent.id
    assert (path.parent.name, path.stem) == (task.id, name)
    assert record.task.version == task.version
    assert record.hashes.task == task_hash(task)
    assert record.hashes.model == model_hash(world_of(task)), f"evaluate {name} again"
    assert [e.seed for e in record.episodes if e.training_seed == record.training_seeds[0]] == list(
        range(100)
    )
    spec = agent(record.agent.id)
    if spec.trains:
        shipped = reference_weights(owner(spec), origin or task.id)
        hashes = {
            str(seed): Checkpoint(folder, read_meta(folder), True).sha256
            for seed, folder in shipped.items()
        }
        assert record.hashes.weights == hashes, f"evaluate {name} again"


def test_the_worlds_page_has_the_worlds_numbers() -> None:
    page = (ROOT / "docs" / "push.md").read_text(encoding="utf-8")
    world = world_of("push-3blocks")
    assert isinstance(world, push.PushWorld)
    for words in (
        f"at most {100 * world.tolerance:g} cm from its goal",
        f"{push.REACH * 100:g} cm ahead",
        f"edge {200 * push.HALF_EDGE:g} cm",
        f"radius {100 * push.PUSHER_RADIUS:g} cm",
        f"{100 * push.SPACING:g} cm apart",
        f"at least {100 * push.PUSHER_SPACING:g} cm from every block",
        f"a = {world.area:g} m",
        f"±(a + {100 * (world.rail - world.area):.0f} cm)",
        f"±(a + {100 * (world.edge - world.area):.0f} cm)",
        f"{1 / world.control_dt:g} Hz control, {world.substeps} physics steps",
        f"{tasks()['push-3blocks'].horizon // 3} steps a block",
        f"| degrees of freedom | {world.model.nv} |",
    ):
        assert words in page


def test_pictures_are_small() -> None:
    for path in (ROOT / "docs" / "images").iterdir():
        assert path.stat().st_size <= 2e6, path.name
        shown = [page for page in ROOT.glob("docs/*.md") if path.name in page.read_text()]
        assert shown or path.name in (ROOT / "README.md").read_text(), f"{path.name} is not shown"


def test_pages_that_show_results_name_their_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "bench reproduce hecrl" in readme
    assert re.search(r"^<!-- results: push-3blocks -->$", readme, re.MULTILINE)
