"""The function that finds quantities of claims, and what it finds them in.

`find(quantity, results)` gives the estimate with its interval, and the values by training seed: one
function for each class of quantities, chosen by `singledispatch`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch
from typing import TYPE_CHECKING

from entitybench.errors import BadValue, RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.leaderboard.claims.pairing import Found
    from entitybench.quantities import Measured, Quantity
    from entitybench.records import Record


@dataclass(frozen=True)
class Results:
    """What a claim is judged on."""

    records: Mapping[str, Record]  # by arm
    # metrics.jsonl by training seed, by arm
    curves: Mapping[str, Mapping[int, Path]] = field(default_factory=dict)
    # values by training seed
    measured: Mapping[Measured, Mapping[int, float]] = field(default_factory=dict)

    def record(self, arm: str) -> Record:
        """The record of an arm. Raises RecordError."""
        if arm not in self.records:
            raise RecordError(f"there is no record of {arm}.")
        return self.records[arm]


@singledispatch
def find(quantity: Quantity, results: Results) -> Found:
    """What a quantity is in these results.

    Raises:
        RecordError: the results do not hold it.
        BadValue: nothing is registered for this class.
    """
    del results
    raise BadValue(
        f"nothing finds a {type(quantity).__name__}: register a function for the class with "
        "entitybench.leaderboard.claims.quantities.find.register."
    )
