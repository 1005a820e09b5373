"""The heat and its pictures against Ultralytics' own heatmap, pixel for pixel."""

import cv2
import numpy as np
import pytest
import torch
import ultralytics
from ultralytics.solutions import Heatmap
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.colormaps import COLORMAPS
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline


CONF = 0.25
"""Everybody's default, but for solutions in earlier releases of Ultralytics."""


class GivenBoxes(Heatmap):
    """Ultralytics' heatmap of boxes that the test gives instead of a model's."""

    def __init__(self, street, **kwargs):
        super().__init__(model=str(street / 'street.pt'), verbose=False, **kwargs)
        self.given = []

    def extract_tracks(self, im0):
        self.boxes = self.given
        self.track_ids = self.clss = list(range(len(self.given)))


def accumulator_of(height, width):
    """Return an accumulator, and the field that it draws."""
    accumulator = HeatAccumulator(height, width, HeatOptions())
    return accumulator, accumulator.total


def add_boxes(accumulator, boxes):
    """Add the heat of one frame's boxes, (N, 4)."""
    accumulator.update(Detections.from_boxes(boxes), 0.0)


def assert_same_pictures(oracle, pipeline, frames):
    """Compare both pictures of every frame; return the oracle's heat for further checks."""
    for number, frame in enumerate(frames):
        height, width = frame.shape[:2]
        heatmap = np.empty((height, width, 3), np.uint8)
        composite = np.empty((height, 2 * width, 3), np.uint8)
        expected = oracle.process(frame.copy()).plot_im
        pipeline.update(frame)
        pipeline.render(frame, heatmap, composite)
        assert np.array_equal(heatmap, expected), f'heatmap of frame {number}'
        assert np.array_equal(composite, np.hstack((frame, expected))), f'frame {number}'
        alone = np.empty_like(heatmap)
        pipeline.render(frame, heatmap=alone)
        assert np.array_equal(alone, expected), f'heatmap alone of frame {number}'
    return oracle.heatmap


current = pytest.mark.skipif(
    tuple(map(int, ultralytics.__version__.split('.'))) < (8, 4, 190),
    reason='earlier heatmaps of Ultralytics colour frames without heat too')


@current
def test_pictures_of_the_embedded_clip(street, street_frames):
    """With the real model: from before the first track on, and over empty frames in between."""
    weights = str(street / 'street.pt')
    blank = np.zeros_like(street_frames[0])
    frames = [blank, *street_frames[:40], blank, blank, *street_frames[40:60]]
    heat = assert_same_pictures(
        Heatmap(model=weights, conf=CONF, colormap=cv2.COLORMAP_JET, verbose=False),
        HeatmapPipeline(YoloDetector(weights), HeatRenderer('JET')), frames)
    assert heat.max() > 10.0


@current
def test_pictures_of_the_real_video(real_data):
    """With the real COCO model on pedestrians."""
    pytest.importorskip('openvino')
    weights = str(real_data / 'yolo11n_int8_openvino_model')
    capture = cv2.VideoCapture(str(real_data / 'vtest.avi'))
    frames = [capture.read()[1] for _ in range(30)]
    heat = assert_same_pictures(
        Heatmap(model=weights, conf=CONF, colormap=cv2.COLORMAP_VIRIDIS, verbose=False),
        HeatmapPipeline(YoloDetector(weights), HeatRenderer('VIRIDIS')), frames)
    assert heat.max() > 10.0


BOXES = [
    [(10.2, 20.7, 60.9, 90.1), (30.0, 40.0, 100.0, 80.0)],
    [],
    [(-15.0, -8.3, 22.2, 31.0), (95.5, 60.0, 140.0, 130.0), (50.0, -20.0, 70.0, 200.0)],
    [(130.0, 10.0, 150.0, 30.0), (-40.0, 5.0, -1.0, 40.0), (40.0, 40.0, 40.9, 60.0)],
    [(60.0, 60.0, 61.0, 61.0), (0.0, 0.0, 119.0, 99.0), (20.5, 30.5, 20.4, 30.4)],
]


@pytest.mark.parametrize('colormap', COLORMAPS)
def test_boxes_and_colormaps(street, colormap):
    """Boxes inside, cut by the border, outside and empty, under every colormap of OpenCV."""
    oracle = GivenBoxes(street, colormap=COLORMAPS[colormap])
    (heat, field), renderer = accumulator_of(100, 120), HeatRenderer(colormap)
    rng = np.random.default_rng(0)
    for boxes in BOXES:
        frame = rng.integers(0, 256, (100, 120, 3), np.uint8)
        oracle.given = torch.tensor(boxes).reshape(-1, 4)
        expected = oracle.process(frame.copy()).plot_im
        add_boxes(heat, np.array(boxes, np.float32).reshape(-1, 4))
        picture = np.empty_like(frame)
        renderer.overlay(frame, field, picture)
        assert np.array_equal(2 * field.values, oracle.heatmap)
        assert np.array_equal(picture, expected)


def random_boxes(rng, count, largest):
    corner = rng.uniform(-60, 340, (count, 2))
    return np.concatenate((corner, corner + rng.uniform(-2, largest, (count, 2))),
                          axis=1).astype(np.float32)


@pytest.mark.parametrize('largest, watched', [(40, 1), (150, 1), (60, 3), (400, 1)])
def test_random_boxes(street, largest, watched):
    """
    Boxes of all sizes, frame after frame.

    Only every third picture is drawn in one case: what was not drawn must not be forgotten.
    """
    oracle = GivenBoxes(street, colormap=cv2.COLORMAP_JET)
    (heat, field), renderer = accumulator_of(240, 320), HeatRenderer()
    rng = np.random.default_rng(largest)
    picture = np.empty((240, 320, 3), np.uint8)
    for number in range(60):
        boxes = random_boxes(rng, rng.integers(0, 8), largest)
        frame = rng.integers(0, 256, (240, 320, 3), np.uint8)
        oracle.given = torch.tensor(boxes)
        expected = oracle.process(frame.copy()).plot_im
        add_boxes(heat, boxes)
        assert np.array_equal(2 * field.values, oracle.heatmap)
        assert (2 * field.minimum, 2 * field.maximum) == (
            oracle.heatmap.min(), oracle.heatmap.max())
        if number % watched == 0:
            renderer.overlay(frame, field, picture)
            assert np.array_equal(picture, expected), number


def test_no_pixel_is_cold(street):
    """Discs leave the corners of a picture cold, but boxes of a pixel do not."""
    oracle = GivenBoxes(street, colormap=cv2.COLORMAP_JET)
    (heat, field), renderer = accumulator_of(20, 24), HeatRenderer()
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:20, :24]
    pixels = np.stack((x, y, x + 1, y + 1), axis=2).reshape(-1, 4).astype(np.float32)
    picture = np.empty((20, 24, 3), np.uint8)
    for number in range(12):
        boxes = np.concatenate((pixels, rng.uniform(0, 12, (3, 4)).astype(np.float32) + 6))
        boxes = boxes[rng.permutation(len(boxes))[:rng.integers(300, len(boxes))]]
        frame = rng.integers(0, 256, (20, 24, 3), np.uint8)
        oracle.given = torch.tensor(boxes)
        expected = oracle.process(frame.copy()).plot_im
        add_boxes(heat, boxes)
        renderer.overlay(frame, field, picture)
        assert np.array_equal(picture, expected), number
    assert field.minimum > 0


def test_reset_and_colormap_in_between(street):
    """Neither leaves colours behind."""
    (heat, field), renderer = accumulator_of(240, 320), HeatRenderer()
    rng = np.random.default_rng(5)
    frame = rng.integers(0, 256, (240, 320, 3), np.uint8)
    picture, fresh = np.empty_like(frame), np.empty_like(frame)
    for number in range(30):
        add_boxes(heat, random_boxes(rng, 3, 100))
        renderer.overlay(frame, field, picture)
        if number % 7 == 3:
            renderer.colormap = ('HOT', 'VIRIDIS')[number % 2]
        if number % 7 == 5:
            field.reset()
            add_boxes(heat, random_boxes(rng, 1, 60))
        if number % 7 in (3, 5):
            again = HeatField(240, 320)
            again.values[:] = field.values
            again._maximum = field.maximum
            again.hot.add_all()
            HeatRenderer(renderer.colormap).overlay(frame, again, fresh)
            renderer.overlay(frame, field, picture)
            assert np.array_equal(picture, fresh), number


def test_overlay_into_part_of_a_picture():
    """Only the right half is written."""
    heat, field = accumulator_of(40, 50)
    add_boxes(heat, np.array([[5, 5, 30, 30]], np.float32))
    frame = np.full((40, 50, 3), 100, np.uint8)
    whole = np.full((40, 100, 3), 7, np.uint8)
    HeatRenderer('HOT').overlay(frame, field, whole[:, 50:])
    assert (whole[:, :50] == 7).all()
    assert not (whole[:, 50:] == 7).all()


def test_alpha_bounds():
    """Alpha 0 shows the frame alone, alpha 1 the colours alone."""
    heat, field = accumulator_of(40, 50)
    add_boxes(heat, np.array([[5, 5, 30, 30]], np.float32))
    frame = np.random.default_rng(2).integers(0, 256, (40, 50, 3), np.uint8)
    picture = np.empty_like(frame)
    HeatRenderer('JET', 0.0).overlay(frame, field, picture)
    assert np.array_equal(picture, frame)
    HeatRenderer('JET', 1.0).overlay(frame, field, picture)
    colours = cv2.applyColorMap(np.array([[0, 255]], np.uint8), cv2.COLORMAP_JET)[0]
    assert np.array_equal(picture[17, 17], colours[1])
    assert np.array_equal(picture[0, 0], colours[0])


def test_reset_forgets():
    """After a reset the frame stands alone."""
    heat, field = accumulator_of(40, 50)
    add_boxes(heat, np.array([[5, 5, 30, 30]], np.float32))
    field.reset()
    assert not field.values.any()


def test_boxes_that_are_no_numbers_add_nothing():
    heat, field = accumulator_of(40, 50)
    add_boxes(heat, np.array([[5, 5, np.nan, 30], [5, 5, 30, np.inf], [-np.inf] * 4], np.float32))
    assert not field.values.any()
    add_boxes(heat, np.array([[np.nan] * 4, [5, 5, 30, 30]], np.float32))
    assert field.maximum == 1.0


def test_unknown_colormap():
    """The message names the value and the choice."""
    with pytest.raises(ValueError, match="'no_such'.*VIRIDIS"):
        HeatRenderer('no_such')
    assert HeatRenderer('colormap_hot').colormap == 'colormap_hot'
