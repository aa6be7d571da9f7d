"""Written by `python -m entitybench.datasets.generate.reference`."""

from __future__ import annotations

from typing import Any

REFERENCE_SCORES: dict[str, dict[str, Any]] = {
    "push-1block-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0, "return": -150.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -29.68},
        "mujoco": "3.8.1",
        "model_hash": "19fc8f26ec0f2a86f9128a3dd6f64037708f78faa138f6fe06e8f357ca478b43",
    },
    "push-2blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.015, "return": -300.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -61.97},
        "mujoco": "3.8.1",
        "model_hash": "c4c71d6cdeb8a372af2975c75e52c81d80a7711f1adea0322c2e20ce84c81682",
    },
    "push-3blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0267, "return": -450.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -104.67},
        "mujoco": "3.8.1",
        "model_hash": "488170ff493a297c56ead33bef6f5979a8744f589f3c686b9a43b1aff429a099",
    },
    "push-4blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0175, "return": -600.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -157.02},
        "mujoco": "3.8.1",
        "model_hash": "e1d51d713f409bcb581d660f92bd59ff7e7e9335c6ffa2ba918b51c044ae8d0c",
    },
    "push-5blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.02, "return": -750.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -206.83},
        "mujoco": "3.8.1",
        "model_hash": "f924728cbe1e2f96d4f0e3326f73a01116576c1958d5f245744e21f5bf43bf6c",
    },
    "push-6blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.015, "return": -900.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -276.58},
        "mujoco": "3.8.1",
        "model_hash": "45d126e0c17dbc87f92d36194f4f0d2c412134ea85454c3f80c064f849ee4321",
    },
    "push-7blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0214, "return": -1050.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -347.57},
        "mujoco": "3.8.1",
        "model_hash": "8e00a3bbbdf225d5fa9bd7fd15d9d1f763e7c138622a7e6336958aa0eb5c3520",
    },
    "push-8blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0112, "return": -1200.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -421.71},
        "mujoco": "3.8.1",
        "model_hash": "9763a728b776e1122a3aabe219d8f17221745a604602e5a29529524e6397dd83",
    },
    "push-9blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.0089, "return": -1350.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -504.76},
        "mujoco": "3.8.1",
        "model_hash": "f016fe04781a2e6e9304deb941204cbd9edd5ca688efcd10facc48068d06ff77",
    },
    "push-10blocks-v1": {
        "random": {"success": 0.0, "success_fraction": 0.012, "return": -1500.0},
        "oracle": {"success": 1.0, "success_fraction": 1.0, "return": -586.63},
        "mujoco": "3.8.1",
        "model_hash": "a94b0fd463a051618f62f234c9901146b14c3890dc3507e38b2258e4bafa1657",
    },
}
