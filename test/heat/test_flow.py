"""How objects move: sums by cell and direction, in the picture and on the floor."""

import json
from pathlib import Path
import sys

import numpy as np
import pytest
from yolo_heatmap_ros.build_pipeline import make_pipeline
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import HeatError, ParameterError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid, FlowMap, PLANES
from yolo_heatmap_ros.heat.ground import GroundPlane, pose_homography
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import draw_heat, HeatmapPipeline
from yolo_heatmap_ros.ros.messages.detections import DetectionReader
from yolo_heatmap_ros.storage.archived_segments import packed_heat, unpacked_heat
from yolo_heatmap_ros.storage.snapshots import read, Snapshot, write

ROOT = Path(__file__).resolve().parents[2]
SIZE = (480, 640)
PLANE = GroundPlane(np.array([[0.02, 0, 0], [0, -0.02, 9.6], [0, 0, 1.0]]), 0.1,
                    (0.0, 0.0, 12.8, 9.6))
"""2 cm a pixel, y upwards in the picture."""
LEFT = {'left': np.array([[0, 0], [320, 0], [320, 480], [0, 480]], np.float32)}
GRID = FlowGrid(-1.0, 2.0, 0.5, 2, 3, 'm')


def walked(options, begin, velocity, seconds=4.0, rate=10.0, heat=None, start=0.0):
    """Return the heat after somebody, 40 x 100 px, has walked from a foot in px with px/s."""
    heat = heat or HeatAccumulator(*SIZE, options)
    for number in range(round(seconds * rate) + 1):
        x, y = np.add(begin, np.multiply(velocity, number / rate))
        detections = Detections.from_boxes([(x - 20, y - 100, x + 20, y)])
        detections.track_id[:] = 1
        heat.update(detections, start + number / rate)
    return heat


@pytest.mark.parametrize('direction', range(8))
def test_directions_and_speeds_come_back(direction):
    field = FlowField(2, 3)
    rng = np.random.default_rng(direction)
    angles = (direction + rng.uniform(-0.49, 0.49, 50)) * np.pi / 4
    speeds, seconds = rng.uniform(0.5, 2.0, 50), rng.uniform(0.01, 1.0, 50)
    velocities = speeds[:, None] * np.stack((np.cos(angles), np.sin(angles)), axis=1)
    for velocity, duration in zip(velocities, seconds):
        field.add(1, 2, tuple(velocity), duration, standing=0.2)
    field.add(1, 2, (0.1, -0.1), 3.0, standing=0.2)
    flow = FlowMap(field.planes, GRID)
    assert np.argwhere(flow.histogram).tolist() == [[direction, 1, 2]]
    there = direction, 1, 2
    assert flow.histogram[there] == pytest.approx(seconds.sum())
    assert flow.displacements[there] == pytest.approx(seconds @ velocities, rel=1e-5)
    assert flow.way[there] == pytest.approx(seconds @ speeds)
    assert flow.squares[there] == pytest.approx(seconds @ speeds ** 2)
    assert flow.standing[1, 2] == pytest.approx(3.0)
    everything = seconds.sum() + 3.0
    assert flow.seconds[1, 2] == pytest.approx(everything)
    assert flow.velocity[1, 2] == pytest.approx(seconds @ velocities / everything, rel=1e-5)
    assert flow.speed[1, 2] == pytest.approx(seconds @ speeds / everything)
    assert not flow.speed[0].any() and not flow.velocity[0].any()
    assert (field.planes >= 0.0).all() and field.planes.shape == (PLANES, 2, 3)


def test_decay_and_merging_are_exact():
    """Also after so long that what was stored first is no longer there."""
    one, other = FlowField(1, 1), FlowField(1, 1)
    for number in range(300):
        for field in (one, other):
            field.decay(0.8)
        (one if number % 2 else other).add(0, 0, (1.0, 0.5), 1.0, 0.2)
    expected = sum(0.8 ** age for age in range(300))
    one.merge(other)
    assert one.planes[:, 0, 0].max() == pytest.approx(expected * 1.25)
    assert one.planes.sum(axis=(1, 2))[5] == pytest.approx(expected)
    one.merge(other, -1.0)
    one.decay(0.0)
    assert not one.planes.any()
    other.reset()
    assert not other.planes.any()


def test_what_has_decayed_is_gone_from_all_sums_alike():
    """Seconds whose way was rounded to nothing had no velocity, and arrows were NaN."""
    for seconds in (1.5e-6, 0.9e-6):
        field = FlowField(1, 1)
        field.add(0, 0, (0.25, 0.0), seconds * 2.0 ** 61, 0.2)
        field.decay(2.0 ** -61)
        flow = FlowMap(field.planes, FlowGrid(0.0, 0.0, 1.0, 1, 1, 'm'))
        assert bool(flow.moving.any()) == (seconds > 1e-6) == bool(flow.way.any())
        assert flow.speed[0, 0] == pytest.approx(0.25 * (seconds > 1e-6))


def test_planes_are_in_the_order_that_is_documented():
    """See docs/heat.md: they are saved as they are."""
    field = FlowField(1, 1)
    field.add(0, 0, (0.0, 2.0), 3.0, 0.2)
    field.add(0, 0, (0.0, 0.1), 5.0, 0.2)
    along = 2.0 / (2.0 * np.cos(np.pi / 8)) * 3.0
    expected = np.zeros(41)
    expected[10:15], expected[40] = (3.0, along, along, 6.0, 12.0), 5.0
    assert field.planes[:, 0, 0] == pytest.approx(expected)


def test_neighbours_say_where_people_go_in_a_cell():
    field = FlowField(20, 20)
    field.add(10, 10, (0.0, 1.0), 1000.0, 0.2)
    field.add(0, 0, (-1.0, 0.0), 9000.0, 0.2)
    flow = FlowMap(field.planes, FlowGrid(0.0, 0.0, 0.5, 20, 20, 'm'))
    assert flow.overall_directions == pytest.approx([0, 0, 0.1, 0, 0.9, 0, 0, 0], abs=1e-4)
    alone, around = flow.directions(neighbourhood=0.0), flow.directions()
    for probabilities in (alone, around):
        np.testing.assert_allclose(probabilities.sum(axis=0), 1.0)
        assert (probabilities > 0.0).all() and probabilities[2, 10, 10] > 0.99
        # Nobody was near: all that is known is where people go elsewhere.
        assert probabilities[:, 19, 0] == pytest.approx(flow.overall_directions)
    assert alone[2, 10, 11] == pytest.approx(0.1, abs=1e-4) and around[2, 10, 11] > 0.9
    # The cell itself counts as it is, one beside it by exp(-1/2), and the prior for 4 s.
    near = 1000.0 * np.exp(-0.5)
    assert around[2, 10, 11] == pytest.approx((near + 0.4) / (near + 4.0), rel=1e-2)


def test_a_busy_cell_counts_every_second_after_a_year():
    field = FlowField(1, 1)
    field.restore(np.full((PLANES, 1, 1), 3e7))
    before = field.planes[-1, 0, 0]
    for _ in range(1000):
        field.add(0, 0, (0.0, 0.0), 0.04, 0.2)
    assert field.planes[-1, 0, 0] - before == pytest.approx(40.0, abs=2.0)


def test_the_main_stream_is_not_the_mean_of_both():
    """Where ten come and six go, the stream is that of the ten, also astride two directions."""
    field = FlowField(2, 3)
    for angle, seconds in ((20.0, 5.0), (25.0, 5.0), (200.0, 6.0)):
        field.add(0, 0, (1.5 * np.cos(np.radians(angle)), 1.5 * np.sin(np.radians(angle))),
                  seconds, 0.2)
    seconds, velocity = FlowMap(field.planes, GRID).main_stream()
    assert seconds[0, 0] == pytest.approx(10.0) and not seconds[1:].any()
    assert np.degrees(np.arctan2(*velocity[0, 0, ::-1])) == pytest.approx(22.5)
    assert np.hypot(*velocity[0, 0]) == pytest.approx(1.5, rel=0.01)


@pytest.mark.parametrize('unit', ['frames', 'seconds'])
def test_a_walker_in_the_picture_and_on_the_floor(unit):
    options = HeatOptions(heat_unit=unit, flow=True, ground=PLANE)
    heat = walked(options, (100, 300), (60, -60))
    picture, floor = heat.flow.flow(), heat.floor_flow.flow()
    assert picture.grid.cell == 20 and picture.grid.shape == (24, 32)
    assert floor.grid.cell == 0.5 and floor.grid.shape == (20, 26)
    for flow, direction, speed in ((picture, 7, 60 * np.sqrt(2)), (floor, 1, 1.2 * np.sqrt(2))):
        # Nobody knows how it had come to where it was first.
        assert flow.seconds.sum() == pytest.approx(4.0, abs=0.11)
        assert flow.histogram[direction].sum() == pytest.approx(flow.seconds.sum(), rel=1e-5)
        there = flow.seconds > 0.0
        assert flow.speed[there] == pytest.approx(speed, rel=1e-3)
        places = flow.grid.centres()[there]
        assert np.ptp(places[:, 0]) == pytest.approx(4.0 * speed / np.sqrt(2),
                                                     abs=2 * flow.grid.cell)
    x, y = picture.grid.centres()[picture.seconds > 0.0].T
    assert np.abs((y - 300) + (x - 100)).max() <= 20.0
    x, y = floor.grid.centres()[floor.seconds > 0.0].T
    assert np.abs((y - 3.6) - (x - 2.0)).max() <= 0.5


def test_who_stands_has_no_direction():
    heat = walked(HeatOptions(flow=True, ground=PLANE), (100, 300), (5, 0))
    for flow in (heat.flow.flow(), heat.floor_flow.flow()):
        assert flow.standing.sum() == pytest.approx(4.0, abs=0.11) and not flow.moving.any()


@pytest.mark.parametrize('still', [True, False])
def test_who_stands_far_away_stands(still):
    """35 m away a pixel of jitter is worth 0.3 m of floor; with TF, too, until it moves."""
    matrix, sin, cos = np.diag((1000.0, 1000.0, 1.0)), *np.sin((0.2, np.pi / 2 - 0.2))
    matrix[:2, 2] = 640.0, 360.0
    rotation = np.array([[0.0, -1.0, 0.0], [-sin, 0.0, -cos], [cos, 0.0, -sin]])
    plane = GroundPlane(pose_homography(matrix, rotation, -rotation @ (0.0, 0.0, 5.0)), 0.5,
                        (0.0, -20.0, 60.0, 20.0))
    options = HeatOptions(flow=True, ground=GroundPlane(None, plane.resolution, plane.extent))
    elsewhere = FloorView(plane.matrix @ [[1.0, 0.0, 50.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    shares = []
    for way in (0.0, 40.0):
        rng, heat = np.random.default_rng(0), HeatAccumulator(720, 1280, options)
        if not still:
            for number, view in enumerate((plane.view, elsewhere)):
                heat.update(Detections.from_boxes(np.empty((0, 4))), number / 10 - 1.0, view=view)
        x, y = plane.view.to_pixels([(35.0, 0.0)])[0]
        for number in range(200):
            there = x + way * number / 10
            box = np.array((there - 9, y - 47, there + 9, y)) + rng.normal(size=4)
            detections = Detections.from_boxes([box])
            detections.track_id[:] = 1
            heat.update(detections, number / 10, view=plane.view)
        flow = heat.floor_flow.flow()
        shares.append(flow.moving.sum() / flow.seconds.sum())
    standing, walking = shares
    assert walking > 0.99 and (standing < 0.25) == still


def test_flow_counts_only_in_regions():
    heat = walked(HeatOptions(flow=True, ground=PLANE, regions=LEFT), (200, 300), (60, 0))
    for layer, end in ((heat.flow, 320), (heat.floor_flow, 6.4)):
        flow = layer.flow()
        assert flow.seconds.sum() == pytest.approx(2.0, abs=0.11)
        assert flow.grid.centres()[flow.seconds > 0.0][:, 0].max() < end


def test_without_tracks_there_is_no_flow():
    heat = HeatAccumulator(*SIZE, HeatOptions(flow=True, ground=PLANE))
    for number in range(20):
        heat.update(Detections.from_boxes([(100 + number, 200, 140 + number, 300)]), number / 10)
    assert not heat.flow.flow().seconds.any() and not heat.floor_flow.flow().seconds.any()
    assert heat.total.maximum == 20.0


def test_flow_does_not_change_the_heat():
    plain = walked(HeatOptions(), (100, 300), (60, -60))
    assert np.array_equal(plain.total.values,
                          walked(HeatOptions(flow=True), (100, 300), (60, -60)).total.values)
    assert plain.flow is None and plain.floor_flow is None


def test_arrows_are_on_both_pictures():
    frame = np.full((*SIZE, 3), 100, np.uint8)
    pictures = {}
    for flow in (False, True):
        heat = walked(HeatOptions(flow=flow), (100, 300), (60, 0))
        pictures[flow] = [np.empty_like(frame), np.empty((480, 1280, 3), np.uint8)]
        draw_heat(HeatRenderer(), heat, frame, False, *pictures[flow])
    for plain, with_arrows in zip(*pictures.values()):
        changed = np.argwhere((plain != with_arrows).any(axis=2))
        assert len(changed) > 500
        # The row of cells in which the feet were.
        assert changed[:, 0].min() >= 278 and changed[:, 0].max() <= 302
        assert changed[:, 1].min() >= with_arrows.shape[1] - 640 + 78


def test_flow_decays_as_heat_does():
    options = HeatOptions(heat_unit='seconds', flow=True, half_life=3.0)
    heat = walked(options, (100, 300), (60, 0), seconds=2.0)
    walked(options, (500, 300), (0, 0), heat=heat, start=8.0, seconds=3.0)
    flow = heat.flow.flow()
    mean = (1 - 0.5 ** (2.0 / 3.0)) / (2.0 / 3.0 * np.log(2))
    assert flow.moving.sum() == pytest.approx(2.0 * mean * 0.5 ** 3, rel=0.06)


def test_flow_in_snapshots_and_archives(tmp_path):
    options = HeatOptions(flow=True, ground=PLANE)
    heat = walked(options, (100, 300), (60, -60))
    folder = write(tmp_path, Snapshot(heat.state(), {}), {}, keep=3)
    state = read(folder).state
    about, arrays = packed_heat(heat.state())
    for saved in (state, unpacked_heat(json.loads(json.dumps(about)), arrays)):
        again = HeatAccumulator(*SIZE, options)
        again.restore(saved)
        for name, planes in heat.state().arrays.items():
            assert np.array_equal(again.state().arrays[name], planes) and planes.any(), name
    # Without flow, or without the floor's, only what is wanted is loaded.
    HeatAccumulator(*SIZE, HeatOptions(ground=PLANE)).restore(state)
    old = walked(HeatOptions(ground=PLANE), (100, 300), (60, -60)).state()
    for saved, wanted, message in (
            (old, options, 'saved without flow'),
            (state, HeatOptions(flow=True, ground=PLANE, flow_resolution=1.0), 'flow_resolution'),
    ):
        target = HeatAccumulator(*SIZE, wanted)
        with pytest.raises(HeatError, match=message):
            target.restore(saved)
        assert not target.total.maximum


@pytest.mark.parametrize('before, message', [
    ({'flow': False}, 'saved without flow'), ({'flow_resolution': 1.0}, 'flow_resolution')])
def test_a_pipeline_restores_heat_and_begins_flow_where_it_does_not_fit(before, message):
    """All heat would be lost otherwise, and the next autosave would replace the snapshot."""
    wanted = {'flow': True, 'ground': PLANE}
    saved = walked(HeatOptions(**{**wanted, **before}), (100, 300), (60, -60)).state()
    warnings = []
    pipeline = HeatmapPipeline(DetectionReader(), HeatRenderer(), HeatOptions(**wanted),
                               warn=warnings.append)
    pipeline.restore(saved)
    state = pipeline.state()
    for name, heat in saved.arrays.items():
        if name != 'flow_floor' and (name != 'flow_picture' or 'flow' not in before):
            assert np.array_equal(state.arrays[name], heat) and heat.any(), name
    assert state.frames == saved.frames and not pipeline.flow_map().seconds.any()
    line, = warnings
    assert message in line and 'flow begins empty' in line
    # What fits is restored, and nothing is said.
    pipeline.restore(walked(HeatOptions(**wanted), (100, 300), (60, -60)).state())
    assert pipeline.flow_map().seconds.any() and warnings == [line]


def test_too_many_cells_are_refused_before_a_model_is_loaded():
    values = {'flow': True, 'flow_resolution': 0.01, 'ground.points_px': '[[0, 0], [9, 0], [9, 9],'
              ' [0, 9]]', 'ground.points_m': '[[0, 0], [90, 0], [90, 90], [0, 90]]'}
    parameters = {spec.name: spec.checked(values.get(spec.name, spec.default))
                  for spec in HEATMAP_PARAMETERS}
    with pytest.raises(ParameterError, match='flow_resolution.*9000 x 9000'):
        make_pipeline(parameters, print)


def test_flow_predicts_where_people_go(truth):
    """Half of the people of a place say where the others go, better than one histogram does."""
    from flow import losses_of, SCENES
    for name in ('ETH', 'zara01'):
        by_all, _, by_place = losses_of(truth / SCENES[name], 0.5, splits=2).mean(axis=0)
        assert by_all - by_place >= 0.1, name
        # Those who came first say it of those who came later.
        by_all, _, by_place = losses_of(truth / SCENES[name], 0.5, splits=0)[0]
        assert by_all - by_place >= 0.1, name


def test_the_tool_says_in_a_line_that_there_is_no_truth(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools'))
    monkeypatch.setenv('YOLO_HEATMAP_TRUTH', str(tmp_path))
    monkeypatch.setattr(sys, 'argv', ['flow.py'])
    import flow
    with pytest.raises(SystemExit, match='^flow: there is no .*; YOLO_HEATMAP_TRUTH') as error:
        flow.main()
    assert len(str(error.value).splitlines()) == 1
