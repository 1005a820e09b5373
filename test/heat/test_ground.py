"""The floor: its homography, what the camera sees of it, and where people really stand."""

import json
import sys

from nav_msgs.msg import OccupancyGrid
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_processes import (
    call, image_message, NodeProcess, Pictures, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from visualization_msgs.msg import Marker, MarkerArray
from yolo_heatmap_ros.build_pipeline import ground_plane
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import HeatError, SnapshotError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.dwell import DwellSegment, Place
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.ground import checked_matrix, facing, GroundPlane, homography
from yolo_heatmap_ros.heat.kernels import disc_patch, ground_contact
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.detections import DetectionReader
from yolo_heatmap_ros.storage.snapshots import read, Snapshot, write

PLACES = [(9.0, -6.0), (9.0, 6.0), (24.0, -10.0), (24.0, 10.0)]
EXTENT = (8.0, -12.0, 27.0, 12.0)


@pytest.fixture(scope='module')
def project(street):
    """Return the embedded clip's own projection, of (N, 3) m to (N, 2) px."""
    sys.path.insert(0, str(street.parent / 'tools'))
    from street import project
    return lambda points: project(points)[:, :2]


@pytest.fixture(scope='module')
def on_the_floor(project):
    return project([(x, y, 0.0) for x, y in PLACES])


@pytest.fixture(scope='module')
def plane(on_the_floor):
    return GroundPlane(homography(on_the_floor, PLACES), 0.1, EXTENT, 0.3)


def test_homography_is_that_of_the_known_camera(plane, project):
    rng = np.random.default_rng(1)
    for x, y in rng.uniform((8, -12), (27, 12), (100, 2)):
        u, v = project([(x, y, 0.0)])[0]
        assert plane.view.to_metres([(u, v)])[0] == pytest.approx((x, y), abs=1e-6)


def test_more_points_are_fitted(project):
    rng = np.random.default_rng(2)
    metres = rng.uniform((9, -6), (24, 6), (20, 2))
    pixels = project(np.c_[metres, np.zeros(20)]) + rng.normal(0, 0.5, (20, 2))
    plane = GroundPlane(homography(pixels, metres), 0.1, EXTENT)
    u, v = project([(15.0, 1.0, 0.0)])[0]
    assert plane.view.to_metres([(u, v)])[0] == pytest.approx((15.0, 1.0), abs=0.15)


def standing(box, plane):
    """Return the segment of an object that has not moved, with 1 of heat."""
    box = np.array(box, np.float32)
    floor = plane.view.to_metres([ground_contact(box)] * 2)
    return DwellSegment(-1, 0, 0.0, box, box, 1.0, [Place(box, 1.0, None)], floor=floor)


def seen(plane, height, width):
    """Return what a camera that stands still sees of a floor."""
    floor = FloorLayer(plane, height, width, counts=lambda box: True)
    floor.look(plane.view)
    return floor.seen


def test_behind_the_horizon_is_nowhere(plane, project):
    horizon = project([(1e6, 0.0, 0.0)])[0][1]
    below, above = plane.view.to_metres([(320.0, horizon + 5.0), (320.0, horizon - 5.0)])
    assert np.isfinite(below).all() and np.isnan(above).all()
    heat = FloorLayer(plane, 480, 640, counts=lambda box: True)
    heat.add(standing([300.0, 0.0, 340.0, horizon - 5.0], plane))
    assert heat.field.maximum == 0.0


def test_what_the_camera_sees(plane, project):
    """Every cell against the projection of its centre."""
    shown = seen(plane, 480, 640)
    rows, columns = plane.shape
    assert (rows, columns) == (240, 190)
    x, y = np.meshgrid(8.05 + 0.1 * np.arange(columns), -11.95 + 0.1 * np.arange(rows))
    u, v = project(np.stack((x, y, np.zeros_like(x)), -1).reshape(-1, 3)).T
    expected = ((u >= 0) & (u <= 640) & (v >= 0) & (v <= 480)).reshape(rows, columns)
    assert np.count_nonzero(shown != expected) <= 2
    assert 0.3 < shown.mean() < 0.95


def test_a_cell_on_the_border_of_the_picture_is_seen():
    plane = GroundPlane(np.diag((0.1, 0.1, 1.0)), 0.5, (-0.75, -0.75, 1.75, 1.25))
    inside = np.array([False, True, True, True, False])  # -0.5, 0, 0.5, 1 and 1.5 m
    assert np.array_equal(seen(plane, 10, 10), np.outer(inside[:4], inside))
    behind = GroundPlane(np.diag((0.1, 0.1, -1.0)), 0.5, (-0.75, -0.75, 1.75, 1.25))
    assert not seen(behind, 10, 10).any()


@pytest.mark.parametrize('pixels, metres, reason', [
    ([[0, 0], [1, 0], [0, 1]], PLACES, 'points_px has 3 points: four or more'),
    ([[0, 0], [100, 0], [0, 100], [100, 100]], PLACES[:3], 'points_m has 3 points'),
    ([[0, 0], [1, 1], [2, 2], [3, 3]], PLACES, 'points_px: all but one .* on one line'),
    ([[0, 0], [1, 1], [2, 2], [0, 5]], PLACES, 'points_px: all but one .* on one line'),
    ([[0, 0], [9, 0], [0, 9], [9, 9]], [[1, 1]] * 4, 'points_m: all but one .* on one line'),
    ([[0, 0], [9, 0], [0, 9], [9, 9], [4, 5]], PLACES, '5 ground.points_px, but 4 ground'),
    ([[0, 0], [9, 0], [0, 9], [9, float('nan')]], PLACES, 'points_px is not a list of points'),
    ([[0, 0, 1], [9, 0, 1], [0, 9, 1], [9, 9, 1]], PLACES, 'points_px is not a list of points'),
    ([0, 0, 9, 0, 0, 9, 9, 9], PLACES, 'points_px is not a list of points'),
    ([[0, 0], [9, 0], [0, 9], [9, 9]], [[0, 0], [9, 9], [0, 9], [9, 0]], 'behind the horizon'),
])
def test_points_that_make_no_floor(pixels, metres, reason):
    with pytest.raises(HeatError, match=reason) as caught:
        homography(pixels, metres)
    assert '\n' not in str(caught.value)


def test_matrices_and_extents_that_make_none():
    for matrix in (np.zeros(9), np.ones(9), np.full(9, np.nan)):
        with pytest.raises(HeatError, match='cannot be inverted'):
            checked_matrix(matrix)
    for scale in (1e-6, 1.0, 1e6):  # is of no importance
        assert np.array_equal(checked_matrix(scale * np.eye(3)), scale * np.eye(3))
    with pytest.raises(HeatError, match='not .x_min, y_min, x_max, y_max.'):
        GroundPlane(np.eye(3), 0.1, (0.0, 0.0, 0.0, 5.0))
    with pytest.raises(HeatError, match='choose a smaller extent'):
        GroundPlane(np.eye(3), 0.001, (0.0, 0.0, 100.0, 100.0))


def test_occupancy_and_hotspots():
    """In a plane of 1 m = 10 px, seen from above."""
    plane = GroundPlane(np.diag((0.1, 0.1, 1.0)), 0.5, (-5.0, 0.0, 20.0, 30.0), 0.5)
    heat = FloorLayer(plane, 200, 100, counts=lambda box: True)
    heat.look(plane.view)
    for _ in range(4):
        heat.add(standing([45.0, 50.0, 55.0, 100.0], plane))  # stands at 5, 10 m
    heat.add(standing([75.0, 100.0, 85.0, 150.0], plane))  # and at 8, 15 m
    grid = heat.occupancy(*ColourRange().limits(heat.field))
    assert (grid.dtype, grid.shape) == (np.int8, (60, 50))
    assert grid[20, 20] == 100 and grid[30, 26] == 25
    assert (grid[:, :10] == -1).all() and (grid[:, 30:] == -1).all() and (grid[40:] == -1).all()
    assert grid[5, 15] == 0
    first, second = heat.hotspots(5, 1.0)
    assert (first.x, first.y) == pytest.approx((5.25, 10.25), abs=0.3)
    assert (second.x, second.y) == pytest.approx((8.25, 15.25), abs=0.3)
    assert (first.heat, second.heat) == (4.0, 1.0)
    assert (heat.occupancy(0.0, 2.0) == 100).sum() == (grid == 100).sum()


def floor_of(*feet, radius=0.0, counts=lambda box: True):
    """Return the floor of 40 x 30 m after objects stood at these x, y in m, with their heat."""
    plane = GroundPlane(np.diag((0.1, 0.1, 1.0)), 0.5, (-5.0, 0.0, 35.0, 30.0), radius)
    floor = FloorLayer(plane, 200, 200, counts)
    floor.look(plane.view)
    for x, y, heat in feet:
        segment = standing([10 * x - 2, 10 * y - 50, 10 * x + 2, 10 * y], plane)
        floor.add(segment._replace(amount=heat))
    return floor


def test_which_cell_somebody_stands_in():
    """Cells begin with their lower border; who stands beyond the last one stands nowhere."""
    floor = floor_of((0.0, 0.0, 1.0), (0.25, 7.5, 2.0), (34.9, 29.9, 4.0), (35.1, 5.0, 8.0),
                     (-5.1, 5.0, 8.0), (2.0, 30.1, 8.0))
    cells = {(row, column): floor.field.values[row, column]
             for row, column in np.argwhere(floor.field.values).tolist()}
    assert cells == {(0, 10): 1.0, (15, 10): 2.0, (59, 79): 4.0}


def test_a_disc_around_the_feet():
    """As large as its radius in m, and cut off at the border of the floor."""
    values = floor_of((10.25, 20.25, 1.0), radius=1.0).field.values
    rows, columns = np.mgrid[:60, :80]
    assert np.array_equal(values, (rows - 40) ** 2 + (columns - 30) ** 2 <= 4)
    assert floor_of((-5.25, 20.25, 1.0), radius=1.0).field.values[40, :3].tolist() == [1, 1, 0]


def test_where_nothing_counts_no_floor_is_warm():
    floor = floor_of((5.0, 5.0, 1.0), (15.0, 5.0, 1.0), counts=lambda box: box[0] < 100)
    assert np.argwhere(floor.field.values).tolist() == [[10, 20]]


def test_cells_from_low_to_high():
    floor = floor_of((1.0, 1.0, 1.0), (2.0, 1.0, 2.0), (3.0, 1.0, 4.0), (4.0, 1.0, 9.0),
                     (25.0, 1.0, 3.0))
    cells = [2, 12], [2, 14], [2, 16], [2, 18], [2, 60]  # the last is not seen, but has heat

    def occupancy(low, high):
        grid = floor.occupancy(low, high)
        return [int(grid[row, column]) for row, column in (*cells, (5, 20), (5, 60), (5, 3))]
    assert occupancy(0.0, 8.0) == [12, 25, 50, 100, 38, 0, -1, -1]
    assert occupancy(2.0, 4.0) == [0, 0, 100, 100, 50, 0, -1, -1]
    assert occupancy(4.0, 4.0) == [100, 100, 100, 100, 100, 0, -1, -1]


def test_hotspots_keep_their_distance():
    """Hottest first, as many as asked for; each hides those in a square around it."""
    floor = floor_of((10.0, 10.0, 9.0), (11.0, 10.0, 8.0), (11.5, 10.0, 7.0), (10.0, 8.5, 6.0),
                     (10.0, 9.0, 5.0), (0.0, 0.0, 4.0), (34.9, 29.9, 3.0), (10.0, 11.5, 2.0),
                     (8.5, 10.0, 1.0))

    def heats(count, apart):
        return [spot.heat for spot in floor.hotspots(count, apart)]
    assert heats(10, 1.0) == [9.0, 7.0, 6.0, 4.0, 3.0, 2.0, 1.0]
    assert heats(10, 0.1) == [9.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0]  # a cell at least
    assert heats(2, 1.0) == [9.0, 7.0]
    assert heats(0, 1.0) == []
    assert [(spot.x, spot.y) for spot in floor.hotspots(5, 1.0)] == [
        (10.25, 10.25), (11.75, 10.25), (10.25, 8.75), (0.25, 0.25), (34.75, 29.75)]


def test_the_middle_of_a_hotspot():
    """Discs have flat tops: the middle of what is as hot, in reach of the hottest cell."""
    wide, = floor_of((10.25, 20.25, 1.0), radius=2.0).hotspots(1, 5.0)
    assert (wide.x, wide.y) == (10.25, 20.25)
    corner, = floor_of((-4.75, 0.25, 1.0), radius=2.0).hotspots(1, 5.0)
    assert -5.0 < corner.x < -3.5 and 0.0 < corner.y < 1.5
    # Others that are as hot, but out of reach, do not matter.
    spots = floor_of((10.25, 20.25, 1.0), (20.25, 20.25, 1.0), (10.25, 10.25, 1.0),
                     radius=2.0).hotspots(5, 5.0)
    assert sorted((spot.x, spot.y) for spot in spots) == [
        (10.25, 10.25), (10.25, 20.25), (20.25, 20.25)]


def test_cells_of_an_extent():
    """Begun cells count, but not what rounding makes of whole ones."""
    def cells(resolution, *extent):
        return GroundPlane(np.eye(3), resolution, extent).shape
    assert cells(0.1, 0.0, 0.0, 0.3, 0.7) == (7, 3)
    assert cells(0.5, -1.0, 2.0, 1.1, 3.0) == (2, 5)
    assert cells(1.0, 0.0, 0.0, 4096.0, 4096.0) == (4096, 4096)
    assert cells(1.0, 0.0, 0.0, 0.5, 0.5) == (1, 1)
    for extent in ((0.0, 0.0, 4097.0, 4096.0), (0.0, 5.0, 5.0, 5.0), (5.0, 0.0, 5.0, 5.0),
                   (5.0, 5.0, 0.0, 0.0)):
        with pytest.raises(HeatError):
            cells(1.0, *extent)


def matched(detections, rows):
    """Yield (box, true x, true y) of people whose true box overlaps by half or more."""
    for box in detections.xyxy:
        for _, class_id, x1, y1, x2, y2, x, y in rows:
            shared = max(0, min(box[2], x2) - max(box[0], x1)) * max(
                0, min(box[3], y2) - max(box[1], y1))
            whole = (box[2] - box[0]) * (box[3] - box[1]) + (x2 - x1) * (y2 - y1) - shared
            if class_id == 0 and shared >= 0.5 * whole:
                yield box, x, y


def test_positions_in_the_embedded_clip(street, street_tracks, plane):
    """Found people against where they are in metres, and the hottest cell against the true one."""
    truth = json.loads((street / 'street_truth.json').read_text())['frames']['rows']
    heat = HeatAccumulator(480, 640, HeatOptions(heat_unit='seconds', ground=plane))
    true, errors = HeatField(*plane.shape), []
    assert len(street_tracks) == len(truth)
    for number, (rows, detections) in enumerate(zip(truth, street_tracks)):
        heat.update(detections, number / 15.0)
        pairs = list(matched(detections, rows))
        feet = plane.view.to_metres([ground_contact(box) for box, _, _ in pairs])
        errors.extend(np.hypot(*(feet - [pair[1:] for pair in pairs]).T) if pairs else ())
        for row in rows:
            patch = disc_patch(int((row[7] - EXTENT[1]) / 0.1), int((row[6] - EXTENT[0]) / 0.1), 3,
                               *plane.shape)
            if patch is not None:
                true.deposit(patch, 1 / 15.0)
    print(f'{len(errors)} positions, mean error {np.mean(errors):.2f} m')
    assert len(errors) > 4000
    assert np.mean(errors) < 0.35
    row, column = np.unravel_index(np.argmax(true.values), true.shape)
    hottest = EXTENT[0] + (column + 0.5) * 0.1, EXTENT[1] + (row + 0.5) * 0.1
    found = heat.floor.hotspots(1, 1.0)[0]
    assert np.hypot(found.x - hottest[0], found.y - hottest[1]) < 0.5


def test_the_floor_in_a_snapshot(plane, tmp_path):
    options = HeatOptions(ground=plane)
    heat = HeatAccumulator(480, 640, options)
    heat.update(Detections.from_boxes([(300, 200, 340, 300)]), 1.0)
    assert heat.floor.field.maximum == 1.0
    snapshot = read(write(tmp_path, Snapshot(heat.state(), {}), {}, keep=3))
    again = HeatAccumulator(480, 640, options)
    again.restore(snapshot.state)
    assert np.array_equal(again.floor.field.heat(), heat.floor.field.heat())
    for other in (None, GroundPlane(plane.matrix, 0.2, EXTENT, 0.3)):
        with pytest.raises(HeatError, match='its ground plane'):
            HeatAccumulator(480, 640, HeatOptions(ground=other)).restore(snapshot.state)


@pytest.mark.parametrize('before, now, line', [
    (0.1, 0.2, 'heat on the floor begins empty, and the rest is restored: its ground plane'),
    (None, 0.1, 'heat on the floor begins empty, and the rest is restored: its ground plane'),
    (0.1, None, 'heat on the floor is left out, and the rest is restored: there is no floor')])
def test_another_floor_does_not_cost_the_heat_of_the_picture(plane, before, now, line):
    """With flow: that in the picture stays, that on the floor begins empty as the floor does."""
    def options(resolution):
        other = resolution and GroundPlane(plane.matrix, resolution, EXTENT, 0.3)
        return HeatOptions(ground=other, flow=True, regions={
            'all': np.array([[0, 0], [640, 0], [640, 480], [0, 480]], np.float32)})
    heat = HeatAccumulator(480, 640, options(before))
    for number in range(10):
        people = Detections.from_boxes([(300 + 4 * number, 200, 340 + 4 * number, 300)])
        people.track_id[:] = 1
        heat.update(people, 1.0 + number / 10)
    lines = []
    pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(), options(now), warn=lines.append)
    saved = heat.state()
    pipeline.restore(saved)
    restored = pipeline.state()
    assert lines[0].startswith(line) and len(lines) == 1 + (now is not None)
    for name in ('heat', 'flow_picture'):
        assert np.array_equal(restored.arrays[name], saved.arrays[name])
        assert restored.arrays[name].any()
    assert restored.regions['all']['occupancy'] == saved.regions['all']['occupancy'] > 0.0
    for name in ('ground', 'flow_floor'):
        assert (name in restored.arrays) == (now is not None)
        assert not restored.arrays.get(name, np.zeros(1)).any()
    # With the floor as the picture, that of another one is heat of other places.
    pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(), options(now))
    pipeline.from_above = True
    with pytest.raises(HeatError, match='its ground plane'):
        pipeline.restore(saved)
    assert not pipeline.has_heat


def test_flow_of_another_floor_with_the_same_cells_is_left_out(plane):
    """Its places were found by another matrix."""
    def options(matrix):
        return HeatOptions(flow=True, ground=GroundPlane(matrix, 0.1, EXTENT, 0.3))
    heat = HeatAccumulator(480, 640, options(plane.matrix))
    for number in range(10):
        people = Detections.from_boxes([(300 + 4 * number, 200, 340 + 4 * number, 300)])
        people.track_id[:] = 1
        heat.update(people, 1.0 + number / 10)
    saved = heat.state()
    assert saved.arrays['flow_floor'].any()
    pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(),
                               options(plane.matrix * np.array([[1.01], [1.0], [1.0]])))
    pipeline.restore(saved)
    assert not pipeline.state().arrays['flow_floor'].any()
    assert pipeline.state().arrays['flow_picture'].any()


@pytest.mark.parametrize('damage', ['missing', 'another size', 'nan'])
def test_a_floor_that_does_not_fit_changes_nothing(plane, tmp_path, damage):
    options = HeatOptions(ground=plane)
    heat, target = (HeatAccumulator(480, 640, options) for _ in range(2))
    for one in (heat, target):
        one.update(Detections.from_boxes([(300, 200, 340, 300)]), 1.0)
    state, before = heat.state(), target.state().arrays
    if damage == 'missing':
        del state.arrays['ground']
    elif damage == 'another size':
        state.arrays['ground'] = np.zeros((3, 4), np.float32)
    else:
        state.arrays['ground'][5, 5] = np.nan
    folder = write(tmp_path, Snapshot(state, {}), {}, keep=3)
    with pytest.raises((HeatError, SnapshotError), match='floor|damaged|not the heat'):
        target.restore(read(folder).state)
    for name, array in target.state().arrays.items():
        assert np.array_equal(array, before[name])


def test_heat_on_the_floor_fades_and_is_forgotten(plane):
    heat = HeatAccumulator(480, 640, HeatOptions(ground=plane, half_life=2.0))
    heat.update(Detections.from_boxes([(300, 200, 340, 300)]), 1.0)
    for stamp in (2.0, 3.0):
        heat.update(Detections.from_boxes([]), stamp)
    assert heat.floor.field.heat().max() == 0.5
    assert heat.state().facts == {'ground': plane.geometry()}
    heat.reset()
    assert heat.floor.field.maximum == 0.0


def test_a_map_for_navigation(node, street, street_frames, on_the_floor):
    """Latched, in the floor's frame, with the stamp of the image."""
    maps, spots = [], []
    parameters = {'ground.points_px': on_the_floor.ravel().tolist(),
                  'ground.points_m': np.ravel(PLACES).tolist(), 'ground.rate': 10.0,
                  'ground.frame_id': 'floor', 'ground.extent': list(EXTENT)}
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'),
                                      'frame_policy': 'all', **parameters}) as process:
        process.wait_for_output('listening to')
        camera = node.create_publisher(Image, 'image', 50)
        heats = Pictures(node, '/yolo_heatmap/heat')
        wait_until_matched(node, '/yolo_heatmap', camera, heats.subscription)
        for number, frame in enumerate(street_frames[:10]):
            camera.publish(image_message(frame, number + 1))
        # Whoever comes later gets the last map too.
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        assert spin_until(node, lambda: len(heats) == 10)
        node.create_subscription(OccupancyGrid, '/yolo_heatmap/density', maps.append, latched)
        node.create_subscription(MarkerArray, '/yolo_heatmap/hotspots', spots.append, latched)
        assert spin_until(node, lambda: spots and maps and maps[-1].header.stamp.sec == 10)
        grid = maps[-1]
        assert (grid.header.frame_id, grid.header.stamp.sec) == ('floor', 10)
        assert (grid.info.width, grid.info.height) == (190, 240)
        assert grid.info.resolution == pytest.approx(0.1)
        assert (grid.info.origin.position.x, grid.info.origin.position.y) == EXTENT[:2]
        assert grid.info.origin.orientation.w == 1.0
        cells = np.array(grid.data, np.int8).reshape(240, 190)
        assert cells.min() == -1 and cells.max() == 100
        first = spots[-1].markers[0]
        assert first.action == Marker.DELETEALL
        labels = [marker for marker in spots[-1].markers if marker.ns == 'labels']
        discs = [marker for marker in spots[-1].markers if marker.ns == 'hotspots']
        assert len(labels) == len(discs) == 5
        assert labels[0].text.startswith('1: ') and labels[0].text.endswith(' frames')
        column, row = (int((getattr(discs[0].pose.position, axis) - low) / 0.1)
                       for axis, low in zip('xy', EXTENT))
        assert cells[row, column] >= 90
        assert discs[0].header.frame_id == 'floor'
        # No image comes after a reset: who joins then must not get the old heat.
        assert call(node, Trigger, '/yolo_heatmap/reset', Trigger.Request()).success
        late = []
        node.create_subscription(OccupancyGrid, '/yolo_heatmap/density', late.append, latched)
        assert spin_until(node, lambda: late)
        assert (late[0].header.frame_id, max(late[0].data)) == ('floor', 0)
        assert process.stop() == 0


@pytest.mark.parametrize('parameters, reason', [
    ({'ground.points_px': '[[0, 0], [1, 1]]', 'ground.points_m': '[[0, 0], [1, 1]]'},
     "parameters 'ground': ground.points_px has 2 points: four or more"),
    ({'ground.matrix': '1 0 0 0 1 0 0 0 1'}, "'ground': ground.matrix needs ground.extent"),
])
def test_floors_that_are_refused(parameters, reason):
    with NodeProcess('heatmap_node', {'weights': '/no/such.pt', **parameters}) as process:
        assert process.wait() == 1
        assert reason in process.output()
        assert 'Traceback' not in process.output()


@pytest.mark.parametrize('sign', [1.0, -1.0])
def test_the_sign_of_a_pasted_matrix_does_not_matter(plane, sign):
    """As `cv2.findHomography` returns it, scaled so that its last number is 1."""
    pasted = plane.matrix / plane.matrix[2, 2] * sign
    assert np.array_equal(np.sign(facing(pasted, EXTENT)), np.sign(plane.matrix))
    parameters = {spec.name: spec.checked(spec.default) for spec in HEATMAP_PARAMETERS}
    floor = ground_plane({**parameters, 'ground.matrix': pasted.ravel().tolist(),
                          'ground.extent': list(EXTENT)})
    assert seen(floor, 480, 640).sum() == seen(plane, 480, 640).sum() > 0


def test_a_floor_out_of_the_picture_is_said_once(plane):
    away = GroundPlane(plane.matrix, 1.0, (500.0, 500.0, 510.0, 510.0))
    heat = HeatAccumulator(480, 640, HeatOptions(ground=away))
    line, = heat.new_warnings()
    assert line.startswith('the picture shows nothing of ground.extent')
    assert heat.new_warnings() == []
    assert HeatAccumulator(480, 640, HeatOptions(ground=plane)).new_warnings() == []


@pytest.mark.parametrize('radius, resolution', [(100.0, 0.001), (5.1, 0.01)])
def test_discs_that_are_too_large(plane, radius, resolution):
    with pytest.raises(HeatError, match='ground.radius of .* is more than 500 cells of'):
        GroundPlane(plane.matrix, resolution, (0.0, 0.0, 1.0, 1.0), radius)
