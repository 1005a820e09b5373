"""Where an object is expected after some time, and how far off that may be."""

from math import hypot
from typing import NamedTuple, Optional, Protocol, Tuple

import numpy as np

from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.kernels import ground_contacts

JITTER = 0.1
"""Standard deviation of a detected position, in sizes of the object ..."""
SPEED = 1.5
"""... of the speed of an object that has been seen once, in sizes per second ..."""
ACCELERATION = 2.0
"""... and of what changes its speed: white noise, in sizes per second to the power of 1.5."""
BRISK = 0.7
"""Speed, in sizes per second, below which that is less, in proportion, ..."""
STILL = 0.4
"""... down to this share: who stands mostly goes on standing."""
RELAXATION = 1.0
"""Time constant, in s, with which the expected speed of an unseen object tends to 0."""


class Space(Protocol):
    """The plane in which motion is smooth: that of the picture, or the floor."""

    def locate(self, boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """
        Return foot points, (N, 2), and sizes, (N,), of boxes, (N, 4) xyxy in px.

        A size is the square root of the box's area.  Those that have no place are NaN.
        """

    def shows(self, position: np.ndarray) -> bool:
        """Return whether a position, (2,), is in the picture."""


class PictureSpace:
    """Motion in px."""

    def __init__(self, height: int, width: int):
        """Take the size of the picture in px."""
        self._height, self._width = height, width

    def locate(self, boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return foot points and sizes in px, see `Space`."""
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        feet = ground_contacts(boxes).astype(np.float64)
        return feet, np.sqrt(sides.prod(axis=1, dtype=np.float64))

    def shows(self, position: np.ndarray) -> bool:
        """Return whether a position, (2,) x y in px, is in the picture."""
        return 0 <= position[0] <= self._width and 0 <= position[1] <= self._height


class FloorSpace:
    """
    Motion in m on the floor.

    `view` is how the present frame shows it, None while that is unknown; it may change with each.
    """

    def __init__(self, view: Optional[FloorView], height: int, width: int):
        """Take a first view, and the size of the picture in px."""
        self.view = view
        self._size = height, width
        self._picture = PictureSpace(height, width)

    def locate(self, boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Return foot points and sizes in m, see `Space`; NaN above the horizon."""
        feet, sizes = self._picture.locate(boxes)
        if self.view is None:
            return np.full(feet.shape, np.nan), np.full(sizes.shape, np.nan)
        places, beside = (self.view.to_metres(points) for points in (feet, feet + (1.0, 0.0)))
        return places, sizes * np.hypot(*(beside - places).T)

    def shows(self, position: np.ndarray) -> bool:
        """Return whether a position, (2,) x y in m, is in the picture."""
        return self.view is None or bool(self.view.shows(position, *self._size)[0])


class Expected(NamedTuple):
    """
    Where an object is expected.

    `position` and `velocity`, (2,), in the units of the `Space` and per second.  `variances` are
    those of position, of position with velocity, and of velocity, the same along both axes.
    """

    position: np.ndarray
    velocity: np.ndarray
    variances: Tuple[float, float, float]


class Motion:
    """
    The motion of one object: a Kalman filter of position and velocity, at uneven times.

    The velocity is an Ornstein-Uhlenbeck process, since people stop and turn: unseen objects slow
    down, and the area in which they may be grows with time, not with its cube; see `relaxed`.
    """

    def __init__(self, position: np.ndarray, size: float, now: float):
        """Begin at a position, (2,), with an object of this size, at `now` in s."""
        self.size = size
        self._begin(position, now)

    def _begin(self, position: np.ndarray, now: float) -> None:
        self.seen = now
        self._state = Expected(position, np.zeros(2),
                               ((JITTER * self.size) ** 2, 0.0, (SPEED * self.size) ** 2))

    def expected(self, now: float) -> Expected:
        """Return where the object is expected at `now`, in s."""
        time = now - self.seen
        if time <= 0.0:
            return self._state
        position, velocity, (variance, both, speed) = self._state
        fading, way, (spread, mixed, quick) = relaxed(time, RELAXATION)
        agility = min(max(hypot(*velocity) / (BRISK * self.size), STILL), 1.0)
        noise = (agility * ACCELERATION * self.size) ** 2
        return Expected(
            position + way * velocity, fading * velocity,
            (variance + 2.0 * way * both + way ** 2 * speed + noise * spread,
             fading * (both + way * speed) + noise * mixed,
             fading ** 2 * speed + noise * quick))

    def variance(self, expected: Expected) -> float:
        """Return the variance of where the object is detected."""
        return expected.variances[0] + (JITTER * self.size) ** 2

    def see(self, position: np.ndarray, size: float, now: float) -> None:
        """Take a sighting at a position, (2,), and `now` in s."""
        expected = self.expected(now)
        error = position - expected.position
        if not np.isfinite(error).all():  # one of them is above the horizon
            self.size = size
            self._begin(position, now)
            return
        total = self.variance(expected)
        variance, both, speed = expected.variances
        gain, speed_gain = variance / total, both / total
        self._state = Expected(expected.position + gain * error,
                               expected.velocity + speed_gain * error,
                               ((1.0 - gain) * variance, (1.0 - gain) * both,
                                speed - speed_gain * both))
        self.size += 0.3 * (size - self.size)
        self.seen = now

    def at_its_speed(self, seconds: float) -> np.ndarray:
        """Return where it would be some time after its last sighting if it went straight on."""
        return self._state.position + seconds * self._state.velocity


def relaxed(time: float, relaxation: float) -> Tuple[float, float, Tuple[float, float, float]]:
    """
    Return what becomes of a velocity, an Ornstein-Uhlenbeck process, in `time`, both in s.

    The share of it that is left, and the seconds at the first velocity that its way is worth.  And
    for white noise of variance 1 per s, what that adds to the variance of the position, to its
    covariance with the velocity, and to the variance of the velocity.  D. T. Gillespie, Exact
    numerical simulation of the Ornstein-Uhlenbeck process and its integral, Physical Review E 54,
    1996.
    """
    fading = float(np.exp(-time / relaxation))
    way = relaxation * (1.0 - fading)
    quick = relaxation * (1.0 - fading ** 2) / 2.0
    return fading, way, (relaxation ** 2 * (time - 2.0 * way + quick), way ** 2 / 2.0, quick)
