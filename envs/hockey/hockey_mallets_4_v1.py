"""hockey-mallets-4, in the form of PettingZoo's own environments: `parallel_env()`."""

from entitybench.envs.views.team import maker

parallel_env = maker("hockey-mallets-4")
