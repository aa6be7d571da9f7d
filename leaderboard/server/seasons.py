"""Seasons of hidden starts: a board commits itself to a secret, and tells it when all is over.

The secret lies in the database until then, where only the operator reads it; what is logged and
shown before is its SHA-256. One season is open at a time, and serves all tasks: seeds follow from
secret, agent and task.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from entitybench.errors import BadValue
from entitybench.leaderboard.server import audit
from entitybench.leaderboard.server.admin import board
from entitybench.leaderboard.server.states import REVEALED, SEASON
from entitybench.leaderboard.server.tables import Evidence, Fact, Submission

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from entitybench.leaderboard.server.settings import Settings
    from entitybench.leaderboard.submission.season import Results

EPISODES = 25  # hidden starts of each training seed
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,39}")
_PREFIX = "season:"


def begin(settings: Settings, name: str) -> str:
    """Open a season. Returns the commitment. Raises BadValue where one is open, or had the name."""
    from entitybench.leaderboard.submission.hidden import commitment, new_secret

    if not _NAME.fullmatch(name):
        raise BadValue(
            "a season is named by 1 to 40 small letters, digits, '.' and '-', such as 2027-spring: "
            f"got {name!r:.80}."
        )
    with board(settings) as database, database.writing() as session:
        there = every(session)
        for each in there:
            if each["name"] == name:
                raise BadValue(f"there was a season {name!r} already: choose another name.")
            if each["revealed"] is None:
                raise BadValue(
                    f"season {each['name']!r} is open: `bench serve --reveal {each['name']}` "
                    "ends it."
                )
        secret = new_secret()
        found = {
            "name": name,
            "number": len(there) + 1,
            "commitment": commitment(secret),
            "secret": secret.hex(),
            "episodes": EPISODES,
            "opened": time.time(),
            "revealed": None,
        }
        session.add(Fact(name=_PREFIX + name, value=json.dumps(found)))
        told = {"season": name, "commitment": found["commitment"], "episodes": EPISODES}
        audit.append(session, SEASON, "", told)
        return commitment(secret)


def reveal(settings: Settings, name: str) -> str:
    """End a season and tell its secret, hex. Raises BadValue where it is not open."""
    with board(settings) as database, database.writing() as session:
        fact = session.get(Fact, _PREFIX + name)
        if fact is None:
            names = ", ".join(each["name"] for each in every(session)) or "none"
            raise BadValue(f"no season {name!r:.80}; there are: {names}.")
        found = json.loads(fact.value)
        if found["revealed"] is not None:
            raise BadValue(f"season {name!r} is over, and its secret told: {found['secret']}.")
        fact.value = json.dumps({**found, "revealed": time.time()})
        told = {key: found[key] for key in ("commitment", "secret")}
        audit.append(session, REVEALED, "", {"season": name, **told})
        return str(found["secret"])


def every(session: Session) -> list[dict[str, Any]]:
    """All seasons with their secrets, in order."""
    wanted = select(Fact.value).where(Fact.name.startswith(_PREFIX))
    return sorted((json.loads(x) for x in session.scalars(wanted)), key=lambda x: x["number"])


def told(session: Session) -> list[dict[str, Any]]:
    """All seasons as anybody may know them, the newest first."""
    return [
        {**each, "secret": None if each["revealed"] is None else each["secret"]}
        for each in reversed(every(session))
    ]


def asked(session: Session, again: int | None = None) -> dict[str, Any] | None:
    """What a checker is told of a season; None: of none.

    Args:
        session: that reads.
        again: id of a submission whose own season is meant; None: the open one.
    """
    kept = None if again is None else session.get(Evidence, again)
    before = None if kept is None else json.loads(kept.report).get("hidden")
    for each in every(session):
        is_meant = each["revealed"] is None if again is None else before is not None
        if is_meant and (before is None or each["name"] == before["season"]):
            return {name: each[name] for name in ("name", "secret", "episodes")}
    return None


def results(session: Session, of: Submission) -> Results | None:
    """What came of a submission's hidden starts; None: nothing."""
    from entitybench.leaderboard.submission.season import results_of

    kept = session.get(Evidence, of.id)
    hidden = None if kept is None else json.loads(kept.report).get("hidden")
    if hidden is None:
        return None
    known = {each["name"]: each for each in told(session)}
    season = known.get(hidden["season"])
    if season is None:  # of a board that this one was made from
        return None
    return results_of(hidden, season["commitment"], season["secret"])
