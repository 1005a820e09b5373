"""What is hidden in a picture is gone, and the rest is as it was."""

import numpy as np
import pytest
from yolo_heatmap_ros.choices import Anonymize
from yolo_heatmap_ros.drawing.anonymize import CELLS, FLAT, hide

BOX = np.array([(100.0, 80.0, 180.0, 240.0)])
INSIDE = (slice(80, 240), slice(100, 180))
MODES = (Anonymize.BLUR, Anonymize.PIXELATE, Anonymize.FILL, Anonymize.SILHOUETTE)


@pytest.fixture
def frame():
    """Return a picture of noise: nothing in it can be guessed."""
    return np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)


@pytest.mark.parametrize('how', MODES)
def test_only_the_box_changes(frame, how):
    before = frame.copy()
    picture = hide(frame, how, BOX)
    assert np.array_equal(frame, before) and picture is not frame
    changed = (picture != frame).any(axis=2)
    assert changed[INSIDE].mean() > 0.99
    changed[INSIDE] = False
    assert not changed.any()


@pytest.mark.parametrize('how', (Anonymize.BLUR, Anonymize.PIXELATE))
def test_little_is_left(frame, how):
    """Of each channel so many numbers as there are cells: all pictures with them look the same."""
    part = hide(frame, how, BOX)[INSIDE].astype(float)
    singular = np.linalg.svd(part[..., 0], compute_uv=False)
    assert (singular > 0.02 * singular[0]).sum() <= CELLS
    assert part.std() < 0.1 * frame[INSIDE].std()


def test_another_frame_with_the_same_cells(frame):
    """Pixels that are shuffled within their cells give the same picture."""
    shuffled = frame.copy()
    for row in range(80, 240, 20):
        for column in range(100, 180, 20):
            cell = shuffled[row:row + 20, column:column + 20].reshape(-1, 3).copy()
            np.random.default_rng(row).shuffle(cell)
            shuffled[row:row + 20, column:column + 20] = cell.reshape(20, 20, 3)
    for how in (Anonymize.BLUR, Anonymize.PIXELATE):
        assert np.array_equal(hide(frame, how, BOX)[INSIDE], hide(shuffled, how, BOX)[INSIDE])


def test_boxes_beyond_the_picture(frame):
    for how in MODES:
        picture = hide(frame, how, np.array([(-50, -50, 20, 20), (390, 290, 900, 900),
                                             (500, 500, 600, 600), (50, 50, 50, 50)], float))
        assert (picture != frame).any(axis=2).sum() <= 20 * 20 + 10 * 10


def test_what_moves(frame):
    moving = np.zeros(frame.shape[:2], np.uint8)
    moving[10:60, 200:260] = 255
    for how in MODES:
        changed = (hide(frame, how, np.empty((0, 4)), moving) != frame).any(axis=2)
        assert changed[10:60, 200:260].mean() > 0.98 and changed.sum() <= 50 * 60


def test_silhouettes(frame):
    """An outline is filled, with a little around it; a box without one is filled as a whole."""
    outline = np.array([(140, 80), (180, 160), (140, 240), (100, 160)], np.float32)
    boxes = np.concatenate((BOX, BOX + 180, BOX + (200, 0, 200, 0)))
    picture = hide(frame, Anonymize.SILHOUETTE, boxes, outlines=[
        outline, np.empty((0, 2), np.float32)])
    flat = (picture == FLAT).all(axis=2)
    assert flat[160, 100:181].all() and not flat[85, 105] and flat[160, 182]
    assert flat[262:299, 282:358].all() and flat[82:238, 302:378].all()


@pytest.mark.parametrize('how', (Anonymize.BLUR, Anonymize.PIXELATE))
def test_a_small_box_in_a_large_one(frame, how):
    """It shows no more of a face than the large one: in any order, and where only motion is."""
    face = np.array([(120.0, 90.0, 150.0, 120.0)])
    alone = hide(frame, how, BOX)
    for boxes in (np.concatenate((BOX, face)), np.concatenate((face, BOX))):
        assert np.array_equal(hide(frame, how, boxes), alone)
    moving = np.zeros(frame.shape[:2], np.uint8)
    moving[INSIDE] = 255
    assert np.array_equal(hide(frame, how, face, moving)[INSIDE], alone[INSIDE])


def test_a_splinter_of_an_outline(frame):
    """Of somebody whose outline is only a part, the box is filled."""
    for outline in ([(110, 90), (112, 90), (112, 92)], [(100, 80), (180, 80), (180, 90)]):
        picture = hide(frame, Anonymize.SILHOUETTE, BOX, outlines=[np.array(outline, np.float32)])
        assert (picture[INSIDE] == FLAT).all()
