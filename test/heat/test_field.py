"""Heat per pixel, and what is kept beside it: extremes, and which tiles are hot or changed."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.extents import Extents
from yolo_heatmap_ros.heat.field import HeatField, SPLIT, STEPS
from yolo_heatmap_ros.heat.kernels import Patch

SIZE = (150, 200)
"""Three bands of tiles, the last of 22 rows, in four columns, the last of 8 px."""


def patch(top, bottom, left, right):
    return Patch(slice(top, bottom), slice(left, right),
                 np.ones((bottom - top, right - left), np.float32))


def rectangles(extents):
    """Return (top, bottom, left, right) of each run of tiles."""
    return [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in extents]


@pytest.mark.parametrize('added, expected', [
    ([(0, 1, 0, 1)], [(0, 64, 0, 64)]),
    ([(0, 64, 0, 64)], [(0, 64, 0, 64)]),
    ([(63, 65, 63, 65)], [(0, 64, 0, 128), (64, 128, 0, 128)]),
    ([(64, 65, 64, 65)], [(64, 128, 64, 128)]),
    ([(149, 150, 199, 200)], [(128, 150, 192, 200)]),
    ([(0, 1, 0, 1), (0, 1, 130, 131)], [(0, 64, 0, 64), (0, 64, 128, 192)]),
    ([(0, 1, 0, 1), (2, 9, 64, 65)], [(0, 64, 0, 128)]),
    ([(0, 150, 0, 200)], [(0, 64, 0, 200), (64, 128, 0, 200), (128, 150, 0, 200)]),
    ([], []),
])
def test_runs_of_touched_tiles(added, expected):
    extents, other = Extents(*SIZE), Extents(*SIZE)
    for top, bottom, left, right in added:
        extents.add(slice(top, bottom), slice(left, right))
    assert rectangles(extents) == expected
    other.update(extents)
    assert rectangles(other) == expected
    extents.clear()
    assert rectangles(extents) == [] and rectangles(other) == expected
    extents.add_all()
    assert rectangles(extents) == [(0, 64, 0, 200), (64, 128, 0, 200), (128, 150, 0, 200)]


def test_tiles_of_a_rectangle():
    tiles = Extents.tiles_of(slice(64, 150), slice(128, 200))
    assert rectangles(tiles) == [(64, 128, 128, 192), (64, 128, 192, 200),
                                 (128, 150, 128, 192), (128, 150, 192, 200)]


def test_what_is_deposited():
    field = HeatField(*SIZE)
    assert (field.shape, field.maximum, field.minimum) == (SIZE, 0.0, 0.0)
    field.deposit(patch(10, 20, 10, 20), 3.0)
    field.deposit(patch(15, 70, 10, 20), 0.5)
    assert (field.maximum, field.minimum) == (3.5, 0.0)
    assert field.heat()[16, 12] == 3.5 and field.heat()[60, 12] == 0.5
    assert rectangles(field.hot) == rectangles(field.changed) == [(0, 64, 0, 64),
                                                                  (64, 128, 0, 64)]
    field.changed.clear()
    field.deposit(patch(0, *SIZE[:1], 0, SIZE[1]), 2.0)
    assert (field.maximum, field.minimum) == (5.5, 2.0)
    field.deposit(patch(0, 1, 0, 1), 1.0)
    assert field.minimum == 2.0  # the first pixel is no more the coldest


def test_fading_changes_a_number_alone():
    field = HeatField(*SIZE)
    field.deposit(patch(10, 20, 10, 20), 4.0)
    field.changed.clear()
    field.decay(0.5)
    assert field.heat()[15, 15] == 2.0 and field.maximum * field.gain == 2.0
    assert not rectangles(field.changed)
    field.deposit(patch(10, 20, 10, 20))
    assert field.heat()[15, 15] == 3.0
    field.decay(2e-7)  # less than a millionth is left
    assert field.maximum == 0.0 and field.gain == 1.0 and not field.values.any()
    assert not rectangles(field.hot)
    assert rectangles(field.changed) == [(0, 64, 0, 200), (64, 128, 0, 200), (128, 150, 0, 200)]


def test_an_empty_field_does_not_fade():
    """Else heat that comes after a quiet night would be stored in large numbers."""
    field = HeatField(*SIZE)
    field.decay(0.5)
    assert field.gain == 1.0 and not rectangles(field.changed)


def faded(exponent):
    """Return a field with a hot tile at the first pixel after decay to 2^-exponent."""
    field = HeatField(*SIZE)
    for number in range(exponent):
        if number == 0:
            field.deposit(patch(100, 120, 100, 120))
        field.deposit(patch(0, 5, 0, 5))
        field.changed.clear()
        field.decay(0.5)
    return field


def test_numbers_are_scaled_back():
    """By a power of two: heat that lasts keeps every digit, and what is negligible goes."""
    before, after = faded(60), faded(61)
    assert before.gain == 2.0 ** -60 and after.gain == 0.5
    assert rectangles(before.hot) == [(0, 64, 0, 64), (64, 128, 64, 128)]
    assert rectangles(after.hot) == [(0, 64, 0, 64)]
    assert before.values[110, 110] == 1.0 and after.values[110, 110] == 0.0
    assert after.heat()[2, 2] == pytest.approx(1.0 - 0.5 ** 61)
    assert after.maximum == after.values.max() and after.minimum == 0.0
    assert not rectangles(before.changed)
    assert rectangles(after.changed) == [(0, 64, 0, 200), (64, 128, 0, 200), (128, 150, 0, 200)]


def test_what_is_restored():
    """What was faded away before does not fade what comes after, and what is hot is found."""
    field, heat = faded(10), np.zeros(SIZE, np.float32)
    heat[130:140, 10:20] = 7.0
    field.restore(heat)
    heat[:] = 0.0
    assert field.heat()[135, 15] == 7.0 and field.gain == 1.0
    assert (field.maximum, field.minimum) == (7.0, 0.0)
    assert rectangles(field.hot) == [(128, 150, 0, 64)]
    assert rectangles(field.changed) == [(0, 64, 0, 200), (64, 128, 0, 200), (128, 150, 0, 200)]
    field.restore(np.full(SIZE, 2.0, np.float32))
    assert (field.maximum, field.minimum) == (2.0, 2.0)
    field.reset()
    assert (field.maximum, field.minimum) == (0.0, 0.0)


@pytest.mark.parametrize('factor', [1.0, 0.25])
def test_fields_of_different_age_are_merged(factor):
    """Each with its own gain: heat is added to heat, and the other field stays as it is."""
    one, other = faded(3), HeatField(*SIZE)
    other.deposit(patch(70, 80, 150, 160), 8.0)
    other.decay(0.5)
    own, added = one.heat(), other.heat()
    one.changed.clear()
    one.merge(other, factor)
    np.testing.assert_allclose(one.heat(), own + factor * added, rtol=1e-6)
    assert np.array_equal(other.heat(), added)
    assert one.maximum == one.values.max()
    assert rectangles(one.hot) == [(0, 64, 0, 64), (64, 128, 64, 192)]
    assert rectangles(one.changed)


def test_a_year_of_seconds():
    """One who passes at the end of it counts as one on the first day did; the sum is exact."""
    field, step, steps = HeatField(4, 4), 527.0, 59_841
    everywhere = patch(0, 4, 0, 4)
    for _ in range(steps):
        field.deposit(everywhere, step)
    expected = step * steps
    assert expected >= 365.0 * 86400.0
    assert field.heat() == pytest.approx(np.full((4, 4), expected), rel=1e-7)
    corner = patch(0, 1, 0, 1)
    for _ in range(20_000):  # of those who run
        field.deposit(corner, 0.002)
    assert field._exact()[0, 0] - field._exact()[3, 3] == pytest.approx(40.0, rel=1e-4)
    assert field.values[0, 0] - field.values[3, 3] == pytest.approx(40.0, abs=SPLIT)


@pytest.mark.parametrize('amount', [0.002, 1.0, 0.1, 1 / 3])
@pytest.mark.parametrize('present', [0.0, 100.0, 33_000.0, 1.1e6, 2.0 ** 24, 3e7])
def test_what_is_added_to_much(present, amount):
    field = HeatField(2, 2)
    field.restore(np.full((2, 2), present, np.float32))
    for _ in range(3_000):
        field.deposit(patch(0, 1, 0, 1), amount)
    added = field._exact()[0, 0] - field._exact()[1, 1]
    assert added == pytest.approx(3_000 * amount, rel=1e-3)
    assert field.heat().dtype == field.values.dtype == np.float32
    assert np.abs(field.heat() - field.values).max() <= max(SPLIT, STEPS * amount)


def test_much_heat_that_decays():
    """As the same sum in float64."""
    field, expected = HeatField(1, 1), 0.0
    for _ in range(200_000):
        field.decay(0.99999)
        field.deposit(patch(0, 1, 0, 1), 0.1)
        expected = expected * 0.99999 + 0.1
    assert field.heat()[0, 0] == pytest.approx(expected, rel=1e-5)


def test_whole_numbers_stay_as_they_are():
    """Frames are counted in a float32 alone, as `ultralytics.solutions.Heatmap` does, to 2^23."""
    field, expected = HeatField(3, 3), np.zeros((3, 3), np.float32)
    for _ in range(20_000):
        field.deposit(patch(0, 2, 0, 2), 2.0)
        expected[:2, :2] += 2.0
    assert np.array_equal(field.values, expected) and field._old is None
    field.restore(np.full((3, 3), 2.0 ** 24, np.float32))
    for _ in range(1_000):
        field.deposit(patch(0, 1, 0, 1), 1.0)
    assert field.heat()[0, 0] == 2.0 ** 24 + 1_000


def test_much_heat_is_reset_restored_and_merged():
    field, other = HeatField(2, 2), HeatField(2, 2)
    for one in (field, other):
        one.restore(np.full((2, 2), 1e6, np.float32))
        for _ in range(1_000):
            one.deposit(patch(0, 1, 0, 1), 0.002)
    field.merge(other)
    assert field._exact()[0, 0] - field._exact()[1, 1] == pytest.approx(4.0, rel=1e-4)
    assert field.maximum == field.values.max() and field.minimum == field.values.min()
    field.reset()
    field.deposit(patch(0, 1, 0, 1), 0.25)
    assert field.heat().tolist() == [[0.25, 0.0], [0.0, 0.0]] and field._old is None
