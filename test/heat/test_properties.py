"""What must hold for any boxes, sizes and times, tried on examples that hypothesis makes up."""

from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from yolo_heatmap_ros.config.shapes import parse_polygons
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.clock import FrameClock
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.kernels import KERNELS
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.storage.snapshots import read, Snapshot, write

settings.register_profile('bounded', max_examples=150, deadline=None, derandomize=True)
settings.load_profile('bounded')

KINDS = sorted(KERNELS.keys() - {'mask'})
anything = st.floats(width=32, allow_nan=True, allow_infinity=True)
inside = st.floats(-50, 200, width=32)
sizes = st.tuples(st.integers(1, 90), st.integers(1, 120))


def boxes(numbers):
    return st.integers(0, 6).flatmap(lambda count: arrays(np.float32, (count, 4),
                                                          elements=numbers))


def detections_of(corners, ids=None):
    detections = Detections.from_boxes(corners)
    if ids is not None:
        detections.track_id[:] = ids[:len(corners)]
    return detections


def assert_sound(heat):
    """No heat is NaN or negative, and what is kept beside the values is true of them."""
    for field in (heat.total, *(heat.classes.fields.values() if heat.classes else ())):
        assert np.isfinite(field.values).all() and (field.values >= 0).all()
        assert field.maximum == field.values.max() and field.minimum == field.values.min()
        cold = np.ones(field.shape, bool)
        for region in field.hot:
            cold[region] = False
        assert not field.values[cold].any()


@given(sizes, st.sampled_from(KINDS), st.sampled_from(['frames', 'seconds']),
       st.sampled_from([0.0, 0.001, 1.0, 1e6]), st.booleans(),
       st.lists(st.tuples(boxes(anything), st.floats(0, 1e10)), max_size=8))
def test_any_boxes_at_any_time(size, kernel, unit, half_life, per_class, frames):
    heat = HeatAccumulator(*size, HeatOptions(
        kernel=kernel, heat_unit=unit, half_life=half_life, per_class=per_class,
        ignore_stationary=1.0))
    for corners, stamp in frames:
        heat.update(detections_of(corners, range(6)), stamp)
        assert_sound(heat)


@given(sizes, st.sampled_from(KINDS), boxes(inside), boxes(inside))
def test_heat_is_additive_and_knows_no_order(size, kernel, first, second):
    def heat_of(*groups):
        heat = HeatAccumulator(*size, HeatOptions(kernel=kernel))
        for corners in groups:
            heat.update(detections_of(corners), 0.0)
        return heat.total.heat()
    together = heat_of(np.concatenate((first, second)))
    assert np.allclose(together, heat_of(first) + heat_of(second), atol=1e-5)
    assert np.allclose(together, heat_of(second[::-1], first[::-1]), atol=1e-5)


@given(st.lists(st.floats(0.0, 1.5), min_size=1, max_size=30), st.floats(0.5, 100.0))
def test_fading_depends_on_the_sum_of_times_alone(steps, half_life):
    heat = HeatAccumulator(40, 40, HeatOptions(half_life=half_life))
    heat.update(detections_of([(5, 5, 30, 30)]), 0.0)
    stamp = 0.0
    for step in steps:
        stamp += step
        heat.update(detections_of([]), stamp)
    expected = 0.5 ** (stamp / half_life)
    assert heat.total.heat().max() == pytest.approx(expected if expected > 1e-6 else 0.0,
                                                    rel=1e-5, abs=1e-6)


@given(st.lists(st.floats(0, 2 ** 31), max_size=40), st.floats(0.1, 100.0))
def test_the_clock_never_runs_backwards(stamps, max_gap):
    clock = FrameClock()
    for stamp in stamps:
        step = clock.advance(stamp, max_gap)
        assert step.elapsed >= 0.0 and 0.0 <= step.interval <= max_gap
        assert step.jumped_back >= 0.0
        assert step.elapsed == 0.0 or step.jumped_back == 0.0


@given(sizes, st.sampled_from(KINDS), st.lists(boxes(inside), min_size=1, max_size=4))
@settings(max_examples=25)
def test_saving_and_loading_is_identity(tmp_path_factory, size, kernel, frames):
    options = HeatOptions(kernel=kernel, heat_unit='seconds', half_life=10.0, per_class=True)
    heat = HeatAccumulator(*size, options)
    for number, corners in enumerate(frames):
        heat.update(detections_of(corners, range(6)), 100.0 + number)
    folder = write(tmp_path_factory.mktemp('heat'), Snapshot(heat.state(), {}), {}, keep=1)
    again = HeatAccumulator(*size, options)
    snapshot = read(folder)
    if heat.total.maximum or not heat.classes.fields:
        again.restore(snapshot.state)
        assert np.array_equal(again.total.heat(), heat.total.heat())
        assert again.classes.fields.keys() == heat.classes.fields.keys()
        assert_sound(again)


points = st.lists(st.one_of(st.none(), st.text(max_size=3), st.lists(st.floats(), max_size=3)))


@given(st.one_of(st.text(), st.text('!{}[]&*?:,-0a ', max_size=12).map('!!'.__add__),
                 st.dictionaries(st.text(max_size=3), points, max_size=3).map(repr),
                 st.sampled_from(['!!bool x', '!!int ""', '!!timestamp x', '[' * 5_000])))
def test_any_text_for_regions(text):
    """It is regions, or refused in one line."""
    try:
        polygons = parse_polygons(text)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert all(np.isfinite(polygon).all() and polygon.shape[1] == 2
                   for polygon in polygons.values())
