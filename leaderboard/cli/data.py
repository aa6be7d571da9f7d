"""`bench generate`, `bench download`, `bench publish`, `bench export`, `bench import`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.executors.api import LOCAL, check
from entitybench.leaderboard.cli.args import (
    DatasetId,
    Episodes,
    Pixels,
    Place,
    Seed,
    Steps,
    Threads,
    TrainedId,
    existing,
    writable_folder,
)
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar


def generate(
    dataset: DatasetId,
    /,
    *,
    episodes: Episodes | None = None,
    seed: Seed | None = None,
    size: str = "small",
    pixels: Pixels | None = None,
    workers: Threads | None = None,
    executor: str = LOCAL,
    out: Place | None = None,
    json: bool = False,
) -> None:
    """Generate a dataset; the same seed gives the same bytes. Run again to resume.

    Args:
        dataset: An id of `bench list datasets`, with @paper for that size.
        episodes: Training episodes. Default: the registered number.
        seed: Default: the registered seed.
        size: A registered number of episodes by name: small or, where there is one, paper.
        pixels: Then also draw every state, this many pixels along an edge; simulates nothing anew.
        workers: Processes; any number gives the same bytes. Default: the cores.
        executor: Where they are: local, slurm (a job array), or ray. Default: local.
        out: The folder of the store. Default: below ENTITYBENCH_DATA.
        json: Print the manifest as JSON.
    """
    id, _, named = dataset.partition("@")
    spec = registry.datasets()[id]
    if named and size not in ("small", named):
        raise BadValue(f"{dataset} names a size, and --size another one: {size!r}.")
    size = named or size
    check(executor)
    if out is not None:
        writable_folder(out)

    from entitybench.datasets.generate.api import generate as run

    with _kept(), progress_bar(f"{spec.id}, episodes") as progress:
        folder = run(
            spec.id,
            episodes=episodes,
            seed=seed,
            size=size,
            workers=workers,
            executor=executor,
            out=out,
            progress=progress,
            say=note,
        )
    if pixels is not None:
        from entitybench.datasets.generate.draw import draw

        with _kept(), progress_bar(f"{spec.id}, frames") as progress:
            draw(folder, pixels, workers=workers, executor=executor, progress=progress, say=note)
        note(f"every state is drawn, {pixels} pixels along an edge: {folder / 'frames.h5'}")
    _compare(folder, is_elsewhere=out is not None)
    _show(folder, json)


@contextmanager
def _kept() -> Iterator[None]:
    """Work that a second call goes on with; Ctrl-C says so."""
    try:
        yield
    except KeyboardInterrupt:
        note("what is finished is kept: give the same command again to go on.")
        raise


def _compare(folder: Path, *, is_elsewhere: bool) -> None:
    """Say whether a dataset is the pinned one, where one is pinned."""
    from entitybench.datasets.store.files import read_manifest
    from entitybench.datasets.store.schema import MANIFEST
    from entitybench.datasets.transport.items import item_of

    made = read_manifest(folder)
    if made["custom"]:
        return
    item = item_of(f"{made['dataset']}@{made['size']}")
    if item.pin is None:
        return
    if item.is_pinned((folder / MANIFEST).read_bytes()):
        note(f"equal to the published {item.id}, bit for bit.")
        return
    verify = "" if is_elsewhere else f"; `bench download {item.id} --verify` re-simulates it"
    note(
        f"not the published {item.id}, bit for bit: another kind of processor may round the last "
        f"bits otherwise{verify}."
    )


def download(
    id: TrainedId,
    /,
    *,
    from_: Annotated[list[str] | None, Parameter(name="--from", consume_multiple=True)] = None,
    frames: Pixels | None = None,
    offline: bool = False,
    verify: bool = False,
    json: bool = False,
) -> None:
    """Download a dataset, or an agent's weights; checked by hash. Run again to resume.

    Args:
        id: An id of `bench list datasets`, with @paper for that size, or agent:AGENT/TASK.
        from_: Mirrors in the order to ask them: https://, file://, s3://, hf://, or a folder.
            Default: ENTITYBENCH_MIRRORS.
        frames: With the frames of this many pixels along an edge, where the mirror has them.
        offline: Use no network: check what is here, or take it from a folder.
        verify: Re-simulate the dataset, and accept one that agrees within a tolerance.
        json: Print where it lies as JSON.
    """
    from entitybench.datasets.transport.download import download as run

    id = id if frames is None else f"{id}+frames{frames}"
    with _kept(), progress_bar(f"{id}", unit="bytes") as progress:
        folder = run(id, from_ or (), offline=offline, verify=verify, progress=progress, say=note)
    print_json({"id": id, "folder": str(folder)}) if json else put(str(folder))


def publish(folder: str, /, *, to: str, json: bool = False) -> None:
    """Put a dataset, or an agent's weights, onto a mirror.

    Args:
        folder: A dataset or weights by id or folder.
        to: The mirror: a folder to be served, s3://bucket/prefix or hf://owner/name.
        json: Print id and manifest hash as JSON.
    """
    from entitybench.datasets.transport.publish import publish as run

    with progress_bar(f"{folder}", unit="bytes") as progress:
        id, sha256 = run(_publishable(folder), to, progress=progress)
    about = {"id": id, "manifest": sha256, "to": to}
    print_json(about) if json else put(f"{id} is on {to}")


def _publishable(folder: str) -> Path:
    """The folder that an id or a path names; of weights the shipped ones, if they are shipped."""
    from entitybench.datasets.transport.items import item_of
    from entitybench.datasets.transport.weights import AGENT
    from entitybench.leaderboard.evaluation.weights import REFERENCE

    if folder.startswith(AGENT):
        item = item_of(folder)
        shipped = REFERENCE / "weights" / item.id.removeprefix(AGENT)
        return shipped if shipped.is_dir() else item.folder
    if folder.partition("@")[0] in registry.datasets():
        from entitybench.datasets.api import load_dataset

        return load_dataset(folder).folder  # raises DataError with the line that makes it
    return existing(Path(folder), "dataset or weights")


def export(folder: Place, /, *, minari: str, json: bool = False) -> None:
    """Write an episode store as a Minari dataset.

    Args:
        folder: The folder of a store, or a dataset id.
        minari: The name of the Minari dataset, e.g. push-3blocks/mine-v0.
        json: Print where it lies as JSON.
    """
    from entitybench.datasets.api import load_dataset
    from entitybench.datasets.minari.export import export as run
    from entitybench.datasets.store.frames import FRAMES

    store = load_dataset(_store(folder))
    path = run(store, minari)
    if FRAMES in store.columns:
        note(
            "the frames travel beside the episodes, lossless: `bench import` brings them back. "
            "Minari itself shows the states they were drawn from, as the environment does."
        )
    print_json({"minari": minari, "folder": str(path)}) if json else put(str(path))


def import_(
    source: str,
    /,
    *,
    out: Place,
    download: bool = False,
    horizon: Steps | None = None,
    json: bool = False,
) -> None:
    """Read a Minari, OGBench or D4RL dataset into an episode store.

    Args:
        source: A local Minari dataset by name or folder, an OGBench .npz (with its -val.npz, if
            that lies beside it) or a D4RL .hdf5 file.
        out: The folder of the new store; where it is there already, whole, nothing is changed.
        download: Let Minari download a dataset of that name if it is not on this machine.
        horizon: Steps after which the trajectories of a D4RL file are over, marked or not.
        json: Print the manifest as JSON.
    """
    writable_folder(out)

    from entitybench.datasets.minari.importer import import_minari

    _show(import_minari(source, out, download=download, horizon=horizon).folder, json)


def _show(folder: Path, json: bool) -> None:
    from entitybench.datasets.store.files import read_manifest

    print_json(read_manifest(folder)) if json else put(str(folder))


def _store(folder: Path) -> Path | str:
    if str(folder).partition("@")[0] in registry.datasets():
        return str(folder)
    return existing(folder, "dataset")
