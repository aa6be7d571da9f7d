"""A published claim as data: who is compared, and which inequalities must hold in our numbers.

Arms are agents in tasks, a check bounds a quantity of their results, a claim is both with what the
paper says. `entitybench.leaderboard.claims` judges. All of `entitybench.quantities` is here too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from entitybench.errors import BadValue, unknown, whole
from entitybench.quantities import (
    Area,
    Average,
    Best,
    Correlation,
    Diagnostic,
    Difference,
    Fisher,
    Mean,
    Measured,
    Quantity,
    Ratio,
    Share,
    SignTest,
    Spread,
    StepsTo,
    Training,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Area",
    "Arm",
    "Average",
    "Best",
    "By",
    "Check",
    "Claim",
    "Correlation",
    "Diagnostic",
    "Difference",
    "Fisher",
    "Mean",
    "Measured",
    "Quantity",
    "Ratio",
    "Share",
    "SignTest",
    "Some",
    "Spread",
    "StepsTo",
    "Training",
]


@dataclass(frozen=True)
class Arm:
    """One side of a comparison. Checks refer to it by name."""

    name: str
    agent: str
    task: str
    dataset: str | None = None  # id of what it is trained on; None: the default of its task
    weights_from: str | None = None  # task it was trained on, where that is not `task`
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings of its training
    options: Mapping[str, Any] = field(default_factory=dict)  # of its evaluation, e.g. "bank"

    @property
    def trained_on(self) -> str:
        """The task of its weights."""
        return self.weights_from or self.task


By = Literal["mean", "interval", "every seed"]


@dataclass(frozen=True)
class Check:
    """A quantity with its bounds.

    by: "mean": the estimate is within them; "interval": its whole 95 % interval is, ends of the
    interval not touching a bound; "every seed": that of each training seed is.
    """

    quantity: Quantity
    at_least: float | None = None
    at_most: float | None = None
    by: By = "mean"
    required: bool = True  # False: printed beside the verdict, and no part of it
    why: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.quantity, Quantity):
            raise BadValue(f"a check is of a quantity, Mean or another: got {self.quantity!r}.")
        bounds = [x for x in (self.at_least, self.at_most) if x is not None]
        if not bounds:
            raise BadValue(f"the check of {self.quantity} has no bound: give at_least or at_most.")
        for bound in bounds:
            if isinstance(bound, bool) or not math.isfinite(bound):
                raise BadValue(f"a bound of {self.quantity} is a finite number: got {bound!r}.")
        if bounds != sorted(bounds):
            raise BadValue(f"no {self.quantity} is at least {bounds[0]:g}, at most {bounds[1]:g}.")
        if self.by not in ("mean", "interval", "every seed"):
            raise unknown("way to judge by", str(self.by), ("mean", "interval", "every seed"))
        single = [part for part in self.quantity.walk() if part.across_seeds]
        if self.by != "mean" and single:
            raise BadValue(f"{single[0]} is one number of all seeds: it cannot be by {self.by!r}.")

    def says(self, scale: float = 1.0) -> str:
        """The inequality in words. `scale`: what numbers are multiplied with in print."""
        x = str(self.quantity)
        low, high = (None if x is None else scale * x for x in (self.at_least, self.at_most))
        if self.by == "interval":
            if low is not None and high is not None:
                return f"95 % interval of {x} between {low:g} and {high:g}"
            end = f"above {low:g}" if low is not None else f"below {high:g}"
            return f"95 % interval of {x} {end}"
        if low is not None and high is not None:
            text = f"|{x}| ≤ {high:g}" if low == -high else f"{low:g} ≤ {x} ≤ {high:g}"
        else:
            text = f"{x} ≥ {low:g}" if low is not None else f"{x} ≤ {high:g}"
        return f"in every training seed {text}" if self.by == "every seed" else text

    def checks(self) -> Iterator[Check]:
        """This."""
        yield self


@dataclass(frozen=True)
class Some:
    """At least `n` of several checks hold."""

    n: int
    of: tuple[Check, ...]
    required: bool = True
    why: str = ""

    def __post_init__(self) -> None:
        wrong = [x for x in self.of if not isinstance(x, Check)]
        if wrong:
            raise BadValue(f"Some is of checks: got {wrong[0]!r}.")
        if not 1 <= whole("n of Some", self.n) <= len(self.of):
            raise BadValue(f"{self.n} of {len(self.of)} checks cannot hold.")

    def checks(self) -> Iterator[Check]:
        """Those it is of."""
        yield from self.of


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement of a paper, and what must be so in our numbers for it to hold."""

    name: str
    method: str  # what `bench reproduce` is told
    statement: str
    published: str  # the paper's numbers
    arms: tuple[Arm, ...]
    checks: tuple[Check | Some, ...]
    presets: tuple[str, ...] = ("tiny", "small")  # it is checked with these
    training_seeds: int = 5
    first_seed: int = 0  # others than the first where those were looked at before
    items: int = 100  # evaluated, of each training seed: episodes, clips, problems
    evaluate_every: int | None = None  # steps between points of a curve; None: a fifth of the run

    def __post_init__(self) -> None:
        where = f"claim {self.name!r} of {self.method!r}"
        names = [arm.name for arm in self.arms]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise BadValue(f"{where} has two arms {twice[0]!r}: give each a name of its own.")
        for what, given in (("check", self.checks), ("preset", self.presets)):
            if not given:
                raise BadValue(f"{where} has no {what}.")
        for number in ("training_seeds", "items"):
            whole(f"{number} of {where}", getattr(self, number))
        whole(f"first_seed of {where}", self.first_seed, least=0)
        for check in self.each_check():
            for name in check.quantity.arms():
                if name not in names:
                    raise unknown(f"arm in {where}", name, names)

    def each_check(self) -> Iterator[Check]:
        """Every check, those within a Some too."""
        for check in self.checks:
            yield from check.checks()

    def quantities(self) -> Iterator[Quantity]:
        """Every quantity in its checks."""
        for check in self.each_check():
            yield from check.quantity.walk()

    def seeds(self, count: int | None = None) -> range:
        """Its training seeds, or the first `count` of them."""
        return range(self.first_seed, self.first_seed + (count or self.training_seeds))

    @property
    def tasks(self) -> list[str]:
        """Where its arms act, each once."""
        return list(dict.fromkeys(arm.task for arm in self.arms))
