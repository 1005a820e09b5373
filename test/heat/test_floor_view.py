"""The floor in a picture, by poses: against projection, cell by cell, and while a camera moves."""

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.choices import Distortion, HeatUnit
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.ground import GroundPlane, pose_homography
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.options import HeatOptions

SIZE = (480, 640)
K = np.array([[500.0, 0.0, 322.0], [0.0, 505.0, 239.0], [0.0, 0.0, 1.0]])
OPTICAL = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""From a body frame (x ahead, y to the left, z up, REP 103) to the optical one."""
LENSES = {
    'none': None,
    'barrel': Camera(K, SIZE, np.array((-0.25, 0.08, 0.001, -0.001, -0.01)),
                     Distortion.PLUMB_BOB),
    'fisheye': Camera(K * ((0.5,), (0.5,), (1.0,)) + ((0, 0, 161), (0, 0, 119.5), (0, 0, 0)),
                      SIZE, np.array((-0.02, 0.01, -0.003, 0.0005)), Distortion.EQUIDISTANT)}


def pose(pitch, yaw=0.0, roll=0.0, eye=(0.0, 0.0, 3.0)):
    """Return R and t of floor to camera; angles in degrees, pitch down, yaw to the left."""
    def turn(axis, angle):
        return cv2.Rodrigues(np.radians(angle) * np.eye(3)[axis])[0]
    rotation = OPTICAL @ (turn(2, yaw) @ turn(1, pitch) @ turn(0, roll)).T
    return rotation, -rotation @ np.array(eye)


def view_of(rotation, translation, lens='none'):
    camera = LENSES[lens]
    return FloorView(pose_homography(K if camera is None else camera.matrix, rotation,
                                     translation), camera)


def projected(places, rotation, translation, lens='none'):
    """Return pixels by OpenCV, and depths in m, of places, (N, 2) m."""
    points = np.c_[places, np.zeros(len(places))]
    depth = (points @ rotation.T + translation)[:, 2]
    camera = LENSES[lens]
    turn, nothing = cv2.Rodrigues(rotation)[0], np.zeros(3)
    if camera is None:
        pixels = cv2.projectPoints(points, turn, translation, K, nothing[:0])[0]
    elif camera.model == Distortion.EQUIDISTANT:
        pixels = cv2.fisheye.projectPoints(points[:, None], turn, translation, camera.matrix,
                                           camera.distortion)[0]
    else:
        pixels = cv2.projectPoints(points, turn, translation, camera.matrix,
                                   camera.distortion)[0]
    return pixels[:, 0] if pixels.shape[1] == 1 else pixels[0], depth


def is_shown(places, rotation, translation, lens='none'):
    """Return which places OpenCV projects into the picture, and which are near its border."""
    pixels, depth = projected(places, rotation, translation, lens)
    # Distortion folds what is far outside into the picture again.
    rays = np.c_[places, np.zeros(len(places))] @ rotation.T + translation
    wide = np.hypot(rays[:, 0], rays[:, 1]) < depth * {'none': 1e9, 'barrel': 1.0,
                                                       'fisheye': 57.0}[lens]
    inside = (depth > 1e-9) & wide & (pixels >= 0).all(axis=1) & (pixels <= SIZE[::-1]).all(axis=1)
    near = (np.abs(pixels - np.clip(pixels, 0, SIZE[::-1])) < 3).all(axis=1) & (
        np.minimum(np.abs(pixels), np.abs(pixels - SIZE[::-1])).min(axis=1) < 3)
    return inside, near


POSES = {'down': pose(35.0, 20.0, 5.0), 'horizon': pose(5.0, -30.0, 10.0),
         'level': pose(0.0), 'straight down': pose(90.0, 15.0), 'back': pose(120.0, 0.0),
         'nearly up': pose(-25.0, 0.0, 20.0)}


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize('name', POSES)
def test_places_and_pixels_by_projection(name, lens):
    rng = np.random.default_rng(3)
    places = rng.uniform(-12, 12, (3000, 2))
    inside, _ = is_shown(places, *POSES[name], lens)
    view = view_of(*POSES[name], lens)
    pixels, _ = projected(places, *POSES[name], lens)
    if name != 'nearly up':
        assert inside.sum() > 20
    assert view.to_pixels(places[inside]) == pytest.approx(pixels[inside], abs=1e-6)
    assert view.to_metres(pixels[inside]) == pytest.approx(places[inside], abs=1e-4)


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize('name', POSES)
def test_which_cells_are_seen(name, lens):
    """Each cell against the projection of its centre, but those on the picture's border."""
    plane = GroundPlane(None, 0.5, (-20.0, -20.0, 20.0, 20.0))
    floor = FloorLayer(plane, *SIZE, counts=lambda box: True)
    floor.look(view_of(*POSES[name], lens))
    places = plane.centres().reshape(-1, 2)
    inside, near = is_shown(places, *POSES[name], lens)
    wrong = (floor.seen.ravel() != inside) & ~near
    assert not wrong.any(), places[wrong]
    assert floor.seen.any() == inside.any()


@pytest.mark.parametrize('lens', LENSES)
@pytest.mark.parametrize('name', POSES)
def test_the_footprint_is_the_border_of_what_is_shown(name, lens):
    view = view_of(*POSES[name], lens)
    corners = view.footprint(*SIZE, reach=15.0)
    rng = np.random.default_rng(4)
    # It ends 15 m from the nearest place along each axis: a corner of the picture.
    places = rng.uniform(-8, 8, (2000, 2))
    inside, _ = is_shown(places, *POSES[name], lens)
    if not len(corners):
        assert not inside.any()
        return
    polygon = corners.astype(np.float32).reshape(-1, 1, 2)
    apart = np.array([cv2.pointPolygonTest(polygon, tuple(map(float, place)), True)
                      for place in places])
    wrong = ((apart > 0) != inside) & (np.abs(apart) > 0.15)
    # Lines between the points of the border are straight, and a fisheye's corners have no rays.
    assert wrong.mean() <= (0.005 if lens == 'fisheye' else 0.0), places[wrong]
    assert np.ptp(corners, axis=0).max() <= 30.0 + 1e-6
    if lens != 'none' and inside[np.hypot(*places.T) < 0.5].all():  # right below the camera
        assert np.abs(corners).max() <= 15.0 + 1e-6


def test_a_camera_that_sees_no_floor():
    view = view_of(*pose(-60.0))
    assert view.footprint(*SIZE, reach=50.0).shape == (0, 2)
    assert np.isnan(view.to_metres([(320, 470)])).all()
    assert not view.shows([(3.0, 0.0), (-3.0, 0.0)], *SIZE).any()


@pytest.mark.parametrize('eye, height', [((0, 0, -1.0), '-1.00'), ((0, 0, 0.0), '0.00'),
                                         ((5, 5, 0.04), '0.04')])
def test_a_camera_below_the_floor(eye, height):
    with pytest.raises(HeatError, match=f'the camera is {height} m above the plane'):
        pose_homography(K, *pose(20.0, eye=eye))


def test_a_camera_upside_down():
    """By roll, as of a robot on its roof; on its side it is still told who stands where."""
    with pytest.raises(HeatError, match='upside down') as caught:
        pose_homography(K, *pose(10.0, roll=180.0))
    assert '\n' not in str(caught.value)
    for roll in (90.0, -90.0):
        view = view_of(*pose(30.0, roll=roll))
        (u, v), = projected(np.array([(4.0, 0.5)]), *pose(30.0, roll=roll))[0]
        assert view.to_metres([(u, v)])[0] == pytest.approx((4.0, 0.5))


def test_a_body_frame_for_the_optical_one_shows_nothing_of_the_floor_ahead():
    """The mistake of header.frame_id: camera_link, whose z is up, looks at the sky."""
    rotation, translation = pose(20.0)
    body = OPTICAL.T @ rotation, OPTICAL.T @ translation
    floor = FloorLayer(GroundPlane(None, 0.1, (1.0, -5.0, 12.0, 5.0)), *SIZE,
                       counts=lambda box: True)
    try:
        floor.look(FloorView(pose_homography(K, *body)))
    except HeatError:
        return
    line, = floor.new_warnings()
    assert 'header.frame_id must be an optical frame' in line


@pytest.mark.parametrize('lens', ['none', 'barrel'])
def test_how_certain_a_place_is(lens):
    """The covariance against places of feet that are off by chance."""
    view = view_of(*pose(30.0), lens)
    box = np.array([300.0, 200.0, 340.0, 320.0])
    rng = np.random.default_rng(5)
    deviation = 2.0 + 0.02 * 120
    feet = rng.normal((320.0, 320.0), deviation, (20000, 2))
    covariance, = view.covariances(box)
    assert covariance == pytest.approx(np.cov(view.to_metres(feet).T), rel=0.1, abs=1e-4)
    assert np.isnan(view.covariances([300.0, -400.0, 340.0, -300.0])).all()
    assert view.covariances(np.empty((0, 4))).shape == (0, 2, 2)


def test_by_how_much_a_view_has_moved():
    still = view_of(*pose(30.0))
    assert still.shift(still, *SIZE) == still.shift(view_of(*pose(30.0)), *SIZE) == 0.0
    turned = view_of(*pose(30.0, 1.0)).shift(still, *SIZE)
    assert 0.5 * np.radians(1.0) * 500 < turned < 2 * np.radians(1.0) * 500
    driven = view_of(*pose(30.0, eye=(0.1, 0.0, 3.0))).shift(still, *SIZE)
    assert 0.05 / 3 * 500 < driven < 0.2 / 3 * 500
    assert view_of(*pose(30.0, 180.0)).shift(still, *SIZE) == np.inf
    # Another lens, as when camera_info comes late, is no move, but what is seen is other floor.
    assert still.shows_as(view_of(*pose(30.0, 0.1)), *SIZE)
    assert not still.shows_as(view_of(*pose(30.0, 2.0)), *SIZE)
    assert view_of(*pose(30.0), 'barrel').shift(still, *SIZE) == 0.0
    assert not view_of(*pose(30.0), 'barrel').shows_as(still, *SIZE)


def boxes_of(people, rotation, translation, lens):
    """Return boxes of people, (N, 2) m, of 1.7 m, that a picture shows, and which they are."""
    pixels, _ = projected(people, rotation, translation, lens)
    heads = np.c_[people, np.full(len(people), 1.7)] @ rotation.T + translation
    inside, _ = is_shown(people, rotation, translation, lens)
    tall = 500.0 * 1.7 / np.maximum(heads[:, 2], 0.5)
    boxes = np.stack((pixels[:, 0] - 0.2 * tall, pixels[:, 1] - tall, pixels[:, 0] + 0.2 * tall,
                      pixels[:, 1]), axis=1)
    return boxes[inside], np.flatnonzero(inside)


@pytest.mark.parametrize('lens', ['none', 'barrel'])
def test_heat_on_the_floor_stays_while_the_camera_moves(lens):
    """True boxes from a camera that drives and turns: each heat where its person stands."""
    plane = GroundPlane(None, 0.1, (0.0, -6.0, 15.0, 6.0), 0.2)
    heat = HeatAccumulator(*SIZE, HeatOptions(heat_unit=HeatUnit.SECONDS, ground=plane,
                                              history_period=5.0, track_memory=0.0))
    standing = np.array([(6.05, 1.05), (9.05, -2.05), (5.05, -1.55), (8.05, 3.05)])
    shown, said, moves, seconds, bins = [], [], 0, np.zeros(4), []
    for number in range(100):
        t = number / 7
        here = pose(28.0, 25.0 * np.sin(t / 2), eye=(0.2 * t, 0.1 * t, 2.5))
        walker = np.array([(4.0 + 0.4 * t, -4.0 + 0.5 * t)])
        boxes, who = boxes_of(np.r_[standing, walker], *here, lens)
        detections = Detections.from_boxes(boxes)
        detections.track_id[:] = who
        before = heat.total.heat().sum()
        heat.update(detections, 1000.0 + t, view=view_of(*here, lens))
        moves += heat.total.heat().sum() < before
        shown.append(who)
        true = np.r_[standing, walker][who]
        assert heat.places == pytest.approx(true, abs=0.01)
        said += heat.new_warnings()
        bins += heat.new_bins()
        if number:
            both = set(who) & set(shown[-2])
            seconds += [1 / 7 * (one in both) for one in range(4)]
    assert min(map(len, shown)) >= 1 and seconds.min() > 2.0
    floor = heat.floor.field.heat()
    for (x, y), time in zip(standing, seconds):
        row, column = int((y + 6.0) / 0.1), int(x / 0.1)
        around = floor[row - 12:row + 13, column - 12:column + 13]
        top = np.argwhere(around >= around.max() * 0.999).mean(axis=0) - 12
        assert np.abs(top).max() <= 1.0, (x, y, top)
        # Each frame in which a track is there again counts the time since the last one.
        assert around.max() == pytest.approx(time, abs=0.6)
    # The picture's heat begins again each time, and is that of a short while.
    assert moves > 10
    assert heat.total.heat().max() < 2.0
    line, = [one for one in said if 'camera moves' in one]
    assert 'heat on the floor goes on' in line
    heat.close_bins()
    bins += heat.new_bins()
    assert len(bins) == 3
    for one in bins:
        assert one.floor.sum() > 0
        assert not any(cells.any() for cells in one.heat.values())
    assert np.sum([one.floor for one in bins], axis=0) == pytest.approx(floor, abs=1e-3)


def test_trembling_is_no_move():
    """Poses by TF jitter: the picture's heat must not begin again because of it."""
    heat = HeatAccumulator(*SIZE, HeatOptions(ground=GroundPlane(None, 0.1, (0, -5, 10, 5))))
    rng = np.random.default_rng(6)
    for number in range(100):
        here = pose(30.0 + rng.normal(0, 0.05), rng.normal(0, 0.05),
                    eye=(*rng.normal(0, 0.005, 2), 2.5))
        heat.update(Detections.from_boxes([(300, 100, 340, 300)]), number / 10,
                    view=view_of(*here))
    assert heat.total.heat().max() == 100.0
    assert not heat.moved and heat.new_warnings() == []


def test_frames_without_a_view_have_no_places():
    heat = HeatAccumulator(*SIZE, HeatOptions(ground=GroundPlane(None, 0.1, (0, -5, 10, 5))))
    detections = Detections.from_boxes([(300, 100, 340, 300)])
    for number in range(6):
        known = number in (2, 3)
        heat.update(detections, number / 10, view=view_of(*pose(30.0)) if known else None)
        positions = heat.positions(str)
        assert np.isfinite(positions.places).all() == known
        assert np.isfinite(positions.covariances).all() == known
        assert (heat.footprint(10.0) is not None) == known
    assert heat.floor.field.maximum == 2.0
    assert heat.total.heat().max() == 6.0  # the picture's goes on
    assert not heat.moved
