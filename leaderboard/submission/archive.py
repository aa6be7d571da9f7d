"""The zip archive of a bundle: the same bytes for the same files, and read without trust.

Nothing is ever unpacked onto a disk: files are read into memory, one at a time, within limits.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from entitybench.words import reason, squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows, for every file
_SEED = r"seed(0|[1-9]\d{0,18})"
_NAME = re.compile(
    rf"(manifest|record|signature)\.json|episodes/{_SEED}/[a-z]+\.npy"
    rf"|weights/{_SEED}/(agent\.json|weights\.safetensors)"
)
_TAIL = 22 + (1 << 16)  # bytes at the end in which its last record begins
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold."""

    files: int = 1000
    packed: int = 1 << 30  # bytes of the archive
    unpacked: int = 2 << 30  # bytes of all files
    text: int = 64 << 20  # bytes of a JSON file
    ratio: int = 200  # how much larger the files are than the archive, where they are more than
    small: int = 64 << 20  # bytes, which any archive may hold: zeros pack well
    directory: int = 1 << 20  # bytes of the list of files, which zipfile reads at once


LIMITS = Limits()


class Unsafe(Exception):
    """What makes an archive unfit to be read; says why, and in `file` of which file."""

    def __init__(self, why: str, file: str = "") -> None:
        super().__init__(why)
        self.file = squeezed(file, 200)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The archive of some files, which depends on nothing else."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3  # Unix, wherever it is written
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=9)
    return out.getvalue()


def hash_of(file: IO[bytes]) -> str:
    """SHA-256 of all of a file, from its beginning."""
    file.seek(0)
    found = hashlib.sha256()
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()


class Archive:
    """The files of an archive that anybody may have made.

    Raises Unsafe for what is none, or holds what no bundle does.
    """

    def __init__(self, file: IO[bytes], limits: Limits = LIMITS) -> None:
        self._limits = limits
        size = file.seek(0, io.SEEK_END)
        if size > limits.packed:
            raise Unsafe(f"it has {size} bytes, more than the {limits.packed} allowed")
        _check_directory(file, size, limits.directory)
        try:
            self._zip = zipfile.ZipFile(file)
        except Exception as error:  # whatever a broken directory makes of zipfile
            raise Unsafe(f"it is no zip archive: {reason(error)}") from None
        self._check(self._zip.infolist(), size)
        self.sizes = {info.filename: info.file_size for info in self._zip.infolist()}

    def _check(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        limits = self._limits
        if len(infos) > limits.files:
            raise Unsafe(f"it has {len(infos)} files, more than the {limits.files} allowed")
        seen: set[str] = set()
        for info in infos:
            if why := _refusal(info, seen):
                raise Unsafe(why, info.orig_filename)
            seen.add(info.filename)
            if info.filename.endswith(".json") and info.file_size > limits.text:
                raise Unsafe(f"more than {limits.text} bytes of JSON", info.filename)
        total = sum(info.file_size for info in infos)
        if total > limits.unpacked:
            raise Unsafe(f"its files have {total} bytes, more than the {limits.unpacked} allowed")
        if total > max(limits.small, limits.ratio * size):
            raise Unsafe(f"its files are {total // max(size, 1)} times as large as the archive")

    def read(self, name: str) -> bytes:
        """A file's content. Raises Unsafe where it cannot be had."""
        try:
            with self._zip.open(name) as file:
                data = file.read(self.sizes[name] + 1)
        except Exception as error:  # whatever a broken stream makes of zipfile and zlib
            raise Unsafe(f"it cannot be read: {reason(error)}", name) from None
        if len(data) != self.sizes[name]:
            raise Unsafe(f"it has {len(data)} bytes, and says {self.sizes[name]}", name)
        return data


def _check_directory(file: IO[bytes], size: int, most: int) -> None:
    """Raise Unsafe where the list of files is so long that reading it would fill the memory.

    A zip archive ends with a record of 22 bytes and a comment; bytes 12 to 15 are the list's size.
    """
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise Unsafe("it is no zip archive: it has no list of files at its end")
    if tail[max(0, at - 20) : max(0, at - 16)] == b"PK\x06\x07":
        raise Unsafe("it is written as an archive of over 4 GB is; a bundle is none")
    if (told := int.from_bytes(tail[at + 12 : at + 16], "little")) > most:
        raise Unsafe(f"its list of files has {told} bytes, more than the {most} allowed")


def _refusal(info: zipfile.ZipInfo, seen: set[str]) -> str:
    """Why a file is not fit to be read; empty where it is."""
    name, mode = info.orig_filename, info.external_attr >> 16
    if name in seen:
        return "it is there twice"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "it is a link, a folder or a device; a bundle has files only"
    if name != info.filename or not _NAME.fullmatch(name):
        outside = name.startswith("/") or ".." in name or "\\" in name or ":" in name
        return "its name leads out of the bundle" if outside else "a bundle has no such file"
    if info.flag_bits & 1:
        return "it is encrypted"
    if info.compress_type not in _METHODS:
        return "it is packed by another method than deflate"
    return ""
