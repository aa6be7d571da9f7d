"""The database: SQLite in a file beside the bundles, or PostgreSQL by its URL."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from entitybench.errors import BadValue
from entitybench.leaderboard.server.needs import check_postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATIONS = Path(__file__).parent / "migrations"
_PATIENCE = 30_000  # ms that a writer waits for another
_ONE_AT_A_TIME = 0x656E7469  # PostgreSQL's advisory lock of whoever migrates


class Database:
    """Sessions that read a snapshot, and sessions that write all or nothing."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot; nothing in it is written."""
        with self.engine.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with Session(connection, autoflush=False) as session:
                yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction: on the disk when the block ends, and undone where it raises."""
        with (
            self.engine.connect().execution_options(immediate=True) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """End all connections."""
        self.engine.dispose()


def opened(url: str) -> Database:
    """The database, brought to the newest schema. Raises BadValue where it cannot be had."""
    database = Database(url)
    try:
        migrate(database)
    except (OperationalError, DatabaseError) as error:
        database.close()
        why = str(error.orig).strip().splitlines()
        raise BadValue(f"cannot open the database {shown(url)}: {why[0] if why else error}.") from (
            error
        )
    return database


def shown(url: str) -> str:
    """The URL without its password."""
    return make_url(url).render_as_string(hide_password=True)


def sqlite_url(path: Path) -> str:
    """The URL of a database in a file."""
    return f"sqlite+pysqlite:///{path}"


def migrate(database: Database) -> None:
    """Make the tables, or bring older ones to what this version needs."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    immediate = database.engine.connect().execution_options(immediate=True)
    with immediate as connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _engine(url: str) -> Engine:
    try:
        parts = make_url(url)
    except ArgumentError:
        raise BadValue(
            "--database takes a URL such as postgresql://user@host/name or sqlite:///FILE: got "
            f"{url!r}."
        ) from None
    if parts.drivername in ("postgres", "postgresql"):
        parts = parts.set(drivername="postgresql+psycopg")
    backend = parts.get_backend_name()
    if backend == "postgresql":
        check_postgresql()
    elif backend != "sqlite":
        raise BadValue(f"--database is sqlite or postgresql: got {backend!r}.")
    try:
        engine = create_engine(parts, pool_size=20, max_overflow=40, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadValue(f"--database: no driver of that name: {error}.") from error
    if backend == "sqlite":
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    """Make SQLite safe against kills and losses of power, and fast for many readers."""
    assert isinstance(connection, sqlite3.Connection)
    connection.isolation_level = None  # transactions are begun below
    for line in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_PATIENCE}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {line}").close()


def _begin(connection: Connection) -> None:
    # Who will write says so first: a reader that becomes a writer can be refused at once.
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
