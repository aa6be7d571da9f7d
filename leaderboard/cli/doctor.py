"""The checks behind `bench doctor`. They write nothing but a temporary file."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

State = Literal["ok", "warn", "broken"]

RENDERERS = {"egl": "libegl1 libgl1 libgl1-mesa-dri", "osmesa": "libosmesa6 libgl1"}
NEEDED_SPACE = 2 * 10**9  # bytes; the registered dataset of push-10blocks fits

DRAW = """
import mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light pos='0 0 2'/><geom size='.3' rgba='1 0 0 1'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 32, 32)
renderer.update_scene(data)
picture = renderer.render()
renderer.close()
raise SystemExit(0 if picture.std() > 1 else "the picture is empty")
"""
ROLLOUT = "from entitybench.leaderboard.cli.doctor import digest; print(digest(int({threads})))"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    check: str
    state: State
    detail: str
    mend: str = ""  # the command or package that mends it

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine() -> Iterator[Finding]:
    """Every check, one after the other."""
    yield python_version()
    yield from packages()
    yield from rendering()
    yield threads()
    yield from determinism()
    yield golden()
    yield data_folder()


def python_version() -> Finding:
    """Python 3.11 to 3.13."""
    here = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", here)
    return Finding("python", "broken", f"{here}; 3.11 to 3.13 are supported", "install python3.11")


def packages() -> Iterator[Finding]:
    """Installed versions against what the distribution asks for: core must fit, extras should."""
    from packaging.requirements import Requirement

    absent: dict[str, list[str]] = {}
    fitting = 0
    for text in requires("entitybench") or ():
        need = Requirement(text)
        if need.name == "entitybench":
            continue
        extra = _extra_of(need.marker)
        try:
            here = version(need.name)
        except PackageNotFoundError:
            if extra:
                absent.setdefault(extra, []).append(need.name)
            else:
                yield Finding(need.name, "broken", "not installed", "pip install -e .")
            continue
        if need.specifier.contains(here, prereleases=True):
            fitting += 1
            continue
        yield Finding(
            need.name,
            "warn" if extra else "broken",
            f"{here} is installed, {need.specifier} is needed",
            f"pip install '{need.name}{need.specifier}'",
        )
    yield Finding("packages", "ok", f"{fitting} requirements fit")
    for extra in ("train", "minari", "video", "plots", "sb3", "robosuite", "s3", "hub"):
        if extra in absent:
            names = ", ".join(absent[extra])
            yield Finding(
                f"[{extra}]", "warn", f"not installed: {names}", f"pip install -e '.[{extra}]'"
            )


def _extra_of(marker: object) -> str:
    """`train` of the marker `extra == "train"`; empty for a core requirement."""
    text = str(marker or "")
    return text.partition('extra == "')[2].partition('"')[0]


def rendering() -> Iterator[Finding]:
    """Draw one picture with EGL and one with OSMesa, each in a process of its own.

    One of the two is enough; without any, tasks in state still work.
    """
    failures = {}
    for name in RENDERERS:
        code, said = _python(DRAW, MUJOCO_GL=name)
        if code == 0:
            yield Finding(f"rendering, {name}", "ok", "drew a picture without a display")
        else:
            failures[name] = said or "no picture"
    enough = len(failures) < len(RENDERERS)
    for name, said in failures.items():
        yield Finding(
            f"rendering, {name}",
            "ok" if enough else "warn",
            "not available, and not needed" if enough else f"does not work ({said})",
            "" if enough else f"apt-get install {RENDERERS[name]}",
        )


def threads() -> Finding:
    """How many cores this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    blas = os.environ.get("OMP_NUM_THREADS", "not set")
    return Finding("threads", "ok", f"{usable} usable cores, OMP_NUM_THREADS={blas}")


def digest(threads: int) -> str:
    """A hash of the states after 40 steps of 4 episodes of push-3blocks, pushing at random."""
    import hashlib

    from entitybench.envs.api import make_worlds
    from entitybench.seeding import generator

    worlds = make_worlds("push-3blocks", 4, threads=threads)
    worlds.reset([0, 1, 2, 3])
    rng = generator(0, "doctor")
    for _ in range(40):
        worlds.step(rng.uniform(-1, 1, (4, worlds.world.action_dim)))
    states = "".join(worlds.state_digest(row) for row in range(4))
    worlds.close()
    return hashlib.sha256(states.encode()).hexdigest()


def determinism() -> Iterator[Finding]:
    """The same seeds give the same states: again, with two threads, in another process."""
    try:
        first, again, threaded = digest(1), digest(1), digest(2)
    except Exception as error:  # whatever stops the simulator is the finding
        mend = "unset MUJOCO_GL" if os.environ.get("MUJOCO_GL") else "pip install -e ."
        yield Finding("simulation", "broken", f"{type(error).__name__}: {error}", mend)
        return
    code, said = _python(ROLLOUT.format(threads=1))
    other = said if code == 0 else ""
    for check, result in (
        ("repeated", again),
        ("two threads", threaded),
        ("another process", other),
    ):
        same = result == first
        detail = f"the same states ({first[:12]})" if same else f"{result[:12]}, not {first[:12]}"
        yield Finding(f"determinism, {check}", "ok" if same else "broken", detail)


def golden() -> Finding:
    """Known actions take every task through the states that are stored for this MuJoCo."""
    try:
        import mujoco

        from entitybench.envs.golden import compare, stored

        if not stored():
            detail = f"none are stored for MuJoCo {mujoco.__version__}: its physics are others"
            return Finding("golden rollouts", "warn", detail, "pip install 'mujoco>=3.8.1,<3.9'")
        differ, _, agree = compare()
    except Exception as error:  # whatever stops the simulator is the finding
        return Finding("golden rollouts", "broken", f"{type(error).__name__}: {error}")
    if not differ:
        return Finding("golden rollouts", "ok", f"{agree} tasks, all states as stored")
    some = ", ".join(differ[:5]) + (", …" if len(differ) > 5 else "")
    detail = (
        f"{len(differ)} of {agree + len(differ)} tasks end in other states ({some}): another "
        "processor may round otherwise; results are near those published, not equal"
    )
    return Finding("golden rollouts", "warn", detail)


def data_folder() -> Finding:
    """The folder of datasets can be written, and there is room."""
    from entitybench.places import data_root

    root = data_root()
    mend = "set ENTITYBENCH_DATA to a folder that can be written"
    folder = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("data folder", "broken", f"{root}: {error.strerror}", mend)
    detail = f"{root}, {free / 1e9:.1f} GB free"
    return Finding("data folder", "ok" if free > NEEDED_SPACE else "warn", detail)


def _python(code: str, **environment: str) -> tuple[int, str]:
    """Exit code and last line of output of a Python process."""
    with tempfile.TemporaryDirectory() as elsewhere:
        try:
            done = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, **environment},
                cwd=Path(elsewhere),
                capture_output=True,
                text=True,
                timeout=120,
            )
        except subprocess.TimeoutExpired:
            return 1, "no answer in 120 s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode, lines[-1] if lines else ""
