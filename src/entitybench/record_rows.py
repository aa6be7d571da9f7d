"""The rows of a record: one object each, and in the file a list for each of their fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Sequence

# What an error in a row begins with. A policy that fails counts as a failure of its agent; physics,
# memory or disk that fail are counted apart and enter no mean.
POLICY = "policy"
INFRASTRUCTURE = "infrastructure"
UNSTABLE = f"{INFRASTRUCTURE}: unstable"  # the simulation went wrong, not the machine

DIGEST = 16  # hex digits of a row's digest
# Numbers beyond are no measurement, and their squares overflow in the statistics.
MOST = 1e100
_Number = Annotated[float, Field(ge=-MOST, le=MOST)]
_Seed = Annotated[int, Field(ge=0)]


class RecordModel(BaseModel):
    """A part of a record: nothing else in it, no infinite numbers, and it stays as it is."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One item of one training seed."""

    training_seed: int
    item: int  # which one: of an episode the seed of its start
    values: dict[str, float | None]  # by metric, and what else is worth keeping, e.g. "length"
    digest: str = ""  # of what came out: the last state, frames, tokens
    note: str | None = None  # text worth reading: an explanation, an answer
    error: str | None = None

    @property
    def counts(self) -> bool:
        """False where the infrastructure failed, so that the row says nothing about the agent."""
        return self.error is None or not self.error.startswith(INFRASTRUCTURE)


class Columns(RecordModel):
    """Rows, a list for each of their fields."""

    training_seed: list[_Seed]
    item: list[_Seed] = Field(description="of an episode the seed of its start state and goal")
    values: dict[str, list[_Number | None]] = Field(description="by name, null where there is none")
    digest: list[str] = Field([], description="of what came out, 16 hex digits")
    note: list[str | None] = []
    error: list[str | None] = []

    @model_validator(mode="after")
    def _of_equal_length(self) -> Self:
        count = len(self.training_seed)
        if not count:
            raise ValueError("a record needs at least one row")
        columns: dict[str, Sequence[Any]] = {"item": self.item, **self.values}
        optional: dict[str, Sequence[Any]] = {
            "digest": self.digest,
            "note": self.note,
            "error": self.error,
        }
        columns |= {name: column for name, column in optional.items() if column}
        for name, column in columns.items():
            if len(column) != count:
                raise ValueError(f"{name} has {len(column)} rows, and training_seed {count}")
        if len(set(zip(self.training_seed, self.item, strict=True))) != count:
            raise ValueError("a row occurs twice")
        return self

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The columns of rows that have values of the same names."""
        names = rows[0].values if rows else {}
        return cls(
            training_seed=[row.training_seed for row in rows],
            item=[row.item for row in rows],
            values={name: [row.values[name] for row in rows] for name in names},
            digest=[row.digest for row in rows],
            note=_unless_empty([row.note for row in rows]),
            error=_unless_empty([row.error for row in rows]),
        )

    def rows(self) -> list[Row]:
        """One object a row."""
        count = len(self.training_seed)
        nothing = [None] * count
        return [
            Row(seed, item, dict(zip(self.values, numbers, strict=True)), digest, note, error)
            for seed, item, digest, note, error, *numbers in zip(
                self.training_seed,
                self.item,
                self.digest or [""] * count,
                self.note or nothing,
                self.error or nothing,
                *self.values.values(),
                strict=True,
            )
        ]


def _unless_empty(texts: list[str | None]) -> list[str | None]:
    return texts if any(text is not None for text in texts) else []
