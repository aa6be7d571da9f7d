"""Takes from a process what looking at a bundle needs not: network, programs, files to write.

On Linux the kernel sees to it: a network namespace of its own without any interface, where that is
allowed, and a filter of system calls (seccomp). Elsewhere, and beside it, an audit hook of Python
refuses the same, and unpickling too; it stops mistakes, not an attacker who runs machine code.
"""

from __future__ import annotations

import ctypes
import platform
import resource
import sys
from typing import Any

_NEW_NET, _NEW_USER = 0x40000000, 0x10000000
_DIE_WITH_PARENT, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 1, 38, 22, 2
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001
_ARCHITECTURES = {  # AUDIT_ARCH, then socket, connect, bind, execve, execveat, ptrace, io_uring
    "x86_64": (0xC000003E, (41, 42, 49, 59, 322, 101, 425)),
    "aarch64": (0xC00000B7, (198, 203, 200, 221, 281, 117, 425)),
}
_REFUSED = (
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pickle.find_class",
)
_MEMORY = 8 << 30  # bytes of data


def cut_network() -> bool:
    """Enter a network namespace without interfaces. False: the system does not allow it.

    Call it before there are threads.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    return any(library.unshare(flags) == 0 for flags in (_NEW_NET, _NEW_NET | _NEW_USER))


def die_with_parent() -> None:
    """End when the process that started this one does, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, 9, 0, 0, 0)


def seal(largest_file: int = 0) -> list[str]:
    """Close the rest. Returns what holds, for the log.

    Args:
        largest_file: bytes that a file may be written to; 0: none is written.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    held = ["system calls filtered"] if _filter() else []
    sys.addaudithook(_refuse)
    return [*held, "no unpickling"]


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _REFUSED:
        raise PermissionError(f"{event} is not allowed while a bundle is looked at")


class _Line(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Line)))


def _filter() -> bool:
    """A seccomp filter: sockets, other programs and other processes are refused with EPERM."""
    known = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    architecture, calls = known
    load, equal, end = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
    lines = [(load, 0, 0, 4), (equal, 0, len(calls) + 2, architecture), (load, 0, 0, 0)]
    lines += [(equal, len(calls) - index, 0, call) for index, call in enumerate(calls)]
    lines += [(end, 0, 0, _ALLOW), (end, 0, 0, _EPERM)]
    program = _Program(len(lines), (_Line * len(lines))(*(_Line(*line) for line in lines)))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return bool(library.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0)
