"""Episodes of several training seeds side by side, from which their replays are filled.

All rows are stepped by one batch of worlds. What becomes of a seed's rows depends on its own
actions and streams alone, and can be saved and set again in mid-episode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.common.online.rules import action_graph, control_target, displaced
from entitybench.envs.training import training_start
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from entitybench.agents.common.online.config import Accept, ActingConfig
    from entitybench.agents.common.online.features import Features
    from entitybench.agents.common.online.replay import Replay
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array

TRUE_GRAPHS = ("random", "action-graph", "control-target")  # rules that ask who acted on whom


class Rows:
    """The episodes that one training seed is in the middle of, and what it has counted."""

    def __init__(
        self,
        rows: int,
        horizon: int,
        numbers: int,
        actions: int,
        entities: int,
        *,
        inferred: bool = False,
    ) -> None:
        self.observation = np.zeros((rows, horizon + 1, numbers), np.float32)
        self.action = np.zeros((rows, horizon, actions), np.float32)
        self.graphs = np.zeros((rows, horizon, entities, entities + 1), bool)
        self.length = np.zeros(rows, np.int64)
        self.begun = np.zeros(1, np.int64)  # episodes
        self.finished = np.zeros(3, np.int64)  # episodes; of them chosen by the rule; solved
        if inferred:  # episodes that the rule chooses by the true graphs; chosen alike by both
            self.compared = np.zeros(2, np.int64)

    def state(self) -> dict[str, Array]:
        return {name: value.copy() for name, value in vars(self).items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        for name, value in vars(self).items():
            value[:] = state[name]


class Collector:
    """Acts with all seeds at once."""

    def __init__(
        self,
        config: ActingConfig,
        accept: Accept,
        data: Any,
        features: Features,
        seeds: Sequence[int],
        replays: Sequence[Replay],
        states: Sequence[Mapping[str, Array]],
        inferred: Sequence[Callable[[Array, Array, Array], Array]] | None = None,
    ) -> None:
        """Begin, or go on from `states`, of each seed what `state` gave; empty: from the start.

        `inferred`: of each seed, what rules read in the place of the true graphs, made of the
        observations, actions and true graphs of an episode.
        """
        self.config, self.features, self.seeds, self.replays = config, features, seeds, replays
        self.accept, self.inferred = accept, inferred
        self.count = config.rows
        self.watches = accept in TRUE_GRAPHS
        self.worlds: Worlds = data.make(
            len(seeds) * self.count,
            horizon=config.horizon,
            **({"interactions": True} if self.watches else {}),
        )
        world = self.worlds.world
        self.shape = (world.entities, world.features)
        numbers = world.entities * world.features
        sizes = (self.count, self.worlds.horizon, numbers, world.action_dim, world.entities)
        self.rows = [Rows(*sizes, inferred=inferred is not None) for _ in seeds]
        self._begin(states)
        self.goals = self.worlds.goals.reshape(len(seeds), self.count, -1)  # a view

    def _begin(self, states: Sequence[Mapping[str, Array]]) -> None:
        starts: list[int] = []
        for seed, own, state in zip(self.seeds, self.rows, states, strict=True):
            if state:
                starts += state["starts"].tolist()
            else:
                starts += [self._start(seed, own) for _ in range(self.count)]
        seen = self.worlds.reset(starts)["observation"]
        for s, (own, state) in enumerate(zip(self.rows, states, strict=True)):
            if not state:
                own.observation[:, 0] = seen[self._slice(s)].reshape(self.count, -1)
                continue
            own.restore({name: state[name] for name in vars(own)})
            for k in range(self.count):
                row = s * self.count + k
                self.worlds.set_integration_state(row, state["physics"][k])
                self.worlds.elapsed[row] = own.length[k]

    def restart(self) -> None:
        """Leave all episodes and begin others."""
        starts = [self._start(seed, own) for seed, own in self._each() for _ in range(self.count)]
        seen = self.worlds.reset(starts)["observation"]
        for s, own in enumerate(self.rows):
            own.length[:] = 0
            own.observation[:, 0] = seen[self._slice(s)].reshape(self.count, -1)

    def _each(self) -> Iterator[tuple[int, Rows]]:
        return zip(self.seeds, self.rows, strict=True)

    def _slice(self, s: int) -> slice:
        return slice(s * self.count, (s + 1) * self.count)

    @staticmethod
    def _start(seed: int, rows: Rows) -> int:
        rows.begun += 1
        return training_start(seed, int(rows.begun[0]))

    def state(self, s: int) -> dict[str, Array]:
        """All that seed number `s` needs to go on exactly, but for its replay."""
        place = range(s * self.count, (s + 1) * self.count)
        physics = np.stack([self.worlds.integration_state(row) for row in place])
        starts = self.worlds.seeds[self._slice(s)].copy()
        return {**self.rows[s].state(), "physics": physics, "starts": starts}

    def features_now(self) -> Array:
        """What the networks read (S, R, F)."""
        now = [own.observation[np.arange(self.count), own.length] for own in self.rows]
        return self.features.of(np.stack(now), self.goals)

    def step(self, actions: Array) -> None:
        """One control step of all: actions (S, R, A)."""
        obs, info = self.worlds.step(actions.reshape(-1, actions.shape[-1]))
        seen = obs["observation"].reshape(len(self.rows), self.count, -1)
        solved = info["is_success"].reshape(len(self.rows), -1)
        lost = info.get("terminated", np.zeros_like(info["is_success"])).reshape(solved.shape)
        unstable = info["unstable"].reshape(solved.shape)
        every = np.arange(self.count)
        over: list[int] = []
        starts: list[int] = []
        for s, own in enumerate(self.rows):
            own.action[every, own.length] = actions[s]
            if self.watches:
                own.graphs[every, own.length] = info["interactions"][self._slice(s)]
            own.length += 1
            own.observation[every, own.length] = seen[s]
            done = lost[s] | unstable[s] | (own.length >= self.worlds.horizon)
            if self.config.terminal:
                done = done | solved[s]
            for k in np.flatnonzero(done).tolist():
                if not unstable[s, k]:
                    self._finish(s, k, solved=bool(solved[s, k]), lost=bool(lost[s, k]))
                own.length[k] = 0
                over.append(s * self.count + k)
                starts.append(self._start(self.seeds[s], own))
        if over:
            fresh = self.worlds.reset_rows(over, starts)["observation"]
            for row in over:
                s, k = divmod(row, self.count)
                self.rows[s].observation[k, 0] = fresh[row].reshape(-1)

    def _finish(self, s: int, k: int, *, solved: bool, lost: bool) -> None:
        """Put an episode that is over into the replay."""
        own, replay = self.rows[s], self.replays[s]
        length = int(own.length[k])
        observation, action = own.observation[k, : length + 1], own.action[k, :length]
        graphs = own.graphs[k, :length]
        chosen = self.chosen(observation, graphs)
        if self.inferred is not None:
            true = chosen
            chosen = self.chosen(observation, self.inferred[s](observation, action, graphs))
            own.compared += (true, true == chosen)
        own.finished += (1, chosen, solved)
        keep = chosen
        if self.accept == "random":
            share = own.finished[1] / own.finished[0]
            keep = bool(generator(self.seeds[s], "keep", int(own.finished[0])).random() < share)
        priority = replay.of("priority").max() if replay.rows else 1.0
        replay.add(
            observation, action, self.goals[s, k], keep=keep, chosen=chosen, lost=lost,
            priority=float(priority),
        )  # fmt: skip

    def chosen(self, observation: Array, graphs: Array) -> bool:
        """What the rule says of an episode: observations (L + 1, K), graphs (L, N, N + 1)."""
        features, accept = self.features, self.accept
        if accept == "action-graph":
            return action_graph(graphs, features.targets)
        if accept in ("control-target", "random"):
            return control_target(graphs, features.targets, features.controlled)
        if accept == "displaced":
            rows = observation.reshape(-1, *self.shape)[:, list(features.targets)]
            return displaced(rows[..., list(features.place)])
        return True
