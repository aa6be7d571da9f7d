"""`bench completion`: scripts that shells read, with every command and option."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from entitybench.leaderboard.cli.app import app
from entitybench.leaderboard.cli.main import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_have_every_command_and_are_read(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for name in app:
        assert name.startswith("-") or name in text
    assert "weights-from" in text
    script = tmp_path / "script"
    script.write_text(text)
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ev"], "eval"),
        (["compl"], "completion"),
        (["eval", "--weights-f"], "--weights-from"),
        (["eval", "--agent", "hecrl", "--task", "push-3b"], "push-3blocks"),
    ],
)
def test_bash_completes(
    typed: list[str], offered: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["completion", "bash"])
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    words = " ".join(["bench", *typed])
    shell = (
        f"source {script}; COMP_WORDS=({words}); COMP_CWORD={len(typed)}; _bench; "
        'echo "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it asks `bench`
    done = subprocess.run(
        ["bash", "-c", shell],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert offered in done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["eval", "--agent", ""], "hecrl"),
        (["train", "--task", ""], "push-3blocks"),
        (["table", "--suite", ""], "control-small"),
        (["generate", ""], "push-3blocks/play-v1"),
        (["page", "hopper/medium-v1", ""], "hopper/expert-v1"),
        (["info", ""], "hopper/expert-v1"),
        (["download", ""], "hecrl"),
    ],
)
def test_ids_are_offered(
    typed: list[str], offered: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of whatever is installed when the tabulator is pressed."""
    assert main(["__complete", *typed]) == 0
    assert offered in capsys.readouterr().out.splitlines()


def test_other_shells_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fsh"]) == 2
    assert "Did you mean 'fish'" in capsys.readouterr().err
