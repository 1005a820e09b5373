"""
Where a camera is above the floor, from the heads and feet of people.

A person of height H stands at p = -h / (up . f) * f, where h is the camera's height, `up` the
floor's normal and f = (x, y, 1) the ray through the middle of the box's lower edge, in the
camera's optical frame.  The upper edge of the box is that of the head's back, at p + H * w with
w = up + D * away: `away` is the unit vector along the floor from camera to person, and D * H how
deep a body is.  The height of the box then depends on `up` and on H / h alone (derived here; for
thin poles, D = 0, it is A. Criminisi, I. Reid, A. Zisserman, Single view metrology, IJCV 40(2),
2000, eq. 4):

    y_lower - y_upper = H / h * (up . f) * (w_y - y_upper * w_z)

So each box says what H / h is for a given tilt and roll, and with the right ones all boxes say
the same, but for the differences between people.  The fit makes the logarithms of H / h agree.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import checked_matrix

PERSON_HEIGHT = 1.7
"""Mean height of a person in m, with shoes, where none is given."""
SCALE_SD = 0.05
"""Relative standard deviation of that mean: an error of all metres, whatever the boxes say."""
FEWEST = 20
"""Boxes without which there is no fit."""
_FEWEST_AGREE = 10
_FREE = 3
"""Numbers that are fitted: tilt, roll and height."""
MOST_UNCERTAIN = 0.15
"""Uncertainty of places, as a share of their distance, above which a fit is refused."""
_TILTS = np.radians(np.arange(-20.0, 71.0, 2.0))
_ROLLS = np.radians(np.arange(-30.0, 31.0, 3.0))
_PEOPLE = 0.06
"""Relative standard deviation of the heights of boxes: people differ, and boxes are loose."""
_DIFFER, _KNOWN = 0.045, 4.0
"""
Relative standard deviation of the heights of adults, and how many people's heights that is worth.

Of few people, heights hardly say how much people differ.
"""
_DEPTH = 0.135
"""
How deep a body is, as a share of its height: half a foot (13 cm) and half a head (10 cm) of 1.7 m.

Seen from above, the lower edge of a box is that of the tips of feet, the upper one of the head's
back.  With thin poles instead, tilt and height come out too small.
"""
_STEP = 1e-6
_EDGE = 1.5
"""Standard deviation of a box's edge in px."""
_REJECTION = 3.5
"""Standard deviations from which Tukey's biweight gives no weight."""
_SCALES = (0.7, 2.0)
"""
Smallest and largest spread of the residuals, as a multiple of what is expected.

With a smaller one, a fit to few people would take some of them for false boxes of the others.
"""
_GRID_SPREAD = 2.0
"""The same on the grid of angles, between whose points the best one lies."""
_ITERATIONS = 60
_LARGEST_STEP = np.radians(4.0)
_SMALLEST = 16.0
"""Where people are less px high, their boxes are not used: edges are whole px."""
_ROUNDS = 3
"""Fits, each with the heights in px that the one before expects."""
_SAME_PLACE = 0.25
"""Distance of feet in the picture, by the height of the box, within which a place is the same."""
_NEAR_AND_FAR = 0.25
"""Least range of feet in the picture, up and down, as a share of the height of boxes."""
_STEEPEST = np.radians(60.0)
_PLAUSIBLE = 9.0
"""Rise of the sum of squares, in variances, up to which a tilt is plausible."""
_WIDEST_TILTS = np.radians(20.0)
"""Range of plausible tilts above which a fit is refused."""
_ABOVE_HORIZON = 0.1
"""Share of the boxes whose feet may lie above the horizon: false ones."""


@dataclass(frozen=True)
class PersonCalibration:
    """
    Where a camera is above the floor.

    `tilt` is the angle in rad by which it looks down, `roll` that by which it is turned about its
    optical axis, clockwise as seen from behind it, `height` its height over the floor in m for
    people of `person_height` m.  `covariance`, (3, 3), is of (tilt, roll, log height), by the
    residuals alone.  `boxes` (N, 4) are those that were given, xyxy in px; `used` (N,) bool are
    those that agree; `residuals` (N,) is the logarithm of each person's height in relation to
    `person_height`: -0.2 is 20 % too short.  `people` is about how many independent people the
    boxes are of, of which the covariance takes account.
    """

    camera: Camera
    tilt: float
    roll: float
    height: float
    person_height: float
    covariance: np.ndarray
    boxes: np.ndarray
    used: np.ndarray
    residuals: np.ndarray
    people: float

    @property
    def tilt_sd(self) -> float:
        """Return the standard deviation of `tilt` in rad."""
        return float(np.sqrt(self.covariance[0, 0]))

    @property
    def roll_sd(self) -> float:
        """Return the standard deviation of `roll` in rad."""
        return float(np.sqrt(self.covariance[1, 1]))

    @property
    def height_sd(self) -> float:
        """Return the standard deviation of `height` in m, with that of the mean person."""
        return self.height * float(np.sqrt(self.covariance[2, 2] + SCALE_SD ** 2))

    @cached_property
    def rotation(self) -> np.ndarray:
        """Return R, (3, 3), from the floor's frame to the optical one."""
        return _rotation(self.tilt, self.roll)

    @cached_property
    def matrix(self) -> np.ndarray:
        """
        Return the homography, (3, 3), from undistorted px (u, v, 1) to m (x, y, 1) on the floor.

        The floor's frame is below the camera: x away from it, y to the left, z up (REP 103).
        """
        return checked_matrix(_matrix(self.camera.matrix, self.tilt, self.roll, self.height),
                              self.feet[self.used])

    @cached_property
    def feet(self) -> np.ndarray:
        """Return the middle of each box's lower edge in undistorted px, (N, 2)."""
        return self.camera.undistorted(_middles(self.boxes)[0])

    @cached_property
    def places(self) -> np.ndarray:
        """Return where people stand in m, (N, 2); NaN above the horizon."""
        return FloorView(self.matrix).to_metres(self.feet)

    def poles(self, boxes: np.ndarray) -> np.ndarray:
        """
        Return the lower and the upper end of a person of `person_height` at boxes, (N, 2, 2) px.

        They are where the edges of a box that fits should be.  `boxes` (N, 4) are xyxy in px; the
        poles of those above the horizon are NaN.
        """
        feet = self.camera.undistorted(_middles(np.asarray(boxes, np.float64))[0])
        foot = np.c_[FloorView(self.matrix).to_metres(feet), np.zeros(len(feet))]
        away = _DEPTH * foot / np.linalg.norm(foot, axis=1, keepdims=True)
        head = foot + self.person_height * (away + (0.0, 0.0, 1.0))
        points = np.stack((foot, head), axis=1)
        seen = (points - (0.0, 0.0, self.height)) @ self.rotation.T
        with np.errstate(divide='ignore', invalid='ignore'):
            rays = np.where(seen[..., 2:] > 0.0, seen[..., :2] / seen[..., 2:], np.nan)
        return self.camera.pixels(rays.reshape(-1, 2)).reshape(-1, 2, 2)

    def place_sd(self, feet: np.ndarray, with_scale: bool = True) -> np.ndarray:
        """
        Return the standard deviation of places in m, (N,), by first-order propagation.

        `feet` (N, 2) are in undistorted px.  `with_scale` includes that of the mean person.
        """
        parameters = np.array((self.tilt, self.roll, np.log(self.height)))
        covariance = self.covariance + np.diag((0.0, 0.0, SCALE_SD ** 2 * with_scale))
        step, slopes = 1e-5, []
        for axis in np.eye(3) * step:
            ends = [FloorView(_matrix(self.camera.matrix, tilt, roll, np.exp(height))).to_metres(
                feet) for tilt, roll, height in (parameters + axis, parameters - axis)]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        slopes = np.stack(slopes)
        return np.sqrt(np.einsum('inc,ij,jnc->n', slopes, covariance, slopes))


def _up(tilt, roll) -> np.ndarray:
    """Return the floor's normal in the optical frame, (..., 3), of angles in rad, (...)."""
    return np.stack((-np.cos(tilt) * np.sin(roll), -np.cos(tilt) * np.cos(roll),
                     -np.sin(tilt) * np.ones_like(roll)), axis=-1)


def _rotation(tilt: float, roll: float) -> np.ndarray:
    """Return R, (3, 3), from the floor's frame (x ahead, y left, z up) to the optical one."""
    up = _up(tilt, roll)
    ahead = np.array((0.0, 0.0, 1.0)) - up[2] * up
    ahead /= np.linalg.norm(ahead)
    return np.column_stack((ahead, np.cross(up, ahead), up))


def _matrix(intrinsics: np.ndarray, tilt: float, roll: float, height: float) -> np.ndarray:
    """Return the homography, (3, 3), from undistorted px to m, positive below the horizon."""
    rotation = _rotation(tilt, roll)
    to_pixels = intrinsics @ np.column_stack((rotation[:, 0], rotation[:, 1],
                                              -height * rotation[:, 2]))
    # Its third row is then -up . ray / h, as it is for to_pixels of positive depth.
    return np.linalg.inv(to_pixels)


def _middles(boxes: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the middles of lower and upper edges, (N, 2) px each."""
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    return np.c_[middle, boxes[:, 3]], np.c_[middle, boxes[:, 1]]


class _People(NamedTuple):
    """
    What the boxes are to the fit.

    `foot` (N, 3) are rays through lower edges, `head` (N,) is y / z of those through upper edges,
    `sd` (N,) the expected standard deviation of the logarithm of H / h.
    """

    foot: np.ndarray
    head: np.ndarray
    sd: np.ndarray

    def only(self, which: np.ndarray) -> '_People':
        """Return those of a mask, (N,) bool."""
        return _People(self.foot[which], self.head[which], self.sd[which])

    def logs(self, tilt, roll) -> np.ndarray:
        """Return log(H / h) of all boxes, (..., N), of angles (...); inf above the horizon."""
        up = _up(np.asarray(tilt), np.asarray(roll))
        below = -(up @ self.foot.T)
        # Per box: a unit vector along the floor, away from the camera.
        flat = self.foot + below[..., None] * up[..., None, :]
        flat *= _DEPTH / np.linalg.norm(flat, axis=-1, keepdims=True)
        lean = ((up[..., 2:] + flat[..., 2]) * self.head - up[..., 1:2] - flat[..., 1])
        with np.errstate(divide='ignore', invalid='ignore'):
            logs = np.log(self.foot[:, 1] - self.head) - np.log(below) - np.log(lean)
        return np.where((below > 1e-6) & (lean > 1e-6), logs, np.inf)

    def slopes(self, tilt: float, roll: float) -> np.ndarray:
        """Return the derivatives of `logs` minus the mean by tilt, roll and mean, (N, 3)."""
        steps = np.array(((_STEP, 0.0), (-_STEP, 0.0), (0.0, _STEP), (0.0, -_STEP)))
        with np.errstate(invalid='ignore'):
            logs = self.logs(tilt + steps[:, 0], roll + steps[:, 1])
            by_tilt, by_roll = (logs[::2] - logs[1::2]) / (2 * _STEP)
        return np.column_stack((by_tilt, by_roll, -np.ones(len(self.head))))


def _biweight(residuals: np.ndarray) -> np.ndarray:
    """Return Tukey's loss, between 0 and 1, of residuals in standard deviations."""
    return 1.0 - (1.0 - np.clip(residuals / _REJECTION, -1.0, 1.0) ** 2) ** 3


def _weights(residuals: np.ndarray) -> np.ndarray:
    """Return Tukey's weights of residuals in standard deviations."""
    return (1.0 - np.clip(residuals / _REJECTION, -1.0, 1.0) ** 2) ** 2


def _search(people: _People) -> Tuple[np.ndarray, np.ndarray]:
    """
    Return tilt, roll and log(H / h) of the least loss on a grid of angles, (3,).

    Beside it is the least loss of each tilt of the grid, as a sum of squared residuals.
    """
    roll, tilt = (angle.ravel() for angle in np.meshgrid(_ROLLS, _TILTS, indexing='ij'))
    logs = people.logs(tilt, roll)
    middle = np.median(logs, axis=1)
    loss = np.ones(len(tilt))
    usable = np.isfinite(middle)
    loss[usable] = _biweight((logs[usable] - middle[usable, None])
                             / (_GRID_SPREAD * people.sd)).mean(axis=1)
    best = int(np.argmin(loss))
    if not usable[best]:
        raise HeatError('no horizon is above the feet of most boxes: these are no people on one '
                        'level floor, or the focal length is wrong')
    # Small residuals r lose 3 (r / c)^2 each.
    squares = loss * len(people.head) * (_REJECTION * _GRID_SPREAD) ** 2 / 3
    return (np.array((tilt[best], roll[best], middle[best])),
            squares.reshape(len(_ROLLS), len(_TILTS)).min(axis=0))


def _refined(people: _People,
             start: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """
    Return parameters, their covariance, weights of boxes, and the spread of the residuals.

    It is iteratively reweighted least squares (Gauss-Newton).  The covariance is the sandwich of
    an M-estimator (P. Huber, E. Ronchetti, Robust statistics, 2009, ch. 7), which does not assume
    that residuals are as large as expected, for boxes that are all of other people, and many.
    """
    parameters, spread = start, 1.0
    for _ in range(_ITERATIONS):
        residuals = (people.logs(*parameters[:2]) - parameters[2]) / people.sd
        weights = _weights(residuals / spread)
        slopes = people.slopes(*parameters[:2])[weights > 0] / people.sd[weights > 0, None]
        residuals, weights = residuals[weights > 0], weights[weights > 0]
        normal = slopes.T @ (weights[:, None] * slopes)
        if len(weights) < _FEWEST_AGREE:
            raise HeatError(_few_agree(len(weights), len(people.head)))
        if np.linalg.cond(normal) > 1e12:
            raise HeatError('the boxes do not say where the camera is: people stand at one '
                            'distance, or differ too much; let some walk nearer and further '
                            'away')
        step = -np.linalg.solve(normal, slopes.T @ (weights * residuals))
        step *= min(1.0, _LARGEST_STEP / max(np.abs(step[:2]).max(), 1e-12))
        parameters = parameters + step
        # 1.4826 makes the median of absolute residuals the standard deviation of a Gaussian.
        all_of_them = (people.logs(*parameters[:2]) - parameters[2]) / people.sd
        true_spread = 1.4826 * float(np.median(np.abs(all_of_them)))
        spread = float(np.clip(true_spread, *_SCALES))
        if np.abs(step).max() < 1e-7:
            break
    bread = np.linalg.inv(normal)
    pulls = slopes * (weights * residuals)[:, None]
    return (parameters, bread @ (pulls.T @ pulls) @ bread, _weights(all_of_them / spread),
            true_spread)


def _by_place(feet: np.ndarray, tall: np.ndarray) -> np.ndarray:
    """
    Return a number for the place of each box, (N,) int.

    `feet` (N, 2) are in px, `tall` (N,) are the expected heights of boxes there in px.
    """
    apart = np.abs(feet[:, None] - feet[None]).max(axis=2)
    near = apart < _SAME_PLACE * np.minimum(tall[:, None], tall[None])
    place, number = np.full(len(feet), -1), 0
    # The densest places first: a grid would cut some in two.
    for box in np.argsort(-near.sum(axis=1), kind='stable'):
        if place[box] < 0:
            place[near[box] & (place < 0)] = number
            number += 1
    return place


def _of_places(slopes: np.ndarray, weights: np.ndarray, residuals: np.ndarray,
               place: np.ndarray) -> Tuple[np.ndarray, float]:
    """
    Return the covariance of the fit, (3, 3), and about how many people are in the boxes.

    Somebody who stands gives many boxes in one place, with one error: that person's height.  So
    a residual is the sum of a part that boxes of one `place`, (N,) int, share and of one that
    they do not; where many people pass one place, the former comes out small.  Their variances
    are estimated by moments (C. R. Henderson, Estimation of variance and covariance components,
    1953), which counts what the fit has taken from the residuals, and is much with few people.
    `slopes` (N, 3) and `residuals` (N,) are in standard deviations, `weights` (N,) are Tukey's.
    """
    sizes = np.bincount(place)
    inside = np.eye(len(sizes))[place]
    pulls = weights[:, None] * slopes
    bread = np.linalg.inv(slopes.T @ pulls)
    # Residuals are `left` times errors.
    left = np.sqrt(weights)[:, None] * (np.eye(len(place)) - slopes @ bread @ pulls.T)
    means = inside.T @ residuals / sizes
    own = np.sum((residuals - means[place]) ** 2) / max(len(place) - len(sizes), 1)
    common = max((weights @ residuals ** 2 - own * np.sum(left ** 2))
                 / max(np.sum((left @ inside) ** 2), 1e-9), 0.0)
    places = len(place) ** 2 / np.sum(sizes ** 2)  # as many as would do of equal sizes
    seen = max(places - _FREE, 0.0)
    common = (_KNOWN * (_DIFFER / _PEOPLE) ** 2 + seen * common) / (_KNOWN + seen)
    meat = own * pulls.T @ pulls + common * (pulls.T @ inside) @ (pulls.T @ inside).T
    # Of Kish's design effect (Survey sampling, 1965, ch. 5).
    people = len(place) ** 2 / np.sum(sizes + common / (common + own) * sizes * (sizes - 1))
    return bread @ meat @ bread, float(people)


def fit_camera(boxes: np.ndarray, camera: Camera, person_height: float = PERSON_HEIGHT,
               people: Optional[int] = None) -> PersonCalibration:
    """
    Return where a camera is, from boxes of people who stand or walk on one level floor.

    `boxes`, (N, 4) xyxy in px as the camera sees them, distorted or not, are best those of
    `usable_boxes` and `spread_boxes`; up to half of them may be wrong.  `person_height` is the
    mean height of these people in m, `people` about how many pass by, see `people_among`; without
    it only people who stand are taken to be in several boxes, and uncertainties may come out too
    small.  Raises HeatError, one line, if the boxes do not say where the camera is.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    if not 0.3 <= person_height <= 3.0:
        raise HeatError(f'a person height of {person_height:g} m: give that of people, in m')
    if len(boxes) < FEWEST:
        raise HeatError(f'only {len(boxes)} boxes of people: {FEWEST} are needed, better 100, '
                        'near and far; give a longer recording')
    foot, head = (camera.rays(ends) for ends in _middles(boxes))
    tall = (foot[:, 1] - head[:, 1]) * camera.matrix[1, 1]
    if not (np.isfinite(foot).all() and np.isfinite(head).all() and (tall > 0.0).all()):
        raise HeatError('boxes where the lens distortion cannot be undone: the distortion '
                        'coefficients are not those of this camera; calibrate it again')
    data = _People(np.c_[foot, np.ones(len(foot))], head[:, 1], _sd(tall))
    start, profile = _search(data)
    data, large, (parameters, covariance, weights, spread) = _fitted(data, tall, start)
    tilt, roll, log_ratio = parameters
    logs = data.logs(tilt, roll)
    used = large.copy()
    used[large] = weights > 0.0
    if spread > _SCALES[1]:
        raise HeatError(f'the boxes differ by {spread * _PEOPLE:.0%} from what any camera would '
                        'see: these are people of very different heights (children among '
                        'adults), or most feet are hidden, or the floor is not level')
    _check_distances(data, _up(tilt, roll), used)
    agreeing = data.only(used)
    standing, independent = _of_places(
        agreeing.slopes(tilt, roll) / agreeing.sd[:, None], weights[weights > 0.0],
        (logs - log_ratio)[used] / agreeing.sd,
        _by_place(camera.undistorted(_middles(boxes)[0])[used],
                  tall[used] * np.exp(log_ratio - logs[used])))
    count = np.count_nonzero(used)
    # Boxes of one person share that person's height, in one place or on a way: as with clusters in
    # two directions, both count, less what is in both (A. Cameron, J. Gelbach, D. Miller, Robust
    # inference with multiway clustering, J. of Business & Economic Statistics 29(2), 2011).
    passing = min(people or count, count)
    walking = covariance * count / max(passing - _FREE, 1)
    independent = min(independent, passing)
    shared = count / independent
    _check_tilts(tilt, _TILTS[profile - profile.min() < _PLAUSIBLE * shared * spread ** 2])
    above = np.isinf(logs).mean()
    if above > _ABOVE_HORIZON:
        raise HeatError(f'the feet of {above:.0%} of the boxes are above the horizon that the '
                        'others say: these are no people on one level floor, or the focal length '
                        'is wrong')
    found = PersonCalibration(
        camera, float(tilt), float(roll), float(person_height * np.exp(-log_ratio)),
        person_height, standing + walking - covariance, boxes, used, logs - log_ratio,
        independent)
    _check(found, np.count_nonzero(large))
    return found


def _sd(tall: np.ndarray) -> np.ndarray:
    """Return the expected standard deviation of log(H / h), (N,), of boxes `tall` px high."""
    return np.hypot(_PEOPLE, np.sqrt(2.0) * _EDGE / tall)


def _fitted(data: _People, tall: np.ndarray,
            start: np.ndarray) -> Tuple[_People, np.ndarray, Tuple]:
    """
    Return boxes with their final `sd`, which of them were large enough, (N,) bool, and the fit.

    Which boxes count, and how much, must depend on their places alone: of people who are about as
    high as the limit, a limit for the boxes themselves would take the taller ones, and say that
    people look higher far away.  `tall` (N,) are the heights of the boxes in px.
    """
    large = np.ones(len(tall), bool)
    fit = _refined(data, start)
    for _ in range(_ROUNDS):
        parameters = fit[0]
        expected = tall * np.exp(parameters[2] - data.logs(*parameters[:2]))
        large = expected >= _SMALLEST
        if np.count_nonzero(large) < FEWEST:
            raise HeatError(f'only {np.count_nonzero(large)} of {len(tall)} boxes are where '
                            f'people are {_SMALLEST:g} px high or more, and {FEWEST} are needed: '
                            'let them walk nearer, or give pictures of a higher resolution')
        data = data._replace(sd=_sd(np.maximum(expected, 1.0)))
        fit = _refined(data.only(large), parameters)
    return data, large, fit


def _few_agree(agree: int, count: int) -> str:
    return (f'only {agree} of {count} boxes agree on a camera: people of very different heights '
            '(children among adults), hidden feet, people who sit, or a floor that is not level')


def _check_distances(data: _People, up: np.ndarray, used: np.ndarray) -> None:
    """Raise HeatError if people are at one distance, so that jitter of boxes looks like a tilt."""
    along = data.foot[used, :2] @ up[:2] / np.linalg.norm(up[:2])
    low, high = np.percentile(along, (5, 95))
    share = (high - low) / np.median((data.foot[:, 1] - data.head)[used])
    if share < _NEAR_AND_FAR:
        raise HeatError('people stand at one distance: between the nearer and the further feet is '
                        f'{share:.0%} of the height of a box, less than {_NEAR_AND_FAR:.0%}; let '
                        'some walk nearer and further away')


def _check_tilts(tilt: float, plausible: np.ndarray) -> None:
    """Raise HeatError for a tilt, in rad, that cannot be told, or if many tilts are plausible."""
    if len(plausible) and np.ptp(plausible) > _WIDEST_TILTS:
        low, high = np.degrees((plausible.min(), plausible.max()))
        raise HeatError(f'the boxes fit any tilt from {low:.0f} to {high:.0f} degrees: people '
                        'stand at one distance, or differ too much; let some walk nearer and '
                        'further away')
    if tilt > _STEEPEST:
        # Turned by 180 degrees, heads and feet change places: a tilt of t becomes 90 - t.
        raise HeatError(f'the boxes fit a camera that looks down by {np.degrees(tilt):.0f} '
                        f'degrees, more than {np.degrees(_STEEPEST):.0f}, where they do not show '
                        'how high people are: people stand at one distance, or the picture is '
                        'upside down (turn it by 180 degrees), or the camera is above them')


def _check(found: PersonCalibration, count: int) -> None:
    """Raise HeatError if few of `count` boxes agree, or if they leave much open."""
    agree = np.count_nonzero(found.used)
    if agree < max(_FEWEST_AGREE, 0.4 * count):
        raise HeatError(_few_agree(agree, count))
    distances = np.hypot(*found.places[found.used].T)
    share = float(np.median(found.place_sd(found.feet[found.used], False) / distances))
    if not share <= MOST_UNCERTAIN:
        nearest, furthest = np.percentile(distances, (5, 95))
        raise HeatError(f'places on the floor would be uncertain by {share:.0%} of their '
                        f'distance, more than {MOST_UNCERTAIN:.0%}: people stand {nearest:.0f} to '
                        f'{furthest:.0f} m away, or differ too much; let some walk nearer and '
                        'further away')
