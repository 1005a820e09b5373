"""A background is what is there most of the time, and never what was hidden."""

import numpy as np
import pytest
from yolo_heatmap_ros.drawing.anonymize import FLAT
from yolo_heatmap_ros.drawing.clean_background import CleanBackground, PERIOD, TRUST

SHAPE = 60, 80
FREE = np.full(SHAPE, 255, np.uint8)


@pytest.fixture
def scene():
    return np.random.default_rng(2).integers(0, 120, (*SHAPE, 3), np.uint8)


def learned(background, frames, free=FREE, begin=0):
    for number, frame in enumerate(frames, begin):
        assert background.is_due(number * PERIOD)
        background.learn(frame, free, number * PERIOD)


def test_it_takes_time(scene):
    background = CleanBackground(*SHAPE)
    learned(background, [scene] * (TRUST - 1))
    assert (background.picture == FLAT).all() and not background.known.any()
    learned(background, [scene], begin=TRUST - 1)
    assert np.array_equal(background.picture, scene) and background.known.all()
    assert not background.is_due((TRUST - 0.9) * PERIOD) and background.is_due(0.0)


def test_what_is_hidden_is_not_learned(scene):
    background = CleanBackground(*SHAPE)
    free = FREE.copy()
    free[20:40, 30:50] = 0
    learned(background, [scene] * 30, free)
    assert (background.picture[20:40, 30:50] == FLAT).all()
    assert background.doubtful()[30, 40] and not background.doubtful()[5, 5]


def test_what_passes_is_outvoted(scene):
    """Somebody whom the model misses walks through, and stands for a second."""
    frames = []
    for number in range(40):
        frame = scene.copy()
        column = min(2 * number, 30) + 2 * max(0, number - 17)
        frame[10:50, column:column + 6] = 250
        frames.append(frame)
    background = CleanBackground(*SHAPE)
    for number, frame in enumerate(frames):
        learned(background, [frame], begin=number)
        assert not (background.picture == 250).any()
    assert background.moving(frames[20]).any()


def test_slow_light(scene):
    """The picture follows."""
    background = CleanBackground(*SHAPE)
    learned(background, [scene + np.uint8(number // 3) for number in range(100)])
    assert np.abs(background.picture.astype(int) - (scene + 33)).max() <= 12


def test_something_is_put_down(scene):
    """In the end it is background, and until then it is not shown."""
    background = CleanBackground(*SHAPE)
    learned(background, [scene] * 30)
    with_bag = scene.copy()
    with_bag[40:50, 40:50] = 200
    learned(background, [with_bag] * 10, begin=30)
    assert np.array_equal(background.picture, scene)
    learned(background, [with_bag] * 40, begin=40)
    assert np.array_equal(background.picture, with_bag)


def test_the_camera_moves(scene):
    background = CleanBackground(*SHAPE)
    learned(background, [scene] * 20)
    learned(background, [255 - scene] * 3, begin=20)
    assert (background.picture == FLAT).all() and not background.known.any()


def test_somebody_who_is_missed_now_and_then(scene):
    """Whoever sits there is found for most of an hour, and is never background."""
    seat = (slice(20, 40), slice(30, 50))
    sitting, hidden = scene.copy(), FREE.copy()
    sitting[seat], hidden[seat] = 220, 0
    for empty_before in (0, 30):
        background = CleanBackground(*SHAPE)
        learned(background, [scene] * empty_before)
        for number in range(empty_before, 7200):
            learned(background, [sitting], hidden if number % 20 < 14 else FREE, number)
            assert not (background.picture[seat] == 220).any()
        learned(background, [scene] * 40, begin=7200)
        assert np.array_equal(background.picture, scene)
