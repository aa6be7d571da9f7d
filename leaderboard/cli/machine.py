"""`bench speed` and `bench doctor`: about this machine, not about agents."""

from __future__ import annotations

from entitybench import registry
from entitybench.leaderboard.cli.output import note, print_json


def speed(*, task: str = "push-3blocks", json: bool = False) -> None:
    """Measure the simulator beside raw physics and installed peers, in one run.

    Args:
        task: An id of `bench list tasks`.
        json: Print JSON.
    """
    registry.tasks()[task]
    from entitybench.envs.core.speed import speed as measure

    result = measure(task)
    print_json(result.to_json()) if json else print(result.text())


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
            print(f"{finding.state:<8}{finding.check:<30}{finding.detail}", flush=True)
            if finding.mend:
                print(f"{'':<8}-> {finding.mend}", flush=True)
    broken = [finding.check for finding in findings if finding.state == "broken"]
    if json:
        print_json({"ok": not broken, "findings": [finding.to_json() for finding in findings]})
    if broken:
        note(f"bench: broken: {', '.join(broken)}")
    return 2 if broken else 0
