"""The true interaction graph of a control step: who touched whom, through the physics' contacts.

A graph (..., N, N + 1) bool: row j is the target, column i the cause, the last column the action
(as in Chuck et al., ICLR 2025). The diagonal is true, everything has dynamics of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.types import Array


def owners(world: World) -> Array:
    """Which entity each geom of the scene belongs to, (ngeom,); -1: none, e.g. the table.

    What hangs on an entity's body belongs to it, unless a body nearer by is an entity too.
    """
    model = world.model
    entity = {model.body(name).id: index for index, name in enumerate(world.bodies)}
    found = np.full(model.ngeom, -1)
    for geom, body in enumerate(model.geom_bodyid):
        while body > 0 and body not in entity:
            body = model.body_parentid[body]
        found[geom] = entity.get(int(body), -1)
    return found


def note_contacts(data: mujoco.MjData, geom_owners: Array, touched: Array) -> None:
    """Mark in `touched` (N, N) the entities that the contacts of the last physics step join."""
    if data.ncon == 0:
        return
    contact = data.contact
    pairs = geom_owners[contact.geom[contact.efc_address >= 0]]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    touched[pairs[:, 0], pairs[:, 1]] = True
    touched[pairs[:, 1], pairs[:, 0]] = True


def note_impulses(
    model: mujoco.MjModel, data: mujoco.MjData, geom_owners: Array, impulses: Array
) -> None:
    """Add what the contacts of the last physics step gave to `impulses` (N, N), in N s.

    Of each contact between entities the force along its normal, times the step.
    """
    if data.ncon == 0:
        return
    contact, force = data.contact, np.zeros(6)
    pairs = geom_owners[contact.geom]
    for index in np.flatnonzero((pairs >= 0).all(axis=1) & (contact.efc_address >= 0)).tolist():
        mujoco.mj_contactForce(model, data, index, force)
        one, two = pairs[index]
        impulses[one, two] += force[0] * model.opt.timestep
        if one != two:
            impulses[two, one] += force[0] * model.opt.timestep


def graph(world: World, touched: Array, acted: Array | None = None) -> Array:
    """The graph (..., N, N + 1) from who touched whom (..., N, N).

    Args:
        acted: whom the action drove, bool (..., N); the world's `driven` entities by default.
    """
    found = np.zeros((*touched.shape[:-1], world.entities + 1), bool)
    found[..., :-1] = touched
    index = np.arange(world.entities)
    found[..., index, index] = True
    if acted is None:
        found[..., list(world.driven), -1] = True
    else:
        found[..., -1] = acted
    return found


def asked(present: Array) -> Array:
    """Which edges (..., N, N + 1) can be asked about: of entities that are there (..., N) bool.

    Not the diagonal, which is always true.
    """
    causes = np.concatenate([present, np.ones((*present.shape[:-1], 1), bool)], axis=-1)
    found = present[..., :, None] & causes[..., None, :]
    index = np.arange(present.shape[-1])
    found[..., index, index] = False
    return found
