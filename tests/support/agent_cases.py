"""Small trained agents for tests, made the way the registry says."""

from __future__ import annotations

from entitybench.registry import agent, resolve, tasks

TASK = "push-2blocks"


def fresh(id, store, *, seed=0, task=TASK):
    spec, task = agent(id), tasks()[task]
    target = resolve(spec.target)
    config = target.configure(spec, "tiny", task, compile=False)
    return target.create(config, task, seed=seed, data=store)


def train(one, store, updates):
    metrics = {}
    for _ in range(updates):
        metrics = one.advance(store)
    return metrics


def load(id, folder, **kwargs):
    spec = agent(id)
    return resolve(spec.target).load(folder, **spec.config, **kwargs)
