"""`bench check`: whether a task is what all of this suite and its users rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench.checks import DONE, FAILED, SKIPPED, Broken, NotChecked, counted, how
from entitybench.envs.conformance import episodes, play, rules, variants, views
from entitybench.envs.conformance.views import alone, together
from entitybench.envs.worlds import stepped
from entitybench.errors import BenchError
from entitybench.registry import task as task_named
from entitybench.types import TaskSpec
from entitybench.words import named, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _always(task: TaskSpec) -> bool:
    del task
    return True


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        run: takes the task, and returns what is to be said beside "done"; it raises NotChecked or
            Broken.
        looks_for: in words.
        applies: to which tasks.
    """

    run: Callable[[TaskSpec], str | None]
    looks_for: str
    applies: Callable[[TaskSpec], bool] = _always


CHECKS: dict[str, Check] = {
    "world": Check(rules.of_its_kind, "it can be made, and is of the kind that is scored"),
    "names": Check(rules.described, "names, bodies, bounds, shapes and times agree"),
    "axes": Check(rules.axes, "the rules are pure functions over any leading axes"),
    "seeds": Check(episodes.seeded, "an episode depends on its seed alone, bit for bit"),
    "restarts": Check(episodes.restarts, "stored states and snapshots restart exactly"),
    "copies": Check(episodes.copied, "a copy goes on as the original does"),
    "bounds": Check(rules.bounded, "observations stay in bounds, whatever is done"),
    "starts": Check(play.unsolved_starts, "no start is solved before anybody has acted"),
    "oracle": Check(play.solvable, "the oracle solves it, random actions do not"),
    "graphs": Check(variants.graphs, "who acted on whom is told, and telling changes nothing"),
    "banks": Check(variants.banks, "starts of the bank `perturbed` work and repeat"),
    "absences": Check(variants.absences, "entities can be absent: their rows are zero"),
    "rewards": Check(views.rewards_again, "rewards are computed again from what was seen", alone),
    "vectors": Check(views.vector_rows, "a row of a vector is a single environment", alone),
    "teams": Check(views.team_episodes, "a team's episodes are those of their seeds", together),
    "actions": Check(views.wrong_actions, "wrong actions are refused"),
    "gymnasium": Check(views.gymnasium_checker, "Gymnasium's own checker", alone),
    "sb3": Check(views.sb3_checker, "Stable-Baselines3's own checker", alone),
    "pettingzoo": Check(views.pettingzoo_checker, "PettingZoo's own checker", together),
    "pictures": Check(play.well_seen, "every camera shows the entities, nothing is clipped"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What checking a task found.

    Attributes:
        task: its id.
        checks: name -> "done", with what was measured; "skipped: <why>"; or "failed: <what>".
    """

    task: str
    checks: dict[str, str]

    @property
    def counts(self) -> dict[str, int]:
        """How many checks were "done", "skipped" and "failed"."""
        return counted(self.checks.values())

    def json(self) -> dict[str, Any]:
        return {"task": self.task, **self.counts, "checks": self.checks}

    def __repr__(self) -> str:
        lines = [f"{name:<12}{said}" for name, said in self.checks.items()]
        return "\n".join([f"{self.task}:", *lines])


def check(task: str | TaskSpec) -> Report:
    """Check that a task keeps what this suite and its users rely on.

    Determinism, exact restarts, bounds, the checkers of Gymnasium, Stable-Baselines3 and
    PettingZoo, a score by its oracle, pictures: seconds for most tasks. No check's failure ends it.

    Args:
        task: an id, `module:NAME` or `path/to/file.py:NAME` of a TaskSpec, or the spec itself.

    Raises:
        UnknownId: no such task, module or file.
        BadValue: what is named is no task, or one in which nothing is stepped.
    """
    spec = task if isinstance(task, TaskSpec) else task_named(task)
    return Report(spec.id, dict(checked(spec)))


def checked(task: TaskSpec) -> Iterator[tuple[str, str]]:
    """The checks one by one: a name, and how it went. See `check`."""
    stepped(task)
    broken = ""
    for name, each in CHECKS.items():
        if not each.applies(task):
            continue
        if broken:
            yield name, how(SKIPPED, broken)
            continue
        said = _outcome(each.run, task)
        if name == "world" and said.startswith(FAILED):
            broken = "the world is not sound, see world"
        yield name, said


def _outcome(run: Callable[[TaskSpec], str | None], task: TaskSpec) -> str:
    """How a check went; whatever somebody's world raises is a failure of it."""
    try:
        return how(DONE, run(task))
    except NotChecked as reason:
        return how(SKIPPED, str(reason))
    except Broken as what:
        return how(FAILED, str(what))
    except BenchError as error:
        return how(FAILED, str(error).rstrip("."))
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        return how(FAILED, f"{named(error)} ({place(error)})")
