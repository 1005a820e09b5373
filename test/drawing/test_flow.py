"""Arrows of flow on a picture."""

import numpy as np
import pytest
from yolo_heatmap_ros.drawing.flow import draw_flow
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap

GRID = FlowGrid.over((0, 0, 160, 120), 40, 'px')
WHITE = np.full(3, 255)


def drawn(*cells, background=128):
    """Return a picture with the arrows of (row, column, velocity, seconds) of cells."""
    field = FlowField(*GRID.shape)
    for row, column, velocity, seconds in cells:
        field.add(row, column, velocity, seconds, standing=1.0)
    picture = np.full((120, 160, 3), background, np.uint8)
    draw_flow(picture, FlowMap(field.planes, GRID))
    return picture


def arrow_in(picture, row, column):
    """Return where white is in a cell, (N, 2) x y from its middle in px."""
    part = picture[40 * row:40 * row + 40, 40 * column:40 * column + 40]
    return np.argwhere((part == WHITE).all(axis=2))[:, ::-1] - 19.5


@pytest.mark.parametrize('degrees', range(0, 360, 30))
def test_an_arrow_points_where_objects_go(degrees):
    """Its head is wider than its tail, and y is downwards."""
    ahead = np.array((np.cos(np.radians(degrees)), np.sin(np.radians(degrees))))
    places = arrow_in(drawn((1, 2, tuple(50 * ahead), 3.0)), 1, 2)
    along, across = places @ ahead, places @ (-ahead[1], ahead[0])
    assert np.ptp(along) == pytest.approx(38, abs=4) and abs(across.mean()) < 1.0
    front, back = np.ptp(across[along > 4]), np.ptp(across[along < -4])
    assert front > 1.5 * back


@pytest.mark.parametrize('background', [0, 255])
def test_arrows_show_on_any_background(background):
    picture = drawn((0, 0, (50, 0), 3.0), background=background)
    assert (picture == 255).all(axis=2).any() and (picture == 0).all(axis=2).any()


def test_faster_is_longer_and_busier_is_thicker():
    picture = drawn((0, 0, (50, 0), 9.0), (1, 0, (25, 0), 9.0), (2, 0, (50, 0), 1.0))
    fast, slow, rare = (arrow_in(picture, row, 0) for row in range(3))
    assert np.ptp(fast[:, 0]) > 1.5 * np.ptp(slow[:, 0])
    thick, thin = (np.ptp(places[places[:, 0] < -8, 1]) for places in (fast, rare))
    assert thick > 1.5 * thin


def test_no_arrow_where_little_or_nothing_moves():
    untouched = np.full((120, 160, 3), 128, np.uint8)
    assert np.array_equal(drawn(), untouched)
    assert np.array_equal(drawn((0, 0, (0.5, 0), 100.0), (1, 1, (50, 0), 0.15)), untouched)
    picture = drawn((0, 0, (50, 0), 100.0), (1, 1, (50, 0), 1.5))
    assert len(arrow_in(picture, 0, 0)) and not len(arrow_in(picture, 1, 1))
