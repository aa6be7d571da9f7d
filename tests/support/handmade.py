"""Records made by hand."""

from __future__ import annotations

from entitybench.records import Record
from entitybench.schema1 import lifted

HALF = [[1, 0, 1, 0], [1, 1, 1, 0]]  # 50 % and 75 %
NONE = [[0, 0, 0, 0], [1, 0, 0, 0]]  # 0 % and 25 %


def episodes(successes, first_training_seed=0):
    """Rows with successes[training seed][episode]; first success at step 10."""
    return [
        {
            "training_seed": first_training_seed + s,
            "seed": e,
            "success": bool(ok),
            "success_any": bool(ok),
            "success_fraction": 1.0 if ok else 0.5,
            "steps_to_success": 10 if ok else None,
            "return": -9.0 if ok else -50.0,
            "length": 50,
            "latency_ms": 2.0,
            "state_digest": "ab",
            "error": None,
        }
        for s, line in enumerate(successes)
        for e, ok in enumerate(line)
    ]


def record(successes, *, agent="hecrl", first_training_seed=0, weights=True, **changes):
    """A record of these episodes."""
    data = {
        "schema_version": 1,
        "agent": {"id": agent, "preset": "small"},
        "task": {"id": "push-3blocks", "version": 1, "kind": "goal-control", "horizon": 50},
        "hashes": {"task": "t1", "weights": {"0": "w"} if weights else {}},
        "versions": {"mujoco": "3.8.1"},
        "device": "cpu",
        "block": 25,
        "threads": 1,
        "wall_time_s": 1.0,
        "created": "2026-01-01T00:00:00+00:00",
        "episodes": episodes(successes, first_training_seed),
    }
    for path, value in changes.items():
        place = data
        *parts, last = path.split("__")
        for part in parts:
            place = place[part]
        place[last] = value
    return Record.model_validate(lifted(data))
