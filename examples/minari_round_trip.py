"""A dataset to Minari and back: python examples/minari_round_trip.py [EPISODES].

Minari keeps its datasets in ~/.minari, or where MINARI_DATASETS_PATH says.
"""

import sys

import minari

import entitybench as eb
from entitybench.datasets.generate.api import generate
from entitybench.datasets.minari.export import export
from entitybench.datasets.minari.importer import import_minari

NAME = "push-1block/example-v0"

episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
data = eb.load_dataset(generate("push-1block/play-v1", episodes=episodes, out="play"))
export(data, NAME)  # `bench export play --minari push-1block/example-v0`

dataset = minari.load_dataset(NAME)
episode = dataset[0]
print(dataset.total_episodes, "episodes;", {k: v.shape for k, v in episode.observations.items()})
env = dataset.recover_environment()
env.reset(seed=0)
print("in", env.unwrapped)
env.close()

back = import_minari(NAME, "back")  # `bench import push-1block/example-v0 --out back`
print(back, "has the same content:", back.content_hash == data.content_hash)
