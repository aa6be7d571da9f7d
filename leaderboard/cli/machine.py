"""`bench speed` and `bench doctor`: about this machine, not about agents."""

from __future__ import annotations

from json import dumps, loads
from pathlib import Path

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import Place, TaskId, writable_file
from entitybench.leaderboard.cli.output import note, print_json, put


def speed(
    *,
    task: TaskId = "push-3blocks",
    targets: bool = False,
    check: bool = False,
    out: Place | None = None,
    json: bool = False,
) -> int:
    """Measure the simulator beside raw physics and installed peers, in one run.

    Args:
        task: An id of `bench list tasks`.
        targets: Measure every target instead: a table of ours beside others' (minutes).
        check: Compare the targets with the committed table; exit with 2 if one got slower.
        out: Write the measured targets into this JSON file.
        json: Print JSON.

    Returns:
        Exit code: 0, or 2 when --check finds something slower or an installed peer fails.
    """
    registry.tasks()[task]
    if out is not None and not (targets or check):
        raise BadValue("--out is for the targets: give --targets too.")
    if out is not None:
        writable_file(out)
    if targets or check:
        return _targets(check, out, json)
    from entitybench.envs.speed.measure import speed as measure

    result = measure(task)
    print_json(result.to_json()) if json else put(result.text())
    return _failed(result.failed)


def _targets(check: bool, out: Path | None, json: bool) -> int:
    from entitybench.envs.speed.table import markdown, measure, worse
    from entitybench.files import write_atomic
    from entitybench.leaderboard.evaluation.weights import REFERENCE

    committed = REFERENCE / "speed.json"
    if check and not committed.is_file():
        raise BadValue(
            f"no committed speeds to check against: bench speed --targets --out {committed}"
        )
    result = measure(say=lambda name: note(f"measuring {name}"))
    if out is not None:
        write_atomic(out, (dumps(result, indent=1) + "\n").encode())
    print_json(result) if json else put(markdown(result))
    code = _failed(result["failed"])
    if not check:
        return code
    found = worse(result, loads(committed.read_text()))
    for line in found:
        note(f"bench: slower: {line}")
    return 2 if found else code


def _failed(peers: dict[str, str]) -> int:
    """The exit code after peers that are installed and could not be measured, which are named."""
    for name, why in peers.items():
        note(f"bench: {name} is installed and cannot be measured: {why}")
    return 2 if peers else 0


def doctor(*, json: bool = False) -> int:
    """Check rendering, versions, threads, determinism and disk; say what to install.

    Args:
        json: Print JSON.

    Returns:
        Exit code: 0, or 2 when something essential is broken.
    """
    from entitybench.leaderboard.cli.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not json:
            put(f"{finding.state:<8}{finding.check:<30}{finding.detail}")
            if finding.mend:
                put(f"{'':<8}-> {finding.mend}")
    broken = [finding.check for finding in findings if finding.state == "broken"]
    if json:
        print_json({"ok": not broken, "findings": [finding.to_json() for finding in findings]})
    if broken:
        note(f"bench: broken: {', '.join(broken)}")
    return 2 if broken else 0
