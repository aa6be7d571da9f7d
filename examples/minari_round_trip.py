"""A dataset to Minari and back: python examples/minari_round_trip.py [EPISODES].

All of it lies in minari-round-trip/ of the current folder, Minari's own datasets where
MINARI_DATASETS_PATH says, if it is set.
"""

import os
import sys
from pathlib import Path

import minari

import entitybench as eb
from entitybench.datasets.generate.api import generate
from entitybench.datasets.minari.export import export
from entitybench.datasets.minari.importer import import_minari

episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
folder = Path("minari-round-trip").absolute()
os.environ.setdefault("MINARI_DATASETS_PATH", str(folder / "minari"))  # else ~/.minari
name = f"push-1block/{episodes}-episodes-v0"

play = generate("push-1block/play-v1", episodes=episodes, out=folder / f"play-{episodes}")
export(play, name)  # `bench export FOLDER --minari push-1block/mine-v0`

dataset = minari.load_dataset(name)
episode = dataset[0]
print(dataset.total_episodes, "episodes;", {k: v.shape for k, v in episode.observations.items()})
env = dataset.recover_environment()
env.reset(seed=0)
print("in", env.unwrapped)
env.close()

back = import_minari(name, folder / f"back-{episodes}")  # `bench import NAME --out FOLDER`
same = back.content_hash == eb.load_dataset(play).content_hash
print(back, "has the same content:", same)
