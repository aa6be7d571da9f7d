"""Files that have their name only when they are whole, and that no process takes from another.

What is being written lies beside its place, under a hidden name, locked by the process that writes
it. A process that is killed leaves it behind unlocked; the next one that writes in the same folder
takes it away.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from entitybench.errors import BadValue
from entitybench.streams import result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 10.0  # s to wait for somebody who reads from a named pipe
_HIDDEN = re.compile(r"\..+\.[0-9a-f]{32}\.part")
_STANDARD = {
    f"{place}{name}": number
    for number, names in ((1, ("stdout", "fd/1")), (2, ("stderr", "fd/2")))
    for place, name in (("/dev/", names[0]), ("/dev/", names[1]), ("/proc/self/", names[1]))
}


def write_atomic(path: str | Path, content: str | bytes) -> Path:
    """Write a file under its final name only when it is whole: temporary name, fsync, replace.

    A link stays a link: the file it points to is written. What is no regular file (a device, a
    pipe) is written into, never replaced. Makes missing parent folders.

    Raises BadValue when it cannot be written; no part of a file is left behind.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    try:
        if is_special(path):
            _write_into(path, data)
        else:
            with writing(path) as temporary:
                temporary.write_bytes(data)
    except OSError as error:
        raise BadValue(f"cannot write {path}: {error.strerror or error}.") from error
    return path


def write_new(folder: Path, stem: str, content: str, *, suffix: str = ".json") -> Path:
    """Write folder/STEM.json, or STEM-2.json, … where that is taken, also by another process.

    An empty file counts as free. Returns the path. Raises BadValue when it cannot be written.
    """
    try:
        with writing(folder / f"{stem}{suffix}", rename=False) as temporary:
            temporary.write_bytes(content.encode())
            _sync(temporary)
            for again in itertools.count(1):
                path = folder / (f"{stem}-{again}{suffix}" if again > 1 else f"{stem}{suffix}")
                if _take(temporary, path):
                    break
        sync_folder(folder)
    except OSError as error:
        raise BadValue(f"cannot write in {folder}: {error.strerror or error}.") from error
    return path


def is_pipe(path: str | Path) -> bool:
    """Whether a path is a named pipe, which may be read for ever; those of /dev/fd are no names."""
    if str(path).startswith(("/dev/", "/proc/")):
        return False
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def read_file(path: str | Path) -> bytes:
    """The bytes of a file. Raises OSError, also for a named pipe, which nobody may write into."""
    if is_pipe(path):
        raise OSError(errno.EINVAL, "it is a pipe, not a file", str(path))
    return Path(path).read_bytes()


@contextmanager
def writing(path: str | Path, *, rename: bool = True) -> Iterator[Path]:
    """An empty file beside `path` for anything to write into; at the end it gets that name.

    Not before it is whole: after an error `path` is as it was, and nothing else is left. Makes
    missing parent folders. Raises OSError.

    Args:
        path: the file; of a link the one it points to.
        rename: False: the block itself gives the file its name.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    temporary, held = _hidden(path)
    try:
        yield temporary
        if rename:
            _sync(temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):  # such as on a disk that has become read-only
            temporary.unlink(missing_ok=True)
        held.close()


def sweep(folder: Path) -> None:
    """Take away what processes that were killed have left of files in a folder."""
    try:
        left = [name for name in os.listdir(folder) if _HIDDEN.fullmatch(name)]
    except OSError:
        return
    for name in left:
        with suppress(OSError), open(folder / name, "rb+") as file:
            _lock(file)
            (folder / name).unlink()


@contextmanager
def only_one(path: Path, busy: Callable[[], None]) -> Iterator[bool]:
    """Within, no other process is in such a block of the same `path`, which leaves no file.

    The system frees the lock when a process ends, however it does.

    Args:
        path: of the file that is locked; its folder is made.
        busy: called once where another process holds it, before waiting for it; may raise instead.

    Yields whether it is locked: not where the system has no locks, or `path` cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = _held(path, busy)
    except OSError:
        yield False
        return
    with file:
        try:
            yield True
        finally:
            with suppress(OSError):
                path.unlink()


def _held(path: Path, busy: Callable[[], None]) -> IO[bytes]:
    """The file at `path`, made and locked. Raises OSError where that cannot be."""
    waited = False
    while True:
        file = path.open("ab")
        try:
            try:
                _lock(file)
            except BlockingIOError:
                if not waited:
                    waited = True
                    busy()
                _lock(file, wait=True)
            if is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # who held it has taken the file away


def _lock(file: IO[bytes], *, wait: bool = False) -> None:
    """Lock an open file. Raises BlockingIOError where another has it; OSError: no locks here."""
    try:
        import fcntl
    except ImportError:
        raise OSError(errno.ENOLCK, "this system has no locks") from None
    fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_at(file: IO[bytes], path: Path) -> bool:
    """Whether the open file is still the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def swap(one: Path, other: Path) -> bool:
    """Let two folders change places in one step. False where the system cannot do that."""
    import ctypes

    names = os.fsencode(one), os.fsencode(other)
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fs.h
        return bool(library.renameat2(here, names[0], here, names[1], exchange) == 0)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, 2) == 0)  # RENAME_SWAP
    return False


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a loss of power, where the system can."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):  # the file is there; some systems cannot do more
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _hidden(path: Path) -> tuple[Path, IO[bytes]]:
    """A new, locked file beside `path`."""
    stem = os.fsdecode(os.fsencode(path.name)[:150])  # names have 255 bytes at most
    while True:
        temporary = path.with_name(f".{stem}.{uuid.uuid4().hex}.part")
        held = open(temporary, "xb")  # noqa: SIM115 - closed when the file has its name
        with suppress(OSError):  # a disk that knows no locks is never swept either
            _lock(held, wait=True)
        # Another process may have swept it away before it was locked.
        if is_at(held, temporary):
            return temporary, held
        held.close()


def _take(temporary: Path, path: Path) -> bool:
    """Give a whole file a name that is free. False: it is taken. Raises OSError."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return _take_empty(temporary, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        # Without links the name is taken first, empty: only one process can.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return _take_empty(temporary, path)
        os.replace(temporary, path)
    return True


def _take_empty(temporary: Path, path: Path) -> bool:
    """Replace an empty file, as `mktemp` makes one; no two processes can do that to the same."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size:
        return False
    with open(path, "rb+") as file:
        try:
            _lock(file)
        except BlockingIOError:
            return False
        if not is_at(file, path) or path.stat().st_size:
            return False
        os.replace(temporary, path)
    return True


def is_special(path: Path) -> bool:
    """Whether there is something that is no regular file, a folder included."""
    if str(path) in _STANDARD:
        return True
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _write_into(path: Path, data: bytes) -> None:
    # Standard output may be a file: opened anew it would be written from its beginning.
    number = _STANDARD.get(str(path))
    if number is None:
        handle = _opened(path)
    else:
        stream = result() if number == 1 else sys.stderr
        stream.flush()
        try:
            handle = os.dup(stream.fileno())
        except (OSError, ValueError, AttributeError):  # captured
            handle = os.dup(number)
    with open(handle, "wb") as file:
        file.write(data)


def _opened(path: Path) -> int:
    """A device or pipe to write into. Raises OSError where nobody reads from a pipe."""
    if not stat.S_ISFIFO(os.stat(path).st_mode):
        return os.open(path, os.O_WRONLY)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "nobody reads from this pipe") from None
            time.sleep(0.05)
            continue
        os.set_blocking(handle, True)
        return handle
