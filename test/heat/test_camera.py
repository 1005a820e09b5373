"""Intrinsics: from pixels to rays and back, for all models of lens distortion."""

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.camera import border, Camera

SIZE = (480, 640)
LENSES = {
    'none': (Distortion.NONE, []),
    'barrel': (Distortion.PLUMB_BOB, [-0.3, 0.1, 0.001, -0.002, -0.015]),
    'four': (Distortion.PLUMB_BOB, [-0.2, 0.05, 0.0005, 0.001]),
    'pincushion': (Distortion.PLUMB_BOB, [0.2, 0.05, 0.0, 0.0, 0.01]),
    'rational': (Distortion.RATIONAL_POLYNOMIAL,
                 [5.0, 2.0, 0.0005, -0.0003, 0.1, 5.3, 3.9, 0.6]),
    'thin prism': (Distortion.RATIONAL_POLYNOMIAL,
                   [0.1, -0.05, 0.001, 0.001, 0.0, 0.02, 0.0, 0.0, 0.002, 0.0, -0.001, 0.001]),
    'tilted': (Distortion.RATIONAL_POLYNOMIAL,
               [0.1, -0.05, 0.001, 0.001, 0.0, 0.02, 0.0, 0.0, 0.002, 0.0, -0.001, 0.001, 0.02,
                -0.01]),
    'fisheye': (Distortion.EQUIDISTANT, [-0.02, 0.01, -0.003, 0.0005]),
    'fisheye of zeros': (Distortion.EQUIDISTANT, [0.0, 0.0, 0.0, 0.0])}


def matrix_of(focal):
    return np.array([[focal, 0.0, 330.0], [0.0, 0.97 * focal, 235.0], [0.0, 0.0, 1.0]])


def camera_of(lens, focal=560.0):
    model, numbers = LENSES[lens]
    return Camera(matrix_of(focal), SIZE, np.array(numbers), model)


def projected(camera, rays):
    """Return the pixels of rays by OpenCV, whatever the camera thinks of them."""
    points = np.c_[rays, np.ones(len(rays))]
    nothing = np.zeros(3)
    if camera.model == Distortion.EQUIDISTANT:
        return cv2.fisheye.projectPoints(points[:, None], nothing, nothing, camera.matrix,
                                         camera.distortion)[0][:, 0]
    return cv2.projectPoints(points, nothing, nothing, camera.matrix, camera.distortion)[0][:, 0]


@pytest.mark.parametrize('lens', LENSES)
def test_rays_and_pixels_are_those_of_opencv(lens):
    camera = camera_of(lens)
    rng = np.random.default_rng(1)
    pixels = np.r_[rng.uniform((0, 0), SIZE[::-1], (300, 2)), border(*SIZE)]
    rays = camera.rays(pixels)
    assert projected(camera, rays) == pytest.approx(pixels, abs=1e-3)
    assert camera.pixels(rays) == pytest.approx(pixels, abs=1e-3)
    assert camera.distorted(camera.undistorted(pixels)) == pytest.approx(pixels, abs=1e-3)
    precise = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-12)
    if camera.model == Distortion.EQUIDISTANT:
        theirs = cv2.fisheye.undistortPoints(pixels[:, None], camera.matrix, camera.distortion)
    else:
        theirs = cv2.undistortPointsIter(pixels[:, None], camera.matrix, camera.distortion, None,
                                         None, precise)
    assert rays == pytest.approx(theirs[:, 0], abs=1e-5)
    assert camera.is_distorted == (lens != 'none')


@pytest.mark.parametrize('lens', LENSES)
def test_no_points(lens):
    camera = camera_of(lens)
    for function in (camera.rays, camera.pixels, camera.undistorted, camera.distorted):
        assert function(np.empty((0, 2))).shape == (0, 2)


@pytest.mark.parametrize('lens, focal, found', [
    ('pincushion', 200.0, 1.0),  # a fixed-point iteration, as OpenCV's, does not converge
    ('rational', 200.0, 1.0), ('barrel', 320.0, 0.87), ('fisheye', 320.0, 1.0),
    ('fisheye of zeros', 200.0, 0.8)])
def test_wide_lenses_give_the_ray_or_none(lens, focal, found):
    """Never a ray that OpenCV would project elsewhere: that would be a place on the floor."""
    camera = camera_of(lens, focal)
    pixels = np.stack(np.meshgrid(np.linspace(0, 640, 33), np.linspace(0, 480, 25)),
                      axis=-1).reshape(-1, 2)
    rays = camera.rays(pixels)
    there = np.isfinite(rays).all(axis=1)
    assert there.mean() == pytest.approx(found, abs=0.06)
    assert projected(camera, rays[there]) == pytest.approx(pixels[there], abs=2e-3)
    # The outermost that are left are all on one side of a circle: there are no holes.
    radius = np.hypot(*((pixels - camera.matrix[:2, 2]) / np.diag(camera.matrix)[:2]).T)
    if not there.all():
        assert radius[there].max() < radius[~there].min() + 0.03


@pytest.mark.parametrize('lens', ['barrel', 'pincushion', 'rational', 'fisheye'])
@pytest.mark.parametrize('focal', [560.0, 320.0, 200.0])
def test_what_is_beside_the_picture_is_not_folded_into_it(lens, focal):
    """Polynomials turn back far outside; a ray has a pixel only if that pixel has the ray."""
    camera = camera_of(lens, focal)
    rng = np.random.default_rng(2)
    tangents = np.tan(np.radians(rng.uniform(0, 88, 2000)))
    angles = rng.uniform(0, 2 * np.pi, 2000)
    rays = tangents[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    pixels = camera.pixels(rays)
    with np.errstate(invalid='ignore'):
        inside = ((pixels >= 0) & (pixels <= SIZE[::-1])).all(axis=1)
    assert 20 < inside.sum() < 2000
    back = camera.rays(pixels[inside])
    known = np.isfinite(back).all(axis=1)
    assert known.mean() > 0.97  # but for those where it begins to fold
    assert back[known] == pytest.approx(rays[inside][known], rel=1e-3, abs=1e-5)


@pytest.mark.parametrize('change, reason', [
    (lambda matrix: matrix * np.nan, 'not finite'),
    (lambda matrix: matrix * 0, 'its focal length is 0 px'),
    (lambda matrix: matrix * (-1, 1, 1), 'its focal length is -560 px'),
    (lambda matrix: matrix * ((1,), (1,), (0,)), 'end in the row 0, 0, 0, and must end in 0, 0')])
def test_what_is_no_camera(change, reason):
    with pytest.raises(HeatError, match=reason) as caught:
        Camera(change(matrix_of(560.0)), SIZE)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('model, count, takes', [
    (Distortion.PLUMB_BOB, 3, '4 or 5'), (Distortion.EQUIDISTANT, 5, '4'),
    (Distortion.RATIONAL_POLYNOMIAL, 5, '8 or 12 or 14'), (Distortion.NONE, 1, '0')])
def test_coefficients_of_another_model(model, count, takes):
    with pytest.raises(HeatError, match=f'takes {takes} coefficients, not {count}'):
        Camera(matrix_of(560.0), SIZE, np.full(count, 0.1), model)
    with pytest.raises(HeatError, match='not finite'):
        Camera(matrix_of(560.0), SIZE, np.full(count, np.nan), model)


def test_the_border_goes_once_around():
    edge = border(4, 8, 4)
    assert edge[::4].tolist() == [[0, 0], [8, 0], [8, 4], [0, 4]]
    area = 0.5 * sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(edge, np.roll(edge, -1, axis=0)))
    assert area == 32.0
