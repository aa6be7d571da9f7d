"""Records made by hand for claims: a number for every training seed and item."""

from __future__ import annotations

import numpy as np

from entitybench.kinds import Metric
from entitybench.records import Columns, MetricInfo, Record, Row

SUCCESS = Metric(name="success", title="success (%)", short="success %", scale=100.0)
SCORE = Metric(name="score", title="score", short="score")
SPREAD = Metric(
    name="spread", title="spread", short="spread", reduce="tests.support.claim_cases:spread"
)


def spread(values):
    """A metric that is no mean."""
    return float(np.ptp(values["spread"]))


def record(
    values=None, *, agent="a", task="here", seeds=None, items=None, weights=True, diagnostics=None
):
    """A record of `values`: by metric an array (S, E); NaN: no value."""
    values = {
        name: np.asarray(x, float) for name, x in (values or {"success": [[1.0, 0.0]]}).items()
    }
    shape = next(iter(values.values())).shape
    seeds = range(shape[0]) if seeds is None else seeds
    items = range(shape[1]) if items is None else items
    rows = [
        Row(s, e, {name: _number(x[i, j]) for name, x in values.items()})
        for i, s in enumerate(seeds)
        for j, e in enumerate(items)
    ]
    known = {metric.name: metric for metric in (SUCCESS, SCORE, SPREAD)}
    return Record.model_validate(
        {
            "kind": "goal-control",
            "metrics": [MetricInfo.of(known.get(name, _plain(name))) for name in values],
            "agent": {"id": agent},
            "task": {"id": task, "version": 1, "kind": "goal-control", "horizon": 50},
            "hashes": {"task": task, "weights": {str(s): "w" for s in seeds} if weights else {}},
            "versions": {},
            "device": "cpu",
            "block": 25,
            "threads": 1,
            "wall_time_s": 1.0,
            "created": "2026",
            "rows": Columns.of(rows),
            "diagnostics": {str(s): d for s, d in zip(seeds, diagnostics or [], strict=False)},
        }
    )


def _number(x):
    return None if np.isnan(x) else float(x)


def _plain(name):
    return Metric(name=name, title=name, short=name, digits=2)
