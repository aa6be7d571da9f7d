"""A random graph of nodes that push each other under conditions: who acted on whom is known.

After the Random DAG of Chuck et al. (ICLR 2025) and the first author's public generator. Each node
has four numbers. By itself it drifts; when at least one of its edges fires, it is driven by the
parents whose edges fire instead.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import ArrayMixin, RewardWorld, Start
from entitybench.envs.drawing.edges import check_observed
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

NUMBERS = 4  # of a node, and of the action
MOST_PARENTS = 3
SCALE = 0.01  # of the dynamics' entries
DRIFT = 0.02  # the most that a node drifts by itself in a step
PARENT = 2 * 1.5  # factor of what a parent adds
VIEWS = ("top", "side")


class DagWorld(ArrayMixin, RewardWorld):
    """`nodes` nodes x_j in [-1, 1]^4 and a random graph that stays: node i acts on j only if i < j.

    In a step, with A, b, B, C, u of the graph's own and all sums clipped to [-1, 1]:

    * the edge i -> j fires when u_j . [x_j, x_i] > threshold; u_j >= 0 sums to one;
    * no edge of j fires: x_j grows by A_j x_j + b_j, cut to +-0.02;
    * else it grows by C_j x_j + sum over the edges that fire of 3 B_ji x_i / (parents of j).

    The action is a root: a parent like others. A node that is absent stays as it is and its edges
    never fire. There is no reward and no success: the task is to say which edges fired.
    """

    action_dim = NUMBERS
    feature_names = tuple(f"x{i}" for i in range(NUMBERS))
    control_dt = 1.0
    physics_dt = 1.0

    def __init__(
        self,
        nodes: int,
        *,
        threshold: float = 0.0,
        graph_seed: int = 0,
        pixels: int | None = None,
        view: str = "top",
    ) -> None:
        """Make it.

        Args:
            nodes: N.
            threshold: 0: about half of all edges fire in a step; 0.23: few do.
            graph_seed: which graph, and which dynamics.
        """
        if not isinstance(nodes, int) or not 2 <= nodes <= 64:
            raise BadValue(f"a graph has 2 to 64 nodes: got {nodes!r}.")
        check_observed(pixels, view, VIEWS)
        self.entities = nodes
        self.threshold = threshold
        self.pixels = pixels
        self.view = view
        self.memory = nodes * NUMBERS + nodes
        rng = generator(graph_seed, "dag", nodes)
        # parents[j]: rows of up to three parents, `nodes` being the action; -1: none.
        self.parents = np.full((nodes, MOST_PARENTS), -1)
        for j in range(nodes):
            candidates = np.array([nodes, *range(j)])
            count = min(int(rng.integers(1 if j == 0 else 0, MOST_PARENTS + 1)), len(candidates))
            self.parents[j, :count] = np.sort(rng.permutation(candidates)[:count])
        self._A = rng.uniform(-SCALE, SCALE, (nodes, NUMBERS, NUMBERS))
        self._b = rng.uniform(-SCALE, SCALE, (nodes, NUMBERS))
        self._B = rng.uniform(-SCALE, SCALE, (nodes, MOST_PARENTS, NUMBERS, NUMBERS))
        self._C = rng.uniform(-SCALE, SCALE, (nodes, NUMBERS, NUMBERS))
        u = rng.uniform(0, 1, (nodes, 2 * NUMBERS))
        self._u = u / u.sum(axis=1, keepdims=True)
        self._edges = self.parents >= 0
        self._B *= PARENT / np.maximum(self._edges.sum(axis=1), 1)[:, None, None, None]

    @cached_property
    def structure(self) -> Array:
        """Which nodes can act on which, bool (N, N + 1): row target, column cause, last the action.

        The diagonal is true: every node has dynamics of its own.
        """
        found = np.eye(self.entities, self.entities + 1, dtype=bool)
        child, slot = np.nonzero(self._edges)
        found[child, self.parents[child, slot]] = True
        return found

    @property
    def bounds(self) -> Array:
        return np.ones(self.features, np.float32)

    @property
    def bodies(self) -> tuple[str, ...]:
        return tuple(f"node{i}" for i in range(self.entities))

    @property
    def movable(self) -> tuple[str, ...]:
        return self.bodies

    @property
    def driven(self) -> tuple[int, ...]:
        """None for certain: whom the action drove in a step, `acting` says."""
        return ()

    @property
    def no_action(self) -> Array:
        """NaN is above no threshold: no edge of the action fires."""
        return np.full(NUMBERS, np.nan)

    def start(self, seed: int) -> Start:
        x = generator(seed, "dag-start").uniform(-1, 1, (self.entities, NUMBERS))
        nothing = np.zeros((self.entities, self.features), np.float32)
        memory = np.concatenate([x.ravel(), np.ones(self.entities)])
        return Start(np.empty(0), nothing, nothing, memory=memory)

    def without(self, start: Start, absent: Array) -> Start:
        assert start.memory is not None
        memory = np.concatenate([start.memory[: -self.entities], np.where(absent, 0.0, 1.0)])
        return replace(start, absent=absent, memory=memory)

    def nodes(self, state: Array) -> Array:
        """(..., N, 4)."""
        flat = state[..., : self.entities * NUMBERS]
        return flat.reshape(*state.shape[:-1], self.entities, NUMBERS)

    def present(self, state: Array) -> Array:
        """Which nodes there are, bool (..., N)."""
        return state[..., self.entities * NUMBERS :] > 0

    def fired(self, state: Array, action: Array) -> Array:
        """Which of its edges from `parents` fire at each node, bool (..., N, 3)."""
        return self._fired(state, self._causes(state, action))

    def _causes(self, state: Array, action: Array) -> Array:
        """The numbers of the nodes and of the action, (..., N + 1, 4)."""
        action = np.broadcast_to(action, (*state.shape[:-1], NUMBERS))
        return np.concatenate([self.nodes(state), action[..., None, :]], axis=-2)

    def _fired(self, state: Array, causes: Array) -> Array:
        score = np.zeros((*state.shape[:-1], self.entities, MOST_PARENTS))
        for i in range(NUMBERS):
            score += (self._u[:, i] * causes[..., :-1, i])[..., None]
            score += self._u[:, NUMBERS + i, None] * causes[..., self.parents, i]
        present = self.present(state)
        there = np.concatenate([present, np.ones((*present.shape[:-1], 1), bool)], axis=-1)
        return (
            (score > self.threshold)
            & self._edges
            & there[..., self.parents]
            & present[..., :, None]
        )

    def transition(self, state: Array, action: Array) -> Array:
        causes = self._causes(state, action)
        x = causes[..., :-1, :]
        fired = self._fired(state, causes)
        drift = np.array(np.broadcast_to(self._b, x.shape))
        driven = np.zeros(x.shape)
        for i in range(NUMBERS):
            drift += self._A[..., i] * x[..., i, None]
            driven += self._C[..., i] * x[..., i, None]
        np.clip(drift, -DRIFT, DRIFT, out=drift)
        for slot in range(MOST_PARENTS):
            push = np.zeros(x.shape)
            parent = causes[..., self.parents[:, slot], :]
            for i in range(NUMBERS):
                push += self._B[:, slot, :, i] * parent[..., i, None]
            driven += np.where(fired[..., slot, None], push, 0.0)
        change = np.where(np.logical_or.reduce(fired, axis=-1)[..., None], driven, drift)
        change = np.where(self.present(state)[..., None], change, 0.0)
        after = state.copy()
        flat = np.clip(x + change, -1, 1).reshape(*state.shape[:-1], -1)
        after[..., : flat.shape[-1]] = flat
        return after

    def touching(self, before: Array, action: Array, after: Array) -> Array:
        """Row j, column i: the edge i -> j fired."""
        del after
        return self._graph(before, action)[..., :-1]

    def acting(self, before: Array, action: Array, after: Array) -> Array:
        del after
        return self._graph(before, action)[..., -1]

    def _graph(self, state: Array, action: Array) -> Array:
        fired = self.fired(state, action)
        found = np.zeros((*fired.shape[:-1], self.entities + 1), bool)
        child, slot = np.nonzero(self._edges)
        found[..., child, self.parents[child, slot]] = fired[..., child, slot]
        return found

    def observe(self, state: Array, constants: Array) -> Array:
        del constants
        return self.nodes(state).astype(np.float32)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        return {"nothing": np.zeros(after.shape[:-1])}

    def status(self, state: Array) -> dict[str, Array]:
        lead = state.shape[:-1]
        return {"is_success": np.zeros(lead, bool), "success_fraction": np.zeros(lead, np.float32)}

    # Pictures: a node's first two numbers are its place.

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.parts.discs import Disc, disc_scene

        hues = np.arange(self.entities) / self.entities * 2 * np.pi
        colours = 0.5 + 0.4 * np.cos(hues[:, None] + np.array([0.0, 2.1, 4.2]))
        discs = [
            Disc(name, 0.06, (float(r), float(g), float(b)))
            for name, (r, g, b) in zip(self.bodies, colours, strict=True)
        ]
        return disc_scene(f"dag-{self.entities}", discs, 1.15, dt=1.0)

    def pose(self, state: Array) -> Array:
        return self.nodes(state)[..., :2].reshape(*state.shape[:-1], -1)
