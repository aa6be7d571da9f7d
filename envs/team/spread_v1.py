"""team-spread, in the form of PettingZoo's own environments: `parallel_env()`."""

from entitybench.envs.views.team import maker

parallel_env = maker("team-spread")
