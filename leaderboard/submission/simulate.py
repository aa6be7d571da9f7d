"""Simulates recorded episodes again, each stretch from its checkpoint, and scores what comes out.

All episodes of a batch run side by side. At a checkpoint the simulated state is compared with the
recorded one, and where they differ by a rounding goes on from the recorded one: so errors of one
stretch do not grow into the next, and each stretch is proved by itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from entitybench.envs.api import world_of
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.play import Step, play
from entitybench.envs.core.stretch import StretchedPhysics, fits, stretch
from entitybench.leaderboard.evaluation.coordination import Coordination
from entitybench.leaderboard.evaluation.handling import Handling
from entitybench.leaderboard.evaluation.tally import WENT_WRONG, Tally
from entitybench.leaderboard.submission.claims import unfounded
from entitybench.leaderboard.submission.models import EVERY, file_of
from entitybench.leaderboard.submission.recorder import checkpoints
from entitybench.records import DIGEST
from entitybench.seeding import BatchGenerator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from entitybench.leaderboard.submission.models import EpisodesInfo
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.records import Row
    from entitybench.types import Array, Obs, TaskSpec

WIDTH = 100  # episodes side by side
START = 1e-9  # how far a recorded start may be from the one that its seed gives
# How far a state may be from the recorded one, 20 steps after another recorded one; of numbers
# above 1 relative to them. Other processors' libraries round differently, by at most 7e-15 where
# measured; where legs meet the ground, or matrices are inverted, roundings grow.
TOLERANCE = 1e-8
LOOSE = {"locomotion": 1e-6, "robosuite": 1e-6}  # by tag of the task
ELSEWHERE = 1e-4  # still believed of another platform, and flagged
SCORES = 1e-6  # relative, where states differ at all
TOUCH = 2.0  # steps of contact, or a tenth of them, by which these differ then


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The episodes of one training seed, and what the record says of them."""

    info: EpisodesInfo
    rows: Mapping[int, Row]  # by item
    actions: Array  # (steps of all, *action_shape)
    states: Array  # (checkpoints of all, S)
    goals: Array  # (E, N, D)


class Watch(Protocol):
    """Sees episodes while they are simulated again, a batch after the other; changes nothing."""

    def begin(self, worlds: Worlds, training_seed: int, items: Sequence[int]) -> None:
        """The episodes of these seeds are at their starts."""

    def step(self, step: Step, running: Array) -> None:
        """One control step, after which the worlds are where the recorded episodes are.

        `running` (B,) bool are the episodes that took it.
        """

    def end(self) -> None:
        """The batch is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How it is simulated."""

    task: TaskSpec
    bank: str
    here: bool  # whether it was recorded on this platform
    threads: int
    tick: Callable[[int], None]  # called with control steps that are done
    rescore: bool = False  # whether scores are kept instead of compared
    watch: Watch | None = None

    @property
    def tolerance(self) -> float:
        """For states at checkpoints."""
        return max([TOLERANCE, *(LOOSE[tag] for tag in self.task.tags & LOOSE.keys())])


def resimulate(recorded: Sequence[Recorded], setting: Setting, report: Report) -> None:
    """All episodes of some training seeds; findings, and the largest residual, go to the report.

    Those of several seeds run side by side, where nobody watches: a step costs next to nothing more
    with more episodes, beside their physics.
    """
    report.measured["tolerance"] = setting.tolerance
    of_seeds = [_episodes(each) for each in recorded]
    parts = of_seeds if setting.watch is not None else [[x for of in of_seeds for x in of]]
    world, bank = world_of(setting.task), Bank(setting.bank)
    stretched = setting.watch is None and fits(world, bank)
    for part in parts:
        for chosen in _even(part):
            # Plain worlds, also of tasks that are seen: pictures change no state and no score.
            worlds = Worlds(
                world,
                len(chosen),
                threads=setting.threads,
                horizon=setting.task.horizon,
                bank=bank,
                physics=StretchedPhysics if stretched else None,
            )
            try:
                _Batch(worlds, chosen, setting, report).run()
            finally:
                worlds.close()


def _even(episodes: Sequence[_Episode]) -> list[Sequence[_Episode]]:
    """At most WIDTH of them at once, about as many each time."""
    count = -(-len(episodes) // WIDTH)
    ends = [len(episodes) * k // count for k in range(count + 1)] if count else []
    return [episodes[a:b] for a, b in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class _Episode:
    """One recorded episode; its arrays are views."""

    seed: int  # the training seed
    item: int
    row: Row
    actions: Array  # (steps, *action_shape)
    states: Array  # (checkpoints, S)
    goal: Array  # (N, D)


def _episodes(recorded: Recorded) -> list[_Episode]:
    """Those of a training seed, in the order of its arrays."""
    info, found = recorded.info, []
    action = state = 0
    for index, (item, steps) in enumerate(zip(info.items, info.steps, strict=True)):
        actions = recorded.actions[action : action + steps]
        states = recorded.states[state : state + checkpoints(steps)]
        goal, row = recorded.goals[index], recorded.rows[item]
        found.append(_Episode(info.training_seed, item, row, actions, states, goal))
        action, state = action + steps, state + checkpoints(steps)
    return found


class _Batch:
    """Some episodes, side by side; arrays (B,)."""

    def __init__(
        self, worlds: Worlds, episodes: Sequence[_Episode], setting: Setting, report: Report
    ) -> None:
        self.worlds, self.setting, self.report = worlds, setting, report
        self.episodes = episodes
        self.items = [each.item for each in episodes]
        self.steps = np.array([len(each.actions) for each in episodes])
        self.stretched = isinstance(worlds.physics, StretchedPhysics)
        self.tally = Tally(len(self.items), setting.task)
        self.handling = Handling(worlds.world)
        self.coordination = Coordination(worlds.world)
        self.residual = np.zeros(len(self.items))
        self.ends = {*self.steps.tolist(), setting.task.horizon}
        self.given_up = np.zeros(len(self.items), bool)  # what follows a wrong state means nothing

    def run(self) -> None:
        """Simulate, and compare."""
        horizon = self.setting.task.horizon
        obs = self.worlds.reset(self.items)
        watch = self.setting.watch
        if watch is not None:
            watch.begin(self.worlds, self.episodes[0].seed, self.items)
        self._starts()
        for step in self._stretched(horizon) if self.stretched else self._played(obs, horizon):
            running = ~(self.tally.over | self.given_up)
            bumped = step.info.get("bumped")
            self.handling.add(step.action, self.worlds.bumped if bumped is None else bumped.copy)
            self.coordination.add(self.worlds.convention)
            over = self.tally.add(step.info)
            self._compare(step.index + 1, running)
            if watch is not None:
                watch.step(step, running)
            if len(over):
                self.worlds.rest(over.tolist())
            self.setting.tick(int(running.sum()))
            if (self.tally.over | self.given_up).all():
                break
        if watch is not None:
            watch.end()
        handled = self.handling.values(self.tally.length)
        coordinated = self.coordination.values(self.tally.length)
        for row in np.flatnonzero(~self.given_up).tolist():
            self._score(row, handled[row] | coordinated[row])
        before = self.report.measured.get("residual", 0.0)
        self.report.measured["residual"] = max(before, float(self.residual.max(initial=0)))

    def _played(self, obs: Obs, horizon: int) -> Iterator[Step]:
        """Step by step, for whoever watches and wherever it must be."""
        policy = _Replayed([each.actions for each in self.episodes])
        yield from play(self.worlds, policy, obs, BatchGenerator(()), horizon)

    def _stretched(self, horizon: int) -> Iterator[Step]:
        """The same numbers from checkpoint to checkpoint, quicker; nobody sees observations."""
        actions = _Replayed([each.actions for each in self.episodes]).actions[:horizon]
        for begin in range(0, len(actions), EVERY):
            todo = actions[begin : begin + EVERY]
            counts = np.clip(self.steps - begin, 0, len(todo))
            counts[self.tally.over | self.given_up] = 0
            for index, info in enumerate(stretch(self.worlds, todo, counts), begin):
                yield Step(index, {}, actions[index], None, {}, info)

    def _starts(self) -> None:
        for row in range(len(self.items)):
            theirs, goal = self.episodes[row].states[0], self.episodes[row].goal
            ours = self.worlds.integration_state(row)
            apart = max(_apart(ours, theirs), _apart(self.worlds.goals[row], goal))
            self.residual[row] = apart
            if not apart <= START:
                self._find("starts", row, 0, f"it begins {apart:.2g} from the start of its seed")
                self._give_up(row)

    def _compare(self, step: int, running: Array) -> None:
        """States after so many steps, where there is a checkpoint, and where episodes end."""
        if step % EVERY and step not in self.ends and not (running & self.tally.over).any():
            return
        ended = self.tally.over | (step == self.setting.task.horizon)
        for row in np.flatnonzero(running & (ended != (self.steps == step))).tolist():
            lasts = "ends" if ended[row] else "goes on"
            what = f"it {lasts} here, and its actions are for {self.steps[row]} steps"
            self._find("physics", row, step, what)
            self._give_up(row)
        due = running & ~self.given_up & ((self.steps == step) | (step % EVERY == 0))
        for row in np.flatnonzero(due & ~self.tally.unstable).tolist():
            last = step == self.steps[row]
            theirs = self.episodes[row].states[checkpoints(step) - 1]
            ours = self.worlds.integration_state(row)
            if ours.tobytes() == theirs.tobytes():
                continue
            apart = _apart(ours, theirs)
            self._judge(row, step, apart)
            if not (last or self.given_up[row]):
                self.worlds.set_integration_state(row, theirs)

    def _judge(self, row: int, step: int, apart: float) -> None:
        self.residual[row] = max(self.residual[row], apart)
        tolerance, here = self.setting.tolerance, self.setting.here
        if apart <= tolerance:
            return
        begin = (step - 1) // EVERY * EVERY
        what = f"from step {begin} its actions lead to a state {apart:.2g} from the recorded one"
        if here or not apart <= ELSEWHERE:
            self._find("physics", row, step, f"{what}; at most {tolerance:g} is rounding")
            self._give_up(row)
        else:
            self._find("physics", row, step, f"{what}: recorded on another platform", warning=True)

    def _score(self, row: int, handled: dict[str, float | None]) -> None:
        """The numbers of the record beside those of the states."""
        theirs, broken = self.episodes[row].row, bool(self.tally.unstable[row])
        error = WENT_WRONG if broken else None
        exact = not self.residual[row]
        ours_of = self.tally.values(row, failed=broken) | handled
        if self.setting.rescore:
            seed = self.episodes[row].seed
            self.report.scored.append((seed, self.items[row], ours_of, error))
            return
        if theirs.error != error:
            self._find("scores", row, None, f"error is {theirs.error!r}; simulated: {error!r}")
        for name, ours in ours_of.items():
            if name not in theirs.values:  # of an earlier version, and not claimed
                continue
            given = theirs.values[name]
            if not (given == ours if exact else close(given, ours)):
                # Where states round otherwise, a touch can begin a step earlier or later.
                touches = name == "contacts" and not exact and _near(given, ours)
                what = f"{name} is {given}; simulated: {ours}"
                self._find("scores", row, None, what, warning=touches)
        for name in unfounded(theirs.values, ours_of, self.setting.task.kind):
            what = f"{name} follows from no state, and may not be in a record"
            self._find("scores", row, None, what)
        last, goal = self.episodes[row].states[-1], self.episodes[row].goal
        digest = hashlib.sha256(last.tobytes() + goal.tobytes()).hexdigest()[:DIGEST]
        if theirs.digest != ("" if broken else digest):
            what = f"digest is {theirs.digest!r}; of its last recorded state: {digest!r}"
            self._find("scores", row, None, what)

    def _give_up(self, row: int) -> None:
        self.given_up[row] = True
        self.worlds.rest([row])

    def _find(
        self, rule: str, row: int, step: int | None, what: str, *, warning: bool = False
    ) -> None:
        seed = self.episodes[row].seed
        where = f"training seed {seed}, episode {self.items[row]}"
        where += "" if step is None else f", step {step}"
        name = {"starts": file_of(seed, "states"), "physics": file_of(seed, "states")}
        file = name.get(rule, "record.json")
        self.report.find(rule, what, file=file, where=where, warning=warning)


class _Replayed:
    """A policy that does what was recorded, and nothing after that."""

    def __init__(self, actions: Sequence[Array]) -> None:
        """`actions`: (steps, *action_shape) of each episode; the last one is kept up."""
        longest = max(map(len, actions))
        shape = (longest, len(actions), *actions[0].shape[1:])
        self.actions = np.empty(shape)  # by step, so that each is in one piece
        for row, own in enumerate(actions):
            self.actions[: len(own), row] = own
            self.actions[len(own) :, row] = own[-1]
        self._step = 0

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del obs, rng
        at = min(self._step, len(self.actions) - 1)
        self._step += 1
        return self.actions[at], state


def _apart(ours: Array, theirs: Array) -> float:
    """The largest difference of two states, of numbers above 1 relative to them; inf for NaN."""
    scale = np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1.0)
    apart = np.abs(ours.astype(np.float64) - theirs) / scale
    return float(np.max(np.where(np.isfinite(apart), apart, np.inf), initial=0.0))


def _near(given: float | None, ours: float | None) -> bool:
    """Whether two counts of contacts are those of episodes that differ by roundings."""
    return given is not None and ours is not None and abs(given - ours) <= max(TOUCH, 0.1 * ours)


def close(given: float | None, ours: float | None) -> bool:
    """Whether two numbers of a record are equal but for roundings."""
    if given is None or ours is None:
        return given == ours
    return abs(given - ours) <= SCORES * max(1.0, abs(ours))
