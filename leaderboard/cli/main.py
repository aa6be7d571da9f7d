"""`bench`: run one command and turn every error a user can cause into one line.

Exit codes: 0 done; 1 a defect of the program; 2 something the user can mend; 130 Ctrl-C.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

USER_ERROR = 2
DEFECT = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bench` with the given words (default: the command line's) and return the exit code."""
    same_arithmetic_everywhere()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # Imported here so that Ctrl-C while Python still loads is caught as well.
        from entitybench.leaderboard.cli.app import run

        code = run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _say("interrupted.", INTERRUPTED)
    except BrokenPipeError:
        _drop_stdout()
        return BROKEN_PIPE
    except OSError as error:
        _drop_stdout()
        return _say(os_error(error), USER_ERROR)
    except MemoryError:
        return _say("out of memory: ask for fewer episodes, threads or workers.", USER_ERROR)
    except Exception as error:
        return _say(*describe(error))
    return code


def same_arithmetic_everywhere() -> None:
    """Fix what decides how numpy and torch round, before they load. The user's own settings win.

    Sums in a matrix product are ordered by the number of threads and by the kernel that the BLAS
    picks for the CPU; one thread and one kernel make records agree between machines. Where numpy is
    loaded already it would change nothing here, and child processes would differ from this one.
    """
    if "numpy" in sys.modules:
        return
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if _cpu_has("avx2"):
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")


def _cpu_has(flag: str) -> bool:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            return any(line.startswith("flags") and flag in line.split() for line in lines)
    except OSError:
        return False


def describe(error: Exception) -> tuple[str, int]:
    """The line to print and the exit code of an exception."""
    from entitybench.errors import BenchError

    if isinstance(error, BenchError):
        return str(error), USER_ERROR
    if os.environ.get("ENTITYBENCH_DEBUG"):
        raise error
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("entitybench"):
        return f"{error.name} is not installed: pip install -e '.[all]'", USER_ERROR
    if (choice := os.environ.get("MUJOCO_GL")) and _comes_from(error, "gl_context", "OpenGL"):
        # MuJoCo imports the named library as soon as it is imported itself, drawing or not.
        return f"MUJOCO_GL={choice} does not work here: unset it; see `bench doctor`.", USER_ERROR
    return (
        f"a defect of entitybench, please report it: {type(error).__name__}: {error} "
        "(ENTITYBENCH_DEBUG=1 shows where)",
        DEFECT,
    )


def _comes_from(error: Exception, *parts: str) -> bool:
    """Whether the error passed through a file whose path holds one of the parts."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return any(part in file for part in parts for file in files)


def os_error(error: OSError) -> str:
    """What the operating system refused, on which file, and what to do."""
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space or name another folder with --out."
    return f"{(error.strerror or str(error)).lower()}{where}"


def one_line(text: str) -> str:
    """The text with every run of white space, line breaks included, as one space."""
    return " ".join(text.split())


def _say(message: str, code: int) -> int:
    with contextlib.suppress(OSError):  # standard error may be gone; the exit code still tells
        print(f"bench: {one_line(message)}", file=sys.stderr, flush=True)
    return code


def _drop_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader has left or the disk is full."""
    with contextlib.suppress(OSError, ValueError):  # captured by a test, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
