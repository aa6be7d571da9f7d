"""What stands in the kitchen: names, joints, ranges and goals.

Joint ranges, goals and the threshold are those of Gymnasium-Robotics' FrankaKitchen-v1 (itself the
kitchen of relay policy learning and D4RL); places and shapes are ours. Lengths in m, angles in rad.
The origin is on the stove's level below the robot, +y points at the kitchen, +z up.
"""

from __future__ import annotations

from dataclasses import dataclass

THRESHOLD = 0.3  # distance of an element's joints from their goal below which it is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One thing to operate.

    Its state is one or two numbers, the "values": joints of the scene, or, of a burner or the lamp,
    what the knob or switch moves along with it (`follows`: by which factor of the first).
    """

    name: str
    place: tuple[float, float, float]  # of the body: the hinge of a door, the middle of a knob
    joints: tuple[str, ...]  # of the scene
    ranges: tuple[tuple[float, float], ...]  # of the values, as the peer has them
    goal: tuple[float, ...]  # of the values
    follows: float = 0.0  # the second value over the first, where it has no joint of its own
    peer: str = ""  # what the peer calls it in its goals; "" where it has no goal for it


# The peer's kettle: x, y, z and a quaternion. Ours slides on the stove, so that its height and two
# parts of the quaternion stay as they are. Heights in the peer are 1.62 m more.
KETTLE_START = (-0.269, 0.35)
KETTLE_GOAL = (-0.23, 0.75)
KETTLE_QUATERNION = (0.99, -0.06)  # w, z
KETTLE_HEIGHT = 0.10  # of its middle
KETTLE_RADIUS = 0.085
KETTLE_YAW = 3.0  # rad, its turns end there on both sides

DOOR = -2.094, 0.0
KNOB = -1.57, 0.0
BURNER = -0.009, 0.0


def _knob(side: str, level: str, x: float, z: float, peer: str = "") -> Element:
    bottom = level == "bottom"
    return Element(
        name=f"{level}-{side}-burner",
        place=(x, 0.70, z),
        joints=(f"{level}-{side}-burner",),
        ranges=(KNOB, BURNER),
        goal=(-0.88, -0.01) if bottom else (-0.92, -0.01),
        follows=1 / 174,
        peer=peer,
    )


ELEMENTS: tuple[Element, ...] = (
    Element(
        name="microwave",
        place=(-1.08, 0.45, 0.17),
        joints=("microwave",),
        ranges=(DOOR,),
        goal=(-0.75,),
        peer="microwave",
    ),
    Element(
        name="kettle",
        place=(0.0, 0.0, KETTLE_HEIGHT),
        joints=("kettle_x", "kettle_y", "kettle_yaw"),
        ranges=(),
        goal=(),
        peer="kettle",
    ),
    _knob("left", "bottom", -0.26, 0.50, "bottom burner"),
    _knob("right", "bottom", -0.10, 0.50),
    _knob("left", "top", -0.26, 0.64, "top burner"),
    _knob("right", "top", -0.10, 0.64),
    Element(
        name="light-switch",
        place=(-0.42, 0.70, 0.57),
        joints=("light-switch",),
        ranges=((-0.7, 0.0), (-0.05, 0.0)),
        goal=(-0.69, -0.05),
        follows=1 / 14,
        peer="light switch",
    ),
    Element(
        name="slide-cabinet",
        place=(0.06, 0.69, 0.90),
        joints=("slide-cabinet",),
        ranges=((0.0, 0.44),),
        goal=(0.37,),
        peer="slide cabinet",
    ),
    Element(
        name="hinge-cabinet",
        place=(-0.22, 0.69, 0.90),
        joints=("hinge-cabinet_left", "hinge-cabinet_right"),
        ranges=((-1.57, 0.0), (0.0, 1.57)),
        goal=(0.0, 1.45),
        peer="hinge cabinet",
    ),
)
NAMES = tuple(element.name for element in ELEMENTS)
ROW = {name: 1 + index for index, name in enumerate(NAMES)}  # entity rows; the robot's is 0
# D4RL's "mixed": also what the peer's documentation gives as example sequence.
FOUR = ("microwave", "kettle", "bottom-left-burner", "light-switch")

# Handles. A door's bar stands off from it; its place in the door's frame is (along, -off, 0).
BAR_RADIUS = 0.010
BAR_HALF = 0.06  # half the length of a bar
OFF = 0.06  # of a bar from its door
MICROWAVE_BAR = 0.47  # from the hinge
MICROWAVE_DOOR = 0.485  # its width
CABINET_BAR = 0.30
CABINET_DOOR = 0.315
LEFT_HINGE = -0.92  # x of the left door's hinge
LEVER = 0.055  # from a knob's axis to the end of its lever
LEVER_OUT = 0.045  # of the lever's plane before the panel
LEVER_RADIUS = 0.009
SWITCH = 0.085  # length of the light switch
SWITCH_LEAN = 0.4  # rad, how far it leans to the right at the start
SWITCH_RADIUS = 0.010

# The hand, from its frame along where it points.
HAND_AT, HAND_RADIUS, HAND_HALF = 0.04, 0.033, 0.06
FINGER_FROM, FINGER_TIP, FINGER_RADIUS = 0.075, 0.135, 0.010
GRIP = 0.12  # the point between the fingers that is meant by "the hand's place"
OPEN = 0.04  # m, of each finger
