"""Policies of other forms: a file or an address that `bench eval --agent` takes as it is.

A form is a row of this table, told by how a name begins or ends; nothing else asks what form a
policy has. Strings only: importing it loads nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePath

from entitybench.errors import BadValue
from entitybench.files import read_file

_POLICIES = "entitybench.agents.policies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form that a policy can have."""

    id: str
    target: str  # "module:Class", made of the name and the TaskSpec: a policy
    suffix: str = ""  # of a file's name, ".onnx"
    schemes: tuple[str, ...] = ()  # of an address, "http"
    extra: str = ""  # optional dependency group it needs
    summary: str = ""


FORMS: tuple[Form, ...] = (
    Form(
        id="http",
        target=f"{_POLICIES}.http:ServedPolicy",
        schemes=("http", "https"),
        summary="a policy server in any language",
    ),
    Form(
        id="llm",
        target=f"{_POLICIES}.llm:LanguagePolicy",
        schemes=("llm",),
        extra="llm",
        summary="a language model of `transformers` in a folder, llm://FOLDER",
    ),
    Form(
        id="onnx",
        target=f"{_POLICIES}.onnx:OnnxPolicy",
        suffix=".onnx",
        extra="onnx",
        summary="an ONNX graph",
    ),
    Form(
        id="torchscript",
        target=f"{_POLICIES}.torchscript:ScriptPolicy",
        suffix=".pt",
        extra="train",
        summary="a TorchScript archive",
    ),
    Form(
        id="sb3",
        target=f"{_POLICIES}.sb3:Sb3Policy",
        suffix=".zip",
        extra="sb3",
        summary="what `model.save` of Stable-Baselines3 writes",
    ),
)


def form_of(name: str) -> Form | None:
    """The form of a policy that is named by its file or address; None: it is no such name.

    Raises BadValue for an address of another scheme.
    """
    scheme, mark, _ = name.partition("://")
    if mark:
        for form in FORMS:
            if scheme.lower() in form.schemes:
                return form
        raise BadValue(
            "a policy server has an address of http:// or https://, a language model is "
            f"llm://FOLDER: got {name!r}."
        )
    suffix = PurePath(name).suffix.lower()
    return next((form for form in FORMS if suffix and form.suffix == suffix), None)


def sha256_of(name: str) -> str | None:
    """That of a policy's file; None for a server, and where there is no such file."""
    try:
        return hashlib.sha256(read_file(name)).hexdigest() if name else None
    except OSError:
        return None


def short(name: str) -> str:
    """What tables show of an agent: of a file or folder its name, of a server host and port."""
    scheme, mark, rest = name.partition("://")
    if mark and scheme.lower() == "llm":
        return PurePath(rest).name or name
    if mark:
        return rest.partition("/")[0].rpartition("@")[2] or name
    suffix = PurePath(name).suffix.lower()
    return PurePath(name).name if suffix in {form.suffix for form in FORMS} - {""} else name
