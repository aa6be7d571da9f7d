"""Which values a setting may have: intervals, one line in a configuration."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

from entitybench.errors import BadValue

LARGEST = 3.4028235e38  # what float32 holds; networks take anything larger for infinite
WIDTH = "[1, 65536]"  # of a layer
LAYERS = "[1, 1000]"


def bounded(config: Any, **intervals: str) -> None:
    """Raise BadValue unless each setting lies in its interval, such as "[1, inf)" or "(0, 1)".

    A setting that is None is left out; a list has a number or more, all of them in the interval.
    What is not finite, in float32, lies nowhere.
    """
    for name, text in intervals.items():
        value, interval = getattr(config, name), _interval(text)
        if value is None:
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        if not numbers or not all(map(interval.holds, numbers)):
            what = "a list of one number or more, each " if isinstance(value, tuple) else ""
            raise BadValue(f"{name} is {what}{interval.words(numbers)}: got {value}.")


class _Interval(NamedTuple):
    low: float
    high: float
    has_low: bool
    has_high: bool

    def holds(self, number: float) -> bool:
        above = self.low <= number if self.has_low else self.low < number
        below = number <= self.high if self.has_high else number < self.high
        return above and below and abs(number) <= LARGEST  # nan compares with nothing

    def words(self, numbers: tuple[float, ...]) -> str:
        """For a message about some numbers."""
        low, high = (f"{end:g}" if abs(end) < 1e6 else f"{end:.0f}" for end in self[:2])
        above = f"{low} or more" if self.has_low else f"above {low}"
        if math.isfinite(self.high):
            return f"{above}, and {f'{high} at most' if self.has_high else f'below {high}'}"
        finite = any(type(number) is float for number in numbers)
        if math.isinf(self.low):
            return "a finite number"
        return f"{above}, and finite" if finite else above


@cache
def _interval(text: str) -> _Interval:
    low, high = (float(end) for end in text[1:-1].split(","))
    return _Interval(low, high, text[0] == "[", text[-1] == "]")
