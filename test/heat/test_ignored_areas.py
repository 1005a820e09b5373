"""Ignored areas: what lies in them is as if the model had not found it."""

import math

import numpy as np
import pytest
from yolo_heatmap_ros.build_pipeline import change_pipeline, check_names
from yolo_heatmap_ros.choices import Anchor
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.shapes import parse_lines, parse_polygons
from yolo_heatmap_ros.detectors.tracking import FEATURES, SUPPRESSED, those_with_cues
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.ignored_areas import IgnoredAreas
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline

AREAS = parse_polygons('[mirror: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]', 'ignored area')
COUNTED = {'heat_unit': 'seconds', 'dwell_alert': 1.0, 'track_memory': 5.0,
           'regions': parse_polygons('[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]'),
           'lines': parse_lines('[across: [[40, 330], [600, 330]]]')}


class HalfBlind(YoloDetector):
    """Finds nothing whose foot is in the right half."""

    def detect(self, frame):
        found = super().detect(frame)
        return found.those((found.xyxy[:, 0] + found.xyxy[:, 2]) / 2 < frame.shape[1] / 2)


def seen_by(detector, frames, **options):
    pipeline = HeatmapPipeline(detector, HeatRenderer(), HeatOptions(**{**COUNTED, **options}))
    events = []
    for number, frame in enumerate(frames):
        pipeline.update(frame, 0.33 * number)
        events += pipeline.new_events()
    return pipeline, events


def test_as_if_the_model_had_not_found_them(street, street_frames):
    """Heat, counts and events, by tracker and all."""
    weights, frames = str(street / 'street.pt'), street_frames[::5]
    ours, events = seen_by(YoloDetector(weights), frames, ignored_areas=AREAS)
    expected, expected_events = seen_by(HalfBlind(weights), frames)
    everything, _ = seen_by(YoloDetector(weights), frames)
    assert np.array_equal(ours.heat(), expected.heat())
    assert ours.heat()[:, :320].any() and everything.heat().sum() > 1.2 * ours.heat().sum()
    assert ours.region_counts() == expected.region_counts() != everything.region_counts()
    assert ours.line_counts() == expected.line_counts()
    assert events == expected_events and events
    assert (ours.objects.xyxy[:, 0] < 330).all()
    # From the next frame on there are others: as if the model had found them only now.
    change_pipeline(ours, {'ignored_areas': {}})
    ours.update(frames[-1], 0.33 * len(frames))
    assert (ours.objects.xyxy[:, 0] > 330).any()


def test_the_tracker_never_sees_them(street, street_frames):
    """Else a ghost could take over the track of somebody who walks by."""
    pipeline = HeatmapPipeline(YoloDetector(str(street / 'street.pt')), HeatRenderer(),
                               HeatOptions(ignored_areas=AREAS))
    track, seen = pipeline.tracker.track, []
    pipeline.tracker.track = lambda found, frame: seen.append(found) or track(found, frame)
    pipeline.update(street_frames[0])
    assert len(seen[0]) and ((seen[0].xyxy[:, 0] + seen[0].xyxy[:, 2]) / 2 < 320).all()


def test_the_anchor_decides():
    areas = {'top': np.array([[0, 0], [100, 0], [100, 50], [0, 50]], np.float32)}
    boxes = np.array([[10, 10, 20, 60], [10, 40, 20, 90], [10, 10, 20, 40]], np.float32)
    assert IgnoredAreas(areas, 100, 100).outside(boxes).tolist() == [True, True, False]
    assert IgnoredAreas(areas, 100, 100, Anchor.CENTER).outside(boxes).tolist() == [
        False, True, False]
    assert IgnoredAreas(areas, 100, 100).outside(np.empty((0, 4))).tolist() == []
    places = np.array([[5, 5], [5, 60], [math.nan, 5], [math.inf, 5]])
    assert IgnoredAreas(areas, 100, 100).outside_at(places).tolist() == [False, True, True, True]


def test_what_a_tracker_needs_comes_along():
    """Features belong to their boxes, and a suppressed box in the area helps no track."""
    found = Detections.from_boxes([(0, 0, 10, 10), (60, 0, 70, 10), (5, 5, 15, 15)])
    found.cues = {FEATURES: np.arange(6).reshape(3, 2), SUPPRESSED: (
        np.array([[65.0, 5, 10, 10], [5, 6, 10, 10]]), np.array([0.3, 0.2]), np.array([0.0, 1]))}
    areas = IgnoredAreas(AREAS, 100, 100)
    left = those_with_cues(found, areas.outside)
    assert left.xyxy.tolist() == [[0, 0, 10, 10], [5, 5, 15, 15]]
    assert left.cues[FEATURES].tolist() == [[0, 1], [4, 5]]
    boxes, scores, classes = left.cues[SUPPRESSED]
    assert (boxes.tolist(), scores.tolist(), classes.tolist()) == ([[5, 6, 10, 10]], [0.2], [1.0])


@pytest.mark.parametrize('tracker', ['botsort.yaml', 'tracktrack.yaml'])
def test_trackers_follow_the_others(street, street_frames, tracker):
    pipeline, _ = seen_by(YoloDetector(str(street / 'street.pt'), tracker=tracker),
                          street_frames[:12], ignored_areas=AREAS)
    assert len(pipeline.objects) and (pipeline.objects.xyxy[:, 0] < 330).all()
    assert (pipeline.objects.track_id >= 0).any()


def test_outlines_are_drawn_beside_regions(street, street_frames):
    """Only where there are areas, and without a change of the heat."""
    pipeline, _ = seen_by(YoloDetector(str(street / 'street.pt')), street_frames[:2], lines={},
                          regions={})
    before, after = (np.empty_like(street_frames[0]) for _ in range(2))
    pipeline.render(street_frames[1], heatmap=before)
    change_pipeline(pipeline, {'ignored_areas': AREAS})
    pipeline.render(street_frames[1], heatmap=after)
    changed = np.argwhere((before != after).any(axis=2))
    assert 200 < len(changed) < 4000 and changed[:, 1].min() > 310


def test_an_area_outside_the_picture_is_told(street, street_frames):
    lines = []
    far = {'far': np.array([[700, 0], [800, 0], [800, 90]], np.float32)}
    pipeline = HeatmapPipeline(YoloDetector(str(street / 'street.pt')), HeatRenderer(),
                               HeatOptions(ignored_areas=far), warn=lines.append)
    pipeline.update(street_frames[0])
    assert lines == ["ignored area 'far' lies outside the picture of 640 x 480 pixels: nothing is "
                     'ignored in it']


@pytest.mark.parametrize('value, reason', [
    ('[a: [[0, 0], [1, 1]]]', "ignored area 'a' is not a list of three or more points"),
    ('[a: [[0, 0], [9, 9], [9, 0], [0, 9]]]', "ignored area 'a' has sides that cross"),
    ('[a: [[0, 0], [1, 0], [2, 0]]]', "ignored area 'a' has no area"),
    ('[a: 1, a: 2]', "has two ignored areas called 'a'"), ('7', 'is not of the form')])
def test_areas_that_are_none(value, reason):
    spec, = (one for one in HEATMAP_PARAMETERS if one.name == 'ignored_areas')
    with pytest.raises(ParameterError) as caught:
        spec.checked(value)
    assert str(caught.value).startswith(f"parameter 'ignored_areas': {reason}")


@pytest.mark.parametrize('regions, lines, what', [('a', '', 'region'), ('', 'a', 'line')])
def test_a_name_for_two_things(regions, lines, what):
    with pytest.raises(ParameterError) as caught:
        check_names({regions: []}, {lines: []}, {'a': []})
    assert str(caught.value) == (f"parameter 'ignored_areas': 'a' is the name of a {what}, too; "
                                 'give the area another one')
