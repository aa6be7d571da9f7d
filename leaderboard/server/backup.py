"""Backups: a snapshot of all tables, as lines of JSON, and the bundles that it names, in a tar.

The same file fills SQLite and PostgreSQL. It is taken while the server runs: tables are read in one
transaction, and bundles never change once they are there.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text

from entitybench.errors import BadValue
from entitybench.files import writing
from entitybench.leaderboard.server import audit
from entitybench.leaderboard.server.admin import board
from entitybench.leaderboard.server.blobs import Blobs
from entitybench.leaderboard.server.database import opened
from entitybench.leaderboard.server.tables import Base, Submission
from entitybench.places import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Table
    from sqlalchemy.orm import Session

    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.server.database import Database
    from entitybench.leaderboard.server.settings import Settings

FORMAT = "entitybench board 1"
_HEAD = "backup.json"
_LINES = 500  # rows that are inserted at once


def backup(settings: Settings, path: Path, progress: Progress | None = None) -> int:
    """Write all that a board has into a file. Returns how many bundles that were.

    Raises BadValue where there is no board, or the file cannot be written.
    """
    blobs = Blobs(settings.store)
    with board(settings) as database, database.reading() as session:
        found = session.execute(select(Submission.sha256, Submission.size)).all()
        total, done = sum(size for _, size in found), 0
        try:
            with writing(path) as temporary, tarfile.open(temporary, "w") as archive:
                head = {"format": FORMAT, "bundles": len(found)}
                _add(archive, _HEAD, json.dumps(head).encode())
                for table in Base.metadata.sorted_tables:
                    _add_table(archive, session, table)
                for sha256, size in found:
                    archive.add(blobs.path(sha256), f"bundles/{sha256}.zip", recursive=False)
                    done += size
                    if progress is not None:
                        progress(done, total)
        except OSError as error:
            raise BadValue(f"cannot write {path}: {error.strerror or error}.") from error
        return len(found)


def restore(settings: Settings, path: Path) -> int:
    """Make a board from such a file. Returns how many bundles it has.

    Raises BadValue where there is a board already, or the file is none, or is broken.
    """
    file = settings.store / "board.sqlite"
    if settings.database is None and file.exists():
        raise BadValue(f"there is a board at {settings.store} already: name a new --store.")
    try:
        with tarfile.open(path, "r:") as archive:
            settings.store.mkdir(parents=True, exist_ok=True)
            head = json.loads(_member(archive, _HEAD).read())
            if head.get("format") != FORMAT:
                raise BadValue(f"{path} is a backup of another format: {head.get('format')!r:.60}.")
            database, done = opened(settings.url), False
            try:
                bundles = _fill(settings, database, archive)
                done = True
                return bundles
            finally:
                database.close()
                if settings.database is None and not done:  # it may be tried again
                    file.unlink(missing_ok=True)
    except (OSError, tarfile.TarError, ValueError, KeyError, AttributeError) as error:
        raise BadValue(f"{path} is no backup of `bench serve --backup`: {error}.") from error


def _fill(settings: Settings, database: Database, archive: tarfile.TarFile) -> int:
    blobs = Blobs(settings.store)
    with database.writing() as session:
        if session.scalar(select(func.count()).select_from(Submission)):
            raise BadValue("there are submissions in the database already: name an empty one.")
        for table in Base.metadata.sorted_tables:
            _read_table(archive, session, table, database.is_sqlite)
        if faults := audit.faults(session):
            raise BadValue(f"the log in the backup does not hold: {faults[0]}.")
        found = session.scalars(select(Submission.sha256)).all()
        for sha256 in found:
            part = blobs.part(sha256)
            with part.open("wb") as file, _member(archive, f"bundles/{sha256}.zip") as source:
                while piece := source.read(1 << 20):
                    file.write(piece)
            if sha256_of(part) != sha256:
                raise BadValue(f"the bundle {sha256[:16]} in the backup is broken.")
            blobs.keep(sha256, sha256)
        return len(found)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def _add_table(archive: tarfile.TarFile, session: Session, table: Table) -> None:
    """Rows as lines of JSON, through a file, since a million of them do not belong in memory."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        for row in session.execute(select(table)).yield_per(1000):
            file.write(json.dumps(dict(row._mapping)).encode() + b"\n")
        info = tarfile.TarInfo(f"tables/{table.name}.jsonl")
        info.size = file.tell()
        file.seek(0)
        archive.addfile(info, file)


def _read_table(archive: tarfile.TarFile, session: Session, table: Table, is_sqlite: bool) -> None:
    rows: list[dict[str, Any]] = []
    with _member(archive, f"tables/{table.name}.jsonl") as file:
        for line in file:
            rows.append(json.loads(line))
            if len(rows) == _LINES:
                session.execute(insert(table), rows)
                rows.clear()
    if table.name == "facts":  # the new database has made its own
        session.execute(table.delete())
    if rows:
        session.execute(insert(table), rows)
    if not is_sqlite and "id" in table.columns:  # SQLite counts on by itself
        name = table.name
        session.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                f"(SELECT COALESCE(MAX(id), 0) + 1 FROM {name}), false)"
            )
        )


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} in it is no file")
    return file
