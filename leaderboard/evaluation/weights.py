"""Finds checkpoints: the shipped ones, or those in a user's folder. Reads only their agent.json."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.checkpoints import META, Checkpoint, read_meta, train_line, weights_folder, where
from entitybench.errors import BadValue, CheckpointError, nearest, unknown
from entitybench.needs import check_dataset
from entitybench.notices import warn
from entitybench.registry import agents, dataset_for, dataset_of, datasets, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import AgentSpec, TaskSpec

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
_SEED = re.compile(r"seed(\d+)")


def owner(spec: AgentSpec) -> str:
    """The agent whose weights `spec` uses."""
    return spec.weights_of or spec.id


def reference_weights(agent: str, task: str, dataset: str | None = None) -> dict[int, Path]:
    """Shipped checkpoint folders by training seed; empty where none are shipped.

    `dataset` is what they were trained on; None: what the task names to be trained on.
    """
    trained_on = dataset or _usual(agent, task)
    return _seed_folders(REFERENCE / "weights" / where(agent, task, trained_on))


def _found_weights(agent: str, task: str, dataset: str | None) -> dict[int, Path]:
    """Shipped and downloaded checkpoint folders by training seed; where both are, the shipped."""
    trained_on = dataset or _usual(agent, task)
    here = weights_folder(agent, task, trained_on)
    # Of earlier versions, which kept one dataset apiece, without a folder of its own.
    former = {
        seed: folder
        for seed, folder in _seed_folders(here.parent).items()
        if where(agent, task, _read(folder).dataset).name == here.name
    }
    return {**former, **_seed_folders(here), **reference_weights(agent, task, trained_on)}


def _of_claims(agent: str, task: str, dataset: str | None) -> dict[int, Path]:
    """Shipped checkpoints that claims trained with settings of their own, by training seed.

    Says so. Empty where there are none, and where there are several settings.
    """
    name = where(agent, task, dataset or _usual(agent, task)).name
    there = _claims_folders(agent, task).get(name, [])
    if len(there) != 1:
        return {}
    warn(
        f"no weights of {agent} on {task} with the settings of a preset are shipped or downloaded: "
        "these are those of its claims, with settings of their own."
    )
    return _seed_folders(there[0])


def _claims_folders(agent: str, task: str) -> dict[str, list[Path]]:
    """Folders of seeds that claims trained with settings of their own, by the dataset's name."""
    found: dict[str, list[Path]] = {}
    for folder in sorted((REFERENCE / "claims" / "weights" / agent / task).glob("*")):
        if _seed_folders(folder):
            found.setdefault(folder.name.partition("+")[0], []).append(folder)
    return found


def _usual(agent: str, task: str) -> str | None:
    """The dataset that an agent learns from in a task unless another is named."""
    if task not in tasks():
        return None
    if agent not in agents():
        return tasks()[task].default_dataset
    spec = agents()[agent]
    return dataset_for(tasks()[task], spec.kind) if spec.learns_from == "dataset" else None


def _datasets(agent: str, task: str) -> list[str]:
    """Names of the datasets from which there are weights, shipped or downloaded."""
    roots = (REFERENCE / "weights" / agent / task, weights_folder(agent, task).parent)
    former = {_name(_read(folder)) for folder in _seed_folders(roots[1]).values()}
    found = {path.name for root in roots for path in root.glob("*") if _seed_folders(path)}
    return sorted(found | former | set(_claims_folders(agent, task)))


def _seed_folders(root: Path) -> dict[int, Path]:
    if not root.is_dir():
        return {}
    found: dict[int, Path] = {}
    for folder in sorted(root.iterdir()):
        match = _SEED.fullmatch(folder.name)
        if not (match and (folder / META).is_file()):
            continue
        seed = int(match[1])
        if seed in found:
            raise CheckpointError(
                f"{str(folder)!r} and {str(found[seed])!r} are both of training seed {seed}; "
                "every seed counts once: remove one."
            )
        found[seed] = folder
    return dict(sorted(found.items()))


def find(
    spec: AgentSpec,
    task: TaskSpec,
    *,
    seeds: list[int] | None = None,
    weights: str | Path | None = None,
    weights_from: str | None = None,
    preset: str | None = None,
    dataset: str | None = None,
) -> dict[int, Checkpoint]:
    """Checkpoints by training seed.

    Args:
        spec: the agent.
        task: where it will act.
        seeds: training seeds; None means all there are.
        weights: a folder of seed0/, seed1/, … or of AGENT/TASK/DATASET/seed0/, …, or a checkpoint
            folder; None: the shipped ones, then the downloaded ones, then those that claims trained
            with settings of their own.
        weights_from: the task that the weights were trained on, where it is not `task`.
        preset: the preset they must have; None takes any.
        dataset: id of what they were trained on; None: in `weights` the only one, else what the
            task names.

    Raises:
        CheckpointError: none there, or of another agent, task, version or preset; a
            seed twice, or a folder named after another seed.
        BadValue: `weights` is no folder, or the dataset is of another task.
        UnknownId: there is no such dataset.
    """
    trained_on = weights_from or task.id
    if trained_on != task.id and "fixed-number" in spec.needs:
        raise CheckpointError(
            f"the networks of {spec.id} fit {trained_on} alone, not {task.id}: train it there, or "
            "choose an agent that reads entities."
        )
    if dataset is not None:
        dataset = _checked(dataset, trained_on)
    if weights is None:
        folders = _found_weights(owner(spec), trained_on, dataset)
        if not folders:
            folders = _of_claims(owner(spec), trained_on, dataset)
        if dataset is not None and not folders:
            _check_known(dataset, trained_on)
    else:
        folders = _folders(Path(weights), owner(spec), trained_on, seeds, dataset)
    wanted = list(folders) if seeds is None else seeds
    missing = [seed for seed in wanted if seed not in folders]
    if missing or not wanted:
        raise CheckpointError(
            _missing(spec, trained_on, missing, folders, weights, preset, dataset)
        )
    found = {}
    for seed in wanted:
        checkpoint = _read(folders[seed])
        check(checkpoint, spec, task, weights_from, preset, dataset)
        if checkpoint.seed != seed:
            raise CheckpointError(
                f"{str(checkpoint.folder)!r} holds training seed {checkpoint.seed}, and its name "
                f"says {seed}: rename it to seed{checkpoint.seed}, or put the right weights there."
            )
        found[seed] = checkpoint
    _check_same_data(list(found.values()))
    return found


def _check_same_data(found: list[Checkpoint]) -> None:
    """Raise CheckpointError where seeds learned from data of different content."""
    content = [(each.meta.get("dataset") or {}).get("content_hash") for each in found]
    for each, hash in zip(found, content, strict=True):
        if hash != content[0]:
            raise CheckpointError(
                f"training seeds {found[0].seed} and {each.seed} in {str(each.folder.parent)!r} "
                "learned from data of different content, and are no seeds of one result: evaluate "
                "them apart with --train-seeds."
            )


def _checked(dataset: str, task: str) -> str:
    """The id of the dataset without its size. Raises BadValue where it is one of another task."""
    if not isinstance(dataset, str):
        datasets()[dataset]  # raises UnknownId
    if task in tasks():
        dataset = dataset_of(tasks()[task], dataset)
    id = dataset.partition("@")[0]
    if task in tasks() and id in datasets():
        check_dataset(id, datasets()[id].task, tasks()[task])
    return id


def _check_known(dataset: str, task: str) -> None:
    """Raise UnknownId for a dataset that its task does not have, where there are no weights."""
    of = tasks()[task].datasets if task in tasks() else ()
    if of and dataset not in of:
        raise unknown("dataset", dataset, of)


def _folders(
    root: Path, agent: str, task: str, seeds: list[int] | None, dataset: str | None
) -> dict[int, Path]:
    """Checkpoint folders by training seed in a user's folder, all trained on one dataset."""
    if not root.is_dir():
        what = "a file, not a folder" if root.exists() else "not there"
        raise BadValue(f"no weights in {str(root)!r}: it is {what}.")
    if (root / META).is_file():
        return {int(read_meta(root)["seed"]): root}
    if found := _seed_folders(root):
        return _of_one_dataset(found, root, seeds, dataset)
    for place in (root / agent / task, root / task, root):  # as `checkpoints.where` lays them
        folders = {path.name: _seed_folders(path) for path in sorted(place.glob("*"))}
        own = {name: found for name, found in folders.items() if found and _is_of(name, found)}
        if own:
            usual = where(agent, task, _usual(agent, task)).name
            there = {name: list(found) for name, found in own.items()}
            return own[_chosen(there, place, dataset, usual)]
        if former := _seed_folders(place):
            return _of_one_dataset(former, place, seeds, dataset)
    return {}


def _is_of(name: str, found: Mapping[int, Path]) -> bool:
    """Whether a folder of checkpoints is named after the dataset that they were trained on."""
    return _name(_read(next(iter(found.values())))) == name


def _of_one_dataset(
    found: Mapping[int, Path], root: Path, seeds: list[int] | None, dataset: str | None
) -> dict[int, Path]:
    """Those of the dataset, or of the only one. Raises CheckpointError."""
    names = {seed: _name(_read(path)) for seed, path in found.items()}
    there: dict[str, list[int]] = {}
    for seed, name in names.items():
        if seeds is None or seed in seeds:
            there.setdefault(name, []).append(seed)
    if not there:
        return dict(found)  # none of the seeds is here, which is another error
    chosen = _chosen(there, root, dataset)
    return {seed: path for seed, path in found.items() if names[seed] == chosen}


def _chosen(
    there: Mapping[str, list[int]], root: Path, dataset: str | None, usual: str | None = None
) -> str:
    """The name of the dataset to use the weights of, of those that are there with their seeds."""
    wanted = usual if dataset is None else where("", "", dataset).name
    if wanted in there:
        return str(wanted)
    if dataset is None and len(there) == 1:
        return next(iter(there))
    held = " and ".join(
        f"{name} (seed{'s' * (len(seeds) > 1)} {' '.join(map(str, seeds))})"
        for name, seeds in sorted(there.items())
    )
    text = f"{str(root)!r} holds weights trained on {held}"
    if dataset is not None:
        raise CheckpointError(f"{text}, not on {wanted}.")
    raise CheckpointError(f"{text}: say which, for one `--dataset {min(there)}`.")


def _missing(
    spec: AgentSpec,
    task: str,
    missing: list[int],
    folders: dict[int, Path],
    weights: str | Path | None,
    preset: str | None,
    dataset: str | None,
) -> str:
    agent = owner(spec)
    if folders and weights is not None and dataset is None:  # the seeds beside it learned from it
        dataset = _read(next(iter(folders.values()))).dataset
    place = "shipped or downloaded" if weights is None else f"in {str(weights)!r}"
    which = f" for training seed {', '.join(map(str, missing))}" if missing else ""
    have = f"; there are seeds {', '.join(map(str, folders))}" if folders else ""
    line = train_line(agent, task, missing[0] if missing else 0, preset, dataset)
    begun = _unfinished(weights, missing)
    if begun:
        return (
            f"the training in {str(begun[0])!r} is not finished: go on with `bench train --agent "
            f"{agent} --task {task} --preset {preset or 'small'} --seed {begun[1]} "
            f"--out {weights} --resume`."
        )
    trained = f" trained on {dataset}" if dataset else ""
    other = ""
    usual = where(agent, task, dataset or _usual(agent, task)).name
    if weights is None and not folders and (own := _claims_folders(agent, task).get(usual)):
        others = " or ".join(f"`--weights {folder}`" for folder in own)
        other = f" Or use those of claims, with settings of their own: {others}."
    elif weights is None and (names := _datasets(agent, task)) and not folders:
        others = " or ".join(f"`--dataset {task}/{name}`" for name in names)
        other = f" Or use those of another dataset: {others}."
    elif weights is None and not folders and "fixed-number" not in spec.needs:
        names = [path.name for path in (REFERENCE / "weights" / agent).glob("*")]
        close = nearest(task, sorted(names, reverse=True), count=1) or sorted(names)[:1]
        other = "".join(f" Or use those of {name}: `--weights-from {name}`." for name in close)
    return (
        f"no weights of {agent} on {task}{trained}{which} are {place}{have}. Make them: "
        f"`{line}`).{other}"
    )


def _unfinished(weights: str | Path | None, missing: list[int]) -> tuple[Path, int] | None:
    """A training of a missing seed that was cut short in a folder of weights, and its seed.

    Of any seed where none is named.
    """
    for folder in sorted(Path(weights).glob("seed*.training")) if weights is not None else ():
        match = _SEED.fullmatch(folder.name.removesuffix(".training"))
        if match and (not missing or int(match[1]) in missing):
            return folder, int(match[1])
    return None


def _read(folder: Path) -> Checkpoint:
    return Checkpoint(folder, read_meta(folder), folder.is_relative_to(REFERENCE))


def check(
    checkpoint: Checkpoint,
    spec: AgentSpec,
    task: TaskSpec,
    weights_from: str | None,
    preset: str | None,
    dataset: str | None = None,
) -> None:
    """Raise CheckpointError unless it is of this agent, task, version, preset and dataset."""
    meta, folder = checkpoint.meta, str(checkpoint.folder)
    if meta["agent"] != owner(spec):
        raise CheckpointError(f"{folder!r} holds weights of {meta['agent']}, not of {owner(spec)}.")
    trained_on = weights_from or task.id
    if meta["task"] != trained_on:
        use = f"to use it anyway, add `--weights-from {meta['task']}`"
        if "fixed-number" in spec.needs:  # see `find`
            use = f"{owner(spec)} is of use in its own task alone"
        raise CheckpointError(
            f"{folder!r} was trained on {meta['task']}, not on {trained_on}; {use}."
        )
    checkpoint.check_version()
    checkpoint.check_preset(preset)
    if dataset is not None and (name := where("", "", dataset).name) != _name(checkpoint):
        raise CheckpointError(f"{folder!r} was trained on {checkpoint.dataset}, not on {name}.")


def _name(checkpoint: Checkpoint) -> str:
    return where("", "", checkpoint.dataset).name
