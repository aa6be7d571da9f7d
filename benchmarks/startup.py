"""Start-up of `bench eval` to its first control step: `python benchmarks/startup.py [--weights W]`.

Each run is a fresh process that ends at the first step of the world; shown are the least wall and
processor seconds of some runs, since everything else that a machine does only adds to them, and
the modules that take longest to import. `--weights` adds an agent that was trained.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What a process runs: the command as it is, but for a first step that tells the time and ends it.
SCRIPT = """
import json, os, sys, time
from entitybench.leaderboard.cli.main import main
from importlib.abc import MetaPathFinder

class Patch(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "entitybench.leaderboard.evaluation.control":
            return None
        sys.meta_path.remove(self)
        from entitybench.envs.core.batch import Worlds

        def step(self, *_args, **_kwargs):
            used = time.process_time()
            print(json.dumps([time.time() - float(sys.argv[1]), used]), file=sys.stderr, flush=True)
            os._exit(0)

        Worlds.step = step
        return None

sys.meta_path.insert(0, Patch())
main(sys.argv[2:])
"""


def seconds(words: list[str], *, imports: Path | None = None) -> tuple[float, float]:
    """Wall and processor seconds of one process from its start to the first step."""
    flags = ["-X", "importtime"] if imports else []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", *flags, "-c", SCRIPT, repr(time.time()), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if imports:
        imports.write_text(done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
    if not lines:
        sys.exit(f"no step was made: {done.stderr.strip().splitlines()[-1]}")
    wall, used = json.loads(lines[-1])
    return wall, used


def slowest(words: list[str], count: int) -> list[tuple[float, str]]:
    """Packages by the seconds that importing them and what they import takes, the longest first."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "imports"
        seconds(words, imports=file)
        found: dict[str, float] = {}
        for line in file.read_text().splitlines():
            if line.startswith("import time:") and "|" in line and "self" not in line:
                _, whole, name = line.removeprefix("import time:").split("|")
                found[name.strip()] = int(whole) / 1e6
    return sorted(((took, name) for name, took in found.items()), reverse=True)[:count]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="hopper")
    parser.add_argument("--agent", default="bc", help="of the weights")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--modules", type=int, default=12)
    asked = parser.parse_args()
    cases = [["--agent", "random"]]
    if asked.weights:
        cases.append(["--agent", asked.agent, "--weights", str(asked.weights.resolve())])
    for case in cases:
        words = ["eval", *case, "--task", asked.task, "--episodes", "1", "--threads", "1", "--json"]
        seconds(words)  # fills the caches
        times = [seconds(words) for _ in range(asked.runs)]
        wall, used = (min(column) for column in zip(*times, strict=True))
        print(f"{case[1]} in {asked.task}: {wall:.2f} s, {used:.2f} s of a processor")
        for took, name in slowest(words, asked.modules):
            print(f"    {took:6.2f} s  {name}")


if __name__ == "__main__":
    main()
