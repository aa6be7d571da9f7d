"""`bench submit` packs a record into a bundle; `bench verify` looks at one, as a board does."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import (
    Episodes,
    Place,
    Seeds,
    Threads,
    different,
    existing,
    writable_file,
    writable_folder,
)
from entitybench.leaderboard.cli.output import columns, note, print_json, put
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.leaderboard.submission.wanted import Wanted
    from entitybench.records import Record

FOUND = 2  # exit code where a rule is broken
_SHOWN = 20  # findings of a rule in the text; JSON has all


def submit(
    *records: Place,
    to: str | None = None,
    pack: Place | None = None,
    check: bool = False,
    new_key: Place | None = None,
    withdraw: bool = False,
    corrects: str | None = None,
    weights: Place | None = None,
    with_weights: bool = False,
    key: Place | None = None,
    threads: Threads | None = None,
    json: bool = False,
) -> int:
    """Send records to a leaderboard, or pack one: its agent acts again, and is recorded.

    Every episode is kept, with its actions and a state every 20 control steps. An episode that
    comes out otherwise than the record says is refused. Nothing is sent anywhere without --to;
    with it the command ends when the board has simulated all again, with exit code 2 where it
    refuses one.

    Args:
        records: Record files of `bench eval`; for --to and --check also bundles.
        to: URL of a board, `bench serve`. What broke off is gone on with.
        pack: The bundle to write, a zip file; of several records, or a folder of them such as that
            of a suite, the folder of bundles to fill.
        check: Look at a bundle as `bench verify` does, or at what a record would be packed into.
        new_key: Write a new private key (Ed25519) into this file; prints the public key.
        withdraw: Take a bundle back from the board at --to, by the --key that signed it.
        corrects: SHA-256 of an accepted submission of the same key, which the one sent replaces.
        weights: As `bench eval` takes it. Default: what the record was made with.
        with_weights: Put the weights into the bundle too.
        key: Sign the bundle with the private key in this file.
        threads: Simulation threads; any number gives the same bytes. Default: the cores.
        json: Print the manifest, the report or the public key as JSON.
    """
    chosen = {
        "--to": to is not None,
        "--pack": pack is not None,
        "--check": check,
        "--new-key": new_key is not None,
    }
    if sum(chosen.values()) != 1:
        given = " and ".join(name for name, is_given in chosen.items() if is_given)
        raise BadValue(
            "say --to URL, --pack FILE.zip, --check, or --new-key FILE, and one of them"
            f"{f': got {given}' if given else ''}."
        )
    if (withdraw or corrects is not None) and to is None:
        raise BadValue("--withdraw and --corrects speak to a board: --to URL.")
    if new_key is not None:
        _new_key(records, new_key, json)
        return 0
    if not records:
        raise BadValue("name a record file of `bench eval`, such as results/TASK/AGENT-TIME.json.")
    options: dict[str, Any] = {"weights": weights, "with_weights": with_weights, "key": key}
    if to is not None:
        from entitybench.leaderboard.cli import sending

        if withdraw:
            return sending.withdraw(records, to, key, json)
        if corrects is not None and len(records) > 1:
            raise BadValue("--corrects is of one record; there are several.")
        return sending.send(
            records,
            to,
            partial(_bundle, threads, options),
            corrects=corrects,
            key=key,
            json=json,
        )
    if pack is not None and (len(records) > 1 or records[0].is_dir()):
        return _pack_all(records, pack, partial(_bundle, threads, options), json)
    if len(records) > 1:
        raise BadValue("--check takes one record; --pack FOLDER and --to take several.")
    record = records[0]
    if check and zipfile.is_zipfile(existing(record, "bundle or record")):
        if weights is not None or with_weights or key is not None:
            raise BadValue(
                "a bundle is looked at as it is: leave out --weights, --with-weights and --key."
            )
        return verify(record, threads=threads, json=json)

    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.records import Record

    of = Record.read(record)
    out = None if pack is None else writable_file(pack, "--pack")
    data = _packed(of, threads, **options)
    from io import BytesIO

    from entitybench.files import write_atomic
    from entitybench.leaderboard.submission.models import MANIFEST, Manifest
    from entitybench.leaderboard.submission.wanted import Wanted

    if out is None:
        return _verified(data, str(record), Wanted(threads=threads), json)
    manifest = Manifest.model_validate_json(Archive(BytesIO(data)).read(MANIFEST))
    write_atomic(out, data)
    if json:
        put(manifest.to_json())
        return 0
    count = len(of.rows)
    by = "signed" if key is not None else "unsigned: --key FILE signs it"
    put(
        f"{out}: {manifest.agent.label} in {manifest.task.id}, {count} episode{'s' * (count > 1)}, "
        f"{len(data) / 1000:.1f} kB ({len(data) / 1000 / count:.2f} kB an episode); {by}."
    )
    note(f"`bench verify {out}` looks at it as whoever receives it does.")
    return 0


def verify(
    bundle: Place,
    /,
    *,
    episodes: Episodes | None = None,
    train_seeds: Seeds | None = None,
    rerun: Episodes | None = None,
    season: Place | None = None,
    weights: Place | None = None,
    threads: Threads | None = None,
    json: bool = False,
) -> int:
    """Look at a bundle: files, claims, then every episode simulated again from its states.

    Offline; nothing in it is run or unpacked onto the disk. Exit code 2 where a rule is broken.

    Args:
        bundle: A zip file that `bench submit` packed, or a folder of such files.
        episodes: The episodes of each training seed that the protocol asks for. Default: as many
            as there are, without a gap.
        train_seeds: The training seeds that it asks for. Default: 0, 1, … without a gap.
        rerun: Let the agent, a registered one, act again in so many episodes of each training seed,
            drawn by the bundle's hash, and compare its actions.
        season: File of what a board found from hidden starts, /api/v1/submissions/SHA256/season of
            it when the secret is revealed: the agent acts from them again.
        weights: Of the agent, as `bench eval` takes it. Default: shipped or downloaded.
        threads: Simulation threads. Default: the cores.
        json: Print the report as JSON.
    """
    different(train_seeds, "--train-seeds")
    if weights is not None and rerun is None and season is None:
        raise BadValue("--weights are for an agent that acts again: add --rerun 5, say.")
    if season is not None and bundle.is_dir():
        raise BadValue("--season is of one bundle, and not of a folder of them.")

    from entitybench.leaderboard.submission.wanted import Wanted

    wanted = Wanted(
        episodes=episodes, seeds=train_seeds, rerun=rerun or 0, weights=weights, threads=threads
    )
    if season is not None:
        from entitybench.leaderboard.submission.season import read_results

        found = read_results(existing(season, "file of results"))
        wanted = replace(wanted, season=found, rerun=rerun or 1)
    if bundle.is_dir():
        return _verify_all(bundle, wanted, json)
    return _verified(bundle, str(bundle), wanted, json)


def _pack_all(
    records: Sequence[Path], folder: Path, bundle_of: Callable[[Path], bytes], json: bool
) -> int:
    """A bundle for each record, as it is done; those of before are written anew."""
    from entitybench.files import write_atomic
    from entitybench.leaderboard.tables.gather import files_in
    from entitybench.records import Record

    out = writable_folder(folder, "--pack")
    files = [
        file
        for path in records
        for file in (files_in(path) if existing(path, "record").is_dir() else [path])
    ]
    names = {file: f"{Record.read(file).task.id}-{file.stem}.zip" for file in files}
    for file, name in names.items():
        if list(names.values()).count(name) > 1:
            raise BadValue(f"several records would be {out / name}, one of them {file}: rename it.")
    for file, name in names.items():
        data = bundle_of(file)
        write_atomic(out / name, data)
        if not json:
            put(f"{out / name}: {len(data) / 1000:.1f} kB")
    if json:
        print_json({"bundles": [str(out / name) for name in names.values()]})
    note(f"`bench verify {out}` looks at all of them.")
    return 0


def _verify_all(folder: Path, wanted: Wanted, json: bool) -> int:
    """Every bundle of a folder, one after the other."""
    files = sorted(folder.glob("*.zip"))
    if not files:
        raise BadValue(f"no bundle (*.zip) in {folder}.")
    reports = [_report(file, str(file), wanted) for file in files]
    if json:
        print_json([report.json() for report in reports])
    else:
        put("\n\n".join(map(_text, reports)))
    return FOUND if any(report.errors for report in reports) else 0


def _bundle(threads: int | None, options: dict[str, Any], path: Path) -> bytes:
    """The bundle of the record in a file."""
    from entitybench.records import Record

    return _packed(Record.read(path), threads, **options)


def _new_key(records: Sequence[Path], path: Path, json: bool) -> None:
    if records:
        raise BadValue("--new-key makes a key and nothing else: leave out the record.")
    from entitybench.leaderboard.submission.keys import new_key

    public = new_key(path)
    note(f"private key: {path}. Keep it: whoever has it signs as you.")
    print_json({"public_key": public}) if json else put(public)


def _packed(record: Record, threads: int | None, **options: Any) -> bytes:
    """The bundle. Raises BadValue where it would be refused without simulating."""
    from entitybench.leaderboard.submission.check import verify
    from entitybench.leaderboard.submission.pack import pack
    from entitybench.leaderboard.submission.wanted import Wanted

    with progress_bar(f"{record.agent.id} in {record.task.id}, control steps") as progress:
        data = pack(record, threads=threads, progress=progress, **options)
    report = verify(data, Wanted(simulate=False))
    for finding in report.findings:
        raise BadValue(
            f"the record would be refused ({finding.rule}: {finding.where}: {finding.what}): "
            f"{finding.advice}."
        )
    return data


def _report(source: Path | bytes, name: str, wanted: Wanted) -> Report:
    from entitybench.leaderboard.submission.check import verify

    with progress_bar("control steps simulated again") as progress:
        return verify(source, replace(wanted, progress=progress), name=name)


def _verified(source: Path | bytes, name: str, wanted: Wanted, json: bool) -> int:
    report = _report(source, name, wanted)
    print_json(report.json()) if json else put(_text(report))
    return FOUND if report.errors else 0


def _text(report: Report) -> str:
    from entitybench.leaderboard.submission.rules import LEVELS, RULES

    head = f"{report.bundle}: {report.agent} in {report.task}" if report.task else report.bundle
    lines = [head, ""]
    lines += [columns([(name, RULES[name].what, how) for name, how in report.checks.items()])]
    if report.measured:
        numbers = [(name.replace("_", " "), f"{n:g}") for name, n in report.measured.items()]
        lines += ["", columns(numbers)]
    told: dict[str, int] = {}
    for finding in report.findings:
        told[finding.rule] = told.get(finding.rule, 0) + 1
        if told[finding.rule] > _SHOWN:
            continue
        place = ": ".join(filter(None, (finding.file, finding.where)))
        lines += ["", f"{finding.severity} [{finding.rule}] {place}", f"  {finding.what}."]
        lines += [f"  To do: {finding.advice}."]
    for rule, count in told.items():
        if count > _SHOWN:
            lines += ["", f"[{rule}] {count - _SHOWN} more: --json has all."]
    signed = f"signed by {report.signed_by}" if report.signed_by else "unsigned"
    level = "none" if report.level is None else f"{report.level} ({LEVELS[report.level]})"
    warnings = len(report.findings) - report.errors
    last = f"level {level}, {signed}; {report.errors} errors, {warnings} warnings. {report.proves}"
    return "\n".join([*lines, "", last])
