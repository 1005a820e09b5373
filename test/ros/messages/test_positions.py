"""Places as clouds of points: there and back, and what others may send."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.ros.messages.positions import (
    MAX_ROWS, positions_message, positions_of, view_message, view_of)

HEADER = Header(frame_id='map')
HEADER.stamp.sec = 7


def some(count=4):
    rng = np.random.default_rng(count)
    return Positions(rng.uniform(-50, 50, (count, 2)), rng.uniform(0, 1, (count, 2, 2)),
                     rng.uniform(-2, 2, (count, 2)), np.arange(count) * 10 ** 9 - 1,
                     ['person', 'Straßenbahn', 'x' * 40, ''][:count],
                     rng.uniform(0, 1, count))


def cloud(columns, big=False, step=None):
    """Return a cloud with these columns: (name, dtype, values), as another node may send it."""
    order = '>' if big else '<'
    codes = {'i1': 1, 'u1': 2, 'i2': 3, 'u2': 4, 'i4': 5, 'u4': 6, 'f4': 7, 'f8': 8}
    kind = np.dtype([(name, order + code) for name, code, _ in columns])
    rows = np.zeros(len(columns[0][2]), kind)
    for name, _, values in columns:
        rows[name] = values
    return PointCloud2(
        header=HEADER, height=1, width=len(rows), point_step=step or kind.itemsize,
        row_step=rows.nbytes, is_bigendian=big, data=rows.tobytes(),
        fields=[PointField(name=name, offset=kind.fields[name][1], count=1, datatype=codes[code])
                for name, code, _ in columns])


def test_there_and_back():
    before = some()
    message = positions_message(before, HEADER)
    assert message.header == HEADER
    assert [field.name for field in message.fields][:3] == ['x', 'y', 'z']
    after = positions_of(message)
    assert after.places == pytest.approx(before.places, abs=1e-5)
    assert after.velocities == pytest.approx(before.velocities, abs=1e-6)
    assert after.covariances[:, 0] == pytest.approx(before.covariances[:, 0], abs=1e-6)
    assert after.covariances[:, 1, 1] == pytest.approx(before.covariances[:, 1, 1], abs=1e-6)
    assert (after.covariances[:, 0, 1] == after.covariances[:, 1, 0]).all()
    assert after.track_ids.tolist() == before.track_ids.tolist()
    assert after.class_names == ['person', 'Straßenbahn', 'x' * 32, '']
    assert after.confidences == pytest.approx(before.confidences, abs=1e-6)


def test_nobody_and_those_without_a_place():
    assert len(positions_of(positions_message(some(0), HEADER)).places) == 0
    positions = some()
    positions.places[1:3] = np.nan, 1.0
    positions.velocities[:] = positions.covariances[:] = np.nan
    after = positions_of(positions_message(positions, HEADER))
    assert after.track_ids.tolist() == [-1, 3 * 10 ** 9 - 1]
    assert np.isnan(after.velocities).all() and np.isnan(after.covariances).all()


def test_a_name_that_is_cut_within_a_letter():
    positions = some(1)._replace(class_names=['ß' * 15 + 'aß' + 'b'])
    name, = positions_of(positions_message(positions, HEADER)).class_names
    assert name.startswith('ß' * 15 + 'a') and name.isprintable()


@pytest.mark.parametrize('big', [False, True])
@pytest.mark.parametrize('code', ['f4', 'f8'])
def test_other_orders_and_types(code, big):
    """As of lidar nodes: more fields, in another order, some of them of integers."""
    after = positions_of(cloud([('intensity', 'f4', [9, 9]), ('y', code, [2.5, -4.5]),
                                ('ring', 'u2', [1, 2]), ('x', code, [1.5, 3.5]),
                                ('track', 'f4', [5, 6]), ('vx', 'i4', [7, 7])], big))
    assert after.places.tolist() == [[1.5, 2.5], [3.5, -4.5]]
    assert after.track_ids.tolist() == [5, 6]
    assert np.isnan(after.velocities).all() and np.isnan(after.covariances).all()
    assert after.class_names == ['', ''] and after.confidences.tolist() == [1.0, 1.0]


def test_numbers_that_are_no_track():
    after = positions_of(cloud([('x', 'f8', [0] * 5), ('y', 'f8', [0] * 5),
                                ('track', 'f8', [np.nan, np.inf, 1e300, -1e300, 3.0])]))
    assert after.track_ids.tolist() == [-1, -1, -1, -1, 3]


def changed(**fields):
    message = positions_message(some(), HEADER)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize('message, reason', [
    (PointCloud2(), 'no fields x and y'),
    (cloud([('x', 'f4', [1.0]), ('z', 'f4', [1.0])]), 'no fields x and y'),
    (cloud([('x', 'i4', [1]), ('y', 'i4', [1])]), 'no fields x and y'),
    (changed(width=5), 'are not 5 points of'), (changed(width=MAX_ROWS + 1), 'at most 10000'),
    (changed(width=2 ** 32 - 1, height=2 ** 32 - 1), 'at most 10000'),
    (changed(point_step=0), 'are not 4 points of 0 bytes'),
    (changed(point_step=2 ** 32 - 1), 'are not 4 points of'),
    (changed(point_step=5), 'are not 4 points of 5 bytes'),
    (changed(data=b''), '0 bytes are not 4 points'),
    (changed(fields=[PointField(name=name, offset=2 ** 32 - 1, datatype=7, count=1)
                     for name in 'xy']), 'with these fields'),
    (changed(fields=[*positions_message(some(), HEADER).fields[:2],
                     PointField(name='class', datatype=2, count=2 ** 32 - 1)]),
     'with these fields'),
    (changed(height=2, width=2, row_step=500), 'rows of')])
def test_what_is_no_cloud_of_positions(message, reason):
    with pytest.raises(HeatError, match=reason) as caught:
        positions_of(message)
    assert '\n' not in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 12), st.integers(0, 90), st.lists(st.tuples(
    st.sampled_from(['x', 'y', 'track', 'class', 'vx', '']), st.integers(0, 400),
    st.integers(0, 9), st.integers(0, 70)), max_size=8), st.booleans())
def test_any_bytes_give_positions_or_an_error(data, width, step, fields, big):
    message = PointCloud2(
        height=1, width=width, point_step=step, row_step=width * step, data=data,
        is_bigendian=big, fields=[PointField(name=name, offset=offset, datatype=kind, count=count)
                                  for name, offset, kind, count in fields])
    try:
        found = positions_of(message)
    except HeatError:
        return
    assert len(found.places) == len(found.class_names) == len(found.track_ids) == width
    assert all(name.isprintable() for name in found.class_names)


def test_the_view():
    corners = np.array([(1.0, 2.0), (5.5, 2.0), (3.0, 8.0)])
    message = view_message(corners, HEADER)
    assert message.header == HEADER
    assert view_of(message).tolist() == corners.tolist()
    message.polygon.points[1].x = float('nan')
    assert view_of(message).shape == view_of(view_message(np.empty((0, 2)), HEADER)).shape == (
        0, 2)
