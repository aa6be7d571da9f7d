"""Minari dataset (or an OGBench or D4RL file) -> episode store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.datasets.api import Dataset
from entitybench.datasets.minari.d4rl import read_d4rl
from entitybench.datasets.minari.foreign import read_foreign
from entitybench.datasets.minari.leaves import shared_columns
from entitybench.datasets.minari.library import DATA_FILE, EXTRA, fetch, load_minari, minari_root
from entitybench.datasets.minari.ogbench import read_ogbench
from entitybench.datasets.store.checks import check_manifest, read_json, why
from entitybench.datasets.store.files import read_manifest
from entitybench.datasets.store.schema import Column, Manifest, manifest_hash
from entitybench.datasets.store.writer import StoreWriter, disk_errors, locked, new_store
from entitybench.errors import BadValue, BenchError, DataError, unknown
from entitybench.files import is_pipe
from entitybench.places import expanded, store_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

# Fields of a manifest that the writer works out anew.
_COMPUTED = ("schema", "splits", "transitions", "state_every", "columns", "files", "drawn")
_HASHES = ("content_hash", "manifest_hash")
D4RL, OGBENCH = (".hdf5", ".h5"), ".npz"  # what files of other projects are called


def import_minari(
    source: str | Path, out: str | Path, *, download: bool = False, horizon: int | None = None
) -> Dataset:
    """Read a Minari dataset into a new episode store.

    What `export` wrote comes back as it was: same data, same seeds, same manifest. Other data get
    the columns that their leaves name; see `foreign.read_foreign`.

    Args:
        source: the name or the folder of a local Minari dataset, an OGBench `.npz` file or a D4RL
            `.hdf5` file.
        out: the new folder; one that holds this very dataset is taken as well.
        download: let Minari download a dataset of that name if it is not on this machine.
        horizon: steps after which the trajectories of a D4RL file are over, marked or not.

    Raises:
        UnknownId: no such dataset; the nearest names are given.
        BadValue: `out` is taken, the data have leaves that a store cannot hold, or they need no
            horizon.
        DataError: the source is damaged, was cut by Minari, or cannot be downloaded.
        MissingExtra: Minari is not installed.
    """
    out = store_place(out)
    if horizon is not None and Path(source).suffix not in D4RL:
        raise BadValue(f"{source} is no D4RL file, so it takes no --horizon: it has ends.")
    with locked(out), disk_errors(out):
        there = _taken_by(out)
        with new_store(out) as folder:
            _read(source, folder, download=download, horizon=horizon)
            _ = Dataset.open(folder, verify=False).episodes  # before it gets its name
            if there not in (None, read_manifest(folder)["manifest_hash"]):
                raise BadValue(f"{out} holds another dataset; give a new folder with --out.")
    return Dataset.open(out)


def _taken_by(out: Path) -> str | None:
    """The hash of the store in a folder, as a killed import may have left it; None: it is free.

    Raises BadValue where something else is there.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    try:
        return str(Dataset.open(out).manifest["manifest_hash"])
    except DataError:
        raise BadValue(f"{out} exists already; give a new folder with --out.") from None


def _read(source: str | Path, folder: Path, *, download: bool, horizon: int | None) -> None:
    """Fill a folder with a store of whatever `source` is."""
    suffix = Path(source).suffix
    if is_pipe(expanded(source)):
        raise DataError(f"{source} is a pipe, not a file: name the file itself.")
    if suffix in D4RL:
        read_d4rl(expanded(source), folder, horizon)
    elif suffix == OGBENCH:
        read_ogbench(expanded(source), folder)
    else:
        if download and not (minari_root() / source).is_dir() and not Path(source).exists():
            fetch(str(source))
        _read_minari(str(source), folder)


def _read_minari(source: str, folder: Path) -> None:
    minari = load_minari()
    path = _find(source)
    try:
        dataset = minari.MinariDataset(path)
        extra = dataset.storage.metadata.get(EXTRA)
        data = Path(dataset.storage.data_path) / DATA_FILE
        if extra and extra.get("whole") and _has_extras(data, len(dataset)):
            _read_own(dataset, data, extra["manifest"], folder)
        else:
            read_foreign(dataset, folder)
    except BenchError:
        raise
    except Exception as error:  # broken files make Minari, gymnasium and HDF5 raise nearly anything
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            raise  # the disk of the new store, not the source
        raise DataError(f"the Minari dataset {path} cannot be read: {why(error)}.") from None


def _find(source: str) -> Path:
    """The data folder of a Minari name or of a folder. Raises UnknownId."""
    given = expanded(source)
    for folder in (given / "data", given, minari_root() / source / "data"):
        if (folder / "metadata.json").is_file():
            return folder
    if given.exists():
        raise DataError(
            f"{given} is no Minari dataset (no data/metadata.json in it), and neither an OGBench "
            ".npz nor a D4RL .hdf5 file."
        )
    raise unknown("Minari dataset", source, local_names(), see="minari list local")


def local_names() -> list[str]:
    """The names of the Minari datasets on this machine."""
    root = minari_root()
    found = root.rglob("data/metadata.json")
    return [path.parent.parent.relative_to(root).as_posix() for path in found]


def _has_extras(path: Path, episodes: int) -> bool:
    """Whether every episode carries what `export` adds; Minari's own tools drop it."""
    import h5py

    if not path.is_file():
        return False
    with h5py.File(path) as file:
        return all(f"episode_{i}/{EXTRA}" in file for i in range(episodes))


def _read_own(dataset: Any, data: Path, manifest: Manifest, folder: Path) -> None:
    """Read what `export` wrote. Raises Fault where its manifest is no sound one."""
    check_manifest({**manifest, "manifest_hash": manifest_hash(manifest)})  # it is sealed anew
    lengths: list[int] = []
    rows: list[dict[str, Any]] = []
    for row, _ in _own_episodes(dataset, data, manifest, arrays=False):
        rows.append(row)
        lengths.append(row["length"])
    columns = {name: Column.from_json(about) for name, about in manifest["columns"].items()}
    writer = StoreWriter(folder, lengths, columns, state_every=manifest["state_every"])
    for _, arrays in _own_episodes(dataset, data, manifest, arrays=True):
        writer.append(arrays)

    def about(content: str) -> dict[str, Any]:
        known = {k: v for k, v in manifest.items() if k not in (*_COMPUTED, *_HASHES)}
        if content != manifest["content_hash"]:  # somebody edited the Minari dataset
            known["custom"] = True
        return known

    writer.finish(rows, about, manifest.get("drawn", ()))


def _own_episodes(
    dataset: Any, data: Path, manifest: Manifest, *, arrays: bool
) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """The row of each episode and, if wanted, its entries of every column."""
    import h5py

    agents = dataset.storage.metadata[EXTRA].get("agents")
    with h5py.File(data) as file:
        for index in range(len(dataset)):
            group = file[f"episode_{index}"]
            row = read_json(group[EXTRA]["row"][()])
            entries = {}
            if arrays:
                entries = {n: group[EXTRA][n][()] for n in manifest["columns"] if n in group[EXTRA]}
                entries |= shared_columns(
                    group, manifest["columns"].keys() - entries.keys(), agents
                )
            yield row, entries
