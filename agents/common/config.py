"""Configurations are frozen dataclasses: made from presets and settings, stored as JSON."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from entitybench.agents.common.bounds import bounded
from entitybench.errors import BadValue, CheckpointError, did_you_mean

if typing.TYPE_CHECKING:
    from entitybench.types import AgentSpec

C = TypeVar("C")
_WORDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a word",
    types.NoneType: "none",
}
_NAMES = ("agent", "preset")  # given by the registry; no settings
BATCH = "[1, 1000000]"  # as many as a large dataset has


@dataclasses.dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of training. Numbers that a subclass adds are constants of the losses."""

    name: str = ""
    updates: int
    learning_rate: float  # at the beginning
    final_learning_rate: float  # reached linearly at the end
    learns: tuple[str, ...] | None = None  # groups of parameters; None: all

    def __post_init__(self) -> None:
        rate = "[0, inf)"
        bounded(self, updates="[0, inf)", learning_rate=rate, final_learning_rate=rate)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TorchConfig:
    """What every `TorchLearner` needs to know."""

    agent: str
    preset: str
    phases: tuple[Phase, ...]
    batch_size: int = 256
    grad_clip: float | None = 20.0  # global norm, each network by itself; None: not clipped
    compile: bool = True  # torch.compile the losses where a C++ compiler is at hand

    def __post_init__(self) -> None:
        bounded(self, batch_size=BATCH, grad_clip="(0, inf)")
        if not sum(phase.updates for phase in self.phases):
            raise BadValue("the phases have no updates: nothing would be learned.")


def place(phases: Sequence[Phase], step: int) -> tuple[Phase, int, float]:
    """The phase that a step belongs to, the updates done of it, and the learning rate there.

    Raises BadValue after the last.
    """
    done = step
    for phase in phases:
        if done < phase.updates:
            change = phase.final_learning_rate - phase.learning_rate
            return phase, done, phase.learning_rate + done / phase.updates * change
        done -= phase.updates
    total = sum(phase.updates for phase in phases)
    raise BadValue(f"training is complete: {step} of {total} updates are done.")


def check_learns(config: TorchConfig, groups: Iterable[str]) -> None:
    """Raise BadValue unless every phase learns some of the groups that can, and no others."""
    known = sorted(groups)
    for place, phase in enumerate(config.phases):
        if phase.learns is None:
            continue
        wrong = [name for name in phase.learns if name not in known]
        if wrong or not phase.learns:
            raise BadValue(
                f"phases.{place}.learns names groups of parameters of {config.agent}, some of "
                f"{', '.join(known)}: got {', '.join(map(repr, wrong)) or 'none'}."
                + (did_you_mean(wrong[0], known) if wrong else "")
            )


def constants(phase: Phase) -> dict[str, float]:
    """The numbers that a subclass adds to `Phase`."""
    known = {field.name for field in dataclasses.fields(Phase)}
    own = {f.name: getattr(phase, f.name) for f in dataclasses.fields(phase) if f.name not in known}
    return {name: value for name, value in own.items() if type(value) in (int, float)}


def make(
    cls: type[C],
    spec: AgentSpec,
    preset: str,
    presets: Mapping[str, Mapping[str, Any]],
    changes: Mapping[str, Any],
) -> C:
    """A preset with what the agent's id changes, then `changes`.

    Raises BadValue for an unknown preset, for a setting there is not, and for a wrong value.
    """
    if preset not in presets:
        raise BadValue(f"{spec.id} has no preset {preset!r}; it has {', '.join(presets)}.")
    fields = {"agent": spec.id, "preset": preset, **presets[preset], **spec.config}
    return changed(cls(**fields), changes)


def changed(config: C, changes: Mapping[str, Any]) -> C:
    """`config` with settings replaced; texts are read as the setting's type.

    A dot reaches into a part: "phases.0.updates", "value_goals.random". Raises BadValue.
    """
    for name, value in changes.items():
        config = _with(config, name, tuple(name.split(".")), value)
    return config


def _with(part: Any, whole: str, path: tuple[str, ...], value: Any) -> Any:
    """`part` with the value at `path` replaced; `whole` is the name for the message."""
    head, *rest = path
    if isinstance(part, tuple):
        place = _place(part, whole, head, rest)
        inner = _with(part[place], whole, tuple(rest), value)
        return (*part[:place], inner, *part[place + 1 :])
    known = [f.name for f in dataclasses.fields(part)] if dataclasses.is_dataclass(part) else []
    known = [name for name in known if name not in _NAMES]
    if head not in known:
        hint = did_you_mean(head, known)
        raise BadValue(f"no setting {whole!r}: there are {', '.join(known) or 'none'}.{hint}")
    if rest:
        return dataclasses.replace(
            part, **{head: _with(getattr(part, head), whole, tuple(rest), value)}
        )
    try:
        fitted = fit(typing.get_type_hints(type(part))[head], value, text=True)
    except TypeError as error:
        raise BadValue(f"setting {whole!r} is {error}: got {value!r}.") from error
    return dataclasses.replace(part, **{head: fitted})


def _place(part: tuple[Any, ...], whole: str, head: str, rest: list[str]) -> int:
    """Which of several things of a setting is meant. Raises BadValue."""
    if not (head.isdecimal() and int(head) < len(part)):
        most = f"0 to {len(part) - 1}" if len(part) > 1 else "0 alone"
        raise BadValue(f"no setting {whole!r}: there is {most}, not {head}.")
    place = int(head)
    if not dataclasses.is_dataclass(part[place]):
        raise BadValue(f"no setting {whole!r}: leave out .{head} and set all of it.")
    if not rest:
        names = ", ".join(field.name for field in dataclasses.fields(part[place]))
        raise BadValue(f"setting {whole!r} is made of parts ({names}); set one of them.")
    return place


def fit(hint: Any, value: Any, *, text: bool = False) -> Any:
    """`value` as the type `hint` asks for. Raises TypeError, which says what is allowed.

    Args:
        hint: a plain type, None, Literal, a tuple, a dataclass, or a union of such.
        value: from JSON or from a user.
        text: also read what is written as text: "0.5", "true", "none", "256,256".
    """
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _first(sorted(options, key=lambda o: o is not types.NoneType), value, text)
    if origin is typing.Literal:
        if value in options and type(value) is type(options[options.index(value)]):
            return value
        raise TypeError(f"one of {', '.join(map(str, options))}")
    if origin is tuple:
        return _tuple(options, value, text)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if isinstance(value, hint):
            return value
        if isinstance(value, Mapping):
            return from_json(hint, value)
        names = ", ".join(field.name for field in dataclasses.fields(hint))
        raise TypeError(f"made of parts ({names}); set one of them")
    if hint not in _WORDS:
        return value
    if type(value) is hint or (hint is float and type(value) is int):
        return value
    if text and isinstance(value, str):
        return _read(hint, value.strip())
    raise TypeError(_WORDS[hint])


def _first(options: list[Any], value: Any, text: bool) -> Any:
    allowed = []
    for option in options:
        try:
            return fit(option, value, text=text)
        except TypeError as error:
            allowed.append(str(error))
    raise TypeError(" or ".join(reversed(allowed)))


def _tuple(options: tuple[Any, ...], value: Any, text: bool) -> tuple[Any, ...]:
    if text and isinstance(value, str):
        value = [part for part in value.strip("()[] ").split(",") if part.strip()]
    if not isinstance(value, (tuple, list)):
        raise TypeError("a list of values with commas between them")
    hints = options[:1] * len(value) if options[1:] == (...,) else options
    if len(hints) != len(value):
        raise TypeError(f"a list of {len(hints)} values with commas between them")
    return tuple(fit(hint, part, text=text) for hint, part in zip(hints, value, strict=True))


def _read(hint: type, value: str) -> Any:
    if hint is bool and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if hint is types.NoneType and value.lower() == "none":
        return None
    if hint in (int, float):
        try:
            return hint(value)
        except ValueError:
            pass
    raise TypeError(_WORDS[hint])


def to_json(config: Any) -> dict[str, Any]:
    """Plain dicts, lists and numbers."""
    return dataclasses.asdict(config)


def from_json(cls: type[C], data: Mapping[str, Any]) -> C:
    """The dataclass that `to_json` wrote. Raises CheckpointError for unknown or missing fields."""
    hints = typing.get_type_hints(cls)
    if not isinstance(data, Mapping):
        raise CheckpointError(f"the stored {cls.__name__} does not fit this version: {data!r}.")
    unknown = sorted(data.keys() - hints.keys())
    if unknown:
        raise CheckpointError(
            f"the stored {cls.__name__} does not fit this version: unknown {unknown}."
        )
    fields = {}
    for name, value in data.items():
        try:
            fields[name] = fit(hints[name], value)
        except TypeError as error:
            raise CheckpointError(
                f"the stored {cls.__name__} does not fit this version: {name} is {error}, not "
                f"{value!r}."
            ) from error
    made: Any = cls
    lacking = [
        f.name
        for f in dataclasses.fields(made)
        if f.name not in fields
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise CheckpointError(
            f"the stored {cls.__name__} does not fit this version: it has no {lacking[0]}; it is "
            "of another agent, or of another version."
        )
    try:
        return cls(**fields)
    except (TypeError, ValueError, BadValue) as error:
        raise CheckpointError(
            f"the stored {cls.__name__} does not fit this version: {error}."
        ) from error
