"""team-cheetah-2x3, in the form of PettingZoo's own environments: `parallel_env()`."""

from entitybench.envs.views.team import maker

parallel_env = maker("team-cheetah-2x3")
