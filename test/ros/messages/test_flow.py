"""Flow on the floor as a point cloud, and as arrows."""

import numpy as np
import pytest
from sensor_msgs.msg import PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap
from yolo_heatmap_ros.ros.messages import flow as messages

HEADER = Header(frame_id='map')
GRID = FlowGrid(-4.0, 10.0, 0.5, 20, 30, 'm')
NAMES = ['x', 'y', 'z', 'vx', 'vy', 'speed', 'seconds']


@pytest.fixture
def flow():
    field = FlowField(*GRID.shape)
    field.add(0, 0, (1.2, 0.0), 6.0, 0.2)
    field.add(0, 0, (-0.8, 0.0), 2.0, 0.2)
    field.add(19, 29, (0.0, 0.6), 2.0, 0.2)
    field.add(5, 7, (0.1, 0.0), 3.0, 0.2)
    return FlowMap(field.planes, GRID)


def test_a_point_for_each_cell_with_seconds(flow):
    cloud = messages.flow_message(flow, HEADER)
    assert [field.name for field in cloud.fields] == NAMES
    assert all(field.datatype == PointField.FLOAT32 and field.count == 1
               for field in cloud.fields)
    assert (cloud.height, cloud.width, cloud.point_step) == (1, 3, 28)
    assert cloud.row_step == len(cloud.data) == 84 and cloud.header == HEADER
    read = np.dtype({'names': NAMES, 'formats': ['<f4'] * 7,
                     'offsets': [field.offset for field in cloud.fields]})
    found = np.frombuffer(bytes(cloud.data), read).view('<f4').reshape(-1, 7)
    np.testing.assert_allclose(found, [
        (-3.75, 10.25, 0.0, 0.7, 0.0, 1.1, 8.0), (-0.25, 12.75, 0.0, 0.0, 0.0, 0.0, 3.0),
        (10.75, 19.75, 0.0, 0.0, 0.6, 0.6, 2.0)], rtol=1e-5, atol=1e-7)


def test_arrows_of_the_main_streams(flow):
    deleting, arrows = messages.flow_markers_message(flow, HEADER).markers
    assert deleting.action == Marker.DELETEALL
    assert (arrows.type, arrows.header) == (Marker.LINE_LIST, HEADER)
    points = np.array([(point.x, point.y) for point in arrows.points]).reshape(-1, 3, 2, 2)
    assert len(points) == 2  # nothing moves where somebody stands
    np.testing.assert_allclose(points[:, 0], [[(-4.0, 10.25), (-3.5, 10.25)],
                                              [(10.75, 19.625), (10.75, 19.875)]], atol=1e-6)
    for shaft, *sides in points:
        for side in sides:
            assert side[0] == pytest.approx(shaft[1])
            assert (side[1] - shaft[1]) @ (shaft[1] - shaft[0]) < 0.0


def test_the_busiest_arrows_and_no_more(flow, monkeypatch):
    monkeypatch.setattr(messages, 'MAX_ARROWS', 1)
    arrows = messages.flow_markers_message(flow, HEADER).markers[1]
    assert len(arrows.points) == 6 and arrows.points[1].x == pytest.approx(-3.5)


def test_an_empty_floor_deletes_the_arrows():
    empty = FlowMap(FlowField(*GRID.shape).planes, GRID)
    assert [marker.action for marker in messages.flow_markers_message(empty, HEADER).markers] == [
        Marker.DELETEALL]
    cloud = messages.flow_message(empty, HEADER)
    assert cloud.width == 0 and not len(cloud.data)
