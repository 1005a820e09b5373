"""Which colour means how much, and the legend that says so."""

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.drawing.colour_range import ColourRange
from yolo_heatmap_ros.drawing.legend import format_number, in_units
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.kernels import Patch
from yolo_heatmap_ros.heat.options import HeatOptions

SIZE = (240, 320)
FRAME = np.full((*SIZE, 3), 90, np.uint8)


def walk(heat, rng, begin=0.0, frames=60):
    """Let one person stand and others walk."""
    for number_ in range(frames):
        corner = rng.uniform(0, 200, (3, 2))
        boxes = [(250, 50, 290, 150), *np.hstack((corner, corner + (30, 60)))]
        heat.update(Detections.from_boxes(boxes), begin + number_ / 10)


def heat_of(**options):
    heat = HeatAccumulator(*SIZE, HeatOptions(**options))
    walk(heat, np.random.default_rng(1))
    return heat


def picture_by_definition(heat, low, high, alpha=0.5):
    """Colour every pixel, whatever has changed."""
    levels = np.clip((heat.astype(np.float64) - low) * (255.0 / (high - low)), 0, 255)
    colours = cv2.applyColorMap(levels.astype(np.uint8), cv2.COLORMAP_JET)
    return cv2.addWeighted(FRAME, 1 - alpha, colours, alpha, 0.0)


def assert_near(picture, expected):
    """Levels are truncated: in another precision a few pixels are one level apart."""
    difference = np.abs(picture.astype(int) - expected).max(axis=2)
    assert difference.max() <= 4
    assert np.count_nonzero(difference) < 0.02 * difference.size


def overlay(renderer, heat):
    picture = np.empty_like(FRAME)
    renderer.overlay(FRAME, heat.total, picture)
    return picture


def test_percentile():
    heat = heat_of()
    values = heat.total.heat()
    limit = np.percentile(values[values > 0], 80.0)
    assert limit < values.max() / 3  # one hot spot
    renderer = HeatRenderer(colour_range=ColourRange('percentile', 80.0))
    low, high = renderer.colour_range.limits(heat.total)
    assert low == 0.0
    assert high == pytest.approx(limit, rel=0.1, abs=1.0)
    assert_near(overlay(renderer, heat), picture_by_definition(values, 0.0, high))


def test_percentile_of_a_large_picture_is_sampled():
    heat = HeatAccumulator(1080, 1920, HeatOptions())
    rng = np.random.default_rng(2)
    for _ in range(40):
        corner = rng.uniform(0, 900, (5, 2))
        heat.update(Detections.from_boxes(np.hstack((corner, corner + 150))), 0.0)
    values = heat.total.heat()
    high = ColourRange('percentile', 90.0).limits(heat.total)[1]
    assert np.mean(values[values > 0] <= high) == pytest.approx(0.9, abs=0.15)
    one_pixel = HeatAccumulator(1080, 1920, HeatOptions(kernel='box'))
    one_pixel.update(Detections.from_boxes([(7, 7, 8, 8)]), 0.0)
    assert ColourRange('percentile').limits(one_pixel.total) == (0.0, 1.0)


@pytest.mark.parametrize('percentile, limit', [(0.0, 1.0), (49.0, 5.0), (50.0, 6.0), (95.0, 10.0),
                                               (99.9, 10.0), (100.0, 10.0)])
def test_percentile_of_ten_pixels(percentile, limit):
    """With heat of 1 to 10; the pixels around them do not count."""
    field = HeatField(20, 30)
    field.restore(np.pad(np.arange(1, 11, dtype=np.float32)[np.newaxis], ((3, 16), (5, 15))))
    assert ColourRange('percentile', percentile).limits(field) == (0.0, limit)


def test_limits_of_heat_that_fades():
    """In stored values, which stay while the heat fades: only a fixed limit wanders."""
    field = HeatField(20, 30)
    assert ColourRange('percentile').limits(field) == (0.0, 0.0)
    field.restore(np.full((20, 30), 3.0, np.float32))
    field.decay(0.25)
    assert ColourRange().limits(field) == (3.0, 3.0)
    assert ColourRange('percentile').limits(field) == (0.0, 3.0)
    assert ColourRange('fixed').limits(field) == (0.0, 400.0)
    assert ColourRange('fixed', scale_max=2.0).limits(field) == (0.0, 8.0)


@pytest.mark.parametrize('stride, size', [(1, (256, 511)), (2, (512, 512)), (3, (768, 1024))])
def test_which_pixels_are_sampled(stride, size):
    """Some 65,000 of them: every pixel up to twice as many, then every second, in both ways."""
    heat = np.ones(size, np.float32)
    heat[::stride, ::stride] = 2.0
    field = HeatField(*size)
    field.restore(heat)
    assert ColourRange('percentile', 0.0).limits(field) == (0.0, 2.0)
    heat[0, stride] = 1.0
    field.restore(heat)
    assert ColourRange('percentile', 0.0).limits(field) == (0.0, 1.0)


def test_fixed_means_the_same_tomorrow():
    renderer = HeatRenderer(colour_range=ColourRange('fixed', scale_max=20.0))
    heat = HeatAccumulator(*SIZE, HeatOptions())
    for _ in range(10):
        heat.update(Detections.from_boxes([(20, 20, 60, 60)]), 0.0)
    before = overlay(renderer, heat)[40, 40]
    for _ in range(100):
        heat.update(Detections.from_boxes([(100, 100, 160, 160)]), 0.0)
    after = overlay(renderer, heat)
    assert np.array_equal(before, after[40, 40])
    assert_near(after, picture_by_definition(heat.total.heat(), 0.0, 20.0))


@pytest.mark.parametrize('scale', [ColourRange(), ColourRange('percentile'),
                                   ColourRange('fixed', scale_max=9.0)])
def test_pictures_of_fading_heat_are_kept_up_to_date(scale):
    """Frame after frame what is kept of the colours equals colours made anew."""
    heat = HeatAccumulator(*SIZE, HeatOptions(half_life=1.0))
    renderer, rng = HeatRenderer(colour_range=scale), np.random.default_rng(3)
    for step in range(30):
        walk(heat, rng, begin=step, frames=3 if step % 3 else 0)
        heat.update(Detections.from_boxes([]), step + 0.5)
        if heat.total.maximum:
            anew = HeatRenderer(colour_range=scale)
            heat.total.changed.add_all()
            expected = overlay(anew, heat)
            assert np.array_equal(overlay(renderer, heat), expected), step


def test_fixed_heat_fades_away():
    renderer = HeatRenderer(colour_range=ColourRange('fixed', scale_max=10.0))
    heat = HeatAccumulator(*SIZE, HeatOptions(half_life=1.0))
    walk(heat, np.random.default_rng(4))
    hot = overlay(renderer, heat)
    heat.update(Detections.from_boxes([]), 6.9)
    heat.update(Detections.from_boxes([]), 8.8)
    assert overlay(renderer, heat)[100, 270, 2] < hot[100, 270, 2]
    for stamp in np.arange(10.0, 60.0, 1.0):
        heat.update(Detections.from_boxes([]), stamp)
    assert np.array_equal(overlay(renderer, heat), FRAME)


def test_the_range_changes_between_frames():
    heat, renderer = heat_of(), HeatRenderer()
    for given in (ColourRange(), ColourRange('percentile', 50.0),
                  ColourRange('fixed', scale_max=3.0), ColourRange('percentile', 99.0),
                  ColourRange()):
        renderer.colour_range = given
        assert np.array_equal(overlay(renderer, heat),
                              overlay(HeatRenderer(colour_range=given), heat))


def test_legend():
    """A bar of the colormap in the corner; nothing else of the picture changes."""
    heat, renderer = heat_of(heat_unit='seconds'), HeatRenderer('HOT')
    plain = overlay(renderer, heat)
    picture = plain.copy()
    renderer.draw_legend(heat.total, 'seconds', picture)
    changed = (picture != plain).any(axis=2)
    assert changed.any()
    rows, columns = np.nonzero(changed)
    assert rows.min() > SIZE[0] // 3 and columns.min() > SIZE[1] // 2
    bar = picture[rows.min():, -8]
    hot, cold = cv2.applyColorMap(np.array([[255, 0]], np.uint8), cv2.COLORMAP_HOT)[0]
    assert (bar == hot).all(axis=1).any() and (bar == cold).all(axis=1).any()
    again = plain.copy()
    renderer.draw_legend(heat.total, 'seconds', again)
    assert np.array_equal(picture, again)
    tiny = np.zeros((20, 20, 3), np.uint8)
    renderer.draw_legend(heat.total, 'seconds', tiny)
    assert not tiny.any()


@pytest.mark.parametrize('largest, unit, expected', [
    (50.0, 'frames', (1.0, 'frames')), (100.0, 'seconds', (1.0, 's')),
    (300.0, 'seconds', (60.0, 'min')), (9000.0, 'seconds', (3600.0, 'h'))])
def test_units_of_the_legend(largest, unit, expected):
    assert in_units(largest, unit) == expected


@pytest.mark.parametrize('value, expected', [
    (0.0, '0'), (0.1234, '0.123'), (12.345, '12.3'), (123456.0, '123456'), (2e7, '2e+07')])
def test_numbers_of_the_legend(value, expected):
    assert format_number(value) == expected


def test_what_has_decayed_is_no_longer_red():
    """Wide areas of the day before do not decide the range of what is there now."""
    field = HeatField(100, 100)
    field.deposit(Patch(slice(0, 90), slice(0, 100), np.ones((90, 100), np.float32)), 10.0)
    field.decay(1e-4)
    field.deposit(Patch(slice(92, 95), slice(0, 100), np.ones((3, 100), np.float32)), 5.0)
    assert ColourRange('percentile', 50.0).limits(field)[1] * field.gain == pytest.approx(5.0)
    # Where there is nothing else, it is still drawn.
    field.reset()
    field.deposit(Patch(slice(0, 90), slice(0, 100), np.ones((90, 100), np.float32)), 0.005)
    assert ColourRange('percentile', 50.0).limits(field)[1] == pytest.approx(0.005)
