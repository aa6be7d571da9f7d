"""`bench download`: a dataset or trained weights, whole and right or not at all."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from entitybench.datasets.store.checks import Fault
from entitybench.datasets.store.schema import MANIFEST
from entitybench.datasets.store.verify import check_hashes, check_sizes
from entitybench.datasets.store.writer import check_space, disk_errors, locked, new_store
from entitybench.datasets.transport.contract import Interrupted, Patience, Refused, Source
from entitybench.datasets.transport.fetch import Blob, fetch_all, read_text
from entitybench.datasets.transport.item import Item, NoFrames, said, sha256_of_bytes
from entitybench.datasets.transport.items import DatasetItem, item_of
from entitybench.datasets.transport.layout import INDEX, blob_name, read_index
from entitybench.datasets.transport.sources import open_source
from entitybench.errors import BadValue, BenchError, DataError, did_you_mean
from entitybench.places import sha256_of
from entitybench.progress import progress_bar
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest
    from entitybench.datasets.transport.replay import Replayed

    Progress = Callable[..., None]

MIRRORS = "ENTITYBENCH_MIRRORS"
OFFLINE = "ENTITYBENCH_OFFLINE"
_SPARE = 2**20  # bytes of disk beside the files: folders, the manifest, notes
_OTHER_PROCESSOR = (
    "a set made on another kind of processor may differ in the last bits; with --verify it is "
    "re-simulated instead, and has to agree within a tolerance"
)


def download(
    id: str,
    mirrors: Sequence[str] = (),
    *,
    offline: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
    patience: Patience | None = None,
) -> Path:
    """Bring a dataset, or an agent's weights, from the first mirror that gives it.

    What is there already is checked and left alone. While files arrive they lie beside the final
    folder, under their hashes, and are gone on with after an interruption; the folder itself
    appears at the end, in one step. Nothing that a mirror says is believed: names, sizes, hashes
    and what is registered under the id are all checked.

    Args:
        id: a dataset, also `<id>@<size>`, with `+frames<pixels>` for its frames too, or
            `agent:<agent>/<task>/<name>` of a dataset.
        mirrors: URLs or folders, asked in this order; none: those of `ENTITYBENCH_MIRRORS`.
        offline: no network: only what is here, and mirrors in folders.
        verify: re-simulate a dataset, and take one whose manifest is not the pinned one if it
            agrees; hash what was there already.
        progress: called with (bytes here, bytes in all), then also with what is done meanwhile.
            None: a bar on standard error, where that is a terminal or a notebook.
        say: told in one line what is worth knowing; None: stderr.
        patience: with slow and dead mirrors.

    Raises:
        UnknownId: no such dataset, agent or task.
        BadValue: a mirror that is none.
        DataError: nothing right was found; what was there before is untouched.
    """
    if progress is None:
        with progress_bar(id, unit="bytes") as bar:
            return download(
                id,
                mirrors,
                offline=offline,
                verify=verify,
                progress=bar,
                say=say,
                patience=patience,
            )
    item, bear, tell = item_of(id), patience or Patience(), say or _to_stderr
    offline = offline or os.environ.get(OFFLINE, "") not in ("", "0")
    sources = [open_source(url, bear) for url in mirrors or _named_mirrors()]
    usable = [source for source in sources if not (offline and source.remote)]
    waiting = item.folder.parent / f".{item.folder.name}.download"
    with disk_errors(item.folder), locked(item.folder, waiting=tell):
        manifest = _installed(item, verify, tell, ": it is fetched anew." if usable else ".")
        if manifest is None:
            if not usable:
                if not (item.registered or sources):
                    datasets()[item.id]  # raises UnknownId with the nearest ids
                raise DataError(_nowhere(item, offline))
            if verify and not item.registered:
                raise BadValue(f"{item.id} is not registered here, so nothing can re-simulate it.")
            data, manifest, first = _find(item, usable, bear, verify)
            usable.sort(key=lambda source: source is not first)
            checked = _bring(item, data, manifest, usable, bear, verify, progress, waiting)
            shutil.rmtree(waiting, ignore_errors=True)
            if verify:
                tell(_verified(item, manifest, checked))
            if item.pin is None and isinstance(item, DatasetItem):
                tell(f"{item.id} is not pinned by this version: it is what {first.url} says it is.")
            return item.folder
        shutil.rmtree(waiting, ignore_errors=True)  # after a kill in the last moment
        if verify:
            again = item.registered and isinstance(item, DatasetItem)
            checked = _replay(item.folder, manifest, progress) if again else None
            tell(_verified(item, manifest, checked))
    return item.folder


def _verified(item: Item, manifest: Manifest, checked: Replayed | None) -> str:
    """What --verify has found, in a line."""
    words = f"verified {item.id}: {len(manifest['files'])} files have the manifest's hashes"
    if checked is None:
        return f"{words}; nothing is simulated again of what is no registered dataset."
    return f"{words}; {checked.words}."


def _to_stderr(text: str) -> None:
    sys.stderr.write(text + "\n")


def _named_mirrors() -> list[str]:
    return [url for url in re.split(r"[\s,]+", os.environ.get(MIRRORS, "")) if url]


def _nowhere(item: Item, offline: bool) -> str:
    """Why there is nowhere to look, and how to get the thing instead."""
    make = f" Make it here: `{item.make}`" if item.make else ""
    if offline:
        there = item.folder.is_dir() and any(item.folder.iterdir())
        lacks = "not sound" if there else f"not in {item.folder}"
        return f"{item.id} is {lacks}, and --offline forbids to fetch it.{make}"
    make = make.replace("Make", "Or make")
    return f"no server gives {item.id} by default: name one with `--from URL` (or {MIRRORS}).{make}"


def _installed(item: Item, verify: bool, tell: Callable[[str], None], then: str) -> Manifest | None:
    """The manifest of what is installed and sound; None: it is not, which is told with `then`.

    Raises DataError when something else is at its place.
    """
    folder = item.folder
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    delete = f"delete it first: `rm -r {shlex.quote(str(folder))}`"
    if not (folder / MANIFEST).is_file():
        raise DataError(f"{folder} exists and is not {item.id}: {delete}")
    data = (folder / MANIFEST).read_bytes()
    try:
        manifest = item.check(data)
    except NoFrames:
        return None  # they are added; the rest is not fetched again
    except Fault as fault:
        if "is corrupt" in str(fault):
            tell(f"{MANIFEST} in {folder} {fault}{then}")
            return None
        raise DataError(f"{MANIFEST} in {folder} {fault}. To fetch it, {delete}") from None
    try:
        check_sizes(folder, manifest)
        check_hashes(folder, manifest, always=verify)
    except DataError as error:
        tell(f"{said(error)}{then}")
        return None
    if verify or item.is_pinned(data):
        tell(f"{folder} is complete already; nothing was fetched.")
    else:
        tell(f"{folder} is complete, and not the published {item.id}: {_OTHER_PROCESSOR}.")
    return manifest


def _find(
    item: Item, sources: Sequence[Source], patience: Patience, verify: bool
) -> tuple[bytes, Manifest, Source]:
    """The manifest from the first mirror that has a right one. Raises DataError, UnknownId."""
    reasons: list[str] = []
    known: set[str] = set()
    for source in sources:
        try:
            index = read_index(read_text(source, INDEX, patience))
            known |= set(index)
            there = next((id for id in (item.id, *item.former) if id in index), None)
            if there is None:
                raise Fault("does not have it")
            sha256 = index[there]
            data = read_text(source, blob_name(sha256), patience)
            if sha256_of_bytes(data) != sha256:
                raise Fault("gives a corrupt manifest: another sha256")
            manifest = _checked(item, data)
            if not item.is_pinned(data) and not verify:
                raise Fault(f"has another one than this version pins ({_OTHER_PROCESSOR})")
            return data, manifest, source
        except Fault as fault:
            reasons.append(f"{source.url} {fault}")
        except (Refused, Interrupted) as reason:
            reasons.append(f"{source.url} ({reason})")
    is_typo = not item.registered and item.id not in known
    hint = did_you_mean(item.id, known.union(datasets().ids), count=3) if is_typo else ""
    make = f" Make it here: `{item.make}`" if item.make else ""
    raise DataError(f"no mirror gave {item.id}: {'; '.join(reasons)}.{hint}{make}")


def _checked(item: Item, data: bytes) -> Manifest:
    try:
        return item.check(data)
    except Fault as fault:
        raise Fault(f"gives a manifest that {fault}") from None


def _bring(
    item: Item,
    data: bytes,
    manifest: Manifest,
    sources: list[Source],
    patience: Patience,
    verify: bool,
    progress: Progress | None,
    waiting: Path,
) -> Replayed | None:
    """Fetch the files of a manifest into the folder `waiting`, and install them."""
    checked = None
    folder = item.folder
    blobs = {
        about["sha256"]: Blob(about["sha256"], about["bytes"], name)
        for name, about in manifest["files"].items()
    }
    _check_space(item, waiting, blobs)
    waiting.mkdir(parents=True, exist_ok=True)
    _reuse(folder, waiting, blobs)
    total = sum(blob.bytes for blob in blobs.values())

    def report(have: int) -> None:
        if progress is not None:
            progress(have, total)

    fetch_all(blobs.values(), waiting, sources, patience, report)
    with new_store(folder) as temporary:
        for name, about in manifest["files"].items():
            path = temporary / name
            path.parent.mkdir(exist_ok=True)
            _take(waiting / about["sha256"], path)
        (temporary / MANIFEST).write_bytes(data)
        try:
            item.check_folder(temporary, manifest)
            if verify and isinstance(item, DatasetItem):
                checked = _replay(temporary, manifest, progress)
        except (Fault, BenchError) as error:
            raise DataError(
                f"what {sources[0].url} holds as {item.id} is not sound, and was not installed: "
                f"{said(error)}."
            ) from None
    return checked


def _reuse(folder: Path, waiting: Path, blobs: dict[str, Blob]) -> None:
    """Take what is installed already, as when frames are added to a dataset."""
    for blob in blobs.values():
        here, there = folder / blob.name, waiting / blob.sha256
        is_here = here.is_file() and here.stat().st_size == blob.bytes
        if is_here and not there.exists() and sha256_of(here) == blob.sha256:
            _take(here, there)


def _take(blob: Path, path: Path) -> None:
    """The blob under its own name; a second name where the disk knows links, else a copy."""
    try:
        os.link(blob, path)
    except OSError:
        shutil.copyfile(blob, path)


def _check_space(item: Item, waiting: Path, blobs: dict[str, Blob]) -> None:
    """Raises DataError before anything is fetched, when the disk is too small."""
    here = sum(path.stat().st_size for path in waiting.iterdir()) if waiting.is_dir() else 0
    needed = sum(blob.bytes for blob in blobs.values()) - here + _SPARE
    check_space(item.id, item.folder.parent, needed)


def _replay(folder: Path, manifest: Manifest, progress: Progress | None) -> Replayed:
    from entitybench.datasets.transport.replay import check_replay

    total = sum(about["bytes"] for about in manifest["files"].values())

    def report(done: int, episodes: int) -> None:
        if progress is not None:
            progress(total, total, f"re-simulated {done} of {episodes} episodes")

    return check_replay(folder, report)
