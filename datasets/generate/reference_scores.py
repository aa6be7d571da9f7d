"""Written by `python -m entitybench.datasets.generate.reference`."""

from __future__ import annotations

from typing import Any

REFERENCE_SCORES: dict[str, dict[str, Any]] = {
    "push-1block-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0, "return": -150.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -29.68},
        "expert": None,
        "episodes": 100,
        "how": "mean over the public starts 0 to 99, 150 steps, success at the last one; random: uniform actions; oracle: the task's scripted policy, given the goal",
        "mujoco": "3.8.1",
        "model_hash": "19fc8f26ec0f2a86f9128a3dd6f64037708f78faa138f6fe06e8f357ca478b43",
    },
    "push-3blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0267, "return": -450.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -104.67},
        "expert": None,
        "episodes": 100,
        "how": "mean over the public starts 0 to 99, 450 steps, success at the last one; random: uniform actions; oracle: the task's scripted policy, given the goal",
        "mujoco": "3.8.1",
        "model_hash": "488170ff493a297c56ead33bef6f5979a8744f589f3c686b9a43b1aff429a099",
    },
}
