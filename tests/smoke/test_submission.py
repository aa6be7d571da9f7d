"""Bundles pass as they were packed, and whatever is altered in one is found, and where."""

from __future__ import annotations

import io
import json
import stat
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.checkpoints import settings_sha256
from entitybench.errors import BadValue, MissingExtra
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation import weights as checkpoints
from entitybench.leaderboard.submission import pack as packing
from entitybench.leaderboard.submission.archive import Archive, Limits, zipped
from entitybench.leaderboard.submission.arrays import packed, unpacked
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.keys import new_key
from entitybench.leaderboard.submission.models import manifest_schema
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.rules import PROVES, RULES
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.records import Record
from tests.support.bundles import (
    ACTIONS,
    GOALS,
    STATES,
    Files,
    altered,
    content,
    edited,
    moved,
    row,
)

EPISODES = 3
STEPS, MARKS = 150, 9  # control steps of push-1block, and its states: 0, 20, …, 140 and 150


def record_of(task: str, episodes: int = EPISODES, **more: Any) -> Record:
    return eb.evaluate("random", task, episodes=episodes, threads=1, **more)


@pytest.fixture(scope="module")
def record() -> Record:
    return record_of("push-1block")


@pytest.fixture(scope="module")
def bundle(record: Record) -> bytes:
    return pack(record, threads=1)


def both(*alterations: Callable[[Files], None]) -> Callable[[Files], None]:
    def alter(files: Files) -> None:
        for one in alterations:
            one(files)

    return alter


def found(bundle: bytes, **wanted: Any) -> list[tuple[str, str, str, str]]:
    report = verify(bundle, Wanted(threads=1, **wanted))
    for finding in report.findings:
        assert finding.advice == RULES[finding.rule].advice
        assert report.checks[finding.rule] == "failed" or finding.severity == "warning"
    return [(f.rule, f.file, f.where, f.what) for f in report.findings]


def test_a_bundle_passes_as_it_was_packed(bundle: bytes, record: Record) -> None:
    report = verify(bundle, Wanted(threads=2))
    assert report.findings == []
    assert report.level == 2
    assert report.measured == {"residual": 0.0, "tolerance": 1e-8}
    assert report.checks["signature"] == "skipped: it is not signed"
    assert report.counts == {"done": 10, "skipped": 4, "failed": 0}
    assert list(report.checks) == list(RULES)
    assert pack(record, threads=2) == bundle
    assert len(bundle) / EPISODES < 10_000
    assert set(manifest_schema()["properties"]) == set(json.loads(content(bundle)["manifest.json"]))


# A team, an episode that the world ends, and a world with a physics of its own.
@pytest.mark.parametrize("task", ["team-pushbox", "hopper", "tetris-2pieces", "kitchen-kettle"])
def test_other_kinds_of_tasks_pass(task: str) -> None:
    record = record_of(task, 2)
    if task == "hopper":
        assert max(record.columns.values["length"]) < 1000
    report = verify(pack(record, threads=1), Wanted(threads=1))
    assert (report.findings, report.level, report.measured["residual"]) == ([], 2, 0)
    assert report.measured["tolerance"] == (1e-6 if task == "hopper" else 1e-8)


def test_what_a_record_of_an_earlier_version_does_not_hold_is_no_claim(record: Record) -> None:
    data = json.loads(record.to_json())
    del data["rows"]["values"]["normalised_return"], data["rows"]["values"]["length"]
    report = verify(pack(Record.model_validate(data), threads=1), Wanted(threads=1))
    assert (report.findings, report.level) == ([], 2)


def test_perturbed_starts_pass_with_actions_that_come_late() -> None:
    record = record_of("push-1block", bank="perturbed")
    report = verify(pack(record, threads=1), Wanted(threads=1))
    assert (report.findings, report.level, report.measured["residual"]) == ([], 2, 0)


def no_second_episode(files: Files) -> None:
    """The record and the bundle without episode 1."""

    def of_record(data: Any) -> None:
        rows = data["rows"]
        for column in (*rows["values"].values(), *(x for x in rows.values() if x)):
            if isinstance(column, list):
                del column[1]

    def of_manifest(data: Any) -> None:
        del data["episodes"][0]["items"][1], data["episodes"][0]["steps"][1]

    edited("record.json", of_record)(files)
    edited("manifest.json", of_manifest)(files)
    for name, size in ((ACTIONS, STEPS), (STATES, MARKS), (GOALS, 1)):
        array = unpacked(files[name], ("<f4", "<f8"))
        files[name] = packed(np.delete(array, range(size, 2 * size), axis=0))


def another_start(files: Files) -> None:
    """Episode 1 is that of another seed, here episode 2 again."""
    for name, size in ((ACTIONS, STEPS), (STATES, MARKS), (GOALS, 1)):
        array = unpacked(files[name], ("<f4", "<f8")).copy()
        array[size : 2 * size] = array[2 * size : 3 * size]
        files[name] = packed(array)


def another_version(files: Files) -> None:
    for name in ("record.json", "manifest.json"):
        edited(name, lambda data: data["task"].update(version=7))(files)


def another_dataset(files: Files) -> None:
    own = {"training_seed": 0, "dataset": "push-1block/play-v1", "sha256": "0" * 64}
    for name in ("record.json", "manifest.json"):
        edited(name, lambda data: data.update(data=[own]))(files)


def twice(files: Files) -> None:
    def repeat(data: Any) -> None:
        data["episodes"][0]["items"][2] = 1

    edited("manifest.json", repeat)(files)


def pickled(files: Files) -> None:
    file = io.BytesIO()
    np.save(file, np.array([{"a": 1}], object), allow_pickle=True)
    files[GOALS] = file.getvalue()


def broken(files: Files) -> None:
    files[STATES] = b"\x93NUMPY\x01\x00" + files[STATES][8:20]


HERE = "training seed 0, episode 1"
# What is altered, and the first finding: rule, file, where, and words of what it says.
ALTERED = {
    "success": (row("success", 1), "scores", "record.json", HERE, "success is 1"),
    "return": (row("return", -1.0), "scores", "record.json", HERE, "return is -1.0; simulated: "),
    "length": (row("length", 140), "scores", "record.json", HERE, "length is 140"),
    "steps": (row("steps_to_success", 3), "scores", "record.json", HERE, "simulated: None"),
    "a number of one's own": (
        edited("record.json", lambda data: data["rows"]["values"].update(success_ever=[1, 1, 1])),
        *("scores", "record.json", "training seed 0, episode 0", "success_ever follows from no"),
    ),
    "digest": (
        edited("record.json", lambda data: data["rows"]["digest"].__setitem__(1, "0" * 16)),
        *("scores", "record.json", HERE, "digest is '0000000000000000'"),
    ),
    "error": (
        edited("record.json", lambda data: data["rows"].update(error=[None, "policy: x", None])),
        *("scores", "record.json", HERE, "error is 'policy: x'; simulated: None"),
    ),
    "action": (
        moved(ACTIONS, (STEPS + 30, 0), 0.5),
        *("physics", STATES, f"{HERE}, step 40", "from step 20 its actions lead to a state"),
    ),
    "state": (
        moved(STATES, (MARKS + 2, 1), 1e-6),
        *("physics", STATES, f"{HERE}, step 40", "a state 1e-06 from the recorded one"),
    ),
    "last state": (
        moved(STATES, (2 * MARKS - 1, 1), 1e-6),
        *("physics", STATES, f"{HERE}, step 150", "from step 140"),
    ),
    "start": (moved(STATES, (MARKS, 1), 1e-6), "starts", STATES, f"{HERE}, step 0", "1e-06"),
    "goal": (moved(GOALS, (1, 0, 0), 1e-3), "starts", STATES, f"{HERE}, step 0", "0.001"),
    "another start": (another_start, "starts", STATES, f"{HERE}, step 0", "start of its seed"),
    "a bad seed dropped": (no_second_episode, "complete", "record.json", HERE, "not in the record"),
    "twice": (twice, "complete", "manifest.json", "training seed 0, episode 2", "no recorded"),
    "twice in the record": (
        edited("record.json", lambda data: data["rows"]["item"].__setitem__(2, 1)),
        *("schema", "record.json", "", "a row occurs twice"),
    ),
    "version": (another_version, "task", "record.json", "task.version", "version is 7, and here"),
    "version of one": (
        edited("manifest.json", lambda data: data["task"].update(version=7)),
        *("record", "manifest.json", "task", "differs"),
    ),
    "metrics": (
        edited("record.json", lambda data: data["metrics"][0].update(title="success of all")),
        *("task", "record.json", "metrics", "not those of their kind"),
    ),
    "scene": (
        both(
            edited("record.json", lambda data: data["hashes"].update(model="0" * 64)),
            edited("manifest.json", lambda data: data["task"].update(model="0" * 64)),
        ),
        *("task", "record.json", "hashes.model", "the scene is another one"),
    ),
    "dataset": (another_dataset, "data", "record.json", "data, training seed 0", "is another"),
    "NaN in a state": (
        moved(STATES, (MARKS + 2, 1), np.nan),
        *("arrays", STATES, HERE, "number 1 of entry 2 of the episode is nan"),
    ),
    "NaN in a score": (row("return", float("nan")), "schema", "record.json", "", "NaN"),
    "newer": (
        edited("manifest.json", lambda data: data.update(schema_version=2)),
        *("schema", "manifest.json", "schema_version", "pip install -U entitybench"),
    ),
    "more in the manifest": (
        edited("manifest.json", lambda data: data.update(trusted=True)),
        *("schema", "manifest.json", "trusted", "Extra inputs are not permitted"),
    ),
    "no manifest": (
        edited("manifest.json", lambda data: data.clear()),
        *("schema", "manifest.json", "package", "Field required"),
    ),
    "pickle": (pickled, "arrays", GOALS, "", "pickled objects, which are never read"),
    "broken array": (broken, "arrays", STATES, "", "no array of numpy's format 1.0"),
    "shape": (
        edited("manifest.json", lambda data: data["episodes"][0]["steps"].__setitem__(1, 149)),
        *("arrays", ACTIONS, "", "its shape is (450, 2); expected (449, 2)"),
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_what_is_altered_is_found_and_where(name: str, bundle: bytes) -> None:
    alter, rule, file, where, words = ALTERED[name]
    # The manifest itself needs hashes that fit; the record may be no JSON.
    first = found(altered(bundle, alter, hashes=name != "no manifest"))[0]
    assert first[:3] == (rule, file, where), first
    assert words in first[3]


def in_both(of_record: Callable[[Any], Any], of_manifest: Callable[[Any], Any]) -> Any:
    return both(edited("record.json", of_record), edited("manifest.json", of_manifest))


FAR = 2**63 - 1
# What agrees with itself and no bundle ever had; the first rule it breaks, and the level.
HOSTILE = {
    "an episode far away": (
        in_both(
            lambda data: data["rows"]["item"].__setitem__(2, FAR),
            lambda data: data["episodes"][0]["items"].__setitem__(2, FAR),
        ),
        *("complete", 0),
    ),
    "a training seed far away": (
        in_both(
            lambda data: data["rows"].update(training_seed=[FAR] * 3),
            lambda data: (
                data.update(training_seeds=[FAR]),
                data["episodes"][0].update(training_seed=FAR),
            ),
        ),
        *("record", 0),  # the files are those of training seed 0
    ),
    "many steps": (
        edited("manifest.json", lambda data: data["episodes"][0].update(steps=[10**7] * 3)),
        *("arrays", 0),
    ),
    "no such task": (in_both(*(lambda data: data["task"].update(id="x"),) * 2), "task", 0),
    "no such kind": (
        in_both(lambda data: data.update(kind="x"), lambda data: data["task"].update(kind="x")),
        *("task", 0),
    ),
    "hidden starts": (
        in_both(
            lambda data: data["task"].update(bank="hidden"),
            lambda data: (
                data["task"].update(bank="hidden"),
                data["agent"].update(label="random (hidden starts)"),
            ),
        ),
        *("task", 0),
    ),
    "an agent without weights": (
        in_both(
            lambda data: data["agent"].update(id="gcbc"),
            lambda data: data["agent"].update(id="gcbc", label="gcbc"),
        ),
        *("data", 0),
    ),
    "weights of no training seed": (
        in_both(
            lambda data: data["hashes"].update(weights={"9": "0" * 64}),
            lambda data: data["agent"].update(weights={"9": "0" * 64}),
        ),
        *("data", 0),
    ),
    "an agent without a name": (
        in_both(
            lambda data: data["agent"].update(id=" "),
            lambda data: data["agent"].update(id=" ", label=""),
        ),
        *("record", 0),
    ),
    "code": (
        edited("record.json", lambda data: data["metrics"][0].update(reduce="os:system")),
        *("task", 0),
    ),
    "brackets": (lambda files: files.update({"record.json": b"[" * 100_000}), "schema", None),
    "digits": (
        lambda files: files.update({"record.json": b'{"schema_version": ' + b"9" * 10_000 + b"}"}),
        *("schema", None),
    ),
    "no text": (lambda files: files.update({"record.json": b"\xff\xfe"}), "schema", None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_claims_are_findings(name: str, bundle: bytes) -> None:
    alter, rule, level = HOSTILE[name]
    report = verify(altered(bundle, alter), Wanted(threads=1))
    assert (report.findings[0].rule, report.level) == (rule, level)
    assert all("\n" not in f.what and len(f.what) <= 400 for f in report.findings)


def test_an_end_that_comes_earlier_is_found(bundle: bytes) -> None:
    def shorter(files: Files) -> None:
        steps = lambda data: data["episodes"][0]["steps"]  # noqa: E731
        edited("manifest.json", lambda data: steps(data).__setitem__(2, 141))(files)
        files[ACTIONS] = packed(unpacked(files[ACTIONS], ("<f4", "<f8"))[:-9])

    where = "training seed 0, episode 2, step 141"
    (finding,) = found(altered(bundle, shorter))
    assert finding[:3] == ("physics", STATES, where)
    assert "it goes on here, and its actions are for 141 steps" in finding[3]


def test_what_a_protocol_asks_for_is_missed(bundle: bytes) -> None:
    (finding,) = found(bundle, episodes=4, simulate=False)
    assert finding[2:] == ("training seed 0, episode 3", "the episode is not in the record")
    (first, *_, last) = found(bundle, episodes=EPISODES, seeds=[0, 1, 2], simulate=False)
    assert first[2] == "training seed 1, episode 0"
    assert last[3] == "the episode is not in the record; so are 1 more"
    assert verify(bundle, Wanted(simulate=False)).level == 1
    assert found(bundle, episodes=2, simulate=False)[0][3] == "the episode is not asked for"


def test_a_training_seed_that_was_dropped_is_missed() -> None:
    record = record_of("push-1block", 1, training_seeds=[0, 1, 2])
    bundle = pack(record, threads=1)
    assert verify(bundle, Wanted(simulate=False)).level == 1

    def drop(files: Files) -> None:
        def of_record(data: Any) -> None:
            for column in (*data["rows"]["values"].values(), *data["rows"].values()):
                if isinstance(column, list) and column:
                    del column[1]

        def of_manifest(data: Any) -> None:
            del data["episodes"][1]
            data["training_seeds"] = [0, 2]

        edited("record.json", of_record)(files)
        edited("manifest.json", of_manifest)(files)
        for name in [name for name in files if "seed1" in name]:
            del files[name]

    (finding,) = found(altered(bundle, drop))
    assert finding[:3] == ("complete", "record.json", "training seed 1, episode 0")


def test_an_agent_that_acts_again_chooses_the_recorded_actions(bundle: bytes) -> None:
    report = verify(bundle, Wanted(threads=1, rerun=2))
    assert (report.findings, report.level, report.checks["actions"]) == ([], 3, "done")
    assert report.measured["action difference"] == 0

    # The physics is right, and the actions are those of another agent.
    def called(id: str) -> Callable[[Files], None]:
        return both(
            edited("record.json", lambda data: data["agent"].update(id=id)),
            edited("manifest.json", lambda data: data["agent"].update(id=id, label=id)),
        )

    report = verify(altered(bundle, called("zero")), Wanted(threads=1, rerun=EPISODES))
    assert report.level == 2
    places = [(finding.rule, finding.file, finding.where) for finding in report.findings]
    assert places == [
        ("actions", ACTIONS, f"training seed 0, episode {k}, step 0") for k in range(EPISODES)
    ]
    data = altered(bundle, called("mine.py:Policy"))
    report = verify(data, Wanted(threads=1, rerun=1))
    assert (report.findings, report.level) == ([], 2)
    assert "no file is run" in report.checks["actions"]


def test_weights_are_compared_by_hash_and_their_actions_by_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = eb.evaluate("ma-bc", "hockey-mallets-4", episodes=2, threads=1, training_seeds=[0])
    bundle = pack(record, threads=1)
    report = verify(bundle, Wanted(threads=1, rerun=1))
    assert (report.findings, report.level) == ([], 3)

    def other(data: Any) -> None:
        of = data["hashes"] if "hashes" in data else data["agent"]
        of["weights"] = {"0": "0" * 64}

    alteration = both(*(edited(f"{x}.json", other) for x in ("record", "manifest")))
    (finding,) = found(altered(bundle, alteration), rerun=1, simulate=False)
    assert finding[:3] == ("actions", "record.json", "agent")
    assert "the weights of training seed 0 are others" in finding[3]

    def larger(data: Any) -> None:
        data["agent"]["config"]["batch_size"] = 7

    larger_both = both(*(edited(f"{x}.json", larger) for x in ("record", "manifest")))
    (finding,) = found(altered(bundle, larger_both), rerun=1, simulate=False)
    assert finding[2] == "agent.config, training seed 0"
    assert finding[3].endswith("than the record says: batch_size")

    # How long they learned is claimed, and lies beside the weights.
    def fewer(data: Any) -> None:
        data["agent"]["updates"] = 7

    fewer_both = both(*(edited(f"{x}.json", fewer) for x in ("record", "manifest")))
    (finding,) = found(altered(bundle, fewer_both), rerun=1, simulate=False)
    assert finding[:3] == ("actions", "record.json", "agent.updates")
    assert finding[3] == f"updates is 7, and the weights say {record.agent.updates}"

    # A bundle that holds them needs none here.
    held = pack(record, threads=1, with_weights=True)
    monkeypatch.setattr(checkpoints, "_found_weights", lambda *_: {})
    assert found(bundle, rerun=1, simulate=False)[0][0] == "actions"
    report = verify(held, Wanted(threads=1, rerun=1))
    assert (report.findings, report.level) == ([], 3)
    assert found(altered(held, alteration), rerun=1, simulate=False)[0][0] == "actions"
    place = "weights/seed0/weights.safetensors"

    def flipped(files: Files) -> None:
        files[place] = files[place][:-1] + bytes([files[place][-1] ^ 1])

    (finding,) = found(altered(held, flipped, hashes=False), simulate=False)
    assert finding[:2] == ("files", place)
    (finding,) = found(altered(held, flipped), rerun=1, simulate=False)
    assert "weights.safetensors is truncated or corrupt" in finding[3]

    def longer(data: Any) -> None:
        data["step"] = 10**6
        data["sha256"]["settings"] = settings_sha256(data)

    def said(data: Any) -> None:
        data["agent"]["updates"] = 10**6

    beyond = both(
        edited("weights/seed0/agent.json", longer),
        *(edited(f"{x}.json", said) for x in ("record", "manifest")),
    )
    (finding,) = found(altered(held, beyond), rerun=1, simulate=False)
    assert finding[2] == "agent.updates, training seed 0"
    assert "training with the weights' settings ends after" in finding[3]
    # Of weights with a state to go on training from the bundle holds what acts.
    folder = tmp_path / "seed0"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(content(held)[place])
    meta = json.loads(content(held)["weights/seed0/agent.json"])
    meta["sha256"]["training.safetensors"] = "0" * 64
    (folder / "agent.json").write_text(json.dumps(meta))
    (folder / "training.safetensors").write_bytes(b"much")
    whole = pack(record, threads=1, weights=tmp_path, with_weights=True)
    assert content(whole) == content(held)
    # What anybody downloads with a bundle is of these forms, whoever looks at it and how far.
    for name, data, words in (
        (place, b"\x80\x04\x95" + bytes(9), "it is no safetensors: a header of"),
        (place, b"\2" + bytes(7) + b"[]", "it is no safetensors: no object"),
        ("weights/seed0/agent.json", b"[", "it is no JSON object"),
    ):
        pickled = altered(held, lambda files, name=name, data=data: files.update({name: data}))
        (finding,) = found(pickled, simulate=False)
        assert finding[:2] == ("files", name)
        assert words in finding[3]
    half = altered(held, lambda files: files.pop(place))
    assert found(half, simulate=False)[0][:3] == ("record", "manifest.json", "files")


def test_what_learned_nothing_holds_no_weights(bundle: bytes) -> None:
    given = {f"weights/seed0/{name}": b"{}" for name in ("agent.json", "weights.safetensors")}
    first, *_ = found(altered(bundle, lambda files: files.update(given)), simulate=False)
    assert first[:2] == ("record", "manifest.json")
    assert first[3] == "weights/seed0/agent.json belongs to no training seed"


def test_another_platform_is_a_warning_up_to_a_limit(bundle: bytes) -> None:
    other = edited("manifest.json", lambda data: data["machine"].update(cpu="another"))
    report = verify(altered(bundle, both(other, moved(STATES, (MARKS + 2, 1), 1e-6))))
    assert {finding.severity for finding in report.findings} == {"warning"}
    assert "another platform" in report.findings[0].what
    assert report.level == 2
    assert 0.9e-6 < report.measured["residual"] < 2e-6
    # What only rounds is no finding, and simulation goes on from the recorded state.
    report = verify(altered(bundle, both(other, moved(STATES, (MARKS + 2, 1), 1e-10))))
    assert (report.findings, report.level) == ([], 2)
    report = verify(altered(bundle, both(other, moved(STATES, (MARKS + 2, 1), 1e-3))))
    assert report.findings[0].severity == "error"
    assert report.level == 1


def test_bytes_that_were_altered_without_their_hashes_are_found(bundle: bytes) -> None:
    data = altered(bundle, moved(STATES, (0, 1), 1e-9), hashes=False)
    (finding,) = found(data)
    assert finding[:2] == ("files", STATES)
    assert "its SHA-256 is" in finding[3]
    data = altered(bundle, lambda files: files.pop(GOALS), hashes=False)
    assert found(data)[0] == ("files", GOALS, "", "it is missing")


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return file.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


UNSAFE = {
    "traversal": (archive(("../manifest.json", b"{}")), "leads out of the bundle"),
    "absolute": (archive(("/etc/passwd", b"")), "leads out of the bundle"),
    "backslash": (archive(("episodes\\seed0\\..\\x.npy", b"")), "leads out of the bundle"),
    "unknown": (archive(("manifest.json", b"{}"), ("run.py", b"1")), "a bundle has no such file"),
    "link": (archive((link("record.json"), b"/etc/passwd")), "it is a link"),
    "no zip": (b"PK but no more", "it is no zip archive"),
    "empty": (b"", "it is no zip archive"),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_archives_are_refused(name: str) -> None:
    data, words = UNSAFE[name]
    report = verify(data)
    (finding,) = report.findings
    assert finding.rule == "archive"
    assert words in finding.what
    assert report.level is None
    assert report.checks["physics"] == "skipped: what comes before it failed"


def test_archives_have_limits(bundle: bytes) -> None:
    zeros = archive(("episodes/seed0/states.npy", bytes(100_000)))
    for limits, words in (
        (Limits(files=3), "5 files, more than the 3 allowed"),
        (Limits(unpacked=1000), "more than the 1000 allowed"),
        (Limits(packed=1000), "more than the 1000 allowed"),
        (Limits(text=100), "more than 100 bytes of JSON"),
    ):
        assert words in found(bundle, limits=limits)[0][3]
    assert "times as large" in found(zeros, limits=Limits(small=10_000))[0][3]
    assert found(zeros)[0][1] == "manifest.json"  # small enough to be looked at


def test_a_file_that_is_longer_than_it_says_is_not_read(bundle: bytes) -> None:
    # The size in the directory of the archive is a lie: zeros unpack to more.
    data = archive(("manifest.json", bytes(5000)))
    lie = data.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    assert lie != data
    (finding,) = [x for x in found(lie) if x[1] == "manifest.json"]
    assert finding[0] == "files"


def test_signatures(record: Record, bundle: bytes, tmp_path: Path) -> None:
    key = tmp_path / "my.key"
    public = new_key(key)
    assert key.stat().st_mode & 0o077 == 0
    with pytest.raises(BadValue, match="already"):
        new_key(key)
    signed = pack(record, key=key, threads=1)
    report = verify(signed, Wanted(simulate=False))
    assert (report.findings, report.signed_by, report.level) == ([], public, 1)
    data = altered(signed, edited("manifest.json", lambda data: data["machine"].update(cpu="x")))
    (finding,) = found(data, simulate=False)
    assert finding[:2] == ("signature", "signature.json")
    other = Path(tmp_path / "other.key")
    new_key(other)
    swapped = content(signed)
    swapped["signature.json"] = content(pack(record, key=other, threads=1))["signature.json"]
    assert verify(zipped(swapped), Wanted(simulate=False)).signed_by not in ("", public)
    swapped["signature.json"] = b'{"algorithm": "none"}'
    assert found(zipped(swapped), simulate=False)[0][0] == "signature"
    key.write_text("no key")
    with pytest.raises(BadValue, match="holds no private Ed25519 key"):
        pack(record, key=key, threads=1)


def test_without_cryptography_the_line_to_install_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[submit\]'"):
        new_key(tmp_path / "my.key")
    assert not (tmp_path / "my.key").exists()


def test_records_that_cannot_be_packed_are_refused(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(edit: Callable[[Any], None]) -> Record:
        data = json.loads(record.to_json())
        edit(data)
        return Record.model_validate(data)

    def refuse(edit: Callable[[Any], None], words: str) -> None:
        with pytest.raises(BadValue, match=words) as error:
            pack(changed(edit), threads=1)
        assert "\n" not in str(error.value)

    refuse(lambda data: data["task"].update(version=9), "push-1block-v9 as another build had it")
    refuse(lambda data: data.update(kind="graph"), "has no dataset that says who acted on whom")
    refuse(
        lambda data: data["rows"]["digest"].__setitem__(1, "0" * 16),
        "episode 1 of training seed 0 comes out otherwise than the record says .digest was 0000",
    )
    refuse(lambda data: data["rows"]["item"].__setitem__(2, 5), "episodes of the record are miss")
    refuse(lambda data: data["hashes"].update(weights={"0": "ab"}), "weights of training seed 0")
    monkeypatch.setattr(packing, "CHECKED", ())  # as with a kind of another package
    refuse(lambda data: None, "kind goal-control, which has nothing to simulate again")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], record: Record) -> None:
    source, out = tmp_path / "record.json", tmp_path / "a.zip"
    record.write(source)

    def bench(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    code, said, _ = bench("submit", source, "--pack", out)
    assert code == 0
    assert "random in push-1block, 3 episodes" in said
    assert "unsigned" in said
    code, said, _ = bench("verify", out)
    assert code == 0
    assert (
        said.splitlines()[-1] == f"level 2 (re-simulated), unsigned; 0 errors, 0 warnings. {PROVES}"
    )
    assert bench("submit", out, "--check")[1] == said
    code, said, _ = bench("submit", source, "--check", "--json")
    assert code == 0
    assert json.loads(said)["level"] == 2
    bad = tmp_path / "bad.zip"
    bad.write_bytes(altered(out.read_bytes(), row("success", 1)))
    code, said, _ = bench("verify", bad)
    assert code == 2
    assert "error [scores] record.json: training seed 0, episode 1" in said
    assert f"  To do: {RULES['scores'].advice}." in said
    code, said, _ = bench("verify", bad, "--json")
    assert code == 2
    report = json.loads(said)
    assert (report["level"], report["errors"], len(report["findings"])) == (1, 1, 1)
    code, said, _ = bench("submit", "--new-key", tmp_path / "my.key", "--json")
    assert code == 0
    assert len(json.loads(said)["public_key"]) == 64


WRONG = {
    "submit": "say --to URL, --pack FILE.zip, --check, or --new-key FILE",
    "submit --pack a.zip": "name a record file",
    "submit nowhere.json --pack a.zip": "cannot read the record",
    "submit nowhere.zip --check": "no bundle or record at nowhere.zip",
    "submit record.json --pack a.zip --check": "got --pack and --check",
    "submit record.json --new-key a.key": "leave out the record",
    "submit --new-key record.json": "already",
    "submit record.json --pack .": "folder",
    "submit record.json --pack a.zip --key nowhere": "`bench submit --new-key nowhere` makes one",
    "submit record.json --pack a.zip --weights nowhere": "random has no weights",
    "submit record.json --pack a.zip --with-weights": "random has no weights",
    "verify nowhere.zip": "no bundle at nowhere.zip: it is not there",
    "verify .": "no bundle (*.zip) in .",
    "verify record.json --train-seeds 0 0": "twice",
    "verify record.json --weights runs": "add --rerun 5",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_one_line(
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    record: Record,
) -> None:
    monkeypatch.chdir(tmp_path)
    record.write("record.json")
    assert main(words.split()) == 2
    said = capsys.readouterr().err
    assert WRONG[words] in said.splitlines()[-1]
    assert not Path("a.zip").exists()


def test_a_file_is_looked_at_where_it_lies(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(bundle)
    before = set(tmp_path.iterdir())
    assert verify(path, Wanted(simulate=False)).bundle == str(path)
    assert set(tmp_path.iterdir()) == before
    with path.open("rb") as file:
        assert len(Archive(file).sizes) == 5


def test_records_of_a_folder_are_packed_each_into_its_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], record: Record
) -> None:
    record.write(tmp_path / "suite" / "push-1block" / "random.json")
    record_of("hockey-defend", 1).write(tmp_path / "suite" / "hockey-defend" / "random.json")
    out = tmp_path / "bundles"
    assert main(["submit", str(tmp_path / "suite"), "--pack", str(out), "--threads", "1"]) == 0
    names = ["hockey-defend-random.zip", "push-1block-random.zip"]
    assert sorted(path.name for path in out.iterdir()) == names
    capsys.readouterr()
    assert main(["verify", str(out), "--threads", "1", "--json"]) == 0
    reports = json.loads(capsys.readouterr().out)
    assert [report["level"] for report in reports] == [2, 2]
    (out / names[0]).write_bytes(b"no zip")
    assert main(["verify", str(out), "--threads", "1"]) == 2
    said = capsys.readouterr().out
    assert "error [archive]" in said
    assert "random in push-1block-v" in said
    first, again = tmp_path / "suite" / "push-1block", tmp_path / "other" / "random.json"
    record.write(again)
    assert main(["submit", str(again), str(first), "--pack", str(out)]) == 2
    assert "rename it" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "suite")]) == 2
    assert "no bundle (*.zip) in" in capsys.readouterr().err
