"""`bench play` and `bench view`: a window, for a person."""

from __future__ import annotations

from contextlib import ExitStack, closing
from itertools import count
from typing import Annotated

from cyclopts import Parameter

from entitybench import registry
from entitybench.errors import a_speed
from entitybench.leaderboard.cli.args import MAX_EPISODES, DatasetId, Episodes, Seed, TaskId, whole
from entitybench.leaderboard.cli.output import note, print_json, put

Edge = Annotated[int, Parameter(converter=whole(64, 2048))]
Index = Annotated[int, Parameter(converter=whole(0, MAX_EPISODES))]


def play(
    task: TaskId,
    /,
    *,
    episode_seed: Seed = 0,
    episodes: Episodes | None = None,
    view: str | None = None,
    size: Edge = 640,
    json: bool = False,
) -> None:
    """Play a task by the keyboard, in a window, at its true speed.

    Args:
        task: An id of `bench list tasks`.
        episode_seed: Seed of the first episode; episode i has seed S + i.
        episodes: How many. Default: until escape is pressed.
        view: The camera. Default: that of the task.
        size: Width and height of the window, pixels.
        json: Print how the episodes went as JSON.
    """
    registry.tasks()[task]

    from entitybench.envs.api import make_worlds
    from entitybench.envs.drawing.render import Renderer
    from entitybench.envs.views.keyboard import Clock, keys_of, played
    from entitybench.envs.views.screen import GlfwScreen, check_display

    check_display("`bench eval --video` films")
    with ExitStack() as opened:
        # The same world as with pixels; a person sees it drawn.
        worlds = opened.enter_context(closing(make_worlds(task.removesuffix("-pixels"), 1)))
        screen = opened.enter_context(closing(GlfwScreen(f"bench play {task}", size)))
        renderer = Renderer(worlds.world, *screen.size, view or worlds.world.view)
        opened.enter_context(closing(renderer))
        note(keys_of(worlds.world.action_shape))
        found = []
        seeds = count(episode_seed)
        starts = seeds if episodes is None else (next(seeds) for _ in range(episodes))
        clock = Clock(worlds.world.control_dt)
        for outcome in played(worlds, screen, lambda: renderer.frame(worlds, 0), starts, clock):
            found.append(outcome.json())
            if not json:
                put(outcome.words)
    if json:
        print_json(found)


def view(
    dataset: DatasetId,
    /,
    *,
    episode: Index = 0,
    episodes: Episodes | None = None,
    view: str | None = None,
    size: Edge = 640,
    speed: float = 1.0,
    json: bool = False,
) -> None:
    """Show recorded episodes in a window, drawn from their stored poses.

    Args:
        dataset: An id of `bench list datasets`, or the folder of a store.
        episode: The number of the first one; those of the validation split come last.
        episodes: How many. Default: all from there, until escape is pressed.
        view: The camera. Default: the one that shows most.
        size: Width and height of the window, pixels.
        speed: How many times as fast as in the world.
        json: Print the numbers of the episodes shown as JSON.
    """
    a_speed("--speed", speed)

    from entitybench.datasets.api import load_dataset
    from entitybench.datasets.pages.viewer import KEYS, show, viewing
    from entitybench.envs.views.keyboard import Clock
    from entitybench.envs.views.screen import GlfwScreen, check_display

    check_display(f"`bench page {dataset}` draws moments of two episodes")
    what = viewing(load_dataset(dataset), view)
    with closing(GlfwScreen(f"bench view {what.store.id}", size)) as screen:
        note(KEYS)
        begun = show(what, screen, Clock(what.step_s / speed).tick, episode, episodes)
    if json:
        print_json(begun)
    else:
        put(f"{len(begun)} episodes of {what.store.id} shown")
