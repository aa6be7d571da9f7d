"""What one episode computes number by number is, bit for bit, what arrays give for many."""

from __future__ import annotations

import numpy as np

from entitybench.envs.hockey.opponents import scripted_v1
from entitybench.envs.tetris import shapes


def test_the_script_gives_the_same_alone_as_in_a_batch() -> None:
    """Of one state it is computed number by number: bit for bit what arrays give."""
    rng = np.random.default_rng(0)
    for k in range(3000):
        mallets, puck = rng.uniform(-1, 1, (1 + k % 2, 4)), rng.uniform(-1, 1, 4)
        if k % 3 == 0:
            mallets, puck = np.round(mallets, 1), np.round(puck, 1)
        if k % 7 == 0:
            puck[:2] = mallets[0, :2]
        alone, batch = scripted_v1(mallets, puck), scripted_v1(mallets[None], puck[None])[0]
        assert alone.tobytes() == batch.tobytes()


def test_few_pieces_are_turned_as_many_are() -> None:
    """Number by number: bit for bit what arrays give."""
    rng = np.random.default_rng(0)
    for k in range(300):
        shape, pose = rng.integers(0, 7, 40), rng.normal(size=(40, 4))
        if k % 5 == 0:
            pose[::3, 2:] = 0
        if k % 7 == 0:
            pose = np.round(pose)
        many = shapes.turn(shape, pose)
        few = [shapes.turn(shape[i : i + 1], pose[i : i + 1]) for i in range(40)]
        for axis in (0, 1):
            assert np.concatenate([each[axis] for each in few]).tobytes() == many[axis].tobytes()
