"""Kills a command at every file-system action that it takes, one after another.

`python kills.py FOLDER EVERY WORD...` copies FOLDER, runs `bench WORD...` in the copy, and ends the
process without any clean-up at its first action; then in another copy at its second, and so on.
After each kill it looks at what lies there, gives the same command once more, and looks again.
It prints one JSON object: how many actions there were, and what was found wrong.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

KILLED = 137
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_KNOWN = {"entitybench", "mujoco", "h5py", "minari", "gymnasium", "matplotlib", "PIL", "rich"}
_ACTIONS = {
    "os.rename",
    "os.link",
    "os.symlink",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.truncate",
    "os.chmod",
}


class Killer:
    """Ends the process at its k-th action below a folder; 0 never does."""

    def __init__(self, root: Path, k: int) -> None:
        self.root, self.k, self.count = str(root), k, 0

    def install(self) -> None:
        sys.addaudithook(self.heard)
        for place, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "fsync")):
            setattr(place, name, self.after(getattr(place, name)))

    def after(self, function):
        """The function, and the moment after it: a file is open, and nothing in it yet."""

        def replaced(*args, **kwargs):
            before = self.count
            result = function(*args, **kwargs)
            if function.__name__ == "fsync" or self.count > before:
                self.act()
            return result

        return replaced

    def heard(self, event: str, args: tuple) -> None:
        if event == "open":
            path, _, flags = args
            if not isinstance(flags, int) or not flags & _WRITES:
                return
        elif event in _ACTIONS:
            path = args[0]
        else:
            return
        if isinstance(path, str | bytes | os.PathLike):
            where = os.path.abspath(os.fsdecode(path))
            if where.startswith(self.root):
                self.act()

    def act(self) -> None:
        self.count += 1
        if self.count == self.k:
            os._exit(KILLED)


def run(words: list[str], place: Path, k: int) -> tuple[int, int]:
    """Exit code and number of actions of a command in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            os.chdir(place)
            for name, folder in (("ENTITYBENCH_DATA", "data"), ("MINARI_DATASETS_PATH", "minari")):
                os.environ[name] = str(place / folder)
            log = os.open(place.parent / "log.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            os.dup2(log, 1)
            os.dup2(log, 2)
            killer = Killer(place, k)
            killer.install()
            code = COMMAND(words)
            os.write(writer, json.dumps([killer.count, sorted(sys.modules)]).encode())
        os._exit(code)
    os.close(writer)
    with open(reader, "rb") as file:
        told = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    count, modules = json.loads(told) if told else (0, [])
    for name in modules:  # the next ones start with them
        if name.split(".")[0] in _KNOWN and name not in sys.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    return code, count


def hidden(place: Path) -> list[str]:
    """Hidden files and folders, less what the data root keeps on purpose."""
    found = (path.relative_to(place) for path in place.rglob(".*"))
    return sorted(
        str(path)
        for path in found
        if path.name not in (".verified", ".locks") and "__pycache__" not in path.parts
    )


def visible(place: Path) -> dict[str, int]:
    """Sizes of the files with no hidden name, nor in a folder that says that it is not whole."""
    found = {}
    for path in place.rglob("*"):
        parts = path.relative_to(place).parts
        unfinished = any(
            part.startswith(".") or ".partial" in part or part.endswith(".training")
            for part in parts
        )
        if path.is_file() and not unfinished and "__pycache__" not in parts:
            found["/".join(parts)] = path.stat().st_size
    return found


def named(name: str) -> str:
    """A name without its time, which differs from run to run, nor the number that tells two of one
    second apart.
    """
    return re.sub(r"-\d{14}(-\d+)?(?=\W)", "", name) if name.startswith("results/") else name


def sweep(folder: Path, every: int, words: list[str]) -> dict[str, object]:
    """Each `every`-th kill point of a command, and its last ones."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary).resolve() / "place"

        def fresh() -> dict[str, int]:
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(folder, place, symlinks=True)
            return visible(place)

        before = fresh()
        code, actions = run(words, place, 0)
        wrong = [] if code == 0 else [f"unkilled: exit code {code}: {log(place)}"]
        whole, kept = visible(place), hidden(place)
        sizes = {named(name): size for name, size in whole.items()}
        for k in range(1, actions + 1):
            if k % every and k < actions - 5:
                continue
            fresh()
            code, _ = run(words, place, k)
            if code != KILLED:
                break  # some runs take fewer actions
            now = visible(place)
            for name, size in now.items():
                right = {before.get(name), sizes.get(named(name))}
                near = words[0] in ("eval", "train") or name.endswith(".hdf5")  # times in them
                if size not in right and not (near and size > 0.9 * sizes[named(name)]):
                    wrong.append(f"{k}: {name} has {size} bytes, not {right}")
            wrong += [f"{k}: {name} is missing" for name in before if name not in now]
            code, _ = run(words, place, 0)
            if code and words[0] == "train" and "--resume" in log(place):
                code, _ = run([*words, "--resume"], place, 0)
            taken = words[0] == "eval" and "exists already" in log(place)  # a result is kept
            if code and not taken:
                wrong.append(f"{k}: once more: exit code {code}: {log(place)}")
            left = set(hidden(place)) - set(kept)
            wrong += [f"{k}: {name} stays" for name in sorted(left)]
            names = {named(name) for name in visible(place)}
            if names != set(sizes):
                wrong.append(f"{k}: other files: {sorted(names ^ set(sizes))}")
    return {"actions": actions, "wrong": wrong}


def log(place: Path) -> str:
    """What the command said."""
    return (place.parent / "log.txt").read_text(errors="replace")[-300:]


if __name__ == "__main__":
    from entitybench.leaderboard.cli.main import main as COMMAND

    sys.stdout.write(json.dumps(sweep(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
