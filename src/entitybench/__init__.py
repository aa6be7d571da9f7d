"""EntityBench: robot learning with many entities and many agents.

>>> import entitybench as eb
>>> env = eb.make("push-3blocks")
>>> envs = eb.make_vec("push-3blocks", 64)
>>> data = eb.load_dataset("push-3blocks/play-v1", generate=True)
>>> runs = eb.train("gcbc", "push-3blocks", preset="tiny", seeds=[0, 1], out="runs/gcbc")
>>> agent = eb.load_agent("hecrl", task="push-3blocks", seed=0)
>>> record = eb.evaluate(agent, "push-3blocks", episodes=100)
>>> record.summary()["success"]
>>> eb.table([record, "results/push-3blocks"], sort="success")
"""

from __future__ import annotations

from pathlib import Path as _Path
from typing import Any as _Any

# In a checkout envs/, datasets/, agents/ and leaderboard/ lie beside src/, not beside this file.
_checkout = _Path(__file__).resolve().parents[2]
if (_checkout / "src" / "entitybench").is_dir() and (_checkout / "pyproject.toml").is_file():
    __path__.append(str(_checkout))

_PUBLIC = {
    "make": "entitybench.envs.api:make",
    "make_vec": "entitybench.envs.api:make_vec",
    "load_dataset": "entitybench.datasets.api:load_dataset",
    "load_agent": "entitybench.leaderboard.evaluation.api:load_agent",
    "train": "entitybench.leaderboard.training.api:train",
    "evaluate": "entitybench.leaderboard.evaluation.api:evaluate",
    "evaluate_suite": "entitybench.leaderboard.suites.run:evaluate_suite",
    "table": "entitybench.leaderboard.tables.api:table",
    "compare": "entitybench.leaderboard.tables.api:compare",
    "crossplay": "entitybench.leaderboard.crossplay.api:crossplay",
    "check": "entitybench.envs.conformance.api:check",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> _Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("entitybench")
    if name in _PUBLIC:
        from entitybench.registry import resolve

        value = resolve(_PUBLIC[name])
        globals()[name] = value
        return value
    raise AttributeError(f"module 'entitybench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
