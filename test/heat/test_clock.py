"""Stamps that repeat, jump, begin again or are wrong."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.clock import FrameClock, RateLimit


def steps(clock, *stamps):
    return [clock.advance(stamp, 1.0) for stamp in stamps]


def test_a_jump_back_is_confirmed_by_the_next_stamp():
    clock = FrameClock()
    assert [step.jumped_back for step in steps(clock, 100.0, 100.1, 3.0, 3.1)] == [
        0.0, 0.0, 0.0, pytest.approx(97.0)]


@pytest.mark.parametrize('first', [[], [0.0]])
def test_saved_heat_goes_on_with_stamps_that_begin_again(first):
    """As those of a camera that counts from its start, also if its first one is wrong."""
    clock = FrameClock()
    clock.resume(9000.0)
    taken = steps(clock, *first, 12.0, 12.1, 12.2)
    assert all(step.jumped_back == 0.0 and step.elapsed < 0.2 for step in taken)
    assert taken[-1].interval == pytest.approx(0.1)
    # Only once: after that a jump back is one.
    assert any(step.jumped_back for step in steps(clock, 1.0, 1.1))


def test_saved_heat_decays_for_the_time_that_was_missed():
    clock = FrameClock()
    clock.resume(9000.0)
    elapsed = sum(step.elapsed for step in steps(clock, 9500.0, 9500.1, 9500.2))
    assert elapsed == pytest.approx(500.2)


@pytest.mark.parametrize('camera, rate, expected', [
    (30.0, 10.0, 10.0), (12.0, 10.0, 10.0), (10.0, 10.0, 10.0), (5.0, 10.0, 5.0),
    (29.97, 7.0, 7.0), (30.0, 0.0, 30.0), (30.0, 0.5, 0.5)])
def test_no_more_frames_than_max_rate(camera, rate, expected):
    """Whatever the rate of the camera, and although its stamps jitter."""
    rng, limit = np.random.default_rng(0), RateLimit()
    stamps = 1e9 + np.arange(0, 40, 1 / camera)
    stamps += rng.uniform(-0.1, 0.1, len(stamps)) / camera
    taken = [stamp for stamp in stamps if limit.takes(stamp, rate)]
    assert len(taken) / 40 == pytest.approx(expected, rel=0.01, abs=0.03)
    if rate == 10.0 and camera == 30.0:
        assert np.diff(taken).min() > 0.08


def test_a_late_frame_is_no_jump_back():
    """Late across the beginning of a period, which at 1 Hz is longer than the disorder."""
    limit = RateLimit()
    assert [limit.takes(stamp, 1.0) for stamp in (0.0, 0.8, 0.7, 1.0, 1.8)] == [
        True, True, False, False, True]


def test_max_rate_and_time_that_jumps():
    limit = RateLimit()
    assert [limit.takes(stamp, 1.0) for stamp in (5.0, 5.5, 6.0, 5.9, 6.4)] == [
        True, False, True, False, False]
    assert limit.takes(2.0, 1.0) and not limit.takes(2.4, 1.0)  # a bag that loops
    assert limit.takes(1e6, 1.0) and not limit.takes(1e6 + 0.5, 1.0)
    assert limit.takes(1e6 + 0.5, 4.0)  # another rate begins at once
    assert [limit.takes(stamp, 1.0) for stamp in (7.0, 7.0, 7.0)] == [True, False, False]
