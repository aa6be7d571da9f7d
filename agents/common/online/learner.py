"""Learners that act while they learn, off-policy, in the worlds of their task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.offline.policy import layers_of
from entitybench.agents.common.online.batches import Batches
from entitybench.agents.common.online.collect import TRUE_GRAPHS
from entitybench.agents.common.online.config import Accept, OnlineConfig
from entitybench.agents.common.online.features import Features
from entitybench.agents.common.online.policy import SquashedPolicy
from entitybench.agents.common.online.replay import Replay
from entitybench.agents.common.online.sac import (
    actor_losses,
    critic_loss,
    init_actor,
    init_critic,
    soft_targets,
    values,
)
from entitybench.envs.api import goal_world_of
from entitybench.envs.core.world import ArrayMixin
from entitybench.errors import BadValue
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from entitybench.agents.common.layers import Params
    from entitybench.types import Array, Batch, Metrics, TaskSpec

Tensor = torch.Tensor
_MEMORY = "online"  # of buffers: what a run needs to go on, and acting does not


class OnlineLearner(TorchLearner):
    """Soft actor-critic with hindsight. A unit of learning is a step of all rows, then updates.

    Alone it is several seeds side by side, of which there is one.
    """

    unit: ClassVar[str] = "environment steps"
    config_class: ClassVar[type[Any]] = OnlineConfig
    shipped: ClassVar[tuple[str, ...]] = ("actor",)
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}
    passing: ClassVar[tuple[str, ...]] = (_MEMORY,)
    of_seeds: ClassVar[bool] = True
    on_gpu: ClassVar[bool] = False  # it acts, and has its gradients, by numpy
    on_policy: ClassVar[bool] = False  # whether it forgets what another policy did than its own
    infers: ClassVar[bool] = False  # whether `graphs` gives others than the true ones
    together: ClassVar[str] = "entitybench.agents.common.online.crew:OnlineCrew"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "steps": 1_204, "hidden": (16, 16), "batch_size": 32, "rows": 4, "starts": 4
        },
        "small": {"steps": 150_000, "batch_size": 128},
        "paper": {
            "steps": 1_000_000, "hidden": (256, 256), "learning_rate": 3e-4, "update_every": 1,
            "policy_every": 1,
        },
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.world = world = goal_world_of(task)
        self.features = Features.in_world(world)
        self._check()
        self.actions = int(world.action_dim)
        self.batches = self.made_batches()
        numbers = world.entities * len(world.feature_names)
        self.replay = Replay(numbers, self.actions, self.capacity)
        self.rows: dict[str, Array] = {}  # what a `Collector` goes on from
        self.crew: Any = None  # whoever trains it

    def made_batches(self) -> Batches:
        """What batches are drawn by."""
        return Batches(self.config, self.world, self.features)

    @property
    def accept(self) -> Accept:
        """Which episodes are relabelled."""
        found: Accept = self.config.accept
        return found

    @property
    def uniform(self) -> int:
        """Environment steps of uniform actions before anything is learned."""
        return int(self.config.starts)

    @property
    def capacity(self) -> int:
        """Steps that are kept at most."""
        return int(self.config.capacity)

    def due(self, before: int, after: int) -> tuple[int, int]:
        """The number of the first update after a control step, and how many there are."""
        first = max(before, self.uniform) // self.config.update_every
        return first, after // self.config.update_every - first

    def moves_policy(self, number: int) -> bool:
        """Whether an update of this number moves the policy too."""
        return bool((number + 1) % self.config.policy_every == 0)

    def _check(self) -> None:
        """Raise BadValue where the rule has nothing to ask."""
        told = getattr(type(self.world), "touching", None) is not ArrayMixin.touching
        if self.accept in TRUE_GRAPHS and not told:
            raise BadValue(
                f"in {self.task.id} nobody knows who acted on whom: its world does not say "
                "(`touching`), so that no episode would ever be chosen by it."
            )
        if self.accept in TRUE_GRAPHS and not self.features.controlled:
            raise BadValue(
                f"in {self.task.id} the action drives no entity: there is nothing whose "
                "interactions could be asked for."
            )
        if self.accept != "all" and not self.features.targets:
            raise BadValue(
                f"in {self.task.id} goals speak of nothing but what the action drives itself: "
                "there is no target to interact with."
            )

    def init(self, rng: torch.Generator) -> None:
        size, hidden = self.features.size, self.config.hidden
        self.params = {
            "critic": init_critic(size, self.actions, hidden, rng),
            "actor": init_actor(size, self.actions, hidden, rng),
            "temperature": {"log": torch.zeros(1)},
        }

    def losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the critics, and where "policy" is in the batch of policy and temperature."""
        del constants
        y = soft_targets(params, batch, self.config.discount)
        q = values(params["critic"], batch["state"], batch["action"])
        loss = critic_loss(q, y, batch.get("weight"))
        logs = {"critic_loss": loss, "q": q.mean((-2, -1))}
        if self.config.priority:
            logs["error"] = (q - y.unsqueeze(-2)).abs().mean(-2)  # of each sample
        if "policy" in batch:
            actor, temperature, density = actor_losses(
                params, batch, self.actions * self.config.entropy
            )
            logs |= {"actor_loss": actor, "entropy": -density}
            logs["temperature"] = params["temperature"]["log"].exp()[..., 0]
            loss = loss + actor + temperature
        return loss, {name: value.detach() for name, value in logs.items()}

    # Learning, as a crew of one

    def source(self, data: Any) -> Any:
        return data

    def draw(self, source: Any, rng: np.random.Generator) -> Batch:
        """One batch of what was collected until now."""
        del source
        return {name: x[0] for name, x in self.batches.draw(self.replay, 1, rng)[0].items()}

    def advance(self, data: Any) -> Metrics:
        if self.crew is None:
            resolve(self.together)([self])  # tells itself to its learners
        found: Metrics = self.crew.advance(data)[0]
        return found

    # Checkpoints

    def save(self, folder: Path, *, training: bool = True) -> None:
        if training and self.crew is not None:
            self.crew.hand_over(self)
        if training:
            self.buffers |= {f"{_MEMORY}/{k}": torch.as_tensor(v) for k, v in self.memory().items()}
        super().save(folder, training=training)
        self.buffers = _without(self.buffers)

    def memory(self) -> dict[str, Array]:
        """The replay and the rows in mid-episode, by name."""
        found = {f"replay.{name}": x for name, x in self.replay.state().items()}
        return found | {f"rows.{name}": x for name, x in self.rows.items()}

    @classmethod
    def load(
        cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu", **changes: Any
    ) -> Self:
        agent = super().load(folder, task=task, device=device, **changes)
        parts: dict[str, dict[str, Array]] = {"replay": {}, "rows": {}}
        for name, x in agent.buffers.items():
            if name.startswith(f"{_MEMORY}/"):
                whose, _, own = name.partition("/")[2].partition(".")
                parts.setdefault(whose, {})[own] = x.cpu().numpy()
        agent.buffers = _without(agent.buffers)
        agent.recall(parts)
        return agent

    def recall(self, memory: Mapping[str, Mapping[str, Array]]) -> None:
        """Set what `memory` gave, as {"replay": {...}, "rows": {...}, ...}."""
        if memory["replay"]:
            self.replay.restore(memory["replay"])
        self.rows = dict(memory["rows"])

    # What rules read

    def graphs(self, observation: Array, action: Array, truth: Array) -> Array:
        """Who acted on whom in the L steps of an episode, (L, N, N + 1) bool: the truth.

        Args:
            observation: (L + 1, N D).
            action: (L, A).
            truth: (L, N, N + 1) bool.
        """
        del observation, action
        return truth

    def by_hand(self) -> bool:
        """Whether gradients are those of `by_hand.py`: of the losses above, unless compiled."""
        return type(self).losses is OnlineLearner.losses and not self.config.compile

    def goal_places(self, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Where targets of `count` goals are to be, (n, 2) each, in m: asked for, and relabelled.

        Of goals that episodes began with and of those that batches relabel steps with. Raises
        BadValue for a learner that relabels none, or has not done so yet.
        """
        if self.on_policy or not self.config.hindsight:
            raise BadValue(f"{self.config.agent} relabels no goals.")
        replay, shape = self.replay, self.batches.shape
        if not len(replay.of("relabelled")):
            raise BadValue(f"{self.config.agent} has no episode to relabel yet.")
        asked = replay.of("goal")[rng.integers(replay.episodes, size=count)]
        rows = replay.draw(count, rng, kept=True, power=self.config.priority)
        later = replay.later(rows, rng, self.config.strategy)
        relabelled = self.batches.goals(replay.of("observation")[later])
        targets, place = list(self.features.targets), list(self.features.place[:2])
        if not targets or len(place) < 2:
            raise BadValue(f"goals of {self.task.id} are no places on a table.")
        found = [
            goals.reshape(-1, *shape)[:, targets][..., place].reshape(-1, 2)
            for goals in (asked, relabelled)
        ]
        return found[0], found[1]

    # Acting

    def flat(self, observation: Array, goal: Array) -> Array:
        """What the networks read, (B, F), of an observation and a goal, each (B, N, D)."""
        return self.features.flat(observation, goal)

    def layers(self) -> list[tuple[Array, Array]]:
        """The policy's layers, views of its parameters."""
        return layers_of({k: p.detach().cpu().numpy() for k, p in self.params["actor"].items()})

    def policy(self, *, greedy: bool = True) -> SquashedPolicy:
        """Takes tanh of the mean."""
        del greedy
        return SquashedPolicy([(w.copy(), b.copy()) for w, b in self.layers()], self.features)


def _without(buffers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: x for name, x in buffers.items() if not name.startswith(f"{_MEMORY}/")}
