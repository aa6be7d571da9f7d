"""Read an episode store: flat columns, mapped into memory as they lie on disk."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from entitybench.datasets.store.checks import (
    Fault,
    check_offsets,
    check_rows,
    read_json,
)
from entitybench.datasets.store.files import open_column, read_manifest
from entitybench.datasets.store.frames import FRAMES, Frames
from entitybench.datasets.store.schema import (
    EPISODES,
    MAYBE,
    OF_STEPS,
    OFFSETS,
    Column,
    Manifest,
    state_counts,
)
from entitybench.datasets.store.verify import check_hashes, check_sizes, mend
from entitybench.errors import BadValue, DataError, NoEpisode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class EpisodeStore:
    """Episodes as flat arrays. `schema.py` draws the layout.

    Views: `columns` and episodes (`store[i]`, `len(store)`, `for episode in store`) without copies;
    `frames` by any index. What `eb.load_dataset` gives (`datasets.api.Dataset`) draws random
    batches too. docs/loading.md shows each.

    Attributes:
        folder: where the files lie.
        manifest: what `manifest.json` says.
        columns: name -> memory-mapped array whose first axis runs over rows, episodes or states;
            columns of frames decode what is asked of them (`frames.Frames`).
        offsets: (E + 1,) int64; episode e has the rows offsets[e] ... offsets[e + 1] - 1.
        first_episode: the number of the first in the whole store, of which this may be a split.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        columns: Mapping[str, Any],
        offsets: np.ndarray,
        first_episode: int = 0,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.columns: Mapping[str, Any] = columns
        self.offsets = offsets
        self.first_episode = first_episode

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool | None = None) -> Self:
        """Open a store.

        File sizes are always checked. Hashes are checked when a file has changed (size or time of
        change) since it was last found right, so a second opening reads no data.

        Args:
            folder: the folder with `manifest.json`.
            verify: True hashes every file whatever its time; False checks sizes only.

        Raises:
            DataError: no store there, another schema, or files missing, truncated or corrupt.
        """
        folder = Path(folder)
        manifest = read_manifest(folder)
        check_sizes(folder, manifest)
        if verify is not False:
            check_hashes(folder, manifest, always=bool(verify))
        offsets = open_column(folder, OFFSETS, manifest)
        columns = {
            name: open_column(folder, Column.from_json(about).file_name(name), manifest)
            for name, about in manifest["columns"].items()
        }
        try:
            check_offsets(offsets, manifest)
        except Fault as fault:
            raise DataError(f"{OFFSETS} in {folder} {fault}. {mend(folder, manifest)}") from None
        store = cls(folder, manifest, columns, np.asarray(offsets))
        store._check_counts()
        return store

    def verify(self) -> None:
        """Hash every file. Raises DataError that names the first corrupt one."""
        check_sizes(self.folder, self.manifest)
        check_hashes(self.folder, self.manifest, always=True)

    @property
    def id(self) -> str:
        return str(self.manifest["dataset"])

    @property
    def task(self) -> str | None:
        """The task's id; None for imported data of a task that is not ours."""
        task: str | None = self.manifest["task"]
        return task

    @property
    def content_hash(self) -> str:
        return str(self.manifest["content_hash"])

    @property
    def observations(self) -> np.ndarray:
        """(rows, N, D) float32."""
        observations: np.ndarray = self.columns["observations"]
        return observations

    @property
    def actions(self) -> np.ndarray:
        """(rows, A) float32; the last row of each episode is padding."""
        actions: np.ndarray = self.columns["actions"]
        return actions

    @cached_property
    def lengths(self) -> np.ndarray:
        """(E,) control steps of each episode."""
        steps: np.ndarray = np.diff(self.offsets) - 1
        return steps

    @cached_property
    def returns(self) -> np.ndarray:
        """(E,) float64: the sum of each episode's rewards, of a team the mean over its agents.

        Where rewards are not stored, since they follow from the goal, those noted when the data
        were made. Raises BadValue where neither is known.
        """
        if "rewards" in self.columns:
            rewards = np.asarray(self.columns["rewards"], np.float64)
            each = rewards.reshape(len(rewards), -1).mean(axis=1)
            return np.add.reduceat(each, self.offsets[:-1])  # padding rows are 0
        noted = [row.get("return") for row in self.episodes]
        if None in noted:
            raise BadValue(f"{self.id} has neither rewards nor returns of its episodes.")
        return np.array(noted, np.float64)

    @property
    def transitions(self) -> int:
        return int(self.lengths.sum())

    @property
    def is_whole(self) -> bool:
        """Whether this is all of the store, not a split."""
        return len(self) == max(last for _, last in self.manifest["splits"].values())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int | slice) -> Any:
        """`episode(index)`; of a slice, a list of episodes."""
        if isinstance(index, slice):
            return [self.episode(number) for number in range(len(self))[index]]
        return self.episode(index)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Its episodes, in order; no copies."""
        return (self.episode(number) for number in range(len(self)))

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"{kind}({self.id}, {len(self)} episodes, {self.transitions} transitions)"

    @cached_property
    def _all_episodes(self) -> list[dict[str, Any]]:
        try:
            rows = [read_json(line) for line in (self.folder / EPISODES).read_bytes().splitlines()]
            check_rows(rows, self.manifest)
        except Fault as fault:
            raise DataError(
                f"{EPISODES} in {self.folder} {fault}. {mend(self.folder, self.manifest)}"
            ) from None
        return [{**row, **{name: None for name in MAYBE if name not in row}} for row in rows]

    @cached_property
    def episodes(self) -> list[dict[str, Any]]:
        """One dict an episode, as `schema.episode_row` describes."""
        return self._all_episodes[self.first_episode : self.first_episode + len(self)]

    @cached_property
    def state_offsets(self) -> np.ndarray:
        """(E + 1,) where each episode's integration states begin in `columns["states"]`."""
        counts = state_counts(self.lengths, self.manifest["state_every"])
        return np.concatenate([[0], np.cumsum(counts)])

    def episode(self, index: int) -> dict[str, Any]:
        """One episode by column name, no copies: T+1 observations, T actions, T // 20 + 1 states.

        Numbers, and what is raised, as in `number`.
        """
        part = self.entries(self.number(index))
        about = self.manifest["columns"]
        for name in part:
            if name in OF_STEPS:
                part[name] = part[name][:-1]
            elif about[name]["per"] == "episode":
                part[name] = part[name][0]
        return part

    def number(self, index: int) -> int:
        """The number of an episode, from 0; negative ones count from the end.

        Raises NoEpisode, a BadValue and an IndexError.
        """
        if not hasattr(index, "__index__"):
            raise BadValue(f"an episode is a whole number from 0: got {index!r}.")
        if not -len(self) <= index < len(self):
            raise NoEpisode(f"no episode {index} in {self.id}: it has {len(self)}, from 0.")
        return index % len(self)

    def entries(self, index: int) -> dict[str, Any]:
        """All that the columns hold of one episode, padding rows included; no copies."""
        return self._columns(index, index + 1)

    def split(self, name: str) -> Self:
        """The episodes of "train" or "validation", as a view. Raises BadValue for another name."""
        splits = self.manifest["splits"]
        if name not in splits:
            known = " and ".join(repr(key) for key in splits)
            raise BadValue(f"{self.id} has no split {name!r}. It has {known}.")
        first, last = splits[name]
        if self.first_episode or len(self) < last:
            raise BadValue(f"this is already a part of {self.id}; split the whole store.")
        rows = self.offsets[first]
        return type(self)(
            self.folder,
            self.manifest,
            self._columns(first, last),
            self.offsets[first : last + 1] - rows,
            first_episode=first,
        )

    def in_memory(self) -> Self:
        """The same with its columns in the program's own memory instead of mapped files.

        Random batches come a tenth faster, and from a slow disk many times. Frames stay where
        they are.
        """
        columns = {
            name: column if isinstance(column, Frames) else np.array(column)
            for name, column in self.columns.items()
        }
        return type(self)(self.folder, self.manifest, columns, self.offsets, self.first_episode)

    def frames(self, name: str = FRAMES) -> np.ndarray:
        """A column of frames (rows, H, W, C) uint8, memory-mapped for random access.

        The first use decodes the column, which is kept under `ENTITYBENCH_DATA`; raises DataError
        when there is no room for it, and BadValue for a store without frames.
        """
        from entitybench.datasets.store.decoded import decoded

        column = self.columns.get(name)
        if not isinstance(column, Frames):
            line = "`bench generate ID --pixels 64` draws them" if name == FRAMES else "no frames"
            raise BadValue(f"{self.id} has no frames in a column {name!r}: {line}.")
        file = self.manifest["files"][column.path.name]
        whole = decoded(Frames.open(column.path), file["sha256"])
        return whole[column.first : column.first + len(column)]

    def _columns(self, first: int, last: int) -> dict[str, Any]:
        """The part of each column that belongs to the episodes first ... last - 1."""
        ends = {
            "row": (self.offsets[first], self.offsets[last]),
            "episode": (first, last),
            "state": (self.state_offsets[first], self.state_offsets[last]),
        }
        parts = {}
        for name, about in self.manifest["columns"].items():
            column, (start, stop) = self.columns[name], ends[about["per"]]
            is_frames = isinstance(column, Frames)
            parts[name] = column.part(start, stop) if is_frames else column[start:stop]
        return parts

    def _check_counts(self) -> None:
        counts = {
            "row": int(self.offsets[-1]),
            "episode": len(self),
            "state": int(self.state_offsets[-1]),
        }
        for name, about in self.manifest["columns"].items():
            column, wanted = self.columns[name], (counts[about["per"]], *about["shape"])
            file = Column.from_json(about).file_name(name)
            if column.shape != wanted:
                raise DataError(
                    f"{file} in {self.folder} has shape {column.shape}, the store "
                    f"needs {wanted}. {mend(self.folder, self.manifest)}"
                )
            if column.dtype.str != about["dtype"]:
                raise DataError(
                    f"{file} in {self.folder} holds {column.dtype.str}, the manifest says "
                    f"{about['dtype']}. {mend(self.folder, self.manifest)}"
                )
