"""Training seeds of an `OnlineLearner` side by side: one batch of worlds, one batch of networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.groups import follow, stacked
from entitybench.agents.common.offline.policy import layers_of
from entitybench.agents.common.online.by_hand import critic_step, policy_step
from entitybench.agents.common.online.collect import Collector
from entitybench.agents.common.online.learner import OnlineLearner
from entitybench.agents.common.online.policy import gaussian
from entitybench.agents.common.side_by_side import SideBySide
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array, Metrics

_SAMPLES = ("rows", "error")  # of each sample, and nothing to log


class OnlineCrew(SideBySide):
    """S learners that act in one batch of worlds and are updated by one computation."""

    unit: ClassVar[str] = OnlineLearner.unit
    learners: tuple[OnlineLearner, ...]
    lead: OnlineLearner

    def __init__(self, learners: Sequence[OnlineLearner]) -> None:
        super().__init__(learners)
        self._collector: Collector | None = None
        # Parameters as numpy sees them: the same memory.
        self._numbers = {
            group: {name: p.detach().numpy() for name, p in own.items()}
            for group, own in self.params.items()
        }
        self._layers = layers_of(self._numbers["actor"])
        for one in self.learners:
            one.crew = self

    @staticmethod
    def joins(target: type[Any]) -> bool:
        """Whether it takes learners of a class."""
        return issubclass(target, OnlineLearner)

    def hand_over(self, one: OnlineLearner) -> None:
        """Give a learner what it needs to be saved: its rows and its share of the moments."""
        s = self.learners.index(one)
        if self._collector is not None:
            one.rows = self._collector.state(s)
        state = self._optimiser.state()
        one.restore_moments({k: v if k.startswith("step/") else v[s] for k, v in state.items()})

    def advance(self, data: Any) -> list[Metrics]:
        """A control step of every row, then the updates that are due; logs by seed."""
        lead, config = self.lead, self.lead.config
        phase, _, rate = lead._place()
        collector = self._opened_worlds(data)
        collector.step(self._actions(collector))
        before, after = lead.step, lead.step + config.rows
        for one in self.learners:
            one.step = after
        first, count = lead.due(before, after)
        logs: list[Metrics] = [{"learning_rate": rate} for _ in self.learners]
        ready = all(len(one.replay.of("transitions")) for one in self.learners)
        if count > 0 and ready:
            for s, own in enumerate(self._learned(phase, rate, first, count)):
                logs[s] |= own
            if lead.on_policy:
                for one in self.learners:
                    one.replay.clear()
                collector.restart()
        for log, rows in zip(logs, collector.rows, strict=True):
            done, chosen, solved = rows.finished.tolist()
            share = max(done, 1)
            log |= {"episodes": float(done), "chosen": chosen / share, "solved": solved / share}
            if self.lead.infers:
                touched, agreed = rows.compared.tolist()
                log |= {"touched": touched / share, "agreement": agreed / share}
        return logs

    def _opened_worlds(self, data: Any) -> Collector:
        if self._collector is None:
            self._collector = Collector(
                self.lead.config,
                self.lead.accept,
                data,
                self.lead.features,
                [one.seed for one in self.learners],
                [one.replay for one in self.learners],
                [one.rows for one in self.learners],
                [one.graphs for one in self.learners] if self.lead.infers else None,
            )
        return self._collector

    def _actions(self, collector: Collector) -> Array:
        """(S, R, A): of the policies, at first uniform."""
        lead, config = self.lead, self.lead.config
        shape = (config.rows, lead.actions)
        rngs = [generator(one.seed, "act", lead.step) for one in self.learners]
        if lead.step < lead.uniform:
            return np.stack([rng.uniform(-1, 1, shape) for rng in rngs]).astype(np.float32)
        mean, log_std = gaussian(self._layers, collector.features_now())
        noise = np.stack([rng.standard_normal(shape, np.float32) for rng in rngs])
        return np.tanh(mean + np.exp(log_std) * noise)

    def _learned(self, phase: Any, rate: float, first: int, count: int) -> list[Metrics]:
        """Updates number `first`, `first` + 1, ... of every seed; the logs of the last."""
        drawn, logs = [], []
        for one in self.learners:
            rng = generator(one.seed, "update", self.lead.step)
            batch, log = one.batches.draw(one.replay, count, rng)
            drawn.append(batch)
            logs.append(log)
        whole = {name: stacked([b[name] for b in drawn]) for name in drawn[0]}
        found: dict[str, Any] = {}
        for k in range(count):
            part = {name: x[:, k] for name, x in whole.items() if name != "rows"}
            now = self._update(part, self.lead.moves_policy(first + k), phase, rate)
            if "error" in now:
                for one, rows, error in zip(self.learners, drawn, now["error"], strict=True):
                    one.replay.of("priority")[rows["rows"][k]] = np.asarray(error) + 1e-3
            found |= {name: x for name, x in now.items() if name not in _SAMPLES}
        values = np.stack([np.asarray(x) for x in found.values()], 1).tolist()
        return [
            log | dict(zip(found, row, strict=True)) for log, row in zip(logs, values, strict=True)
        ]

    def _update(
        self, batch: Mapping[str, Array], moves_policy: bool, phase: Any, rate: float
    ) -> Mapping[str, Any]:
        """One update of all seeds on batches (S, B, ...); logs (S,), or (S, B)."""
        if self.lead.by_hand():
            return self._update_by_hand(batch, moves_policy, rate)
        part = {name: torch.as_tensor(x) for name, x in batch.items()}
        if moves_policy:
            part["policy"] = torch.ones(())
        return self.learn(part, phase, rate)

    def _update_by_hand(
        self, batch: Mapping[str, Array], moves_policy: bool, rate: float
    ) -> Mapping[str, Any]:
        lead, config, params = self.lead, self.lead.config, self._numbers
        found: dict[str, dict[str, Array]] = {}
        found["critic"], logs = critic_step(params, batch, config.discount)
        if moves_policy:
            wanted = lead.actions * config.entropy
            found["actor"], found["temperature"], more = policy_step(params, batch, wanted)
            logs |= more
        for group, own in found.items():
            for name, slope in own.items():
                self.params[group][name].grad = torch.from_numpy(slope)
        self._optimiser.step(rate)
        follow(self.params, lead.targets, config.target_rate)
        return logs
