"""`bench serve` runs a board; `bench rescore` scores again what it has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import Episodes, Place, whole, writable_file, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from entitybench.leaderboard.server.settings import Settings

Port = Annotated[int, Parameter(converter=whole(0, 65535))]
Megabytes = Annotated[int, Parameter(converter=whole(1, 1024))]
Count = Annotated[int, Parameter(converter=whole(1, 1_000_000))]
BROKEN = 2  # exit code where the log is not what it was


def serve(
    *,
    host: str = "127.0.0.1",
    port: Port = 8000,
    store: Place | None = None,
    database: str | None = None,
    rerun: Episodes | None = None,
    signed_only: bool = False,
    largest: Megabytes = 256,
    uploads: Count = 60,
    tries: Count = 100,
    audit: bool = False,
    backup: Place | None = None,
    restore: Place | None = None,
    quarantine: str | None = None,
    release: str | None = None,
    reason: str | None = None,
    season: str | None = None,
    reveal: str | None = None,
    json: bool = False,
) -> int:
    """Run a leaderboard: pages, an API, and a worker that simulates submissions again.

    Until Ctrl-C. With --audit, --backup, --restore, --quarantine, --release, --season or --reveal
    it does that one thing instead, also while a server of the same store runs.

    Args:
        host: Address to listen at; 0.0.0.0: all of the machine.
        port: Port to listen at; 0: a free one.
        store: Folder of bundles and database. Default: ENTITYBENCH_BOARD, or
            ~/.cache/entitybench/board.
        database: URL of a PostgreSQL database, such as postgresql://user@host/name. Default: SQLite
            in the store.
        rerun: Let agents whose weights are in the bundle, or that have none, act again in so many
            episodes of each training seed. Default: they do not, and levels end at 2.
        signed_only: Refuse unsigned bundles.
        largest: Megabytes that a bundle may have.
        uploads: That an address may begin in a minute.
        tries: Submissions of a key in a day.
        audit: Check the log's chain of hashes, and that states are those of the log.
        backup: Write all that the board has into this file, a tar archive.
        restore: Make a new store, or fill an empty database, from such a file.
        quarantine: SHA-256 of a submission to show without a rank; say --reason.
        release: SHA-256 of a submission to take out of quarantine; say --reason.
        reason: One line that the log and the page show.
        season: Open a season of this name: the board commits itself to a secret, and agents that
            can act here do so from starts that follow from it, which is level 4.
        reveal: End the season of this name, and tell its secret.
        json: Print what is found as JSON.
    """
    from entitybench.leaderboard.server.needs import check_extra

    chosen = {
        "--audit": audit,
        "--backup": backup is not None,
        "--restore": restore is not None,
        "--quarantine": quarantine is not None,
        "--release": release is not None,
        "--season": season is not None,
        "--reveal": reveal is not None,
    }
    given = [name for name, is_given in chosen.items() if is_given]
    if len(given) > 1:
        raise BadValue(f"one thing at a time: got {' and '.join(given)}.")
    if (reason is not None) != (given in (["--quarantine"], ["--release"])):
        raise BadValue("--quarantine and --release say why, and nothing else does: --reason TEXT.")
    check_extra()
    from entitybench.leaderboard.server.settings import Settings, default_store

    settings = Settings(
        store=writable_folder(store or default_store(), "--store").absolute(),
        database=database,
        largest=largest << 20,
        uploads=uploads,
        tries=tries,
        signed_only=signed_only,
        rerun=rerun or 0,
    )
    if audit:
        return _audit(settings, json)
    if backup is not None:
        return _backup(settings, writable_file(backup, "--backup"))
    if restore is not None:
        return _restore(settings, restore)
    if sha256 := quarantine or release:
        return _moved(settings, sha256, reason or "", free=release is not None)
    if season is not None or reveal is not None:
        return _season(settings, season, reveal, json)
    _serve(settings, host, port)
    return 0


def rescore(*, store: Place | None = None, database: str | None = None, json: bool = False) -> int:
    """Score all stored evidence of a board again, with this version's scorer.

    Nobody has to run an agent again: episodes are simulated from the recorded actions. What this
    version no longer believes is quarantined, with the reason. Exit code 2 where there is such.

    Args:
        store: Folder of the board, as `bench serve` takes it.
        database: URL of its database, as `bench serve` takes it.
        json: Print what became of each submission as JSON.
    """
    from entitybench.leaderboard.server.needs import check_extra

    check_extra()
    from entitybench.leaderboard.server.rescore import rescored
    from entitybench.leaderboard.server.settings import Settings, default_store

    folder = store or default_store()
    if database is None and not (folder / "board.sqlite").is_file():
        raise BadValue(f"no board at {folder}: name the --store of `bench serve`.")
    with progress_bar("submissions scored again") as progress:
        found = rescored(Settings(store=folder.absolute(), database=database), progress)
    if json:
        print_json(found)
    else:
        changed = [each for each in found if each["before"] != each["after"]]
        for each in changed:
            put(f"{each['sha256'][:16]} was {each['before']}, and is {each['after']}")
        put(f"{len(found)} submissions scored again, {len(changed)} with another outcome.")
    return BROKEN if any("quarantined" in each["after"] for each in found) else 0


def _serve(settings: Settings, host: str, port: int) -> None:
    from entitybench.leaderboard.server.serve import serve

    def ready(url: str) -> None:
        note(f"board: {url}, store: {settings.store}. Ctrl-C ends it.")
        note(f"`bench submit RECORD --to {url}` sends a record.")

    serve(settings, host, port, ready)


def _audit(settings: Settings, json: bool) -> int:
    from entitybench.leaderboard.server.admin import audited

    count, faults = audited(settings)
    if json:
        print_json({"entries": count, "faults": faults})
    else:
        put("\n".join([*faults, f"{count} entries in the log, {len(faults)} faults."]))
    return BROKEN if faults else 0


def _backup(settings: Settings, path: Path) -> int:
    from entitybench.leaderboard.server.backup import backup

    with progress_bar("backup", "bytes") as progress:
        bundles = backup(settings, path, progress)
    put(f"{path}: {bundles} bundles and the database. `bench serve --restore {path}` reads it.")
    return 0


def _restore(settings: Settings, path: Path) -> int:
    from entitybench.leaderboard.server.backup import restore

    bundles = restore(settings, path)
    put(f"{settings.store}: {bundles} bundles and the database restored; the log holds.")
    return 0


def _moved(settings: Settings, sha256: str, reason: str, *, free: bool) -> int:
    from entitybench.leaderboard.server.admin import quarantine, release

    full, state = (release if free else quarantine)(settings, sha256, reason)
    put(f"{full} is {state}.")
    return 0


def _season(settings: Settings, begun: str | None, over: str | None, json: bool) -> int:
    from entitybench.leaderboard.server import seasons

    if begun is not None:
        commitment = seasons.begin(settings, begun)
        if json:
            print_json({"season": begun, "commitment": commitment})
        else:
            put(f"season {begun} is open: the board commits itself to {commitment}.")
        return 0
    secret = seasons.reveal(settings, over or "")
    if json:
        print_json({"season": over, "secret": secret})
    else:
        put(f"season {over} is over: its secret was {secret}.")
    return 0
