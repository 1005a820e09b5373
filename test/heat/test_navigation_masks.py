"""
Masks of heat against the rules of Nav2's costmaps.

The rules are written down here as functions, with a table of values for each, as they are read in
ros-navigation/navigation2, branches jazzy (f4108e5b1) and main (a3a97043e): getMaskCost in
plugins/costmap_filters/costmap_filter.cpp, process in keepout_filter.cpp and speed_filter.cpp,
interpretValue in plugins/static_layer.cpp, and updateWithMax in src/costmap_layer.cpp.
"""

import math

import numpy as np
import pytest
from yolo_heatmap_ros.heat.navigation_masks import (
    keepout_mask, KEEPOUT_RULE, margin_cells, MARGIN_M, speed_mask, SPEED_RULE, with_margin)

FREE, MAX_NON_OBSTACLE, INSCRIBED, LETHAL, NO_INFORMATION = 0, 252, 253, 254, 255
NO_LIMIT = 0.0
INT8 = range(-128, 128)
COSTS = range(256)
RNG = np.random.default_rng(1)


def mask_cost(value):
    """Return the cost that a filter reads in its mask, None where C++ leaves it undefined."""
    if value == -1:
        return NO_INFORMATION
    cost = math.floor(value * 254 / 100 + 0.5)  # std::round of what is not negative
    return cost if 0 <= cost <= 255 else None  # what a conversion to unsigned char can hold


def after_keepout(old, value, override=None):
    """Return a cell's cost after a keepout filter; `override`: the robot is in a closed cell."""
    cost = mask_cost(value)
    if cost == NO_INFORMATION or not (cost > old or old == NO_INFORMATION):
        return old
    return cost if override is None else override


def speed_limit(value, before, rule=SPEED_RULE):
    """Return the limit in percent after a robot was on a cell, and what the filter complains."""
    if value == 0:
        return NO_LIMIT, None
    if value == -1:
        return before, 'unknown cell'
    limit = value * float(np.float32(rule.multiplier)) + float(np.float32(rule.base))
    return (limit, None) if 0.0 <= limit <= 100.0 else (NO_LIMIT, 'out of bounds')


def static_cost(value, track_unknown=False, trinary=True, threshold=100, inscribed=None):
    """Return what a static layer makes of a value; `inscribed`: newer releases' cost value."""
    value %= 256  # to unsigned char
    if value == 255:  # the default of unknown_cost_value
        return NO_INFORMATION if track_unknown else FREE
    if value == inscribed:
        return INSCRIBED
    if value >= threshold:
        return LETHAL
    return FREE if trinary else int(value / threshold * 254)


def after_static_layer(old, cost, use_maximum=False, rolling=False):
    """Return a cell's cost after a static layer with `cost` in it."""
    if not use_maximum:
        return cost
    if rolling:
        return max(old, cost)
    return old if cost == NO_INFORMATION or (old != NO_INFORMATION and old >= cost) else cost


def sweep():
    """Return heat from 0 to 200, around each whole number too, and which of it is known."""
    heat = np.concatenate([np.arange(201.0), np.nextafter(np.arange(1, 201, dtype=np.float32), 0),
                           RNG.uniform(0, 200, 2000)]).astype(np.float32)[None]
    return np.concatenate((heat, heat)), np.repeat([[True], [False]], heat.size, axis=1)


@pytest.mark.parametrize('value, cost', [
    (-128, None), (-2, None), (-1, 255), (0, 0), (1, 3), (2, 5), (25, 64), (50, 127), (75, 191),
    (98, 249), (99, 251), (100, 254), (101, None), (127, None)])
def test_costs_that_a_filter_reads(value, cost):
    assert mask_cost(value) == cost


def test_no_value_but_100_is_an_obstacle():
    costs = [mask_cost(value) for value in range(101)]
    assert costs == sorted(set(costs))
    assert max(costs[:100]) < MAX_NON_OBSTACLE and costs[100] == LETHAL


@pytest.mark.parametrize('old, value, cost', [
    (0, 100, 254), (127, 100, 254), (252, 100, 254), (253, 100, 254), (254, 100, 254),
    (255, 100, 254), (0, 50, 127), (126, 50, 127), (127, 50, 127), (128, 50, 128),
    (253, 99, 253), (254, 99, 254), (255, 99, 251), (0, -1, 0), (254, -1, 254), (255, -1, 255),
    (0, 0, 0), (254, 0, 254), (255, 0, 0)])
def test_a_keepout_filter_on_a_cell(old, value, cost):
    """The last one is why our masks have no 0: it makes unknown cells free."""
    assert after_keepout(old, value) == cost


@pytest.mark.parametrize('low', [0.0, 20.0])
def test_keepout_masks_lower_no_wall(low):
    """Every value that they have, on every cost: none of them 0 or undefined."""
    assert (KEEPOUT_RULE.base, KEEPOUT_RULE.multiplier) == (0.0, 1.0)
    values = set(keepout_mask(*sweep(), low, 150.0).ravel().tolist())
    assert values - {99} == ({-1, *range(1, 99), 100} if low else {-1, 100})
    for value in values:
        for old in COSTS:
            new = after_keepout(old, value)
            assert new >= old or (old == NO_INFORMATION and new >= mask_cost(1)), (value, old)
            # With override_lethal_cost, while the robot is in a closed cell, Nav2 itself lowers
            # inscribed cells, so that it can leave; but no wall.
            for override in (FREE, 200, MAX_NON_OBSTACLE):
                if old == LETHAL:
                    assert after_keepout(old, value, override) == LETHAL


def test_what_a_keepout_mask_closes():
    heat = np.array([[0, 4.9, 5, 10, 14.9, 15, 1e9], [0, 4.9, 5, 10, 14.9, 15, 1e9]], np.float32)
    known = np.array([[True] * 7, [False] * 7])
    mask = keepout_mask(heat, known, 5.0, 15.0)
    assert mask.dtype == np.int8
    assert mask.tolist() == [[-1, -1, 1, 50, 98, 100, 100], [-1] * 7]
    for low in (0.0, 15.0, 20.0):  # no costs below
        assert keepout_mask(heat, known, low, 15.0).tolist() == [
            [-1] * 5 + [100, 100], [-1] * 7]


def test_keepout_costs_grow_with_heat():
    heat = np.linspace(1, 150, 5000, dtype=np.float32)[None]
    cells = keepout_mask(heat, np.ones_like(heat, bool), 1.0, 150.0)[0].astype(int)
    assert (np.diff(cells) >= 0).all() and set(cells) - {99} == {*range(1, 99), 100}


@pytest.mark.parametrize('value, after', [
    (0, (0.0, None)), (-1, (55.0, 'unknown cell')), (1, (99.0, None)), (50, (50.0, None)),
    (99, (1.0, None)), (100, (0.0, None)), (101, (0.0, 'out of bounds')),
    (127, (0.0, 'out of bounds')), (-2, (0.0, 'out of bounds')), (-128, (0.0, 'out of bounds'))])
def test_a_speed_filter_on_a_cell(value, after):
    """With a limit of 55 % before; 0 % is no limit, so that a value of 100 means full speed."""
    assert speed_limit(value, 55.0) == after


@pytest.mark.parametrize('slowest', [1, 30, 50, 99])
def test_limits_of_speed_masks(slowest):
    """Each value gives the limit of its heat, exactly, and never less than the slowest."""
    assert SPEED_RULE.kind == 1
    heat, known = sweep()
    mask = speed_mask(heat, known, 20.0, 120.0, slowest)
    assert mask.dtype == np.int8
    values = set(mask.ravel().tolist())
    assert values == set(range(101 - slowest))
    limits = {value: speed_limit(value, 55.0) for value in INT8}
    for value in values - {0}:
        assert limits[value] == (100 - value, None)
        assert slowest <= limits[value][0] < 100
    wanted = 100 - (100 - slowest) * np.clip((heat[0] - 20) / 100, 0, 1)
    assert np.abs(100 - mask[0] - wanted).max() < 0.501
    assert (mask[0][heat[0] < 20] == 0).all() and (mask[0][heat[0] >= 120] == 100 - slowest).all()
    assert not mask[1].any()


def test_values_of_speed_masks():
    heat = np.array([[0, 9.9, 10, 15, 20, 1e9]], np.float32)
    known = np.ones_like(heat, bool)
    assert speed_mask(heat, known, 10.0, 20.0, 30).tolist() == [[0, 0, 0, 35, 70, 70]]
    assert speed_mask(heat, known, 0.0, 20.0, 30).tolist() == [[0, 35, 35, 52, 70, 70]]
    for low in (20.0, 30.0):  # in one step
        assert speed_mask(heat, known, low, 20.0, 30).tolist() == [[0, 0, 0, 0, 70, 70]]


@pytest.mark.parametrize('resolution, cells', [(0.05, 40), (0.3, 7), (2.0, 1), (5.0, 1)])
def test_a_robot_leaves_without_a_limit(resolution, cells):
    mask = with_margin(np.full((3, 2), 70, np.int8), resolution)
    assert margin_cells(resolution) == cells and cells * resolution >= MARGIN_M
    assert mask.shape == (3 + 2 * cells, 2 + 2 * cells) and mask.dtype == np.int8
    assert (mask[cells:-cells, cells:-cells] == 70).all()
    assert np.count_nonzero(mask) == 6


@pytest.mark.parametrize('options, table', [
    ({}, {-1: 0, 0: 0, 1: 0, 99: 0, 100: 254, 127: 254, -128: 254, -2: 254}),
    ({'track_unknown': True}, {-1: 255, 0: 0, 99: 0, 100: 254}),
    ({'trinary': False}, {-1: 0, 0: 0, 1: 2, 50: 127, 99: 251, 100: 254}),
    ({'trinary': False, 'inscribed': 99}, {1: 2, 50: 127, 98: 248, 99: 253, 100: 254}),
    ({'trinary': False, 'threshold': 50}, {1: 5, 25: 127, 49: 248, 50: 254, 100: 254}),
])
def test_values_in_a_static_layer(options, table):
    assert {value: static_cost(value, **options) for value in table} == table


@pytest.mark.parametrize('track_unknown', [False, True])
@pytest.mark.parametrize('trinary', [False, True])
def test_a_static_layer_lowers_walls(track_unknown, trinary):
    """As the manual warns: only with use_maximum, and in rolling costmaps not even then."""
    def walls_after(use_maximum, rolling):
        return {after_static_layer(LETHAL, static_cost(value, track_unknown, trinary),
                                   use_maximum, rolling) for value in INT8}
    assert FREE in walls_after(False, False)
    assert walls_after(True, False) == {LETHAL}
    assert walls_after(True, True) == {LETHAL, *([NO_INFORMATION] if track_unknown else [])}


def test_a_mask_over_a_map():
    """A wall through a busy place, with its inflation, in a map with unknown parts."""
    old = np.zeros((20, 20), int)
    old[:, 9], old[:, [8, 10]], old[:, [7, 11]], old[15:] = LETHAL, INSCRIBED, 100, NO_INFORMATION
    rows, columns = np.mgrid[:20, :20]
    heat = np.maximum(0, 100 - 10 * np.hypot(rows - 10, columns - 9)).astype(np.float32)
    mask = keepout_mask(heat, columns < 17, 30.0, 60.0)
    new = np.vectorize(after_keepout)(old, mask)
    assert (new[:15] >= old[:15]).all() and (new[old == LETHAL] == LETHAL).all()
    assert (new[heat >= 60] == LETHAL).all()
    assert (new[heat < 30] == old[heat < 30]).all()
    assert (new != old).sum() > 50
