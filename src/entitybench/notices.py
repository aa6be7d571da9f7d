"""Warnings that point at the line of the user's program that led to them."""

from __future__ import annotations

import sys
import warnings

_OURS = __name__.partition(".")[0]


def warn(what: str | Warning, kind: type[Warning] = UserWarning) -> None:
    """Warn, at the innermost line on the stack that is not this package's.

    How deep in the package a warning arises depends on what was called, so no `stacklevel` fits.

    Args:
        what: a text, or a warning, which is of its own kind.
        kind: of a text.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__")):
        frame = frame.f_back
    about = frame.f_globals
    warnings.warn_explicit(
        what,
        kind,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=about.get("__name__"),
        registry=about.setdefault("__warningregistry__", {}),
    )


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.partition(".")[0] == _OURS
