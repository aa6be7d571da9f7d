"""Which of robosuite's robots the tasks take, and what MuJoCo asks to be mended in some.

robosuite 1.5.1 was written for older versions of MuJoCo. With 3.8 some parts of robots that touch
each other from the beginning hold each other fast; such pairs no longer touch here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.robosuite import library
from entitybench.errors import BadValue, unknown

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree

# Robots on a fixed base that do not have one arm and a gripper that one number opens and closes.
UNFIT = {
    "Baxter": "two arms",
    "PandaDexLH": "a hand with six commands",
    "PandaDexRH": "a hand with six commands",
}
# Robots whose own gripper fails: Robotiq's 85 rarely closes on a cube and is unstable at 5 ms,
# Jaco's fingers take seconds to close and lose it. They get another of robosuite's.
GRIPPERS = {"Jaco": "PandaGripper", "Kinova3": "PandaGripper", "UR5e": "PandaGripper"}
# How the names of two bodies end that hold each other fast: of Sawyer's base and first link.
APART = ("_right_arm_base_link", "_right_l0")
FLAT = "_head_"  # in the names of Sawyer's meshes that have no volume; they are only seen


def robots() -> list[str]:
    """Robosuite's robots with one arm on a fixed base and a gripper. Raises MissingExtra."""
    library.load()
    from robosuite.robots import ROBOT_CLASS_MAPPING, FixedBaseRobot

    fixed = [name for name, kind in ROBOT_CLASS_MAPPING.items() if kind is FixedBaseRobot]
    return sorted(name for name in fixed if name not in UNFIT)


def check_robot(name: str) -> None:
    """Raise for a robot that these tasks do not take."""
    known = robots()
    if name in UNFIT:
        raise BadValue(f"{name} has {UNFIT[name]}: these tasks take {', '.join(known)}.")
    if name not in known:
        raise unknown("robot", str(name), known)


def mend(root: ElementTree.Element, robot: str) -> None:
    """Change a scene with robots of this name so that MuJoCo takes it and they can move."""
    for mesh in root.iter("mesh"):
        if FLAT in mesh.get("name", ""):
            mesh.set("inertia", "shell")  # those without a volume are refused otherwise
    for body in root.iter("body"):
        name = body.get("name", "")
        if robot == "Sawyer" and name.endswith(APART[0]):
            pair = {"body1": name, "body2": name.removesuffix(APART[0]) + APART[1]}
            contact = root.makeelement("contact", {})
            contact.append(contact.makeelement("exclude", pair))
            root.append(contact)
