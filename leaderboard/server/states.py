"""The states of a submission, and which may follow which: one table for code, log and pages."""

from __future__ import annotations

from dataclasses import dataclass

RECEIVED, VERIFYING = "received", "verifying"
ACCEPTED, REFUSED = "accepted", "refused"
QUARANTINED, WITHDRAWN, CORRECTED = "quarantined", "withdrawn", "corrected"


@dataclass(frozen=True, slots=True)
class State:
    """One state."""

    means: str
    then: tuple[str, ...]  # what may follow
    waits: bool = False  # whether a job is still to come to an end


STATES: dict[str, State] = {
    RECEIVED: State(
        "on the disk, and waits to be verified", (VERIFYING, QUARANTINED, WITHDRAWN), waits=True
    ),
    VERIFYING: State(
        "is being simulated again",
        (RECEIVED, ACCEPTED, REFUSED, QUARANTINED, WITHDRAWN),
        waits=True,
    ),
    ACCEPTED: State(
        "on the board, at its level", (ACCEPTED, REFUSED, QUARANTINED, WITHDRAWN, CORRECTED)
    ),
    REFUSED: State("breaks a rule; its findings say which, and what to do", (ACCEPTED,)),
    QUARANTINED: State(
        "shown with a reason, not ranked, until somebody has looked",
        (RECEIVED, ACCEPTED, REFUSED, WITHDRAWN),
    ),
    WITHDRAWN: State("taken back by the key that signed it", ()),
    CORRECTED: State("replaced by a later submission of the same key", ()),
}
# Beside changes of state the log holds what else happened to one.
RESCORED = "rescored"
# And of none: a season of hidden starts begins, or its secret is told.
SEASON, REVEALED = "season", "revealed"
KINDS = (*STATES, RESCORED, SEASON, REVEALED)
