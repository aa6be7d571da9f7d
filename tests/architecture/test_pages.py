"""Documents say what the stored records say, and the records are of the worlds and weights here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entitybench.claims import Arm, Measured
from entitybench.envs.api import world_of
from entitybench.envs.push import sizes
from entitybench.envs.push import world as push
from entitybench.errors import BadValue
from entitybench.leaderboard.board.build import host_row
from entitybench.leaderboard.board.entries import host_id
from entitybench.leaderboard.board.prepared import prepared
from entitybench.leaderboard.claims.arms import kept_record
from entitybench.leaderboard.claims.outcome import Reproduction
from entitybench.leaderboard.claims.plan import kept, needs
from entitybench.leaderboard.claims.quantities import Results
from entitybench.leaderboard.claims.registered import claims
from entitybench.leaderboard.claims.verdicts import Finding, Verdict, judge
from entitybench.leaderboard.documents.pages import documents, filled, is_told
from entitybench.leaderboard.documents.schemas import FOLDER, schemas
from entitybench.leaderboard.evaluation.evaluate import Options
from entitybench.leaderboard.evaluation.provenance import task_hash
from entitybench.leaderboard.evaluation.stored import record_path
from entitybench.leaderboard.evaluation.weights import (
    REFERENCE,
    Checkpoint,
    owner,
    read_meta,
    reference_weights,
)
from entitybench.leaderboard.training.metrics import METRICS
from entitybench.records import Record
from entitybench.registry import agent, kinds, resolve, tasks

ROOT = Path(__file__).parents[2]
VERDICTS = sorted((REFERENCE / "verdicts").glob("*.json"))
STORED = sorted((REFERENCE / "records").glob("*/*.json"))
IN_PROFILES = sorted((REFERENCE / "profiles").glob("*/*/*.json"))


@pytest.mark.parametrize("path", documents(ROOT), ids=lambda path: path.name)
def test_documents_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert filled(text) == text, "run `make results`"


@pytest.mark.parametrize("name", schemas())
def test_schemas_are_up_to_date(name: str) -> None:
    assert (ROOT / FOLDER / name).read_text() == schemas()[name], "run `make results`"


def test_rows_of_a_new_board_are_up_to_date() -> None:
    """All are of the records that are there; what is in them, of every sixteenth."""
    rows = prepared(REFERENCE)
    assert list(rows) == [host_id(path) for path in STORED], "run `make results`"
    for path in STORED[::16]:
        assert rows[host_id(path)] == host_row(path).entry, "run `make results`"


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
    dataset = next((each.dataset for each in record.data), None)
    assert path == record_path(name, task.id, dataset=None if origin else dataset)
    assert record.task.version == task.version
    assert record.hashes.task == task_hash(task)
    if not task.extra:  # those models are another package's, and each of its versions has its own
        evaluator = resolve(kinds()[record.kind].evaluator)()
        found = evaluator.model_hash(task, Options(bank=record.task.bank))
        assert record.hashes.model == found, f"evaluate {name} again"
    first = record.training_seeds[0]
    items = [row.item for row in record.rows if row.training_seed == first]
    # The ends of every scale have them all. Fewer have what learned where another simulator is
    # slow, and what holds an action where an episode takes seconds.
    fewest = 20 if (task.extra and record.data) or name in ("zero", "constant") else 100
    assert fewest <= len(items) <= 100
    assert items == list(range(len(items)))
    spec = agent(record.agent.id)
    if spec.trains:
        shipped = reference_weights(owner(spec), origin or task.id, None if origin else dataset)
        hashes = {
            str(seed): Checkpoint(folder, read_meta(folder), True).sha256
            for seed, folder in shipped.items()
        }
        if hashes:  # of most agents no weights are shipped
            assert record.hashes.weights == hashes, f"evaluate {name} again"


@pytest.mark.parametrize(
    "path", IN_PROFILES, ids=lambda path: "/".join([*path.parts[-3:-1], path.stem])
)
def test_records_of_profiles_are_where_they_belong(path: Path) -> None:
    record = Record.read(path)
    agent_id, task_id, profile = *path.parts[-3:-1], path.stem
    assert (record.agent.id, record.task.id) == (agent_id, task_id)
    assert record.task.version == tasks()[task_id].version
    assert record.task.kwargs == {**tasks()[task_id].kwargs, "profile": profile}


@pytest.mark.parametrize("path", VERDICTS, ids=lambda path: path.stem)
def test_stored_verdicts_are_those_of_the_stored_records(path: Path) -> None:
    stored = Reproduction.model_validate_json(path.read_text(encoding="utf-8"))
    assert path.stem == f"{stored.method}-{stored.preset}"
    known = {claim.name: claim for claim in claims(stored.method)}
    for verdict in stored.verdicts:
        claim = known[verdict.claim]
        if any(isinstance(each, Measured) for each in claim.quantities()):
            continue  # what a function measured is in no record
        records = {arm.name: Record.read(kept_record(arm)) for arm in claim.arms}
        curves = {arm.name: _curves(arm, claim.seeds()) for arm in claim.arms}
        again = judge(claim, Results(records, curves))
        assert _words(again) == _words(verdict), "run `bench reproduce` again, store all it made"
        for found, before in zip(again.findings, verdict.findings, strict=True):
            for name in ("value", "low", "high"):
                one, other = getattr(found, name), getattr(before, name)
                assert one == (other and pytest.approx(other, rel=1e-12)), name


def _curves(arm: Arm, seeds: range) -> dict[int, Path]:
    """Where curves of an arm are kept, beside the checkpoints."""
    files = {need.seed: kept(need) / METRICS for need in needs(arm, seeds)}
    return {seed: file for seed, file in files.items() if file.is_file()}


def _words(verdict: Verdict) -> dict[str, object]:
    numbers = {"value", "low", "high"}
    return verdict.model_dump(exclude={"findings": {"__all__": numbers}})


def test_verdicts_are_shown_with_what_made_them(tmp_path: Path) -> None:
    finding = Finding(
        says="a ≥ b", value=1, low=0, high=2, shown="1 [0, 2]", holds=True, required=False
    )
    verdict = Verdict(
        claim="one",
        task="push-1block",
        statement="better",
        published="a | b",
        ours="1",
        training_seeds=5,
        episodes=100,
        findings=[finding],
        holds=False,
    )
    found = Reproduction(
        method="hecrl",
        preset="small",
        verdicts=[verdict],
        trained=[],
        found=[],
        shipped=["hecrl/push-1block/seed0"],
        records=[],
        versions={"mujoco": "3.8.1"},
        revision=None,
        created="2026-11-22T00:00:00+00:00",
    )
    (tmp_path / "verdicts").mkdir()
    (tmp_path / "verdicts" / "hecrl-small.json").write_text(found.to_json(), encoding="utf-8")
    table = filled("<!-- claims: hecrl-small -->\n<!-- end -->", tmp_path)
    assert "`bench reproduce hecrl`, 2026-11-22" in table
    assert "1 shipped" in table
    assert "| one | better | a \\| b | 1 | **does not hold** | 5 × 100 |" in table
    table = filled("<!-- checks: hecrl-small -->\n<!-- end -->", tmp_path)
    assert "| one | a ≥ b | 1 [0, 2] | (yes) |" in table


def test_the_worlds_page_has_the_worlds_numbers() -> None:
    page = (ROOT / "docs" / "push.md").read_text(encoding="utf-8")
    world = world_of("push-3blocks")
    assert isinstance(world, push.PushWorld)
    for words in (
        f"at most {100 * world.tolerance:g} cm from its goal",
        f"{push.REACH * 100:g} cm ahead",
        f"edge {200 * sizes.HALF_EDGE:g} cm",
        f"radius {100 * sizes.PUSHER_RADIUS:g} cm",
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
        shown = [page for page in ROOT.glob("docs/**/*.md") if path.name in page.read_text()]
        assert shown or path.name in (ROOT / "README.md").read_text(), f"{path.name} is not shown"


def test_pages_that_show_results_name_their_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "bench reproduce hecrl" in readme
    assert re.search(r"^<!-- results: push-3blocks\S* -->$", readme, re.MULTILINE)


def test_the_page_of_banks_has_their_bounds() -> None:
    from entitybench.envs.core.banks import BOUNDS

    page = (ROOT / "docs" / "banks.md").read_text(encoding="utf-8")
    for name, (low, high) in BOUNDS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.endswith(f"| {low:g} and {high:g} |".replace("-", "−")), row


@pytest.mark.parametrize(
    ("default", "told"),
    [
        (0, True),
        (100, True),
        ("small", True),
        (True, True),
        (False, False),
        ("", False),
        (None, False),
    ],
)
def test_defaults_that_say_something_are_on_the_page(default: object, told: bool) -> None:
    assert is_told(default) == told
