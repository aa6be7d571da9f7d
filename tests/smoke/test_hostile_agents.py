"""An agent may do anything: its faults are one line, and stdout holds the result alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from entitybench.leaderboard.cli.main import main
from entitybench.records import Record

AGENTS = """
import asyncio, os, sys, threading, time
import numpy as np

class Still:
    def initial_state(self, batch): return None
    def act(self, obs, state, rng): return np.zeros((len(obs["observation"]), 2)), state

class Cancelled(Still):
    def act(self, obs, state, rng): raise asyncio.CancelledError

class Away(Still):
    def act(self, obs, state, rng):
        os.chdir("/")
        return super().act(obs, state, rng)

class Gone(Still):
    def act(self, obs, state, rng): raise GeneratorExit("gone")

class Made(Still):
    def __init__(self): raise asyncio.CancelledError("made")

class Silence(Exception):
    def __str__(self): raise RuntimeError("no words")

class Mute(Still):
    def act(self, obs, state, rng): raise Silence

class NoPolicy(Still):
    @property
    def policy(self): raise RuntimeError("none\\nhere")

class EndsPolicy(Still):
    @property
    def policy(self): raise GeneratorExit

class Shapeless(Still):
    def diagnostics(self, state): return {"x": 1.0}

class Huge(Still):
    def act(self, obs, state, rng): raise ValueError("x" * 100_000)

class Escapes(Still):
    def act(self, obs, state, rng): raise ValueError("a\\x1b[31mred\\x07\\r\\n\\x9b2J")

class Diagnoses(Still):
    def diagnostics(self, state):
        return {3: np.full(25, np.inf), "a\\x1b[2J": np.full(25, 1e308), ("t",): np.ones(25)}

class Configured(Still):
    seed, step = np.arange(3), print
    def __init__(self):
        self.config = {"a": np.arange(2), "b": np.ones((90, 90)), "f": float("inf"), 3: object()}

class Threads(Still):
    def act(self, obs, state, rng):
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start(); thread.join()
        return super().act(obs, state, rng)

class Prints(Still):
    def act(self, obs, state, rng):
        print("one"); os.write(1, b"two\\n"); os.system("echo three")
        sys.__stdout__.write("four\\n"); sys.stdout.buffer.write(b"five\\n")
        return super().act(obs, state, rng)

class Closes(Still):
    def act(self, obs, state, rng):
        sys.stdout.close(); sys.__stdout__.close(); os.closerange(1, 2)
        return super().act(obs, state, rng)

class Goes(Still):
    def __init__(self):
        def on():
            while True: print("on", flush=True); time.sleep(0.001)
        threading.Thread(target=on, daemon=True).start()

class Keeps(Still):
    def __init__(self):
        import signal
        try: signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt: pass

class Dies:
    def __del__(self):
        import signal
        signal.raise_signal(signal.SIGINT)

class Loses(Still):
    def __init__(self):
        Dies()
        time.sleep(30)
"""
EVAL = "eval --task push-1block --episodes 1 --agent agents.py:"
FAULTS = {
    "Cancelled": "CancelledError: no message (agents.py:10)",
    "Gone": "GeneratorExit: gone",
    "Made": "cannot be made: CancelledError: made",
    "Mute": "Silence: no message",
    "NoPolicy": "gives no policy: RuntimeError: none here",
    "EndsPolicy": "gives no policy: GeneratorExit",
    "Shapeless": "diagnostics 'x' have the shape (); expected (25,)",
    "Huge": "ValueError: xxxx",
    "Escapes": r"a\x1b[31mred\x07 \x9b2J",
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agents.py").write_text(AGENTS)
    return tmp_path


def bench(words: str, **kwargs):
    """The real program, in a process of its own."""
    program = "import sys; from entitybench.leaderboard.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-P", "-c", program, *words.split()],
        check=False,
        **{"capture_output": "stdout" not in kwargs, **kwargs},
    )


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_agents_are_one_line(name: str, place: Path, capfd) -> None:
    assert main((EVAL + name).split()) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert FAULTS[name] in shown.err
    assert len(shown.err) < 5000
    assert shown.err.count("\n") == 1
    assert shown.err.rstrip("\n").isprintable()
    assert not list(place.glob("results/*/*"))


def test_files_that_end_while_they_are_imported(place: Path, capfd) -> None:
    (place / "ends.py").write_text("import asyncio\nraise asyncio.CancelledError('now')\n")
    assert main(["eval", "--task", "push-1block", "--agent", "ends.py:Any"]) == 2
    assert "ends.py cannot be imported: CancelledError: now (ends.py:2)" in capfd.readouterr().err


def test_what_an_agent_says_of_itself_fits_a_record(place: Path, capfd) -> None:
    assert main([*(EVAL + "Configured").split(), "--out", "a.json"]) == 0
    found = Record.read("a.json").agent
    wanted = {"a": [0, 1], "b": "array float64 (90, 90)", "f": "inf", "3": "object"}
    assert found.config == wanted
    assert found.updates is None
    assert main([*(EVAL + "Diagnoses").split(), "--out", "b.json"]) == 0
    assert Record.read("b.json").diagnostics == {"0": {"('t',)": 1.0}}


def test_an_agent_that_leaves_the_folder_takes_no_record_along(place: Path, capfd) -> None:
    words = "eval --agent agents.py:Away --task push-1block --episodes 1 --out there.json"
    assert main(words.split()) == 0
    assert Path.cwd() == place
    assert (place / "there.json").is_file()


def test_a_thread_that_fails_in_every_step_is_one_line(place: Path, capfd) -> None:
    assert main((EVAL + "Threads").split()) == 0
    lines = capfd.readouterr().err.splitlines()
    assert [line for line in lines if "ZeroDivisionError" in line] == [
        "bench: note: a thread raised ZeroDivisionError: division by zero (agents.py:57)"
    ]
    assert len(lines) == 2


@pytest.mark.parametrize("name", ["Prints", "Closes", "Goes"])
def test_standard_output_is_the_records_alone(name: str, place: Path) -> None:
    done = bench(f"{EVAL}{name} --json")
    assert done.returncode == 0, done.stderr[-500:]
    assert json.loads(done.stdout)["task"]["id"] == "push-1block"
    if name == "Prints":
        told = done.stderr.split()
        assert all(word in told for word in (b"one", b"two", b"three", b"four", b"five"))


@pytest.mark.parametrize("how", ["closed", "full", "a closed pipe"])
def test_a_record_outlives_an_output_that_takes_no_table(how: str, place: Path) -> None:
    if how == "full":
        with open("/dev/full", "w") as output:
            done = bench(f"{EVAL}Still", stdout=output, stderr=subprocess.PIPE)
    elif how == "closed":
        done = bench(
            f"{EVAL}Still", stdout=None, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1)
        )
    else:
        reader, writer = os.pipe()
        os.close(reader)
        done = bench(f"{EVAL}Still", stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
    assert done.returncode == (141 if how == "a closed pipe" else 2)
    assert b"Traceback" not in done.stderr
    [path] = place.glob("results/push-1block/*.json")
    assert len(Record.read(path).rows) == 1
    assert path.name.encode() in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_terminals_without_our_signs(encoding: str, place: Path) -> None:
    assert main([*(EVAL + "Still").split(), "--out", "a.json"]) == 0
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for words in ("table a.json", "--help"):
        done = bench(words, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode(encoding)
    done = bench("table a.json --json", env=env)
    assert json.loads(done.stdout.decode(encoding))


def test_names_of_records_reach_no_terminal_unescaped(place: Path, capfd) -> None:
    assert main([*(EVAL + "Still").split(), "--out", "a.json"]) == 0
    data = json.loads(Path("a.json").read_text())
    data["agent"]["id"] = "evil\x1b[2J\x9b31m\u202e\nname"
    data["agent"]["preset"] = "small\x1b]0;title\x07"
    Path("a.json").write_text(json.dumps(data))
    capfd.readouterr()
    for format in ("text", "markdown", "latex", "csv", "html", "json"):
        assert main(f"table a.json --format {format}".split()) == 0
        assert main(f"compare a.json a.json --format {format}".split()) == 0
        shown = capfd.readouterr().out
        assert all(line.isprintable() for line in shown.splitlines()), format
        assert "evil" in shown


def test_names_of_records_reach_no_plot_as_orders(place: Path, capfd) -> None:
    from xml.etree import ElementTree

    assert main([*(EVAL + "Still").split(), "--out", "a.json"]) == 0
    data = json.loads(Path("a.json").read_text())
    data["agent"]["id"] = "evil$\\frac$<script>\x1b\x00&"
    data["task"]["id"] = "push$_{$\x07\n]]>"
    data["metrics"][0]["title"] = "success $x^$ \x9b"
    Path("a.json").write_text(json.dumps(data))
    for kind in ("bars", "seeds", "profile"):
        for suffix in ("svg", "png", "html"):
            assert main(f"plot {kind} a.json --out {kind}.{suffix}".split()) == 0
        text = Path(f"{kind}.svg").read_text()
        ElementTree.fromstring(text)
        assert "<script" not in text + Path(f"{kind}.html").read_text()
        assert "push$_{$" in text


@pytest.mark.parametrize("name", ["Keeps", "Loses"])
def test_ctrl_c_that_somebody_keeps_is_one_line_and_130(name: str, place: Path) -> None:
    done = bench(f"{EVAL}{name}")
    assert done.returncode == 130
    assert done.stderr.decode().splitlines()[-1] == "bench: interrupted."
    assert b"Traceback" not in done.stderr
