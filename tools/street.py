"""
A small street in metres, seen by a camera of known matrix: the scene of the embedded demo.

World frame (REP 103): x away from the camera, y to the left, z up, origin on the ground below
the camera, unit metre.  Camera frame: the optical one (x right, y down, z forward).
Pixel coordinates have their origin at the top left corner of the top left pixel.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field
import math
from typing import Iterator, List, NamedTuple, Tuple

import cv2
import numpy as np

WIDTH, HEIGHT = 640, 480
CLASS_NAMES = ('person', 'car')
PERSON, CAR = 0, 1

CAMERA_HEIGHT = 7.0  # m
CAMERA_PITCH = math.radians(22.0)  # downwards
FOCAL_LENGTH = 560.0  # px

ROAD = (13.0, 20.0)  # m, near and far kerb
ZEBRA = (-3.0, 0.0)  # m, right and left edge
WALL_X = 27.0
LIGHT_CYCLE = 14.0  # s; people start to cross in the first 1.5 s, cars pass from 8 s to 13 s
SUPERSAMPLING = 2
_FAR_OUT = 8000
"""Pixels of the supersampled canvas from its corner, beyond which polygons are cut."""
_NEAR = 0.1
"""Smallest depth, in m, of what is projected."""


class Truth(NamedTuple):
    """One object in one frame: ids, box in px (x1, y1, x2, y2), ground position in m."""

    object_id: int
    class_id: int
    box: Tuple[float, float, float, float]
    ground: Tuple[float, float]


def camera_matrix() -> np.ndarray:
    """Return the intrinsic matrix K, (3, 3) float64, in pixels."""
    return np.array([[FOCAL_LENGTH, 0.0, WIDTH / 2],
                     [0.0, FOCAL_LENGTH, HEIGHT / 2],
                     [0.0, 0.0, 1.0]])


def camera_pose() -> Tuple[np.ndarray, np.ndarray]:
    """Return R (3, 3) and t (3,) of `p_camera = R @ p_world + t`, float64, in metres."""
    s, c = math.sin(CAMERA_PITCH), math.cos(CAMERA_PITCH)
    rotation = np.array([[0.0, -1.0, 0.0],
                         [-s, 0.0, -c],
                         [c, 0.0, -s]])
    return rotation, -rotation @ np.array([0.0, 0.0, CAMERA_HEIGHT])


_K = camera_matrix()
_R, _T = camera_pose()


@contextmanager
def seen_from(rotation: np.ndarray, translation: np.ndarray) -> Iterator[None]:
    """
    Look from another pose, as of `camera_pose`, for as long as the block lasts.

    A `Renderer` keeps the background of the pose in which it was made.
    """
    global _R, _T
    before = _R, _T
    _R, _T = rotation, translation
    try:
        yield
    finally:
        _R, _T = before


def _in_camera(points) -> np.ndarray:
    return np.atleast_2d(np.asarray(points, np.float64)) @ _R.T + _T


def project(points) -> np.ndarray:
    """Project world points, (N, 3) metres, to (N, 3): u and v in px, depth in m (at least 0.1)."""
    camera = _in_camera(points)
    depth = np.maximum(camera[:, 2], _NEAR)
    return np.stack([_K[0, 0] * camera[:, 0] / depth + _K[0, 2],
                     _K[1, 1] * camera[:, 1] / depth + _K[1, 2],
                     depth], axis=1)


@dataclass
class Walk:
    """A person's way: where it is at which time, as a polyline over time."""

    times: List[float]
    points: List[Tuple[float, float]]
    height: float
    colours: Tuple
    shirt_width: float

    def position(self, t: float):
        """Return ((x, y), heading unit vector, metres walked, moving) at time t in s."""
        i = int(np.searchsorted(self.times, t, side='right')) - 1
        i = min(max(i, 0), len(self.times) - 2)
        a, b = np.array(self.points[i]), np.array(self.points[i + 1])
        span = self.times[i + 1] - self.times[i]
        step = b - a
        length = float(np.hypot(*step))
        moving = length > 0.3
        heading = step / length if moving else np.array([0.6, -0.8])
        share = (t - self.times[i]) / span
        return a + share * step, heading, length * share, moving


@dataclass
class Drive:
    """A car that passes the zebra at a time with a speed along y."""

    lane_x: float
    velocity: float
    passes_at: float
    colour: Tuple[int, int, int]

    def position(self, t: float):
        """Return ((x, y), heading unit vector) at time t in s."""
        return (np.array([self.lane_x, sum(ZEBRA) / 2 + self.velocity * (t - self.passes_at)]),
                np.array([0.0, math.copysign(1.0, self.velocity)]))


@dataclass
class Street:
    """People and cars of one random seed, from time 0 to `duration` seconds."""

    seed: int
    duration: float
    crowd: float = 1.0
    walks: List[Walk] = field(default_factory=list)
    drives: List[Drive] = field(default_factory=list)

    def __post_init__(self):
        """Draw all ways from the seed; those that begin before time 0 fill the first frame."""
        rng = np.random.default_rng(self.seed)
        t = -40.0
        while t < self.duration:
            self.walks.append(_random_walk(rng, t))
            t += rng.exponential(1.7 / self.crowd)
        for cycle in range(-1, int(self.duration / LIGHT_CYCLE) + 1):
            for lane_x, sign in ((14.9, -1.0), (18.1, 1.0)):
                if rng.random() < 0.8:
                    self.drives.append(Drive(
                        lane_x, sign * rng.uniform(5.0, 8.0),
                        cycle * LIGHT_CYCLE + rng.uniform(8.5, 12.5),
                        tuple(int(v) for v in _CAR_COLOURS[rng.integers(len(_CAR_COLOURS))])))


_CAR_COLOURS = ((40, 40, 190), (170, 90, 40), (200, 200, 205), (60, 60, 65), (60, 150, 200),
                (90, 130, 70))
_SHIRTS = ((60, 60, 200), (190, 120, 40), (60, 150, 60), (40, 170, 220), (160, 80, 150),
           (210, 210, 215), (70, 70, 75), (120, 60, 40), (90, 190, 190))
_TROUSERS = ((90, 60, 40), (50, 50, 55), (110, 120, 130), (60, 80, 100))
_SKINS = ((150, 180, 225), (110, 150, 205), (70, 100, 150), (50, 70, 105))
_HAIRS = ((30, 35, 45), (40, 70, 110), (90, 150, 190), (110, 110, 115))


def _random_walk(rng, start: float) -> Walk:
    side = 1.0 if rng.random() < 0.5 else -1.0
    near_x, far_x = rng.uniform(8.6, 12.3), rng.uniform(21.0, 25.0)
    zebra_y = rng.uniform(ZEBRA[0] + 0.5, ZEBRA[1] - 0.5)
    kerb_near, kerb_far = (ROAD[0] - 0.6, zebra_y), (ROAD[1] + 0.7, zebra_y)
    near_edge, far_edge = (near_x, side * 13.0), (far_x, side * 20.0)
    kind = rng.choice(5, p=(0.2, 0.2, 0.2, 0.15, 0.25))
    if kind == 0:  # along the near pavement
        plan = [near_edge, (near_x, -side * 13.0)]
    elif kind == 1:  # along the far pavement
        plan = [far_edge, (far_x, -side * 20.0)]
    elif kind == 2:  # over the zebra, away
        plan = [near_edge, kerb_near, 'light', kerb_far, (far_x, -side * 20.0)]
    elif kind == 3:  # over the zebra, towards the camera
        plan = [far_edge, kerb_far, 'light', kerb_near, (near_x, -side * 13.0)]
    else:  # to the bus stop and on
        stop = (11.7 + rng.uniform(-0.5, 0.5), 4.2 + rng.uniform(-1.2, 1.2))
        plan = [near_edge, stop, float(rng.uniform(6.0, 18.0)), (near_x, -side * 13.0)]
    speed = rng.uniform(1.1, 1.6)
    times, points = [start], [plan[0]]
    for step in plan[1:]:
        here, now = points[-1], times[-1]
        if step == 'light':
            phase = now % LIGHT_CYCLE
            wait = 0.2 if phase < 1.2 else LIGHT_CYCLE - phase + rng.uniform(0.1, 1.2)
            times.append(now + wait)
            points.append((here[0] + 0.02, here[1]))
        elif isinstance(step, float):
            times.append(now + step)
            points.append((here[0] + 0.02, here[1]))
        else:
            times.append(now + max(math.dist(here, step), 0.1) / speed)
            points.append(step)

    def pick(table):
        return tuple(int(v) for v in table[rng.integers(len(table))])
    colours = (pick(_SHIRTS), pick(_TROUSERS), pick(_SKINS), pick(_HAIRS))
    return Walk(times, points, rng.uniform(1.55, 1.9), colours, rng.uniform(0.36, 0.46))


class Renderer:
    """Pictures of a `Street`: the still background is drawn once and kept."""

    def __init__(self):
        """Draw the background."""
        self._background = _draw_background()

    def frame(self, street: Street, t: float) -> Tuple[np.ndarray, List[Truth]]:
        """Return the picture at t seconds, (480, 640, 3) uint8 BGR, and its visible objects."""
        scale = SUPERSAMPLING
        things = []
        for index, walk in enumerate(street.walks):
            if walk.times[0] <= t < walk.times[-1]:
                ground, heading, walked, moving = walk.position(t)
                things.append((index, PERSON, ground, _person(walk, ground, heading, walked,
                                                              moving)))
        for index, drive in enumerate(street.drives):
            ground, heading = drive.position(t)
            if abs(ground[1]) < 25.0:
                things.append((1000 + index, CAR, ground, _car(drive, ground, heading)))
        things.sort(key=lambda thing: -_in_camera([(*thing[2], 0.0)])[0, 2])

        canvas = self._background.copy()
        shade = np.zeros(canvas.shape[:2], np.uint8)
        for _, class_id, ground, _ in things:
            cv2.fillConvexPoly(shade, _pixels(_shadow(class_id, ground)), 255, cv2.LINE_AA)
        shade = cv2.blur(shade, (7, 7))[:, :, None]
        region = np.flatnonzero(shade.any(axis=(1, 2)))
        if region.size:
            rows = slice(region[0], region[-1] + 1)
            dark = 1.0 - shade[rows].astype(np.float32) * (0.45 / 255.0)
            canvas[rows] = (canvas[rows] * dark).astype(np.uint8)

        owner = np.zeros(canvas.shape[:2], np.uint8)
        whole = []
        for number, (_, _, _, shapes) in enumerate(things, start=1):
            mask = np.zeros_like(owner)
            for shape in shapes:
                _paint(canvas, shape, shape[-1])
                _paint(mask, shape, 255, smooth=False)
            owner[mask > 0] = number
            whole.append(mask)
        truths = []
        for number, (object_id, class_id, ground, _) in enumerate(things, start=1):
            mask = whole[number - 1]
            x, y, w, h = cv2.boundingRect(mask)
            seen = int(np.count_nonzero(owner == number))
            if w < 4 * scale or h < 8 * scale or seen < 0.3 * np.count_nonzero(mask):
                continue
            truths.append(Truth(object_id, class_id,
                                (x / scale, y / scale, (x + w) / scale, (y + h) / scale),
                                (float(ground[0]), float(ground[1]))))
        return cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), truths


_SHIFT = 4


def _pixels(points) -> np.ndarray:
    """Project to fixed-point coordinates of the supersampled canvas, without sub-pixel shift."""
    return np.round(np.clip(project(points)[:, :2] * SUPERSAMPLING, -_FAR_OUT, _FAR_OUT)).astype(
        np.int32)


def _polygon(points) -> np.ndarray:
    """Return `_pixels` of a polygon, cut where it leaves what is before the camera."""
    points = np.asarray(points, np.float64)
    out = np.abs(project(points)[:, :2] * SUPERSAMPLING).max() > _FAR_OUT
    if out or _in_camera(points)[:, 2].min() < _NEAR:
        reach = _FAR_OUT / SUPERSAMPLING / 2 / FOCAL_LENGTH
        for normal in ((0, 0, 1), (1, 0, reach), (-1, 0, reach), (0, 1, reach), (0, -1, reach)):
            points = _cut(points, _in_camera(points) @ normal - _NEAR)
            if not len(points):
                return np.empty((0, 2), np.int32)
    return _pixels(points)


def _cut(points: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the part of a polygon, (N, 3), where a linear function, (N,), is positive."""
    kept = []
    for index, here in enumerate(inside):
        before = inside[index - 1]
        if (here > 0.0) != (before > 0.0):
            share = before / (before - here)
            kept.append(points[index - 1] + share * (points[index] - points[index - 1]))
        if here > 0.0:
            kept.append(points[index])
    return np.array(kept).reshape(-1, 3)


def _fixed(points) -> np.ndarray:
    scaled = project(points)[:, :2] * SUPERSAMPLING * (1 << _SHIFT)
    return np.round(np.clip(scaled, -100000, 100000)).astype(np.int32)


def _paint(image, shape, colour, smooth=True):
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    kind, points, size = shape[:3]
    if kind == 'polygon':
        cv2.fillConvexPoly(image, points, colour, line, _SHIFT)
    elif kind == 'disc':
        cv2.circle(image, tuple(int(v) for v in points[0]), size, colour, -1, line, _SHIFT)
    else:
        cv2.line(image, tuple(int(v) for v in points[0]), tuple(int(v) for v in points[1]),
                 colour, max(1, size), line, _SHIFT)


def _shadow(class_id, ground) -> np.ndarray:
    angles = np.linspace(0.0, 2.0 * np.pi, 20, endpoint=False)
    along, across, shift = (0.34, 0.5, 0.25) if class_id == PERSON else (1.1, 2.5, 0.15)
    return np.stack([ground[0] + along * np.cos(angles),
                     ground[1] - shift + across * np.sin(angles), np.zeros_like(angles)], axis=1)


def _person(walk: Walk, ground, heading, walked, moving):
    shirt, trousers, skin, hair = walk.colours
    h = walk.height
    forward = np.array([heading[0], heading[1], 0.0])
    right = np.array([heading[1], -heading[0], 0.0])
    up = np.array([0.0, 0.0, 1.0])
    base = np.array([ground[0], ground[1], 0.0])
    px_per_m = FOCAL_LENGTH / project([base])[0, 2] * SUPERSAMPLING
    swing = math.sin(walked * 2.0 * math.pi / 1.45) if moving else 0.12
    hip, neck = base + 0.5 * h * up, base + 0.82 * h * up
    half = walk.shirt_width / 2
    shapes = []

    def limb(a, b, width, colour):
        shapes.append(('line', _fixed([a, b]), int(round(width * px_per_m)), colour))
    for sign in (1.0, -1.0):
        side = sign * 0.09 * right
        foot = base + side + sign * swing * 0.3 * forward + 0.04 * up
        knee = (hip + side + foot) / 2 + 0.05 * forward
        limb(hip + side, knee, 0.16, trousers)
        limb(knee, foot, 0.13, trousers)
        limb(foot, foot + 0.12 * forward, 0.09, (35, 35, 40))
    for sign in (1.0, -1.0):
        shoulder = neck + sign * half * right
        hand = hip + sign * (half + 0.04) * right - sign * swing * 0.22 * forward - 0.02 * up
        limb(shoulder, hand, 0.1, tuple(int(c * 0.8) for c in shirt))
        shapes.append(('disc', _fixed([hand]), int(0.05 * px_per_m * (1 << _SHIFT)), skin))
    # Two widths seen from any side: shoulders across the heading, chest along it.
    limb(hip + 0.04 * up, neck - 0.06 * up, 0.3, shirt)
    quad = _fixed([neck - half * right, neck + half * right,
                   hip + 0.75 * half * right, hip - 0.75 * half * right])
    shapes.append(('polygon', cv2.convexHull(quad)[:, 0], 0, shirt))
    head = base + 0.92 * h * up
    radius = int(0.125 * px_per_m * (1 << _SHIFT))
    shapes.append(('disc', _fixed([head]), radius, skin))
    shapes.append(('disc', _fixed([head + 0.05 * up - 0.03 * forward]), int(radius * 0.92), hair))
    return shapes


def _box_faces(centre, heading, length, width, low, high, colour, eye):
    forward = np.array([heading[0], heading[1], 0.0])
    left = np.array([-heading[1], heading[0], 0.0])
    base = np.array([centre[0], centre[1], 0.0])

    def corner(a, b, z):
        return base + a * length / 2 * forward + b * width / 2 * left + np.array([0.0, 0.0, z])
    for normal, shade, corners in (
            (forward, 0.75, [(1, 1, low), (1, -1, low), (1, -1, high), (1, 1, high)]),
            (-forward, 0.7, [(-1, 1, low), (-1, -1, low), (-1, -1, high), (-1, 1, high)]),
            (left, 0.85, [(1, 1, low), (-1, 1, low), (-1, 1, high), (1, 1, high)]),
            (-left, 0.85, [(1, -1, low), (-1, -1, low), (-1, -1, high), (1, -1, high)]),
            (np.array([0.0, 0.0, 1.0]), 1.0,
             [(1, 1, high), (1, -1, high), (-1, -1, high), (-1, 1, high)])):
        face = np.array([corner(*c) for c in corners])
        if normal @ (eye - face.mean(axis=0)) > 0:
            yield ('polygon', _fixed(face), 0, tuple(int(v * shade) for v in colour))


def _car(drive: Drive, ground, heading):
    eye = -_R.T @ _T
    shapes = list(_box_faces(ground, heading, 4.2, 1.75, 0.28, 0.85, drive.colour, eye))
    near_side = np.array([ground[0] - 0.88, 0.0, 0.0])
    angles = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    for offset in (-1.3, 1.3):
        wheel = np.stack([np.full_like(angles, near_side[0]),
                          ground[1] + offset + 0.32 * np.cos(angles),
                          0.32 + 0.32 * np.sin(angles)], axis=1)
        shapes.append(('polygon', _fixed(wheel), 0, (30, 30, 32)))
        hub = wheel.copy()
        hub[:, 1] = ground[1] + offset + 0.15 * np.cos(angles)
        hub[:, 2] = 0.32 + 0.15 * np.sin(angles)
        shapes.append(('polygon', _fixed(hub), 0, (150, 150, 155)))
    back = np.array(ground) - 0.2 * np.array(heading)
    shapes += _box_faces(back, heading, 2.3, 1.55, 0.85, 1.38, (95, 85, 70), eye)
    shapes += _box_faces(back, heading, 1.9, 1.45, 1.38, 1.45, drive.colour, eye)
    return shapes


def _draw_background() -> np.ndarray:
    rng = np.random.default_rng(7)
    image = np.full((HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING, 3), (205, 185, 160), np.uint8)

    def fill(points, colour):
        polygon = _polygon(points)
        if len(polygon):
            cv2.fillConvexPoly(image, polygon, colour, cv2.LINE_AA)

    def rectangle(x0, x1, y0, y1, colour):
        fill([(x0, y0, 0), (x0, y1, 0), (x1, y1, 0), (x1, y0, 0)], colour)

    def wall(y0, y1, z0, z1, colour):
        fill([(WALL_X, y0, z0), (WALL_X, y1, z0), (WALL_X, y1, z1), (WALL_X, y0, z1)], colour)
    rectangle(3.5, WALL_X, -40, 40, (168, 172, 176))
    for x in np.arange(6.0, ROAD[0], 1.0):
        rectangle(x, x + 0.03, -40, 40, (150, 154, 158))
    for y in np.arange(-15.0, 15.0, 1.0):
        rectangle(3.5, ROAD[0], y, y + 0.03, (150, 154, 158))
    for y in np.arange(-30.0, 30.0, 1.5):
        rectangle(ROAD[1], WALL_X, y, y + 0.05, (152, 156, 160))
    rectangle(ROAD[0] - 0.25, ROAD[1] + 0.25, -40, 40, (195, 198, 200))
    rectangle(*ROAD, -40, 40, (88, 86, 84))
    for y in np.arange(-38.0, 38.0, 3.0):
        if not ZEBRA[0] - 2 < y < ZEBRA[1] + 1:
            rectangle(16.42, 16.58, y, y + 1.5, (215, 218, 220))
    for x in np.arange(ROAD[0] + 0.3, ROAD[1] - 0.3, 1.0):
        rectangle(x, x + 0.55, *ZEBRA, (222, 225, 228))
    rectangle(11.0, 12.4, 2.6, 5.8, (150, 175, 150))  # the bus stop's platform
    y = -34.0
    while y < 34.0:
        width = rng.uniform(6.0, 10.0)
        tone = rng.uniform(0.75, 1.05)
        base = ((120, 140, 175), (150, 165, 180), (135, 130, 150), (110, 145, 160))
        colour = tuple(int(v * tone) for v in base[rng.integers(4)])
        wall(y, y + width, 0.0, 14.0, colour)
        wall(y, y + width, 0.0, 0.5, tuple(int(v * 0.7) for v in colour))
        for window in np.arange(y + 0.8, y + width - 1.2, 2.2):
            wall(window, window + 1.3, 0.9, 2.5, (95, 80, 65))
            wall(window + 0.1, window + 1.2, 1.0, 2.4, (140, 120, 95))
            for floor in (4.2, 7.4):
                wall(window, window + 1.2, floor, floor + 1.6, (115, 95, 78))
        y += width
    grain = rng.normal(0.0, 4.0, image.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (5, 5), 0)[:, :, None] * 2.0
    return np.clip(image + grain, 0, 255).astype(np.uint8)
