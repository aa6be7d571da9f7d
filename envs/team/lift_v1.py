"""team-lift, in the form of PettingZoo's own environments: `parallel_env()`."""

from entitybench.envs.robosuite.lift_v1 import parallel_env

__all__ = ["parallel_env"]
