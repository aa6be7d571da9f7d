"""Draws the pictures of README and docs into docs/images: `make pictures`.

The films are those that `bench eval --video` makes, of the first four public starts and training
seed 0, turned into GIFs.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from entitybench.envs.api import make_worlds, oracle_of
from entitybench.envs.drawing.render import Renderer
from entitybench.envs.training import WorldsOf
from entitybench.leaderboard.evaluation.api import load_agent
from entitybench.leaderboard.evaluation.video import record_video
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.plots.draw import plot
from entitybench.registry import agent as agent_spec
from entitybench.registry import resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

OUT = Path(__file__).resolve().parents[1] / "docs" / "images"
WEIGHTS = REFERENCE / "weights"
TASK = "push-3blocks"
STILL = 360  # pixels along an edge
FRAMES = 12.5  # of a GIF in a second
# One palette for the film, no dithering, and only what changed is stored.
PALETTE = (
    "split[a][b];[a]palettegen=max_colors=160:stats_mode=full[p];"
    "[b][p]paletteuse=dither=none:diff_mode=rectangle"
)


def stills(task: str = TASK, seed: int = 0) -> None:
    """The start of an episode from above and from the side, and as pixel tasks show it."""
    worlds = make_worlds(task, 1)
    worlds.reset([seed])
    for view in ("top", "side"):
        renderer = Renderer(worlds.world, STILL, STILL, view)
        save(renderer.frame(worlds, 0), f"push-{view}.png")
        renderer.close()
    save(np.concatenate([seen(task, seed, *each) for each in PIXELS], 1), "push-pixels.png")


PIXELS = ((64, "top"), (64, "side"), (128, "top"), (128, "side"))


def seen(task: str, seed: int, pixels: int, view: str) -> np.ndarray:
    """Observation above the goal image, enlarged so that pixels are seen as they are."""
    worlds = make_worlds(f"{task}-pixels", 1, pixels=pixels, view=view)
    obs = worlds.reset([seed])
    images = [obs[name][0] for name in ("observation", "desired_goal")]
    worlds.close()
    edge = np.full((2 * 192 + 8, 192 + 8, 3), 255, np.uint8)
    for i, image in enumerate(images):
        large = Image.fromarray(image).resize((192, 192), Image.Resampling.NEAREST)
        edge[200 * i : 200 * i + 192, 4:196] = np.asarray(large)
    return edge


def save(picture: np.ndarray, name: str) -> None:
    """A PNG with a palette."""
    image = Image.fromarray(picture).quantize(128, dither=Image.Dither.NONE)
    image.save(OUT / name, optimize=True)
    print(OUT / name)


def film(
    agent: str, task: str = TASK, size: int = 220, speed: float = 3.0, seconds: float = 6.0
) -> None:
    """A GIF of the first four public starts, side by side."""
    with tempfile.TemporaryDirectory() as folder:
        mp4 = Path(folder) / "film.mp4"
        loaded = load_agent(agent, task=task, seed=0)
        record_video(loaded, task, mp4, seeds=range(4), size=size, speed=speed)
        gif = OUT / f"{agent}-{task}.gif"
        call = [get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", str(mp4)]
        if agent == "oracle":
            call += ["-t", str(seconds)]  # it is done by then
        subprocess.run([*call, "-vf", f"fps={FRAMES},{PALETTE}", str(gif)], check=True)
        print(gif, f"{gif.stat().st_size / 1e6:.2f} MB")


def pick() -> None:
    """A table of cubes, a tower to be, the scene and the bins; films of three of them."""
    for view in ("top", "side"):
        rows = []
        for task in ("pick-3cubes", "stack-3cubes", "scene", "pick-2cubes-bins"):
            worlds = make_worlds(task, 1)
            worlds.reset([0])
            renderer = Renderer(worlds.world, 240, 240, view)
            rows.append(renderer.frame(worlds, 0))
            renderer.close()
        save(np.concatenate(rows, axis=1), f"pick-{view}.png")
    film("oracle", "pick-3cubes", size=160, speed=2.0)
    film("oracle", "stack-3cubes", size=160, speed=2.0)
    film("oracle", "scene", size=160, speed=3.0)


def hockey() -> None:
    """Starts of the hockey tasks, from above, and films of the oracle."""
    rows = []
    for pair in (("hockey-goal", "hockey-goal-obstacles"), ("hockey-strike", "hockey-2v2")):
        pictures = []
        for task in pair:
            worlds = make_worlds(task, 1)
            worlds.reset([3])
            renderer = Renderer(worlds.world, STILL, STILL)
            band = slice(STILL // 2 - 80, STILL // 2 + 80)  # the rest is black
            pictures.append(renderer.frame(worlds, 0)[band])
            renderer.close()
        rows.append(np.concatenate(pictures, 1))
    save(np.concatenate(rows), "hockey-top.png")
    save(np.concatenate([seen_alone(n) for n in (2, 4, 8)], 1), "hockey-mallets.png")
    film("oracle", "hockey-goal-obstacles", speed=1.0)
    film("oracle", "hockey-2v2", speed=1.0)
    film("oracle", "hockey-mallets-8", size=180, speed=1.0)


def seen_alone(mallets: int, pixels: int = 64) -> np.ndarray:
    """A video world as models see it, enlarged."""
    worlds = make_worlds(f"hockey-mallets-{mallets}", 1, pixels=pixels)
    picture = worlds.reset([0])["pixels"][0]
    worlds.close()
    large = Image.fromarray(picture).resize((192, 192), Image.Resampling.NEAREST)
    return np.pad(np.asarray(large), ((0, 0), (4, 4), (0, 0)), constant_values=255)


def kitchen() -> None:
    """Both robots before the kitchen, what pixel tasks show, and films of the oracle."""
    rows = []
    for task in ("kitchen-4tasks", "kitchen-gripper-4tasks"):
        worlds = make_worlds(task, 1)
        worlds.reset([0])
        pictures = []
        for view in ("top", "side", "front"):
            renderer = Renderer(worlds.world, STILL, STILL, view)
            pictures.append(renderer.frame(worlds, 0))
            renderer.close()
        rows.append(np.concatenate(pictures, 1))
    save(np.concatenate(rows), "kitchen-views.png")
    save(
        np.concatenate([seen("kitchen-goal", 1, *each) for each in PIXELS], 1), "kitchen-pixels.png"
    )
    film("oracle", "kitchen-4tasks", size=200)
    film("oracle", "kitchen-gripper-4tasks", size=200)


def team() -> None:
    """Starts of the teams of discs, from above, and films of their scripts."""
    pictures = [start(task) for task in ("team-pushbox", "team-spread", "team-tag")]
    save(np.concatenate(pictures, 1), "team-top.png")
    film("oracle", "team-pushbox", size=180, speed=1.5)
    film("oracle", "team-tag", size=180, speed=0.5)


def plotted(kind: str, inputs: list[Path], name: str) -> None:
    """What `bench plot` draws, half as large."""
    with tempfile.TemporaryDirectory() as folder:
        plot(kind, inputs, Path(folder) / name)
        with Image.open(Path(folder) / name) as picture:
            small = picture.convert("RGB").resize((picture.width // 2, picture.height // 2))
    save(np.asarray(small), name)


def causal() -> None:
    """Sprites and a random graph from above, the sprites as pixel tasks show them, and a film."""
    save(np.concatenate([start("sprites"), start("dag-10")], 1), "causal-top.png")
    save(np.concatenate([seen("sprites", 0, n, "top") for n in (64, 128)], 1), "causal-pixels.png")
    film("oracle", "sprites", size=180, speed=1.0)


def edges() -> None:
    """Who acted on whom in a random graph, as a graph that stays says it, and as NCII does."""
    out = OUT / "causal-edges.png"
    print(plot("graphs", ["graph-static", "ncii"], out, task="dag-10", episode_seed=1))


def curves() -> None:
    """What training with three sorts of hindsight comes to in hockey, of the shipped runs."""
    runs = [WEIGHTS / agent / "hockey-goal" / "online" for agent in ("hint", "her-random", "her")]
    plotted("curves", runs, "hint-curves.png")


def goals(steps: int = 20_000) -> None:
    """Where goals lie in hockey that episodes ask for, and that three sorts of hindsight put.

    Of a training seed of each, after so many steps of the preset small.
    """
    task = tasks()["hockey-goal"]
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / agent for agent in ("her", "hint", "her-random")]
        for place in places:
            target = resolve_agent(agent_spec(place.name))
            config = target.configure(agent_spec(place.name), "small", task)
            data = WorldsOf(task)
            one = target.create(config, task, seed=0, data=data, parts={}, device="cpu")
            while one.step < steps:
                one.advance(data)
            one.save(place)
        plotted("goals", places, "hint-goals.png")


def start(task: str, seed: int = 0) -> np.ndarray:
    """The first state of an episode, from above."""
    worlds = make_worlds(task, 1)
    worlds.reset([seed])
    renderer = Renderer(worlds.world, 300, 300)
    picture = renderer.frame(worlds, 0)
    renderer.close()
    return np.pad(picture, ((0, 0), (4, 4), (0, 0)), constant_values=255)


def tetris() -> None:
    """Seven pieces, a film of the oracle, and the start of worlds that have more than blocks."""
    views = []
    for view in ("top", "side"):
        worlds = make_worlds("tetris-7pieces", 1)
        worlds.reset([0])
        renderer = Renderer(worlds.world, STILL, STILL, view)
        views.append(renderer.frame(worlds, 0))
        renderer.close()
    save(np.concatenate(views, 1), "tetris-7pieces.png")
    pictures = []
    for task in ("push-1block-obstacles", "push-2blocks-region", "push-2blocks-zones"):
        worlds = make_worlds(task, 1)
        worlds.reset([0])
        renderer = Renderer(worlds.world, STILL, STILL)
        pictures.append(renderer.frame(worlds, 0))
        renderer.close()
    save(np.concatenate(pictures, 1), "push-variants.png")
    film("oracle", "tetris-3pieces", size=180, speed=6.0)


def robosuite() -> None:
    """Starts of robosuite's tasks from above and from the side, and a film of the oracle."""
    names = ("lift", "stack", "pickplace", "door", "push-3blocks")
    rows = []
    for view in ("top", "side"):
        row = []
        for task in (*(f"robosuite-{name}" for name in names), "team-lift"):
            worlds = make_worlds(task, 1)
            worlds.reset([0])
            renderer = Renderer(worlds.world, 220, 220, view)
            row.append(renderer.frame(worlds, 0))
            renderer.close()
        rows.append(np.concatenate(row, 1))
    save(np.concatenate(rows), "robosuite-starts.png")
    film("oracle", "robosuite-stack", size=180, speed=2.0)


def locomotion() -> None:
    """The robots and the mazes after some steps of their experts, and a film of a maze."""
    pictures = []
    for task in ("hopper", "halfcheetah", "walker2d", "ant", "point-maze-u", "point-maze-medium"):
        worlds, policy = make_worlds(task, 1), oracle_of(task)
        obs, state = worlds.reset([0]), policy.initial_state(1)
        rng = BatchGenerator([generator(0, "picture")])
        for _ in range(40):
            action, state = policy.act(obs, state, rng)
            obs, _ = worlds.step(action)
        renderer = Renderer(worlds.world, 240, 240, worlds.world.view)
        pictures.append(renderer.frame(worlds, 0))
        renderer.close()
    save(np.concatenate([np.concatenate(pictures[:3], 1), np.concatenate(pictures[3:], 1)]), VIEWS)
    film("oracle", "point-maze-medium")
    film("oracle", "walker2d", size=110, speed=1.0, seconds=2.0)


VIEWS = "locomotion-views.png"
EVERYTHING = (
    "stills oracle hecrl kitchen hockey team causal curves edges goals tetris pick locomotion "
    "robosuite"
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "what",
        nargs="*",
        default=EVERYTHING.split(),
    )
    families = {
        "stills": stills,
        "kitchen": kitchen,
        "hockey": hockey,
        "team": team,
        "causal": causal,
        "curves": curves,
        "edges": edges,
        "goals": goals,
        "robosuite": robosuite,
        "tetris": tetris,
        "pick": pick,
        "locomotion": locomotion,
    }
    asked = parser.parse_args()
    for what in asked.what:
        if what in families:
            families[what]()
        else:
            film(what)
