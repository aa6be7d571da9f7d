"""The page on mirrors: its three commands, and the nginx it shows, in that order."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import mirrors
from mirrors import nginx
from uniform_sets import uniform_set

from entitybench.datasets.generate.api import generate
from entitybench.datasets.store.places import dataset_folder
from entitybench.datasets.store.store import EpisodeStore
from entitybench.leaderboard.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs" / "hosting-a-mirror.md").read_text(encoding="utf-8")
SERVER = re.search(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.search(r"```console\n(.*?)```", PAGE, re.DOTALL)


def test_three_commands_make_a_mirror(tmp_path, monkeypatch) -> None:
    lines = COMMANDS[1].splitlines()
    publish, copy, download = (line.partition(" #")[0].removeprefix("$ ").split() for line in lines)
    served = tmp_path / "served"
    served.mkdir()
    _serve_as_shown(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "theirs"))
    with uniform_set("push-1block") as spec, nginx(served, tmp_path / "nginx") as url:
        generate(spec.id, workers=1, say=lambda _: None)
        put = {"push-3blocks/play-v1": spec.id, "https://data.example.org": url}
        assert main([put.get(word, word) for word in publish[1:]]) == 0
        if shutil.which("rsync"):
            subprocess.run([*copy[:-1], f"{served}/"], check=True)
        else:
            shutil.copytree("site", served, dirs_exist_ok=True)
        monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "mine"))
        assert main([put.get(word, word) for word in download[1:]]) == 0
        EpisodeStore.open(dataset_folder(spec.id)).verify()
        assert httpx.get(f"{url}/index.json").headers["cache-control"] == "no-cache"


def _serve_as_shown(monkeypatch) -> None:
    """The server of the page in the place of the tests' own: other port and folder, no TLS."""
    shown = re.sub(r" *(ssl_certificate|server_name).*\n", "", SERVER[1])
    shown = shown.replace("{", "{{").replace("}", "}}")
    for theirs, ours in (("443 ssl", "127.0.0.1:{port}"), ("/var/www/html", "{site}")):
        assert theirs in shown
        shown = shown.replace(theirs, ours)
    own = re.compile(r"server \{\{.*\}\}\n\}\}", re.DOTALL)
    monkeypatch.setattr(mirrors, "CONFIG", own.sub(lambda _: f"{shown}}}}}", mirrors.CONFIG))
    assert "no-cache" in mirrors.CONFIG
