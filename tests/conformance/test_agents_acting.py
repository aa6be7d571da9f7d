"""What acts without torch does what the learner does; told over the registry."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from parts import parts_of

from entitybench import checkpoints
from entitybench.agents.common.mlp import mlp
from entitybench.envs.api import make_worlds
from entitybench.errors import BadValue, CheckpointError
from entitybench.leaderboard.evaluation.api import load_agent
from entitybench.registry import agents, dataset_for, resolve, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

ACTING = [spec for spec in agents() if spec.acting]
REWARDED = next(spec for spec in ACTING if spec.kind == "reward-control")
TASKS = {
    "goal-control": ("hockey-goal", "push-2blocks"),
    "reward-control": ("hopper", "hockey-strike", "push-2blocks-region"),
    "team-control": ("team-pushbox", "team-matrix-xor"),
}
CASES = [(spec, task) for spec in ACTING for task in TASKS[spec.kind]]


def saved(spec, task, folder):
    """An untrained learner with statistics of its own, and its checkpoint."""
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task)
    parts = parts_of(spec, task)
    learner = target.create(config, task, seed=3, data=None, parts=parts, device="cpu")
    noise = torch.Generator().manual_seed(0)
    for name in learner.buffers.keys() & {"mean", "deviation"}:
        value = learner.buffers[name]
        learner.buffers[name] = value + torch.rand(value.shape, generator=noise)
    for name, p in learner.params[learner.shipped[0]].items():
        if name.endswith("bias"):
            p.data += torch.randn(p.shape, generator=noise)
    if spec.learns_from == "dataset":
        learner.dataset = {"id": dataset_for(task, spec.kind), "content_hash": "none"}
    learner.save(folder)
    return learner


def seen_by(learner, obs):
    """What a learner makes one flat state of."""
    if "desired_goal" in obs:
        return obs["observation"], obs["desired_goal"]
    return obs["observation"], obs.get("mask")


@pytest.mark.parametrize(("spec", "id"), CASES, ids=[f"{s.id}-{t}" for s, t in CASES])
def test_a_checkpoint_acts_like_its_learner(spec, id, tmp_path) -> None:
    task = tasks()[id]
    learner = saved(spec, task, tmp_path)
    alone = resolve(spec.acting).load(tmp_path, task=task)
    obs = make_worlds(id, 4).reset(range(4))
    mine, theirs = (
        one.policy().act(obs, None, BatchGenerator([generator(0, k) for k in range(4)]))[0]
        for one in (alone, learner)
    )
    np.testing.assert_array_equal(mine, theirs)
    assert mine.dtype == np.float32
    assert json.loads(json.dumps(alone.config)) == checkpoints.read_meta(tmp_path)["config"]
    state = torch.as_tensor(learner.flat(*seen_by(learner, obs)))
    rows = state.flatten(0, -2)
    if alone.policy().layers[0][0].shape[0] != rows.shape[-1]:
        return  # it is given noise too, or all agents' rows, of which it has tests of its own
    layers = len(learner.config.hidden) + 1
    given = mlp(learner.params["actor"], rows[None], layers)[0].detach()  # what training sees
    if getattr(learner, "choices", None) is None:
        given = given[:, : mine.shape[-1]]  # some also say how far they deviate
        np.testing.assert_allclose(
            mine.reshape(len(rows), -1), torch.tanh(given).numpy(), atol=1e-5
        )
    else:
        chosen = ((mine.reshape(len(rows)) + 1) / 2 * learner.choices).astype(int)
        assert chosen.tolist() == given.argmax(-1).tolist()


def test_networks_of_another_task_are_refused(tmp_path) -> None:
    saved(REWARDED, tasks()["hopper"], tmp_path)
    with pytest.raises(CheckpointError, match=r"do not fit .* on walker2d"):
        resolve(REWARDED.acting).load(tmp_path, task=tasks()["walker2d"])


def test_a_device_that_would_not_matter_is_refused(tmp_path) -> None:
    saved(REWARDED, tasks()["hopper"], tmp_path)
    with pytest.raises(BadValue, match="acts by numpy: leave out --device cuda"):
        load_agent(REWARDED.id, task="hopper", weights=tmp_path, device="cuda")


def test_to_evaluate_imports_no_torch(tmp_path) -> None:
    saved(REWARDED, tasks()["hopper"], tmp_path)
    words = ["eval", "--agent", REWARDED.id, "--task", "hopper", "--weights", str(tmp_path)]
    script = (
        "import sys; from entitybench.leaderboard.cli.main import main; "
        f"code = main({[*words, '--episodes', '1', '--threads', '1', '--json']!r}); "
        "sys.exit(code or 3 * ('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
