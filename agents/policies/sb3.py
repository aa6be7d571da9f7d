"""A policy that `model.save` of Stable-Baselines3 wrote, rebuilt without unpickling anything.

Such a zip holds tensors, read with `weights_only=True`, and the settings as JSON, in which what
JSON does not know is a pickle: these are never decoded. Which networks they are is told by the
names of the tensors and by the settings that are plain; the spaces are those of the task.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench.agents.policies.files import policy_file
from entitybench.agents.policies.sight import Sight
from entitybench.errors import BadValue, MissingExtra
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

LARGEST = 2**30  # bytes, unpacked


@dataclass(frozen=True)
class Family:
    """Algorithms that share a policy class, told by a tensor that only they have."""

    tensor: str
    module: str
    only: tuple[str, ...]  # groups of tensors that acting needs


FAMILIES = (
    Family("action_net.weight", "stable_baselines3.ppo.policies", ("",)),  # and A2C
    Family("actor.latent_pi.0.weight", "stable_baselines3.sac.policies", ("actor.",)),
    Family("actor.mu.0.weight", "stable_baselines3.td3.policies", ("actor.",)),  # and DDPG
)
# Settings that change the networks; others are of learning, or refused.
PLAIN = ("net_arch", "share_features_extractor", "normalize_images", "n_critics")
LEARNING = ("log_std_init", "ortho_init", "optimizer_class", "optimizer_kwargs", "use_sde")
ACTIVATIONS = ("ReLU", "Tanh", "ELU", "GELU", "LeakyReLU", "SiLU", "Sigmoid")


class Sb3Policy:
    """The deterministic actions of PPO, A2C, SAC, TD3 or DDPG."""

    def __init__(self, path: str, task: TaskSpec) -> None:
        """Rebuild it. Raises BadValue with what cannot be, MissingExtra."""
        try:
            import stable_baselines3
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"stable_baselines3 is not installed, and {path} needs it: pip install -e '.[sb3]'"
            ) from error
        del stable_baselines3
        self.name = path
        data, self.config = policy_file(path, "sb3")
        settings, tensors = _read(data, path)
        self._sight = Sight.of(task)
        self._policy = _rebuilt(settings, tensors, task, self._sight, path)

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        shown = self._sight.shown(obs)
        given = shown["observation"] if len(shown) == 1 else shown
        actions, _ = self._policy.predict(given, deterministic=True)
        return self._sight.actions(actions, len(obs["observation"]), self.name), state


def _read(data: bytes, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings and the tensors of a zip. Raises BadValue."""
    import torch

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {each.filename: each.file_size for each in archive.infolist()}
            if not {"data", "policy.pth"} <= sizes.keys():
                raise BadValue(
                    f"{path!r} holds no data and policy.pth, as `model.save` of Stable-Baselines3 "
                    "writes them."
                )
            if max(sizes["data"], sizes["policy.pth"]) > LARGEST:
                raise BadValue(f"{path!r} holds more than {LARGEST >> 20} MB.")
            settings = json.loads(archive.read("data"))
            weights = archive.read("policy.pth")
        tensors = torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True)
    except BadValue:
        raise
    except Exception as error:  # zip, JSON and torch have many
        raise BadValue(f"{path!r} cannot be read as a policy: {reason(error)}.") from error
    named = isinstance(tensors, dict) and all(isinstance(x, torch.Tensor) for x in tensors.values())
    if not named or not isinstance(settings, dict):
        raise BadValue(f"{path!r} holds no tensors by name in its policy.pth.")
    return settings, tensors


def _rebuilt(
    settings: Mapping[str, Any],
    tensors: Mapping[str, Any],
    task: TaskSpec,
    sight: Sight,
    path: str,
) -> Any:
    """The policy with its tensors. Raises BadValue with what cannot be rebuilt."""
    family = next((each for each in FAMILIES if each.tensor in tensors), None)
    if family is None:
        raise BadValue(
            f"{path!r} is no policy of PPO, A2C, SAC, TD3 or DDPG with networks of their own kind: "
            "export it to ONNX."
        )
    if settings.get("use_sde"):
        raise BadValue(f"{path!r} explores by gSDE, whose networks differ: export it to ONNX.")
    if len(sight.action) != 1:
        raise BadValue(f"{path!r} acts for one agent, and {task.id} has {sight.action[0]}.")
    kwargs = _network(settings.get("policy_kwargs") or {}, path)
    policy = _policy_of(family, task, sight, kwargs)
    wanted = policy.state_dict()
    own = {name: x for name, x in tensors.items() if name.startswith(family.only)}
    needed = {name: x for name, x in wanted.items() if name.startswith(family.only)}
    for name in sorted(own.keys() | needed.keys()):
        here, there = (tuple(x[name].shape) if name in x else None for x in (own, needed))
        if here != there:
            raise BadValue(
                f"{path!r} does not fit {task.id} ({sight.words}; action {sight.action}): its "
                f"tensor {name} is {here or 'absent'}, and should be {there or 'absent'}."
            )
    policy.load_state_dict({**wanted, **own})
    policy.set_training_mode(False)
    return policy


def _policy_of(family: Family, task: TaskSpec, sight: Sight, kwargs: dict[str, Any]) -> Any:
    """A fresh policy for the spaces of the task; torch's random state stays what it was."""
    import importlib

    import torch

    from entitybench.envs.views.spaces import action_space, observation_space
    from entitybench.envs.worlds import make_worlds

    module = importlib.import_module(family.module)
    made = module.MlpPolicy if len(sight.parts) == 1 else module.MultiInputPolicy
    worlds = make_worlds(task, 1)
    spaces = observation_space(worlds), action_space(worlds.world)
    worlds.close()
    with torch.random.fork_rng(devices=[]):
        return made(*spaces, lambda _: 0.0, **kwargs)


def _network(given: Any, path: str) -> dict[str, Any]:
    """The settings of networks as the policy takes them. Raises BadValue for those not plain."""
    import torch

    kwargs: dict[str, Any] = {}
    classes = {f"<class '{c.__module__}.{c.__name__}'>": c for c in _activations(torch.nn)}
    for name, value in dict(given).items():
        if name.startswith(":") or name in LEARNING:
            continue  # the pickle beside the plain settings, or nothing that acting needs
        if name == "activation_fn" and value in classes:
            kwargs[name] = classes[value]
        elif name in PLAIN:
            kwargs[name] = value
        else:
            raise BadValue(
                f"{path!r} has the setting {name} = {value!r:.80}, which cannot be rebuilt without "
                "unpickling: export it to ONNX."
            )
    return kwargs


def _activations(nn: Any) -> list[Any]:
    return [getattr(nn, name) for name in ACTIVATIONS]
