"""What the server needs beyond the package, and the line that says so where it is missing."""

from __future__ import annotations

from importlib import import_module

from entitybench.errors import MissingExtra

_LIBRARIES = ("fastapi", "uvicorn", "sqlalchemy", "alembic", "cryptography")


def check_extra() -> None:
    """Raise MissingExtra unless all libraries of the server are installed."""
    for name in _LIBRARIES:
        _try(name, "server")


def check_postgresql() -> None:
    """Raise MissingExtra unless the driver for PostgreSQL is installed."""
    _try("psycopg", "postgres")


def _try(name: str, extra: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} is not installed, and `bench serve` needs it: "
            f"pip install -e '.[{extra}]'"
        ) from error
