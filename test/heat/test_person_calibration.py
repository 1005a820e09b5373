"""Calibration from people: synthetic cameras, what boxes are used, and what is refused."""

import time

import numpy as np
import pytest
from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.drawing.metre_grid import (
    AHEAD, draw_metre_grid, draw_poles, floor_to_pixels, HORIZON, POLE, spacing_for)
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import Camera
from yolo_heatmap_ros.heat.person_calibration import fit_camera
from yolo_heatmap_ros.heat.standing_people import people_among, spread_boxes, usable_boxes

SIZE = (720, 1280)
FISH = (np.array((-0.02, 0.004, 0.0, 0.0)), Distortion.EQUIDISTANT)
BARREL = (np.array((-0.25, 0.06, 0.001, -0.0005, 0.0)), Distortion.PLUMB_BOB)


def camera(focal=800.0, lens=(np.zeros(0), Distortion.NONE)):
    return Camera(np.array([[focal, 0.0, 640.0], [0.0, focal, 360.0], [0.0, 0.0, 1.0]]), SIZE,
                  *lens)


def turn(tilt, roll):
    """Return R, (3, 3), from the floor's frame to the optical one, by elementary turns."""
    level = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    s, c = np.sin(tilt), np.cos(tilt)
    down = np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    s, c = np.sin(-roll), np.cos(-roll)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ down @ level


def people(lens, tilt, roll, height, near, far, count=150, seed=0, differ=0.05, jitter=1.0):
    """
    Return boxes (N, 4) px of people of 1.7 m on average, and their places (N, 2) m.

    Their bodies are 13.5 % as deep as they are high.
    """
    rng = np.random.default_rng(seed)
    boxes, places = [], []
    rotation = turn(np.radians(tilt), np.radians(roll))
    while len(boxes) < count:
        x = rng.uniform(near, far)
        place = np.array((x, rng.uniform(-0.7, 0.7) * x, 0.0))
        tall = 1.7 * rng.normal(1.0, differ)
        head = place + tall * (0.135 * place / np.linalg.norm(place) + (0.0, 0.0, 1.0))
        points = (np.array((place, head)) - (0.0, 0.0, height)) @ rotation.T
        if (points[:, 2] <= 0.1).any():
            continue
        foot, head = lens.pixels(points[:, :2] / points[:, 2:])
        # The rays of a box's two ends have the middle of the box, at the foot.
        wide = 0.3 * (foot[1] - head[1])
        box = np.array((foot[0] - wide / 2, head[1], foot[0] + wide / 2, foot[1]))
        box += rng.normal(0.0, jitter, 4)
        if (box > 3).all() and (box < (1277, 717, 1277, 717)).all():
            boxes.append(box)
            places.append(place[:2])
    return np.array(boxes), np.array(places)


def hide_feet(boxes, share, seed=0):
    rng = np.random.default_rng(seed)
    hidden = rng.random(len(boxes)) < share
    boxes = boxes.copy()
    boxes[hidden, 3] -= rng.uniform(0.2, 0.5, hidden.sum()) * np.diff(boxes[hidden][:, 1::2])[:, 0]
    return boxes, hidden


@pytest.mark.parametrize('focal, tilt, roll, height, near, far', [
    (800.0, 22.0, 0.0, 6.0, 6.0, 30.0), (800.0, 15.0, -8.0, 4.0, 5.0, 30.0),
    (600.0, 35.0, 12.0, 5.0, 3.0, 14.0), (1100.0, 0.0, 2.0, 1.5, 5.0, 25.0),
    (1500.0, 12.0, 3.0, 12.0, 25.0, 90.0), (500.0, 50.0, -3.0, 8.0, 2.0, 12.0),
    (900.0, 5.0, -1.0, 2.5, 4.0, 30.0)])
def test_exact_boxes_give_the_exact_camera(focal, tilt, roll, height, near, far):
    """With the floor's frame as REP 103 has it: the places are those of the people."""
    lens = camera(focal)
    boxes, places = people(lens, tilt, roll, height, near, far, differ=0.0, jitter=0.0)
    found = fit_camera(boxes, lens)
    assert np.degrees((found.tilt, found.roll)) == pytest.approx((tilt, roll), abs=0.02)
    assert found.height == pytest.approx(height, rel=1e-3)
    assert found.rotation == pytest.approx(turn(found.tilt, found.roll), abs=1e-9)
    assert found.places == pytest.approx(places, abs=0.02 * far / 10)
    assert found.used.all() and np.abs(found.residuals).max() < 2e-3
    feet, heads = np.moveaxis(found.poles(boxes), 1, 0)
    assert feet[:, 1] == pytest.approx(boxes[:, 3], abs=0.01)
    assert heads[:, 1] == pytest.approx(boxes[:, 1], abs=0.2)


@pytest.mark.parametrize('lens, focal', [(BARREL, 800.0), (FISH, 600.0)])
def test_distortion_is_undone(lens, focal):
    lens = camera(focal, lens)
    # Only near the upright middle do people stand upright in a distorted picture.
    boxes, places = people(lens, 25.0, 0.0, 5.0, 4.0, 20.0, count=300, differ=0.0, jitter=0.0)
    middle = np.abs(boxes[:, 0] - 640) < 250
    found = fit_camera(boxes[middle], lens)
    assert np.degrees((found.tilt, found.roll)) == pytest.approx((25.0, 0.0), abs=0.2)
    assert found.height == pytest.approx(5.0, rel=0.01)
    without = fit_camera(boxes[middle], camera(focal))
    assert abs(np.degrees(without.tilt) - 25.0) > 0.3


def test_uncertainty_is_that_of_repeated_draws():
    lens, tilts, rolls, heights, claims = camera(), [], [], [], []
    for seed in range(25):
        boxes, _ = people(lens, 22.0, 3.0, 6.0, 6.0, 30.0, count=100, seed=seed)
        found = fit_camera(boxes, lens)
        tilts.append(found.tilt)
        rolls.append(found.roll)
        heights.append(np.log(found.height))
        claims.append((found.tilt_sd, found.roll_sd, np.sqrt(found.covariance[2, 2])))
    true = np.std((tilts, rolls, heights), axis=1)
    assert (np.mean(claims, axis=0) / true == pytest.approx(1.0, abs=0.4)), (claims[0], true)
    assert np.degrees(np.mean(tilts)) == pytest.approx(22.0, abs=3 * np.degrees(true[0]) / 5 + 0.1)
    # Boxes of few people say less, and what nobody measures is in the height's uncertainty.
    few = fit_camera(boxes, lens, people=25)
    assert few.tilt_sd == pytest.approx(2 * found.tilt_sd, rel=0.25)
    assert found.height_sd > 0.05 * found.height
    nearer = found.place_sd(np.array(((640.0, 700.0), (640.0, 200.0))))
    assert 0.0 < nearer[0] < nearer[1]
    assert (found.place_sd(found.feet, with_scale=False) < found.place_sd(found.feet)).all()


@pytest.mark.parametrize('share', [0.1, 0.3])
def test_hidden_feet_are_rejected(share):
    lens = camera()
    boxes, places = people(lens, 20.0, -2.0, 5.0, 5.0, 25.0, count=200)
    shortened, hidden = hide_feet(boxes, share)
    found = fit_camera(shortened, lens)
    assert found.used[hidden].mean() < 0.5 and found.used[~hidden].mean() > 0.95
    plain = fit_camera(boxes, lens)
    assert np.degrees(abs(found.tilt - plain.tilt)) < 0.6
    assert found.height == pytest.approx(plain.height, rel=0.03)
    assert np.hypot(*(found.places - places)[~hidden].T).mean() < 0.8


def test_bodies_are_no_poles():
    """From above, boxes of cylinders are higher than those of poles; that is no bias here."""
    lens, rng = camera(700.0), np.random.default_rng(0)
    around = np.linspace(0.0, 2 * np.pi, 16)
    ring = np.column_stack((np.cos(around), np.sin(around), np.zeros(16)))
    body = np.vstack((0.13 * ring, 0.1 * ring + (0.0, 0.0, 1.7)))
    boxes = []
    for x in np.linspace(4.0, 15.0, 100):
        place = (x, rng.uniform(-0.5, 0.5) * x, -6.0)
        points = (body + place) @ turn(np.radians(30.0), 0.0).T
        pixels = lens.pixels(points[:, :2] / points[:, 2:])
        boxes.append((*pixels.min(axis=0), *pixels.max(axis=0)))
    found = fit_camera(np.array(boxes), lens)
    assert np.degrees((found.tilt, found.roll)) == pytest.approx((30.0, 0.0), abs=0.5)
    assert found.height == pytest.approx(6.0, rel=0.02)


def test_metres_are_in_proportion_to_people():
    boxes, _ = people(camera(), 20.0, 0.0, 5.0, 5.0, 25.0)
    tall, short = (fit_camera(boxes, camera(), height) for height in (1.87, 1.7))
    assert tall.places == pytest.approx(short.places * 1.1)
    assert tall.tilt == pytest.approx(short.tilt)


@pytest.mark.parametrize('what, reason', [
    ('few', 'only 19 boxes of people: 20 are needed'),
    ('upside down', 'looks down by 6[0-9] degrees, .* or the picture is upside down'),
    ('one distance', 'people stand at one distance: between the nearer and the further feet is '
                     '[0-9]+% of the height of a box'),
    ('nearly one distance', 'fit any tilt from .*: people stand at one distance'),
    ('far away', 'uncertain by [0-9]+% of their distance, more than 15%'),
    ('noise', 'the boxes differ by [0-9]+% from what any camera would see'),
    ('children', r'very different heights \(children among adults\)'),
    ('small', 'only [0-9]+ of 150 boxes are where people are 16 px high or more'),
    ('no people', 'a person height of 5 m')])
def test_what_is_refused(what, reason):
    lens, height = camera(), 1.7
    boxes, _ = people(lens, 22.0, 0.0, 6.0, 6.0, 30.0)
    if what == 'few':
        boxes = boxes[:19]
    elif what == 'upside down':
        boxes = np.c_[1280 - boxes[:, 2], 720 - boxes[:, 3], 1280 - boxes[:, 0],
                      720 - boxes[:, 1]]
    elif what == 'one distance':
        boxes, _ = people(lens, 22.0, 0.0, 6.0, 12.0, 12.3)
    elif what == 'nearly one distance':
        boxes, _ = people(lens, 35.0, 0.0, 5.0, 6.0, 6.9)
    elif what == 'far away':
        boxes, _ = people(lens, 22.0, 0.0, 6.0, 22.0, 26.0)
    elif what == 'noise':
        rng = np.random.default_rng(0)
        boxes[:, 1] = boxes[:, 3] - rng.uniform(12.0, 400.0, len(boxes))
    elif what == 'children':
        rng = np.random.default_rng(0)
        short = np.where(rng.random(len(boxes)) < 0.6, rng.uniform(0.53, 0.77, len(boxes)), 1.0)
        boxes[:, 1] = boxes[:, 3] - short * (boxes[:, 3] - boxes[:, 1])
    elif what == 'small':
        boxes, _ = people(lens, 4.0, 0.0, 6.0, 90.0, 250.0, jitter=0.3)
    else:
        height = 5.0
    with pytest.raises(HeatError, match=reason) as refused:
        fit_camera(boxes, lens, height)
    assert '\n' not in str(refused.value)


def test_which_boxes_are_usable():
    boxes = np.array([
        (100, 100, 140, 220), (300, 100, 340, 220), (310, 150, 350, 260),  # its legs are covered
        (0, 300, 40, 420), (500, 600, 540, 719.5),                         # cut by the border
        (700, 100, 800, 150), (900, 100, 903, 108),                        # lying; far away
        (100, 100, 140, 220), (310, 150, 350, 260)], float)
    frames = np.array((0, 0, 0, 0, 0, 0, 0, 1, 2))
    usable = usable_boxes(boxes, frames, SIZE)
    assert usable.boxes.tolist() == [True, False, True, False, False, False, True, True, True]
    assert (usable.cut, usable.hidden, usable.wide) == (2, 1, 1)
    assert str(usable) == ('5 of 9 boxes are usable (2 cut by the border, 1 with legs behind '
                           'others, 1 too wide)')


def test_somebody_who_stands_does_not_outweigh_others():
    boxes, _ = people(camera(), 22.0, 0.0, 6.0, 6.0, 30.0, count=300)
    standing = np.repeat(boxes[:1], 5000, axis=0)
    chosen = spread_boxes(np.vstack((standing, boxes)), SIZE, 200)
    assert len(chosen) == len(set(chosen)) == 200
    assert (chosen < 5000).mean() < 0.75  # and not 94 %
    assert len(spread_boxes(boxes[:50], SIZE, 200)) == 50
    assert len(spread_boxes(np.empty((0, 4)), SIZE, 200)) == 0


def test_people_are_counted_by_blocks_of_time():
    assert people_among(np.array((5.0, 5.0, 5.0, 6.0, 20.0, 40.0, 40.0))) == 5
    assert people_among(np.empty(0)) == 0


def standing(count, seed, pictures=20):
    """Return boxes of `count` people who stand still, in `pictures`."""
    boxes, _ = people(camera(), 15.0, 0.0, 5.0, 7.0, 25.0, count, seed, jitter=0.0)
    jitter = np.random.default_rng(seed).normal(0.0, 1.5, (pictures, count, 4))
    return (boxes + jitter).reshape(-1, 4)


@pytest.mark.parametrize('count, walking', [(10, 0), (15, 0), (8, 30)])
def test_uncertainty_with_people_who_stand(count, walking):
    """However many pictures are of them, and with some who walk; the errors are within it."""
    errors, tilts = [], []
    for seed in range(12):
        boxes = standing(count, seed)
        if walking:
            boxes = np.r_[boxes, people(camera(), 15.0, 0.0, 5.0, 7.0, 25.0, walking, seed)[0]]
        try:
            found = fit_camera(boxes, camera(), people=200)
        except HeatError as error:
            assert 'uncertain' in str(error) or 'any tilt' in str(error)
            continue
        assert found.people < 2 * count + walking
        tilts.append(np.degrees(found.tilt) - 15.0)
        errors.append(((found.tilt - np.radians(15.0)) / found.tilt_sd, found.roll / found.roll_sd,
                       np.log(found.height / 5.0) / np.sqrt(found.covariance[2, 2])))
    assert len(errors) >= 8
    errors = np.abs(errors)
    assert (errors < 1.5).mean() > 0.6 and (errors > 3.0).mean() < 0.06, errors
    assert (errors < 1.0).mean() < 0.95  # and not by claiming nothing


def test_many_people_in_one_place_are_many():
    boxes, _ = people(camera(), 15.0, 0.0, 5.0, 7.0, 25.0, count=15)
    rng = np.random.default_rng(1)
    tall = (boxes[:, 3] - boxes[:, 1]) * rng.normal(1.0, 0.05, (20, 15))
    others = np.tile(boxes, (20, 1, 1))
    others[..., 1] = others[..., 3] - tall
    others += rng.normal(0.0, 1.5, others.shape)
    assert fit_camera(others.reshape(-1, 4), camera()).people > 30
    assert fit_camera(standing(15, 0), camera()).people < 20


def test_twenty_boxes_are_enough():
    """Although one or two of them may not agree."""
    fitted = 0
    for seed in range(12):
        boxes, _ = people(camera(), 15.0, 0.0, 5.0, 6.0, 30.0, 20, seed, differ=0.05)
        boxes[0, 3] -= 0.3 * (boxes[0, 3] - boxes[0, 1])
        try:
            fitted += np.count_nonzero(fit_camera(boxes, camera()).used) < 20
        except HeatError as error:
            assert 'uncertain' in str(error)
    assert fitted >= 9


def test_small_boxes_do_not_bend_the_camera():
    """Of people about as high as the limit, the taller must not be chosen."""
    lens = Camera(np.array([[400.0, 0.0, 320.0], [0.0, 400.0, 240.0], [0.0, 0.0, 1.0]]),
                  (480, 640))
    tilts = []
    for seed in range(6):
        rng, boxes = np.random.default_rng(seed), []
        turned = turn(np.radians(12.0), 0.0)
        while len(boxes) < 200:
            x = rng.uniform(8.0, 90.0)
            place = np.array((x, rng.uniform(-0.6, 0.6) * x, 0.0))
            head = place + 1.7 * rng.normal(1.0, 0.06) * (
                0.135 * place / np.linalg.norm(place) + (0.0, 0.0, 1.0))
            points = (np.array((place, head)) - (0.0, 0.0, 6.0)) @ turned.T
            foot, head = lens.pixels(points[:, :2] / points[:, 2:])
            wide = 0.15 * (foot[1] - head[1])
            boxes.append(np.array((foot[0] - wide, head[1], foot[0] + wide, foot[1]))
                         + rng.normal(0.0, 1.5, 4))
        boxes = np.array(boxes)
        usable = usable_boxes(boxes, np.arange(200), lens.size).boxes
        tilts.append(np.degrees(fit_camera(boxes[usable], lens).tilt))
    assert np.mean(tilts) == pytest.approx(12.0, abs=0.4), tilts


def test_a_grid_on_the_floor():
    """It lies where the homography says, ends at the camera, and its poles are people."""
    lens = camera(700.0, BARREL)
    boxes, _ = people(camera(), 12.0, 4.0, 5.0, 5.0, 25.0)
    found = fit_camera(boxes, camera())
    picture = np.zeros((*SIZE, 3), np.uint8)
    # From behind the camera to beyond all that can be told from the horizon.
    extent = (-20.0, -15.0, 1000.0, 15.0)
    draw_metre_grid(picture, found.matrix, lens, extent, 5.0)
    pixels = floor_to_pixels(np.linalg.inv(found.matrix), lens,
                             np.array(((10.0, 1.0), (-10.0, 0.0))))
    assert np.isnan(pixels[1]).all()
    u, v = np.round(pixels[0]).astype(int)
    near = picture[v - 2:v + 3, u - 2:u + 3].astype(int)
    assert (np.abs(near - AHEAD) < 60).all(axis=2).any()
    x, y, w = found.matrix @ (*lens.undistorted(pixels[:1])[0], 1.0)
    assert (x / w, y / w) == pytest.approx((10.0, 1.0))
    rows, columns = np.nonzero((picture == AHEAD).all(axis=2))
    above = lens.undistorted(np.c_[columns, rows].astype(float))
    assert (np.c_[above, np.ones(len(above))] @ found.matrix[2] > -0.003).all()
    assert (picture == HORIZON).all(axis=2).any()
    draw_poles(picture, found.poles(boxes[:3]), boxes[:3])
    assert (picture == POLE).all(axis=2).any()
    draw_poles(picture, np.full((1, 2, 2), np.nan), boxes[:1])
    assert spacing_for((8.0, -13.0, 24.0, 13.0)) == 2.0


@pytest.fixture(scope='module')
def pets(truth):
    """Return PETS2009 S2L1, View 1, with its camera; skip without public truth."""
    import calibration
    return calibration, calibration.pets()


def test_real_people(pets):
    """On true boxes of a known camera: places to 0.45 m, with hidden feet to 0.7 m, in 1 s."""
    tools, truth = pets
    for hidden, most in ((0.0, 0.45), (0.1, 0.7)):
        errors = []
        for seed in range(5):
            boxes = tools.drawn(truth, seed, 200, hidden)
            begin = time.process_time()
            found = fit_camera(boxes, truth.camera, people=truth.people)
            assert time.process_time() - begin < 1.0
            places = tools.places_of(found, truth.boxes, truth.camera)
            errors.append(tools.aligned_errors(places, truth.places).mean())
        assert np.mean(errors) < most, errors
    # What it claims is true: the camera's own tilt, roll and height are within it.
    true = np.array((np.radians(16.48), np.radians(3.09), 7.07))
    claimed = np.array((found.tilt_sd, found.roll_sd, found.height_sd))
    assert (np.abs((found.tilt, found.roll, found.height) - true) < 3 * claimed).all()
