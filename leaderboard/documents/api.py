"""The page on the functions of `import entitybench as eb`, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import docstring_parser
from docstring_parser import Docstring, DocstringStyle

import entitybench
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# What takes the further arguments of a function that passes them on.
PASSED_ON = {
    "make": ("entitybench.envs.views.single:TaskEnv", "entitybench.envs.api:make_worlds"),
    "make_vec": ("entitybench.envs.views.vector:TaskVectorEnv", "entitybench.envs.api:make_worlds"),
}
_Kind = inspect.Parameter


@dataclass(frozen=True)
class Argument:
    """One argument: what it is called, its type, its default ("" without one), what it means."""

    name: str
    type: str
    default: str
    meaning: str
    kind: Any  # of inspect.Parameter


def read(told: Any) -> Docstring:
    """The docstring of a function in its parts, as `bench --help` reads those of commands."""
    return docstring_parser.parse(inspect.getdoc(told) or "", style=DocstringStyle.GOOGLE)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def names() -> list[str]:
    """The functions of `eb`."""
    return [name for name in entitybench.__all__ if callable(getattr(entitybench, name))]


def arguments(name: str) -> list[Argument]:
    """All arguments of a function of `eb`; those that it passes on come before its **kwargs."""
    own = list(_arguments(getattr(entitybench, name)))
    found = {each.name: each for each in own if each.kind is not _Kind.VAR_KEYWORD}
    for target in PASSED_ON.get(name, ()):
        for each in _arguments(resolve(target)):
            if each.kind is _Kind.KEYWORD_ONLY:
                found.setdefault(each.name, each)
    return [*found.values(), *(each for each in own if each.kind is _Kind.VAR_KEYWORD)]


def _arguments(function: Callable[..., Any]) -> Iterator[Argument]:
    told: Any = vars(function)["__init__"] if inspect.isclass(function) else function
    meaning = {each.arg_name: _line(each.description) for each in read(told).params}
    for name, about in inspect.signature(function).parameters.items():
        yield Argument(
            f"**{name}" if about.kind is _Kind.VAR_KEYWORD else name,
            "" if about.annotation is about.empty else str(about.annotation),
            "" if about.default is about.empty else shown(about.default),
            meaning.get(name, ""),
            about.kind,
        )


def shown(default: object) -> str:
    """A default as one writes it."""
    return str(default) if isinstance(default, Enum) else repr(default)


def api(_what: str, _reference: Path) -> str:
    """A section for each function."""
    return "\n\n".join(_section(name) for name in names())


def _section(name: str) -> str:
    function = getattr(entitybench, name)
    doc, rows = read(function), arguments(name)
    result = inspect.signature(function).return_annotation
    about = _plain((doc.description or "").strip())
    parts = [f"## eb.{name}", _call(name, rows, result), about, _table(rows)]
    if doc.returns:
        parts.append(f"Returns: {_plain(_line(doc.returns.description))}")
    if doc.raises:
        parts.append("Raises:")
        parts.append(
            "\n".join(f"* `{x.type_name}`: {_plain(_line(x.description))}" for x in doc.raises)
        )
    return "\n\n".join(parts)


def _call(name: str, rows: list[Argument], result: Any) -> str:
    words = [row.name if not row.default else f"{row.name}={row.default}" for row in rows]
    by_name = [k for k, row in enumerate(rows) if row.kind is _Kind.KEYWORD_ONLY]
    if by_name:
        words.insert(by_name[0], "*")
    call = f"eb.{name}({', '.join(words)})"
    lines = textwrap.wrap(call, 96, subsequent_indent="    ", break_long_words=False)
    return "\n".join(["```python", *lines, f"# -> {result}", "```"])


def _table(rows: list[Argument]) -> str:
    def cell(text: str) -> str:
        return _plain(text).replace("|", "\\|")

    lines = ["| argument | type | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        type_, default = (f"`{cell(text)}`" if text else "" for text in (row.type, row.default))
        lines.append(f"| `{row.name}` | {type_} | {default} | {cell(row.meaning)} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Words as Markdown shows them: what is in angles, outside of code, would be a tag."""
    code = text.split("`")
    code[::2] = [part.replace("<", "&lt;") for part in code[::2]]
    return "`".join(code)
