"""Whatever a user gets wrong: exit code 2, one line that says what to do, no traceback."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entitybench import registry
from entitybench.errors import BadValue, RenderError
from entitybench.leaderboard.cli import app as cli
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.weights import REFERENCE

EVAL = "eval --agent random --task push-3blocks"
HECRL = "eval --agent hecrl --task push-3blocks"
TRAIN = "train --agent hecrl --task push-3blocks"

# What is typed, and words that the line must hold.
BAD_WORDS = {
    "evl": "'eval'",
    "lst tasks": "'list'",
    "--jsn": "--help",
    "list task": "'tasks'",
    "list tasks extra": "'extra'",
    "list tasks --score": "--scores",
    "list agents --kind goal-contrl": "'goal-control'",
    "info": "bench info --help",
    "info push-3block": "'push-3blocks'",
    "info push-3blocks/play-v2": "'push-3blocks/play-v1'",
    "eval": "bench eval --help",
    "eval --agent random": "--task",
    "eval --agent hercl --task push-3blocks": "'hecrl'",
    "eval --agent random --task push-3block": "'push-3blocks'",
    "eval --agent random --task push-11blocks": "'push-10blocks'",
    "eval --agent nowhere.py:Policy --task push-3blocks": "nowhere.py",
    "eval --agent policy.py --task push-3blocks": "policy.py:Class",
    "eval --agent policy.py:Polcy --task push-3blocks": "'Policy'",
    "eval --agent crash.py:Policy --task push-3blocks": "crash.py cannot be imported",
    "eval --agent leave.py:Policy --task push-1block --episodes 1": "SystemExit: 0 (leave.py:3)",
    "eval --agent gone.py:Policy --task push-1block": "SystemExit: None (gone.py:2)",
    f"{EVAL} extra": "'extra'",
    f"{EVAL} --episodes": "--episodes",
    f"{EVAL} --episodes 0": "between 1",
    f"{EVAL} --episodes -3": "--episodes",
    f"{EVAL} --episodes many": "many",
    f"{EVAL} --episodes 1.5": "1.5",
    f"{EVAL} --episodes 1000000000000": "between",
    f"{EVAL} --episodes 3 --episodes 4": "multiple",
    f"{EVAL} --episode-seed -1": "--episode-seed",
    f"{EVAL} --episode-seed 99999999999999999999": "between",
    f"{EVAL} --threads 0": "between 1",
    f"{EVAL} --threads 100000": "between",
    f"{EVAL} --train-seeds": "--train-seeds",
    f"{EVAL} --train-seeds -1": "--train-seeds",
    f"{EVAL} --train-seeds 0 1 0": "twice",
    f"{EVAL} --train-seeds 0,1": "0,1",
    f"{EVAL} --video=perhaps": "perhaps",
    f"{EVAL} --no-video": "--video",
    f"{EVAL} --out .": "folder",
    f"{EVAL} --out file/record.json": "file",
    f"{EVAL} --video --out film.mp4": "give a .json file",
    f"{EVAL} --out sheet.PNG": "give a .json file",
    f"{EVAL} --preset tiny": "random has no presets",
    "eval --agent hecrl --task push-3blocks --preset smal": "'small'",
    "eval --agent hecrl --task push-3blocks --weights nowhere": "nowhere",
    "eval --agent hecrl --task push-3blocks --weights file": "it is a file, not a folder",
    "eval --agent hecrl --task push-3blocks-pixels": "none. Use push-3blocks",
    "eval --agent hecrl --task push-4blocks": "--weights-from push-3blocks",
    "eval --agent gcbc --task push-4blocks --weights-from push-3blocks": "fit push-3blocks alone",
    "eval --agent hecrl --task push-3blocks --weights unfinished": "--seed 2 --out unfinished",
    "eval --agent hecrl --task push-3blocks --train-seeds 5 --weights unfinished": (
        "no weights of hecrl on push-3blocks for training seed 5"
    ),
    f"{EVAL} --weights empty": "leave out --weights",
    f"{EVAL} --dataset play-v1": "leave out --dataset",
    f"{EVAL} --device gpu": "unknown device 'gpu'; use cpu",
    f"{EVAL} --bank publik": "publik",
    "eval --agent hecrl --task hopper": "hecrl is for goal-control tasks, and hopper is reward",
    f"{HECRL} --dataset push-3blocks/play-v2": "'push-3blocks/play-v1'",
    f"{HECRL} --dataset push-1block/play-v1": "is a dataset of push-1block, not of push-3blocks",
    f"{HECRL} --weights two": "noisy-v1 (seed 1) and play-v1 (seed 0): say which",
    f"{HECRL} --weights two --dataset played-v1": "not on played-v1",
    f"{HECRL} --weights tree": "early-v1 (seed 0) and late-v1 (seed 0): say which",
    f"{HECRL} --weights two --train-seeds 1 --preset small": "'two/seed1' has preset 'tiny'",
    f"{HECRL} --weights former": "noisy-v1 (seed 1) and play-v1 (seed 0): say which",
    f"{HECRL} --weights former --dataset played-v1": "not on played-v1",
    "eval --agent hecrl --task push-9blocks": "`--dataset push-9blocks/noisy-v1`",
    f"{HECRL} --weights two/seed1 --dataset play-v1": "trained on push-3blocks/noisy-v1",
    f"{EVAL} --out file": "exists already",
    "import folder --out new": "folder is no Minari dataset",
    "import junk.npz --out new": "is no OGBench file",
    "eval --agent hecrl --task push-4blocks --weights-from push-3": "'push-3blocks'",
    "eval --agent hecrl --task push-3blocks --weights empty": "empty",
    "eval --agent hecrl --task push-3blocks --weights broken": "broken",
    "eval --agent hecrl --task push-8blocks": "bench train --agent hecrl --task push-8blocks",
    "eval --agent hecrl --task push-3blocks --train-seeds 77": "77",
    "eval --agent hecrl --task push-3blocks --preset huge": "huge",
    "generate push-3blocks": "'push-3blocks/play-v1'",
    "generate push-3blocks/play-v1 --episodes 0": "between 1",
    "generate push-3blocks/play-v1 --workers 0": "between 1",
    "generate push-3blocks/play-v1 --seed -1": "--seed",
    "generate push-3blocks/play-v1 --out file": "file",
    "generate push-3blocks/play-v1 --episodes 3 --out folder": "folder",
    f"{TRAIN}": "--out",
    f"{TRAIN} --out file": "file",
    f"{TRAIN} --out runs --preset smal": "'small'",
    f"{TRAIN} --out runs --seed -1": "--seed",
    f"{TRAIN} --out runs --seed x": "x",
    f"{TRAIN} --out runs --preset tiny": "bench generate push-3blocks/play-v1",
    f"{TRAIN} --out runs --set batch_sise=64": "Did you mean 'batch_size'?",
    f"{TRAIN} --out runs --set batch_size=many": "'batch_size' is a whole number: got 'many'",
    f"{TRAIN} --out runs --set phases.0.update=9": "Did you mean 'updates'?",
    f"{TRAIN} --out runs --set phases.9.updates=9": "'phases.9.updates'",
    f"{TRAIN} --out runs --set batch_size": "NAME=VALUE",
    f"{TRAIN} --out runs --set": "NAME=VALUE",
    f"{TRAIN} --out runs --set batch_size=1 batch_size=2": "names batch_size twice",
    f"{TRAIN} --out runs --seed 1 --seeds 0 1": "--seed or --seeds, not both",
    f"{TRAIN} --out runs --seeds": "--seeds",
    f"{TRAIN} --out runs --seeds 0 1 0": "twice",
    f"{TRAIN} --out runs --seeds 0,1": "0,1",
    f"{TRAIN} --out runs --threads 0": "between 1",
    f"{TRAIN} --out runs --evaluate-every -1": "between 0",
    f"{TRAIN} --out runs --device gpu": "unknown device 'gpu'; use cpu",
    f"{TRAIN} --out runs --logger tensorbord": "'tensorboard'",
    f"{TRAIN} --out runs --dataset push-3blocks/play-v2": "'push-3blocks/play-v1'",
    f"{TRAIN} --out runs --dataset ./nowhere": "nowhere",
    f"{TRAIN} --out runs --dataset push-1block/play-v1": "of push-1block, not of push-3blocks",
    f"{TRAIN} --out runs --dataset push-1block/play-v1 --generate": "not of push-3blocks",
    f"{TRAIN} --out runs --dataset push-3blocks/play-v1@huge": "huge",
    f"{TRAIN} --out runs --resume": "leave out --resume",
    "train --agent hecrl --task hopper --out runs": "goal-control",
    "train --agent hecrl --task push-3blocks-pixels --out runs": "Use push-3blocks",
    "train --agent hecrl-awr --task push-3blocks --out runs": "train that instead",
    "train --agent random --task push-3blocks --out runs": "bench eval --agent random",
    "train --agent hecrl --task nowhere --out runs": "nowhere",
    "reproduce hercl": "'hecrl'",
    "reproduce gcbc": "There are: expo, flam, gasp, hecrl, hint, idrl, macflow, ncii, svn.",
    "reproduce hecrl --claim small-9": "'small-4'",
    "reproduce hint --claim small": "or 'small-hockey-goal' or",
    "reproduce hecrl --preset tinny": "There are: medium, paper, small, tiny.",
    "reproduce hecrl --workers 0": "between 1",
    "export nowhere --minari a/b-v0": "nowhere",
    "export empty --minari a/b-v0": "empty",
    "export empty": "--minari",
    "import nowhere/at-all-v0 --out new": "nowhere",
    "import a/b-v0 --out folder": "folder",
    "table nowhere.json": "nowhere.json",
    "table broken.json": "broken.json",
    "table other.json": "other.json",
    "table empty": "empty",
    "table newer.json": "schema 3, made by a newer entitybench",
    "compare good.json newer.json": "schema 3, made by a newer entitybench",
    "plot bars newer.json --out a.svg": "schema 3, made by a newer entitybench",
    "plot bars good.json again.json --out a.svg": "training seed 0 of random on sprites is in two",
    "table good.json again.json": "training seed 0 of random on sprites is in two records",
    "table broken.json --format pdf": "'pdf'",
    "table good.json --sort retrun": "'return'",
    "compare broken.json": "bench compare --help",
    "compare broken.json nowhere.json": "broken.json",
    "compare folder folder": "folder",
    "plot": "bench plot --help",
    "plot pie broken.json --out a.svg": "'pie'",
    "plot bars --out a.svg": "nothing to draw",
    "plot bars good.json --out a.svg --metric nope": "There are: success, success_any,",
    "plot curves curve.jsonl --out a.svg --metric nope": "There are: loss, success.",
    "plot bars nowhere.json --out a.svg": "nowhere.json",
    "plot bars broken.json --out a.svg": "broken.json",
    "plot bars broken.json": "--out",
    "speed --task push": "push",
    "doctor now": "'now'",
}


LEAVE = """
class Policy:
    def initial_state(self, batch): raise SystemExit(0)
    def act(self, obs, state, rng): ...
"""


def _checkpoint(folder: Path, seed: int, dataset: str) -> None:
    """A folder that says that it holds weights."""
    folder.mkdir(parents=True)
    meta = {"agent": "hecrl", "task": "push-3blocks", "task_version": 1, "seed": seed}
    meta |= {"preset": "tiny", "dataset": {"id": f"push-3blocks/{dataset}"}}
    (folder / "agent.json").write_text(json.dumps(meta))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with things that are not what a command wants."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    (tmp_path / "file").write_text("not a folder\n")
    for folder in ("empty", "folder", "broken"):
        (tmp_path / folder).mkdir()
    (tmp_path / "folder" / "thing.txt").write_text("mine\n")
    (tmp_path / "broken" / "agent.json").write_text('{"agent": "hecrl", ')
    (tmp_path / "unfinished" / "seed2.training").mkdir(parents=True)
    _checkpoint(tmp_path / "two" / "seed0", 0, "play-v1")
    _checkpoint(tmp_path / "two" / "seed1", 1, "noisy-v1")
    former = tmp_path / "former" / "hecrl" / "push-3blocks"  # of earlier versions: no dataset
    _checkpoint(former / "seed0", 0, "play-v1")
    _checkpoint(former / "seed1", 1, "noisy-v1")
    _checkpoint(tmp_path / "data" / "weights" / "hecrl" / "push-9blocks" / "seed0", 0, "noisy-v1")
    for name in ("early-v1", "late-v1"):
        _checkpoint(tmp_path / "tree" / "hecrl" / "push-3blocks" / name / "seed0", 0, name)
    (tmp_path / "junk.npz").write_bytes(b"\xff\x00" * 99)
    (tmp_path / "policy.py").write_text("class Policy: ...\n")
    (tmp_path / "crash.py").write_text("1 / 0\n")
    (tmp_path / "leave.py").write_text(LEAVE)
    (tmp_path / "gone.py").write_text("import sys\nsys.exit()\n")
    (tmp_path / "curve.jsonl").write_text(
        '{"step": 1, "loss": 2}\n{"step": 1, "evaluation": {"success": 0}}\n'
    )
    shutil.copyfile(REFERENCE / "records" / "sprites" / "random.json", tmp_path / "good.json")
    shutil.copyfile(tmp_path / "good.json", tmp_path / "again.json")
    newer = {**json.loads((tmp_path / "good.json").read_text()), "schema_version": 3}
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    (tmp_path / "broken.json").write_text('{"schema_version": 1, "agent"')
    (tmp_path / "other.json").write_text(json.dumps({"schema_version": 1, "name": "no record"}))
    return tmp_path


@pytest.mark.parametrize("words", BAD_WORDS)
@pytest.mark.parametrize("json_too", [False, True], ids=["", "json"])
def test_one_line_and_exit_code_2(
    words: str, json_too: bool, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = _tree(place)
    code = main([*words.split(), *(["--json"] if json_too else [])])
    shown = capfd.readouterr()
    assert code == 2, shown
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("bench: ")
    assert BAD_WORDS[words] in lines[0]
    assert _tree(place) == before, "a refused command left something behind"


def _tree(folder: Path) -> dict[Path, bytes | None]:
    """All that lies there, and what files hold."""
    harmless = {".locks", "__pycache__"}
    there = (path for path in folder.rglob("*") if not harmless & set(path.parts))
    locks = folder / "data"  # the folder of them
    return {path: path.read_bytes() if path.is_file() else None for path in there if path != locks}


def test_an_option_that_the_kind_does_not_know(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    kinds = [
        dataclasses.replace(kind, options=frozenset({"threads"}), item="clip")
        for kind in registry.kinds()
    ]
    monkeypatch.setattr(registry, "kinds", lambda: registry.Registry("kind", kinds))
    for words, name in (("--video", "--video"), ("--bank public", "--bank")):
        assert main(f"{EVAL} {words} --out r.json".split()) == 2
        (line,) = capfd.readouterr().err.splitlines()
        assert f"{name} means nothing for tasks of the kind goal-control, of clips" in line


def _raising(error: BaseException):
    def run(_words: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (BadValue("wrong: got 1;\n expected 2."), 2, "wrong: got 1; expected 2."),
        (OSError(errno.ENOSPC, "No space left on device", "a.json"), 2, "the disk is full: a.json"),
        (PermissionError(errno.EACCES, "Permission denied", "b.json"), 2, "denied: b.json"),
        (MemoryError(), 2, "out of memory"),
        (ModuleNotFoundError("no torch", name="torch"), 2, "torch is not installed"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("two\nlines"), 1, "RuntimeError: two lines"),
        (SystemExit(0), 2, "ended by SystemExit: 0 (test_cli_errors.py:"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_every_exception_becomes_one_line(
    error: BaseException,
    code: int,
    word: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "run", _raising(error))
    assert main(["list", "tasks"]) == code
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert word in lines[0]


@pytest.mark.parametrize("missing", ["library", "renderer"])
def test_what_a_film_needs_is_checked_before_the_episodes(
    missing: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from entitybench.leaderboard.evaluation import api, video

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the episodes ran")

    def broken(*_: object) -> None:
        raise RenderError("nothing can draw here.")

    monkeypatch.setattr(api, "evaluate", never)
    if missing == "library":
        monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    else:
        monkeypatch.setattr(video, "libraries", lambda: (None, None))
        monkeypatch.setattr(video, "_Camera", broken)
    assert main(f"{EVAL} --video --out {place}/r.json".split()) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert ("imageio_ffmpeg is not installed" if missing == "library" else "draw") in lines[0]


def _bench(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "entitybench", *words],
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        process = _bench("list", "tasks", stdout=full)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.splitlines() == [
        "bench: cannot write to standard output: No space left on device."
    ]


def test_a_reader_that_leaves_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = _bench("list", "tasks", "--json", stdout=writing)
    os.close(writing)
    _, errors = process.communicate(timeout=300)
    assert errors == ""
    assert process.returncode == 141


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="how MuJoCo draws on Linux")
def test_a_renderer_that_mujoco_does_not_know(place: Path) -> None:
    words = "eval --agent random --task push-1block --episodes 1 --out r.json"
    process = _bench(*words.split(), cwd=place, env={**os.environ, "MUJOCO_GL": "nonsense"})
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.splitlines() == [
        "bench: MUJOCO_GL=nonsense does not work here: unset it; see `bench doctor`."
    ]


# Ctrl-C at the first sign of progress, in the midst of the simulation and its threads.
INTERRUPT = """
import os, signal, sys
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation import api

evaluate = api.evaluate
def interrupted(*args, progress, **kwargs):
    return evaluate(*args, progress=lambda *_: os.kill(os.getpid(), signal.SIGINT), **kwargs)
api.evaluate = interrupted
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("error", [ImportError("initialization failed"), SystemError("NULL")])
def test_what_ctrl_c_breaks_off_is_no_defect(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(_words: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:  # a compiled module that is just being imported does this
            raise error from None
        return 0

    monkeypatch.setattr(cli, "run", run)
    assert main(["list", "tasks"]) == 130
    assert capfd.readouterr().err.splitlines() == ["bench: interrupted."]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_full_disk_after_ctrl_c_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(_words: object) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            raise BadValue("the disk is full.") from OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(cli, "run", run)
    assert main(["list", "tasks"]) == 2
    assert capfd.readouterr().err.splitlines() == ["bench: the disk is full."]


# Ctrl-C while a module is looked for.
EARLY = """
import os, runpy, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == late:
            os.kill(os.getpid(), signal.SIGINT)

late, sys.argv[1:] = sys.argv[1], ["list", "tasks"]
sys.meta_path.insert(0, Finder())
runpy.run_module("entitybench", run_name="__main__")
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to itself")
@pytest.mark.parametrize(
    "module",
    ["leaderboard.cli", "leaderboard.cli.main", "leaderboard.cli.app", "leaderboard.cli.catalogue"],
)
def test_ctrl_c_in_the_first_moments(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", EARLY, f"entitybench.{module}"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stderr.splitlines() == ["bench: interrupted."]
    assert done.returncode == 130


def test_before_ctrl_c_is_answered_next_to_nothing_is_imported() -> None:
    script = (
        "import entitybench, sys; before = set(sys.modules)\n"
        "import entitybench.leaderboard.cli.main\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True
    )
    assert all(name.startswith("entitybench.leaderboard") for name in done.stdout.split())


@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_is_one_line_and_leaves_no_record(place: Path, threads: str) -> None:
    words = "eval --agent random --task push-10blocks --episodes 60 --out r.json --threads"
    done = subprocess.run(
        [sys.executable, "-P", "-c", INTERRUPT, *words.split(), threads],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 130
    assert done.stderr.splitlines() == ["bench: interrupted."]
    assert not list(place.glob("r.json*"))


def test_names_that_are_empty_and_curves_without_evaluations(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*TRAIN.split(), "--out", "runs", "--dataset", ""]) == 2
    assert "got an empty name" in capfd.readouterr().err
    (place / "plain.jsonl").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.4}\n')
    assert main(["plot", "curves", "plain.jsonl", "--out", "a.svg"]) == 2
    assert "nothing was evaluated while these learned: name what to draw, --metric loss." in (
        capfd.readouterr().err
    )
