"""The Panda's published numbers, and its kinematics in batched numpy.

Kinematics, joint limits, torques: Franka's robot specification (Denavit-Hartenberg after Craig).
Masses, centres of mass and inertias: Gaz, Cognetti, Oliva, Robuffo Giordano, De Luca, "Dynamic
identification of the Franka Emika Panda robot with retrieval of feasible parameters using
penalty-based optimization", RA-L 4(4), 2019. Lengths in m, angles in rad, masses in kg.

The arm stands on a pedestal at the origin and faces +y, the kitchen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.parts.vectors import cross

if TYPE_CHECKING:
    from entitybench.types import Array

JOINTS = 7
BASE = (0.0, 0.0, 0.1)  # m, where the arm stands
BASE_YAW = np.pi / 2  # it faces +y
# A link's frame from the one before: turn by alpha about x, a along x, turn about z, d along z.
A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
ALPHA = (0.0, -np.pi / 2, np.pi / 2, np.pi / 2, -np.pi / 2, np.pi / 2, np.pi / 2)
FLANGE = 0.107  # m along z of the last link
HAND_TURN = -np.pi / 4  # of the hand on the flange
LOWER = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
UPPER = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
TORQUE = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)  # N m
MASS = (4.970684, 0.646926, 3.228604, 3.587895, 1.225946, 1.666555, 0.735522)
CENTRE = (
    (3.875e-3, 2.081e-3, -0.1750),
    (-3.141e-3, -2.872e-2, 3.495e-3),
    (2.7518e-2, 3.9252e-2, -6.6502e-2),
    (-5.317e-2, 1.04419e-1, 2.7454e-2),
    (-1.1953e-2, 4.1065e-2, -3.8437e-2),
    (6.0149e-2, -1.4117e-2, -1.0517e-2),
    (1.0517e-2, -4.252e-3, 6.1597e-2),
)
# xx, yy, zz, xy, xz, yz about the centre of mass, kg m2.
INERTIA = (
    (7.0337e-1, 7.0661e-1, 9.1170e-3, -1.3900e-4, 6.7720e-3, 1.9169e-2),
    (7.9620e-3, 2.8110e-2, 2.5995e-2, -3.9250e-3, 1.0254e-2, 7.0400e-4),
    (3.7242e-2, 3.6155e-2, 1.0830e-2, -4.7610e-3, -1.1396e-2, -1.2805e-2),
    (2.5853e-2, 1.9552e-2, 2.8323e-2, 7.7960e-3, -1.3320e-3, 8.6410e-3),
    (3.5549e-2, 2.9474e-2, 8.6270e-3, -2.1170e-3, -4.0370e-3, 2.2900e-4),
    (1.9640e-3, 4.3540e-3, 5.4330e-3, 1.0900e-4, -1.1580e-3, 3.4100e-4),
    (1.2516e-2, 1.0027e-2, 4.8150e-3, -4.2800e-4, -1.1960e-3, -7.4100e-4),
)


def forward(q: Array, reach: float) -> tuple[Array, Array, Array]:
    """Where the hand is, and how it moves with the joints.

    Args:
        q: (B, 7) joint angles.
        reach: m from the hand's frame to the point asked for, along where the hand points.

    Returns:
        The point (B, 3); the hand's axes (B, 3, 3), columns x, y (along which fingers slide) and z
        (where it points); the Jacobian (B, 6, 7) of the point's velocity and the hand's rotation.
    """
    batch = len(q)
    # Contiguous, since numpy rounds sines of strided arrays differently.
    turns = np.ascontiguousarray(q.T)  # (7, B)
    cosines, sines = np.cos(turns), np.sin(turns)
    x, y, z = (np.zeros((batch, 3)) for _ in range(3))
    x[:, 1], y[:, 0], z[:, 2] = 1.0, -1.0, 1.0  # the base, turned by a quarter
    origin = np.tile(np.array(BASE), (batch, 1))
    origins, axes = [], []
    for a, d, alpha, cos, sin in zip(A, D, ALPHA, cosines, sines, strict=True):
        origin = origin + a * x
        y, z = _about(y, z, float(np.cos(alpha)), float(np.sin(alpha)))
        x, y = _about(x, y, cos[:, None], sin[:, None])
        origin = origin + d * z
        origins.append(origin)
        axes.append(z)
    x, y = _about(x, y, float(np.cos(HAND_TURN)), float(np.sin(HAND_TURN)))
    point = origin + (FLANGE + reach) * z
    jacobian = np.empty((batch, 6, JOINTS))
    for joint, (place, axis) in enumerate(zip(origins, axes, strict=True)):
        jacobian[:, :3, joint] = cross(axis, point - place)
        jacobian[:, 3:, joint] = axis
    return point, np.stack([x, y, z], axis=-1), jacobian


def _about(
    first: Array, second: Array, cos: Array | float, sin: Array | float
) -> tuple[Array, Array]:
    """Two axes turned in their plane, the first towards the second."""
    return cos * first + sin * second, cos * second - sin * first


def joint_steps(
    jacobian: Array, twist: Array, q: Array, rest: Array, damping: float = 0.05
) -> Array:
    """Joint displacements (B, 7) for a displacement of the hand, by damped least squares.

    Args:
        jacobian: (B, 6, 7).
        twist: (B, 6), m and rad.
        q: (B, 7).
        rest: (7,) a comfortable posture, which what freedom is left tends to.
    """
    # Explicit sums, since matrix products may round differently for other batch sizes.
    gram = (jacobian[:, :, None] * jacobian[:, None]).sum(-1)  # (B, 6, 6)
    gram[:, np.arange(6), np.arange(6)] += damping**2
    lean = 0.1 * (rest - q)
    moved = (jacobian * lean[:, None]).sum(-1)
    solved = np.linalg.solve(gram, (twist - moved)[..., None])[..., 0]
    return lean + (jacobian * solved[:, :, None]).sum(1)
