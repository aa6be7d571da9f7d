"""Quantities of claims: a number of an arm's results, or of other quantities, as data.

`str(quantity)` is how it reads. `entitybench.leaderboard.claims.quantities` has a function for each
class, so that a new quantity is a class and a function.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Quantity:
    """A number, mostly one for each training seed."""

    across_seeds: ClassVar[bool] = False  # one number of all training seeds, without an interval

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, each.name)
            if each.name in ("a", "b", "of", "pairs"):
                _check_operands(type(self).__name__, value)
            elif each.name in ("arm", "metric", "name", "column") and not isinstance(value, str):
                raise BadValue(f"{each.name} of {type(self).__name__} is a name: got {value!r}.")

    @property
    def title(self) -> str:
        """What it is about, without the arm."""
        return type(self).__name__.lower()

    def walk(self) -> Iterator[Quantity]:
        """This and every quantity within."""
        yield self
        for each in fields(self):  # type: ignore[arg-type]
            for part in _flat(getattr(self, each.name)):
                yield from part.walk()

    def arms(self) -> list[str]:
        """The names of the arms it is about, in order."""
        names: list[str] = []
        for part in self.walk():
            own = getattr(part, "arm", None)
            names += [own] if own is not None else getattr(part, "weights_of", ())
        return list(dict.fromkeys(names))


def _flat(value: Any) -> Iterator[Quantity]:
    if isinstance(value, Quantity):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _flat(each)


def _check_operands(owner: str, value: Any) -> None:
    if isinstance(value, Quantity):
        return
    if not isinstance(value, tuple) or not value:
        what = "needs at least one quantity" if value == () else f"is of quantities: got {value!r}"
        raise BadValue(f"{owner} {what}, such as Mean('hecrl', 'success').")
    for each in value:
        _check_operands(owner, each)


def _inner(quantity: Quantity) -> str:
    text = str(quantity)
    return f"({text})" if isinstance(quantity, Difference | Ratio) else text


def _several(quantities: Sequence[Quantity]) -> str:
    return ", ".join(map(str, quantities))


@dataclass(frozen=True)
class Mean(Quantity):
    """A metric of an arm's record: by training seed the mean over items, or what `reduce` says."""

    arm: str
    metric: str

    @property
    def title(self) -> str:
        """What it is about, without the arm."""
        return self.metric.replace("_", " ")

    def __str__(self) -> str:
        return f"{self.metric}({self.arm})"


@dataclass(frozen=True)
class Diagnostic(Quantity):
    """What an arm's policy says of itself, averaged by training seed."""

    arm: str
    name: str

    @property
    def title(self) -> str:
        """What it is about, without the arm."""
        return self.name.replace("_", " ")

    def __str__(self) -> str:
        return f"{self.name}({self.arm})"


@dataclass(frozen=True)
class StepsTo:
    """Takes the first step at which a curve is at `level` or above.

    A curve that never is counts as its last step: a lower bound, and it is said.
    """

    level: float
    smooth: int = 1  # points of the running mean that must reach it

    def __str__(self) -> str:
        return f"steps_to_{self.level:g}"


@dataclass(frozen=True)
class Area:
    """Takes the mean height of a curve between its first point and its last (trapezoids)."""

    def __str__(self) -> str:
        return "area"


@dataclass(frozen=True)
class Training(Quantity):
    """A column of an arm's metrics.jsonl: what it logs, or a metric of its evaluations."""

    arm: str
    column: str
    take: Literal["last", "max"] | StepsTo | Area = "last"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.take not in ("last", "max") and not isinstance(self.take, StepsTo | Area):
            known = "'last', 'max', StepsTo(level) or Area()"
            raise BadValue(f"Training takes {known}: got {self.take!r}.")

    @property
    def title(self) -> str:
        """What it is about, without the arm."""
        return f"{self.take} {self.column}".replace("_", " ")

    def __str__(self) -> str:
        return f"{self.take}({self.column}, {self.arm})"


@dataclass(frozen=True)
class Measured(Quantity):
    """What a function of the method measures: unit claims and controls.

    It is called as `function(seed, weights)` for each training seed, where `weights` holds the
    checkpoint folders of the arms in `weights_of` by name, and gives one number.
    """

    function: str  # "module:function"
    weights_of: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.function, str) or ":" not in self.function:
            raise BadValue(f"Measured names 'module:function': got {self.function!r}.")
        if not isinstance(self.weights_of, tuple):
            raise BadValue(f"weights_of is a tuple of arms: got {self.weights_of!r}.")

    def __str__(self) -> str:
        return f"{self.function.rpartition(':')[2]}({', '.join(self.weights_of)})"


@dataclass(frozen=True)
class Difference(Quantity):
    """a − b: paired by training seed, and by item where both are of the same items."""

    a: Quantity
    b: Quantity

    def __str__(self) -> str:
        return f"{_inner(self.a)} − {_inner(self.b)}"


@dataclass(frozen=True)
class Ratio(Quantity):
    """a / b."""

    a: Quantity
    b: Quantity

    def __str__(self) -> str:
        return f"{_inner(self.a)} / {_inner(self.b)}"


@dataclass(frozen=True)
class Best(Quantity):
    """The one of several with the highest mean over training seeds, or the lowest."""

    of: tuple[Quantity, ...]
    lower: bool = False

    def __str__(self) -> str:
        return f"{'lowest' if self.lower else 'highest'}({_several(self.of)})"


@dataclass(frozen=True)
class Average(Quantity):
    """The mean of several, within each training seed."""

    of: tuple[Quantity, ...]

    def __str__(self) -> str:
        return f"average({_several(self.of)})"


@dataclass(frozen=True)
class Spread(Quantity):
    """The standard deviation over training seeds (of a sample: divided by S − 1)."""

    across_seeds: ClassVar[bool] = True
    a: Quantity

    def __str__(self) -> str:
        return f"sd({self.a})"


@dataclass(frozen=True)
class Share(Quantity):
    """The share of training seeds in which `a` is above a level."""

    a: Quantity
    above: float

    def __str__(self) -> str:
        return f"share of training seeds with {self.a} > {self.above:g}"


@dataclass(frozen=True)
class Correlation(Quantity):
    """Pearson's correlation, or Spearman's of ranks.

    By training seed over items where both are means of the same items, else over training seeds.
    """

    a: Quantity
    b: Quantity
    rank: bool = False

    def __str__(self) -> str:
        return f"{'rank ' if self.rank else ''}correlation({self.a}, {self.b})"


@dataclass(frozen=True)
class SignTest(Quantity):
    """p, one-sided and exact, that the first of a pair is not larger than the second.

    Every training seed of every pair is one trial; ties are left out.
    """

    across_seeds: ClassVar[bool] = True
    pairs: tuple[tuple[Quantity, Quantity], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        for pair in self.pairs:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise BadValue(f"SignTest is of pairs (a, b): got {pair!r}.")

    def __str__(self) -> str:
        return f"p(sign test, {', '.join(f'{a} > {b}' for a, b in self.pairs)})"


@dataclass(frozen=True)
class Fisher(Quantity):
    """p, one-sided, of Fisher's exact test: that runs of `a` are above a level no more often.

    A run is a training seed; of several quantities the runs are pooled.
    """

    across_seeds: ClassVar[bool] = True
    a: Quantity | tuple[Quantity, ...]
    b: Quantity | tuple[Quantity, ...]
    above: float

    def __str__(self) -> str:
        a, b = (_several(tuple(_flat(x))) for x in (self.a, self.b))
        return f"p(Fisher, {a} > {self.above:g} more often than {b})"
