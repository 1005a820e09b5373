"""CameraInfo: binning, regions of interest, rectified pictures, and what is no calibration."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest
from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.ros.messages.camera_info import camera_of

K = [500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0]
P = [450.0, 0.0, 310.0, -45.0, 0.0, 450.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0]
D = [-0.3, 0.1, 0.001, -0.001, -0.02]


def info(**fields):
    return CameraInfo(**{'width': 640, 'height': 480, 'k': K, 'p': P, 'd': D,
                         'distortion_model': 'plumb_bob', **fields})


def test_raw_and_rectified():
    raw = camera_of(info(), False, (480, 640))
    assert raw.matrix.ravel().tolist() == K and raw.distortion.tolist() == D
    assert (raw.model, raw.size) == (Distortion.PLUMB_BOB, (480, 640))
    rectified = camera_of(info(), True, (480, 640))
    # The fourth column of P is the baseline of a stereo pair, and no part of the intrinsics.
    assert rectified.matrix.tolist() == [[450, 0, 310], [0, 450, 230], [0, 0, 1]]
    assert not rectified.is_distorted
    # The numbers of the other kind may be missing.
    assert camera_of(info(p=[0.0] * 12), False, (480, 640)).is_distorted
    assert not camera_of(info(k=[0.0] * 9, distortion_model='odd'), True, (480, 640)).is_distorted


@pytest.mark.parametrize('rectified', [False, True])
def test_binning_and_roi_keep_the_rays(rectified):
    """A pixel of the smaller picture has the ray of where it was in the full one."""
    full = camera_of(info(), rectified, (480, 640))
    rng = np.random.default_rng(1)
    pixels = rng.uniform((120, 90), (500, 400), (50, 2))
    roi = RegionOfInterest(x_offset=100, y_offset=80, width=440, height=340)
    for fields, shape, there in (
            ({'binning_x': 2, 'binning_y': 2}, (240, 320), pixels / 2),
            ({'binning_x': 2}, (480, 320), pixels / (2, 1)),
            ({'binning_x': 1, 'binning_y': 1}, (480, 640), pixels),
            ({'roi': roi}, (340, 440), pixels - (100, 80)),
            ({'roi': roi, 'binning_x': 4, 'binning_y': 2}, (170, 110),
             (pixels - (100, 80)) / (4, 2))):
        part = camera_of(info(**fields), rectified, shape)
        assert part.rays(there) == pytest.approx(full.rays(pixels), abs=1e-6)


def test_sizes_that_are_not_whole_when_binned():
    assert camera_of(info(width=641, height=483, binning_x=2, binning_y=2), False,
                     (241, 320)).size == (241, 320)


def test_no_distortion():
    for fields in ({'d': []}, {'d': [0.0] * 5}, {'distortion_model': ''},
                   {'distortion_model': 'none'}, {'d': [0.0] * 3, 'distortion_model': 'odd'}):
        assert not camera_of(info(**fields), False, (480, 640)).is_distorted
    # A fisheye bends without any coefficient.
    assert camera_of(info(d=[0.0] * 4, distortion_model='equidistant'), False,
                     (480, 640)).is_distorted


@pytest.mark.parametrize('fields, rectified, reason', [
    ({'k': [0.0] * 9}, False, 'has no numbers in K: the camera is not calibrated'),
    ({'p': [0.0] * 12}, True, 'has no numbers in P: the camera is not calibrated'),
    ({'k': [0.0] * 9, 'width': 0, 'height': 0}, False, 'has no numbers in K'),
    ({'width': 1280, 'height': 960}, False,
     'is of a picture of 1280 x 960 px, and the images are of 640 x 480 px'),
    ({'width': 0}, False, 'is of a picture of 0 x 480 px'),
    ({'binning_x': 2, 'binning_y': 2}, False, 'is of a picture of 320 x 240 px'),
    ({'roi': RegionOfInterest(width=100, height=50)}, False, 'is of a picture of 100 x 50 px'),
    ({'k': [np.nan, *K[1:]]}, False, 'not finite'), ({'d': [np.nan] * 5}, False, 'not finite'),
    ({'p': [np.inf, *P[1:]]}, True, 'not finite'),
    ({'k': [*K[:8], 0.0]}, False, 'end in the row 0, 0, 0'),
    ({'k': [-500.0, *K[1:]]}, False, 'its focal length is -500 px'),
    ({'d': [0.1] * 3}, False, "model 'plumb_bob' takes 4 or 5 coefficients, not 3"),
    ({'d': [], 'distortion_model': 'equidistant'}, False,
     "model 'equidistant' takes 4 coefficients, not 0"),
    ({'distortion_model': 'scaramuzza'}, False, "the distortion model 'scaramuzza', which is not"),
    ({'distortion_model': 'a\nb' * 100}, False, "the distortion model 'a.ba")])
def test_what_is_no_calibration(fields, rectified, reason):
    with pytest.raises(HeatError, match=reason) as caught:
        camera_of(info(**fields), rectified, (480, 640))
    assert '\n' not in str(caught.value) and len(str(caught.value)) < 300
