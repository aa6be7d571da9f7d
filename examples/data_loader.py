"""Clone a policy from a dataset, through torch's DataLoader.

python examples/data_loader.py [UPDATES]

Its data lie in data-loader/ of the current folder, for the next time.
"""

import sys

import torch
from torch.utils.data import DataLoader

import entitybench as eb
from entitybench.datasets.generate.api import generate
from entitybench.datasets.sampling.goals import GoalMix

TASK = "push-1block"


class Cloned:
    """A network as a policy of ours."""

    def __init__(self, net):
        self.net = net

    def initial_state(self, batch):
        return None

    @torch.no_grad()
    def act(self, obs, state, rng):
        seen = [torch.as_tensor(obs[name]) for name in ("observation", "desired_goal")]
        return self.net(inputs(*seen)).numpy(), state


def inputs(observations, goals):  # two of (B, N, D)
    return torch.cat([observations.flatten(1), goals.flatten(1)], dim=1)


updates = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
episodes = min(updates, 500)
folder = generate(f"{TASK}/play-v1", episodes=episodes, out=f"data-loader/{episodes}-episodes")
data = eb.load_dataset(folder)
train = data.split("train")
_, entities, features = train.observations.shape
net = torch.nn.Sequential(
    torch.nn.Linear(2 * entities * features, 256),
    torch.nn.ReLU(),
    torch.nn.Linear(256, train.actions.shape[1]),
    torch.nn.Tanh(),
)
adam = torch.optim.Adam(net.parameters(), lr=1e-3)

# Transitions, each with a later state of its episode as its goal; whole batches, the same ones
# with any number of workers.
batches = train.torch_dataset(
    256, sampler=train.goal_sampler(), seed=0, count=updates, policy=GoalMix(uniform=1.0)
)
for batch in DataLoader(batches, batch_size=None, num_workers=1):
    loss = (net(inputs(batch["observations"], batch["policy_goals"])) - batch["actions"]).square()
    adam.zero_grad()
    loss.mean().backward()
    adam.step()
print(f"loss {loss.mean().item():.3f} after {updates} updates")
print(eb.table(eb.evaluate(Cloned(net), TASK, episodes=20)))
