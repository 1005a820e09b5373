"""Which boxes are hidden: those of now, and those lost a moment ago."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.hidden_boxes import HiddenBoxes, LASTING, MARGIN

BOX = np.array((100.0, 100.0, 140.0, 200.0))
SURE, GUESS = np.array([True]), np.array([False])
NOTHING = np.empty((0, 4)), np.empty(0, bool)


def walked(hidden, steps, speed=50.0, sure=SURE):
    """Show a box that walks to the right at `speed` px/s, ten times a second; return the last."""
    for number in range(steps):
        answer = hidden.update([BOX + (speed * number / 10, 0) * 2], sure, number / 10)
    return answer


def inside(box, other):
    return bool((other[:2] <= box[:2]).all() and (box[2:] <= other[2:]).all())


def test_a_margin():
    found = HiddenBoxes().update([BOX], SURE, 0.0)
    sides = (40 * MARGIN[0], 100 * MARGIN[1])
    assert found.boxes[0] == pytest.approx(BOX + (-sides[0], -sides[1], *sides))
    assert not len(found.lost) and len(found.together()) == 1


def test_a_lost_box_moves_on_and_is_given_up():
    """All of where it may be is hidden for `hold` s."""
    hidden = HiddenBoxes(hold=1.0)
    walked(hidden, 20)
    for number in range(20, 29):
        lost = hidden.update(*NOTHING, number / 10).lost
        assert len(lost) == 1 and inside(BOX + (5.0 * number, 0) * 2, lost[0])
    assert not len(hidden.update(*NOTHING, 2.95).lost)


def test_a_box_that_shrinks():
    """Half of somebody behind a pillar is still somebody."""
    hidden = HiddenBoxes(hold=1.0)
    walked(hidden, 5, speed=0.0)
    half = BOX * (1, 1, 1, 0) + (0, 0, 0, 150)
    assert inside(BOX, hidden.update([half], SURE, 0.5).boxes[0])
    for number in range(6, 40):
        last = hidden.update([half], SURE, number / 10).boxes[0]
    assert not inside(BOX, last) and inside(half, last)


def test_guesses_are_held_once_they_last():
    hidden = HiddenBoxes()
    walked(hidden, 1, sure=GUESS)
    assert not len(hidden.update(*NOTHING, 0.1).lost)
    walked(hidden := HiddenBoxes(), LASTING, sure=GUESS)
    assert len(hidden.update(*NOTHING, LASTING / 10).lost) == 1


def test_two_people_pass_each_other():
    """Nobody is lost, and the answer keeps the order of the boxes."""
    hidden = HiddenBoxes()
    for number in range(40):
        boxes = np.stack((BOX + (5.0 * number, 0) * 2, BOX + (200 - 5.0 * number, 10) * 2))
        answer = hidden.update(boxes, np.array((True, True)), number / 10)
        assert all(inside(*pair) for pair in zip(boxes, answer.boxes)) and not len(answer.lost)


def test_no_hold():
    hidden = HiddenBoxes(hold=0.0)
    walked(hidden, 5)
    assert not len(hidden.update(*NOTHING, 0.5).lost)
