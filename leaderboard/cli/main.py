"""`bench`: run one command and turn every error a user can cause into one line.

Exit codes: 0 done; 1 a defect of the program; 2 something the user can mend; 130 Ctrl-C.
"""

from __future__ import annotations

# Until `main` runs Python itself answers Ctrl-C, with a traceback: hence nothing more is imported.
import os
import sys

TYPE_CHECKING = False  # as type checkers take it; `typing` would be one more import
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

USER_ERROR = 2
DEFECT = 1
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bench` with the given words (default: the command line's) and return the exit code."""
    try:
        with CtrlC() as ctrl_c:
            try:
                code = _run(sys.argv[1:] if arguments is None else arguments, arguments is None)
                if ctrl_c.pressed is not None:  # a library, an agent or a destructor kept it
                    raise KeyboardInterrupt
                return code
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt) or ctrl_c.is_behind(error):
                    raise KeyboardInterrupt from error
                return _say(*explained(error))
    except KeyboardInterrupt:
        return _say("interrupted.", INTERRUPTED)


def _run(words: Sequence[str], ends: bool) -> int:
    """Run a command; with `ends` the process ends after it."""
    same_arithmetic_everywhere()
    # Imported here so that Ctrl-C while Python still loads is caught as well.
    from entitybench.leaderboard.cli.app import run
    from entitybench.streams import apart

    with apart(for_good=ends):
        return run(list(words))


class CtrlC:
    """Within, Ctrl-C raises KeyboardInterrupt as ever, and it is known when that was.

    For what it breaks off may raise something else: compiled modules that are just being imported
    turn it into an ImportError.
    """

    JUST_NOW = 5.0  # s

    def __init__(self) -> None:
        self.pressed: float | None = None
        self.installed = False

    def __enter__(self) -> CtrlC:
        import atexit
        import signal
        import threading

        ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if ours and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._note)
            self.installed = True
            # While Python shuts down nobody catches KeyboardInterrupt any more.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return self

    def __exit__(self, *_: object) -> None:
        if self.installed:
            import signal

            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        from time import monotonic

        self.pressed = monotonic()
        raise KeyboardInterrupt

    def is_behind(self, error: BaseException) -> bool:
        """Whether the error is but the consequence of Ctrl-C."""
        from time import monotonic

        from entitybench.errors import BenchError

        culprit = error.__cause__ if isinstance(error, BenchError) else error
        if culprit is None or isinstance(culprit, OSError | BenchError):
            return False  # such as a disk that is too full for the checkpoint
        if self.pressed is not None and monotonic() - self.pressed < self.JUST_NOW:
            return True
        if not isinstance(culprit, ImportError | SystemError):
            return False
        origins = (culprit.__cause__, culprit.__context__)
        return any(isinstance(origin, KeyboardInterrupt) for origin in origins)


def same_arithmetic_everywhere() -> None:
    """Fix what decides how numpy and torch round, before they load. The user's own settings win.

    Where numpy is loaded already it would change nothing here, and child processes would differ
    from this one.
    """
    if "numpy" in sys.modules:
        return
    from entitybench.arithmetic import same_everywhere

    for name, value in same_everywhere().items():
        os.environ.setdefault(name, value)


def explained(error: BaseException) -> tuple[str, int]:
    """The line to print, if any, and the exit code of whatever a command raised."""
    if isinstance(error, OSError):
        _drop_stdout()
        is_pipe = isinstance(error, BrokenPipeError)
        return ("", BROKEN_PIPE) if is_pipe else (os_error(error), USER_ERROR)
    if isinstance(error, MemoryError):
        return "out of memory: ask for fewer episodes, threads or workers.", USER_ERROR
    if isinstance(error, SystemExit):  # no command does so; what a user's file does is unknown
        from entitybench.words import named, place

        line = f"the program was ended by {named(error)} ({place(error)})"
        return f"{line}, before the command was done: take that out.", USER_ERROR
    return describe(error)


def describe(error: BaseException) -> tuple[str, int]:
    """The line to print and the exit code of an exception."""
    from entitybench.errors import BenchError
    from entitybench.words import named, text_of

    if isinstance(error, BenchError):
        return text_of(error) or named(error), USER_ERROR
    if os.environ.get("ENTITYBENCH_DEBUG"):
        raise error
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("entitybench"):
        return f"{error.name} is not installed: pip install -e '.[all]'", USER_ERROR
    if (choice := os.environ.get("MUJOCO_GL")) and _comes_from(error, "gl_context", "OpenGL"):
        # MuJoCo imports the named library as soon as it is imported itself, drawing or not.
        return f"MUJOCO_GL={choice} does not work here: unset it; see `bench doctor`.", USER_ERROR
    return (
        f"a defect of entitybench, please report it: {named(error)} "
        "(ENTITYBENCH_DEBUG=1 shows where)",
        DEFECT,
    )


def _comes_from(error: BaseException, *parts: str) -> bool:
    """Whether the error passed through a file whose path holds one of the parts."""
    import traceback

    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    return any(part in file for part in parts for file in files)


def os_error(error: OSError) -> str:
    """What the operating system refused, on which file, and what to do."""
    import errno

    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}; free some space or name another folder with --out."
    return f"{(error.strerror or str(error)).lower()}{where}"


def _say(message: str, code: int) -> int:
    try:
        if message:
            from entitybench.words import squeezed

            print(f"bench: {squeezed(message)}", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError, KeyboardInterrupt):
        pass  # standard error may be gone; the exit code still tells
    return code


def _drop_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader has left or the disk is full."""
    from entitybench.streams import drop

    drop()
