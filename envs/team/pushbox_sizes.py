"""What world, scene and script of the push-box task all know."""

ROBOTS = 3
ROBOT_RADIUS = 0.06  # m
ROBOT_MASS = 0.1  # kg: light, so that a blow at full speed moves the box by less than 1 mm
FORCE = 6.0  # N, the most that a robot pushes with, in any direction
FASTEST = 1.6  # m/s, of a robot that nothing holds
DAMPING = FORCE / FASTEST  # N s/m
BOX_HALF = (0.12, 0.08)  # m, half its edges
BOX_MASS = 4.0  # kg
FRICTION = 0.219  # of box and floor: 8.6 N hold it, 1.43 robots
TWIST = 0.14  # m, torque over force of that friction: by a corner one robot cannot turn it either
PILLAR = 0.05  # m, its radius
HEIGHT = 0.10  # m, of everything
ARENA = 1.2  # m, where centres stop
