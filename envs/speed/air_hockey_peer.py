"""The planar hit task of air_hockey_challenge, stepped in an environment of its own (numpy 1).

Run by peers.py with the interpreter that can import air_hockey_challenge; imports nothing of ours.
It says control rate, time step, substeps and degrees of freedom, then answers each line on standard
input, a number of control steps, with the steps done, the CPU seconds and the wall seconds.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer until standard input ends."""
    import numpy as np
    from air_hockey_challenge.framework import AirHockeyChallengeWrapper

    env: Any = AirHockeyChallengeWrapper("3dof-hit")
    rng = np.random.default_rng(0)
    base = env.base_env
    dt, step = float(base.dt), float(base._timestep)
    _say([1 / dt, step, round(dt / step), int(base._model.nv)])
    over, rest = True, np.asarray(base.init_state)
    for line in sys.stdin:
        if over:
            env.reset()
        wall, cpu = time.perf_counter(), time.process_time()
        done, over = 0, False
        while done < int(line) and not over:
            # Desired joint positions and velocities, near where the arm starts.
            wanted = np.stack([rest + rng.uniform(-0.1, 0.1, 3), rng.uniform(-0.1, 0.1, 3)])
            over = bool(env.step(wanted)[2])
            done += 1
        _say([done, time.process_time() - cpu, time.perf_counter() - wall])


def _say(numbers: list[float]) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
