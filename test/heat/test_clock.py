"""Stamps that repeat, jump, begin again or are wrong."""

import pytest
from yolo_heatmap_ros.heat.clock import FrameClock


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
