"""Whether what holds by the rules holds in the worlds too: answers replayed by scripted policies.

Moves are pushes in the worlds of `push-3blocks` to `push-5blocks`, actions are done by the hand of
`kitchen-gripper-goal`. An answer works there if each of its actions does what it is to do, leaves
alone what it is not to touch, and the end is what was asked for: all measured in the simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.play import play
from entitybench.envs.core.world import Start
from entitybench.envs.kitchen import elements
from entitybench.envs.kitchen.oracle import KitchenOracle
from entitybench.envs.kitchen.world import KitchenWorld
from entitybench.envs.push.oracle import PushOracle
from entitybench.envs.push.world import PushWorld
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.worlds import task_of
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.envs.reason.problem import Problem, State
    from entitybench.envs.reason.source import Source
    from entitybench.types import Array, Obs

SPACING = 0.24  # m between slots: three edges of a block
NEAR = 0.03  # m from the middle of its slot, within which a block is in it
SLOTS = SPACING * np.array([[x, y] for y in (0.5, -0.5) for x in (-1, 0, 1)])  # (6, 2) m
PUSH_STEPS, HAND_STEPS = 250, 300  # control steps of one action, at most
BACK, BACK_STEPS = 0.1, 15  # m behind where a hand began that it goes back to, and control steps
# What the facts are in the kitchen, in their order.
THINGS = (
    *("microwave", "kettle", "light-switch", "slide-cabinet", "hinge-cabinet"),
    *("bottom-left-burner", "top-left-burner"),
)
ROWS = np.array([elements.ROW[name] for name in THINGS])


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and whether it is right by the rules and in the simulation."""

    level: int
    problem: Problem
    actions: tuple[int, ...]
    claimed: State  # what the answer says of the end; of `rearrange` and `kitchen` the goal
    symbolic: bool
    physical: bool = False


def cases(source: Source, count: int, split: str = "test") -> list[Case]:
    """`count` right answers to the first problems of a split, and half as many that were spoilt.

    Spoilt are actions: one left out, two exchanged, or one made another; of `track` the state at
    the end, in which two slots are exchanged. Some spoilt answers are right all the same.
    """
    found = []
    for item, problem in enumerate(source.problems(range(count), split)):
        rng = generator(item, "spoilt", source.domain, source.level)
        answers = [(problem.actions, problem.goal)]
        if source.header == v.TRACK:
            end = source.states(problem)[-1]
            answers = [(problem.actions, end)]
            one, other = rng.permutation(v.SLOTS)[:2]
            spoilt = list(end)
            spoilt[one], spoilt[other] = spoilt[other], spoilt[one]
            wrong = (problem.actions, tuple(spoilt))
        else:
            wrong = (_spoilt(source, problem.actions, rng), problem.goal)
        answers += [wrong] if item % 2 else []
        for actions, claimed in answers:
            stated = source.state_tokens(claimed) if source.header == v.TRACK else actions
            verdict = source.verify(problem, [v.ANSWER, *stated, v.EOS])
            found.append(Case(source.level, problem, actions, claimed, verdict.right))
    return found


def _spoilt(source: Source, actions: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    made, how = list(actions), int(rng.integers(3))
    at = int(rng.integers(len(made)))
    if how == 0 and len(made) > 1:
        del made[at]
    elif how == 1 and len(made) > 1:
        other = (at + 1) % len(made)
        made[at], made[other] = made[other], made[at]
    else:
        known = [token for token in range(v.ALL_TOKENS) if source.is_action(token)]
        made[at] = known[int(rng.integers(len(known)))]
    return tuple(made)


def replayed(source: Source, given: Sequence[Case]) -> list[Case]:
    """The same cases with what comes of them in the simulation."""
    verdicts: list[bool] = [False] * len(given)
    if source.header == v.KITCHEN:
        verdicts = _in_kitchen(given)
    else:
        by_number: dict[int, list[int]] = {}
        for index, case in enumerate(given):
            number = sum(block != v.EMPTY for block in case.problem.start)
            by_number.setdefault(number, []).append(index)
        for number, rows in by_number.items():
            for index, verdict in zip(
                rows, _on_table(number, [given[i] for i in rows]), strict=True
            ):
                verdicts[index] = verdict
    return [
        Case(case.level, case.problem, case.actions, case.claimed, case.symbolic, verdict)
        for case, verdict in zip(given, verdicts, strict=True)
    ]


class _Laid(PushWorld):
    """Blocks in slots: episode i begins at the i-th state."""

    def __init__(self, states: Sequence[State], blocks: int) -> None:
        super().__init__(blocks)
        self.laid = states

    def start(self, seed: int) -> Start:
        there = [slot for slot, _ in _blocks(self.laid[seed])]
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[np.arange(self.entities), 4 + np.arange(self.entities)] = 1
        qpos = self.lay(np.zeros(2), SLOTS[there], np.zeros(self.blocks))
        return Start(qpos, constants, np.zeros_like(constants))


def _blocks(state: State) -> list[tuple[int, int]]:
    """Slot and letter of the blocks on the table, by letter: the order that worlds have them in."""
    held = [(slot, block) for slot, block in enumerate(state) if block != v.EMPTY]
    return sorted(held, key=lambda each: each[1])


def _on_table(number: int, given: Sequence[Case]) -> list[bool]:
    """Whether the pushes of each case work, one after the other, and lead where it says."""
    world = _Laid([case.problem.start for case in given], number)
    batch = len(given)
    worlds = Worlds(world, batch, horizon=1_000_000)
    oracle = PushOracle(task_of(f"push-{number}blocks"))
    letters = [[block for _, block in _blocks(case.problem.start)] for case in given]
    obs = worlds.reset(range(batch))
    works = np.ones(batch, bool)
    for step in range(max(len(case.actions) for case in given)):
        before = obs["observation"][:, world.rows, :2].astype(np.float64)
        wanted, moves = before.copy(), np.zeros(batch, bool)
        for row, case in enumerate(given):
            if not works[row] or step >= len(case.actions):
                continue
            block, slot = v.block_and_slot(case.actions[step])
            works[row] = block in letters[row]  # there is none to push
            moves[row] = works[row]
            if works[row]:
                wanted[row, letters[row].index(block)] = SLOTS[slot]
        goal = np.zeros_like(obs["observation"])
        goal[:, world.rows] = obs["observation"][:, world.rows]
        goal[:, world.rows, :2] = wanted
        # A block that is there already is no push.
        works &= ~moves | (_apart(before, wanted).max(1) > NEAR)
        obs = _until(worlds, oracle, obs, goal, PUSH_STEPS, lambda state: state.block < 0)
        after = obs["observation"][:, world.rows, :2].astype(np.float64)
        works &= ~moves | (_apart(after, wanted).max(1) <= NEAR)
    final = obs["observation"][:, world.rows, :2].astype(np.float64)
    for row, case in enumerate(given):
        claimed = {block: slot for slot, block in _blocks(case.claimed)}
        places = np.array([SLOTS[claimed[block]] for block in letters[row]])
        works[row] &= bool(_apart(final[row], places).max() <= NEAR)
    worlds.close()
    return [bool(each) for each in works]


class _Begun(KitchenWorld):
    """Things that are done at the start: those of the i-th state in episode i."""

    def __init__(self, states: Sequence[State]) -> None:
        super().__init__("gripper")
        self.begun = states

    def start(self, seed: int) -> Start:
        qpos, constants = self._begin(seed)
        done = self.goal_rows()
        done[[row for row in range(1, self.entities) if row not in self._true(seed)]] = 0
        where = self.goal_qpos(done)
        for row in self._true(seed):
            joints = [self.at(name) for name in elements.ELEMENTS[row - 1].joints]
            qpos[joints] = where[joints]
        return Start(qpos, constants, np.zeros_like(constants))

    def _true(self, seed: int) -> list[int]:
        return [int(row) for row, on in zip(ROWS, self.begun[seed], strict=True) if on]


def _in_kitchen(given: Sequence[Case]) -> list[bool]:
    """Whether the actions of each case can be done, one after the other, and lead to the goal.

    What an action undoes is put back as it was at the start once the action is done: nobody's hand
    does that, it is what the rule says.
    """
    world = _Begun([case.problem.start for case in given])
    batch = len(given)
    worlds = Worlds(world, batch, horizon=1_000_000)
    oracle = KitchenOracle(task_of("kitchen-gripper-goal"))
    rules = [list(filter(None, map(v.rule, case.problem.rules))) for case in given]
    everything = world.goal_rows()
    obs = worlds.reset(range(batch))
    home = obs["observation"][:, 0, :3].astype(np.float64)
    works = np.ones(batch, bool)

    def facts() -> Array:
        return world.near(world.achieved(obs["observation"]), everything)[:, ROWS - 1]

    for step in range(max(len(case.actions) for case in given)):
        goal, acts = np.zeros_like(obs["observation"]), np.full(batch, -1)
        true = facts()
        for row, case in enumerate(given):
            if not works[row] or step >= len(case.actions):
                continue
            act = case.actions[step] - v.ACT0
            needs = [y for sign, x, y in rules[row] if sign == "<" and x == act]
            works[row] = not true[row, act] and bool(true[row, needs].all())
            if works[row]:
                acts[row], goal[row, ROWS[act]] = act, everything[ROWS[act]]
        obs = _until(worlds, oracle, obs, goal, HAND_STEPS, lambda state: state.element < 0)
        obs = _withdrawn(worlds, oracle, obs, home)
        after = facts()
        for row in np.flatnonzero(acts >= 0).tolist():
            undone = [y for sign, x, y in rules[row] if sign == "~" and x == acts[row]]
            expected = true[row].copy()
            expected[acts[row]] = True
            works[row] = bool((after[row] == expected).all())
            _put_back(worlds, row, undone)
        obs = worlds.observe()
    final = facts()
    works &= [bool(final[row, np.array(c.claimed) > 0].all()) for row, c in enumerate(given)]
    worlds.close()
    return [bool(each) for each in works]


def _withdrawn(worlds: Worlds, oracle: KitchenOracle, obs: Obs, home: Array) -> Obs:
    """Hands go straight back from the things: else they would take doors or kettle along."""
    place = obs["observation"][:, 0, :3].astype(np.float64)
    place[:, 1] = np.minimum(place[:, 1], home[:, 1] - BACK)
    pose = np.concatenate([place, np.zeros((len(place), 2))], 1)  # pointing ahead
    for _ in range(BACK_STEPS):
        action = oracle.steer(obs["observation"].astype(np.float64), pose, np.ones(len(place)))
        obs, _ = worlds.step(np.concatenate([action, np.zeros((len(place), 1))], 1))
    return obs


def _put_back(worlds: Worlds, row: int, facts: Sequence[int]) -> None:
    """Set things to where they are at the start, at rest."""
    if not facts:
        return
    import mujoco

    world, data = worlds.world, worlds.datas[row]
    for fact in facts:
        element = elements.ELEMENTS[ROWS[fact] - 1]
        places = dict(zip(element.joints, (*elements.KETTLE_START, 0.0), strict=False))
        for joint in element.joints:
            model_joint = world.model.joint(joint)
            data.qpos[model_joint.qposadr[0]] = places[joint] if element.name == "kettle" else 0.0
            data.qvel[model_joint.dofadr[0]] = 0.0
    mujoco.mj_forward(world.model, data)
    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.empty(mujoco.mj_stateSize(world.model, kind))
    mujoco.mj_getState(world.model, data, state, kind)
    seen = [getattr(data, name).ravel() for name in world.reads if name != "qpos"]
    worlds.set_integration_state(row, np.concatenate([state, *seen]))


def _until(
    worlds: Worlds,
    oracle: Any,
    obs: Obs,
    goal: Array,
    steps: int,
    idle: Callable[[Any], Array],
) -> Obs:
    """Let a scripted policy act until it wants nothing more anywhere."""
    rng = BatchGenerator([generator(row, "replay") for row in range(worlds.batch)])
    for step in play(worlds, _Asked(oracle, goal), obs, rng, steps):
        obs = step.after
        if idle(step.state).all():
            break
    return obs


class _Asked:
    """A scripted policy that is asked for another goal than the world's."""

    def __init__(self, oracle: Any, goal: Array) -> None:
        self.oracle, self.goal = oracle, goal

    def initial_state(self, batch: int) -> Any:
        return self.oracle.initial_state(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        action, state = self.oracle.act({**obs, "desired_goal": self.goal}, state, rng)
        return action, state


def _apart(one: Array, other: Array) -> Array:
    """Distances (..., n) of places (..., n, 2)."""
    return np.sqrt(((one - other) ** 2).sum(-1))
