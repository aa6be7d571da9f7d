"""hockey-1v1, in the form of PettingZoo's own environments: `parallel_env()`."""

from entitybench.envs.views.team import maker

parallel_env = maker("hockey-1v1")
