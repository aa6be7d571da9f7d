"""Claims that are checked one by one end in one record."""

from entitybench.leaderboard.claims.outcome import Reproduction
from entitybench.leaderboard.claims.verdicts import Verdict


def verdict(claim, ours):
    return Verdict(
        claim=claim,
        task="push-3blocks",
        statement="",
        published="",
        ours=ours,
        training_seeds=1,
        episodes=1,
        findings=[],
        holds=None,
    )


def found(tmp_path, claim, ours, *, shipped=(), versions="1"):
    return Reproduction(
        method="hecrl",
        preset="small",
        verdicts=[verdict(claim, ours)],
        trained=[],
        found=[],
        shipped=list(shipped),
        records=[],
        versions={"mujoco": versions},
        revision=None,
        created="now",
        out=str(tmp_path),
    )


def write(reproduction):
    reproduction.path.write_text(reproduction.with_earlier().to_json())
    return Reproduction.model_validate_json(reproduction.path.read_text())


def test_verdicts_gather_and_newer_ones_replace(tmp_path):
    write(found(tmp_path, "one", "1", shipped=["a"]))
    both = write(found(tmp_path, "two", "2", shipped=["a", "b"]))
    assert [(v.claim, v.ours) for v in both.verdicts] == [("one", "1"), ("two", "2")]
    assert both.shipped == ["a", "b"]
    again = write(found(tmp_path, "one", "3"))
    assert [(v.claim, v.ours) for v in again.verdicts] == [("two", "2"), ("one", "3")]


def test_a_record_of_other_code_or_a_damaged_one_is_replaced(tmp_path):
    write(found(tmp_path, "one", "1"))
    other = write(found(tmp_path, "two", "2", versions="2"))
    assert [v.claim for v in other.verdicts] == ["two"]
    other.model_copy(update={"out": str(tmp_path)}).path.write_text("{")
    assert [v.claim for v in write(found(tmp_path, "one", "1")).verdicts] == ["one"]


def test_a_library_that_one_claim_does_not_need_is_no_other_code(tmp_path):
    one = found(tmp_path, "one", "1")
    write(one.model_copy(update={"versions": {"mujoco": "1", "torch": "2"}}))
    both = write(found(tmp_path, "two", "2"))
    assert [v.claim for v in both.verdicts] == ["one", "two"]
    assert both.versions == {"mujoco": "1", "torch": "2"}


def test_the_text_says_how_much_was_run(tmp_path):
    shown = found(tmp_path, "one", "1")
    assert "push-3blocks, 1 training seeds × 1 episodes" in shown.text()
    clips = verdict("one", "1").model_copy(update={"item": "clip", "episodes": 7})
    assert "× 7 clips" in shown.model_copy(update={"verdicts": [clips]}).text()
    unit = verdict("one", "1").model_copy(update={"task": "", "episodes": 0})
    assert "no task, 1 training seeds\n" in shown.model_copy(update={"verdicts": [unit]}).text()
