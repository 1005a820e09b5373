"""What a pipeline shows of people, with real detections; heat and counts stay as they are."""

import cv2
import numpy as np
import pytest
from std_msgs.msg import Header
import torch
from ultralytics import YOLO
from yolo_heatmap_ros.build_pipeline import ALL, change_pipeline, make_pipeline
from yolo_heatmap_ros.choices import Anonymize, Background
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.anonymize import FLAT
from yolo_heatmap_ros.drawing.public_picture import Privacy
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import HeatError, ModelError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline

COUNTING = {'heat_unit': 'seconds', 'regions': '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]',
            'lines': '[middle: [[0.5, 0], [0.5, 1]]]'}


def pipeline_with(street, **given):
    values = {'weights': str(street / 'street.pt'), 'device': 'cpu', 'imgsz': 320, **given}
    return make_pipeline({spec.name: spec.checked(values.get(spec.name, spec.default))
                          for spec in HEATMAP_PARAMETERS}, lambda line: None)


def run(pipeline, frames):
    for number, frame in enumerate(frames):
        pipeline.update(frame, number / 15)
    return pipeline


def composite_of(pipeline, frame):
    """Return what it draws when it is asked for this very frame."""
    picture = np.empty((frame.shape[0], 2 * frame.shape[1], 3), np.uint8)
    pipeline.render(frame, composite=picture)
    return picture


def shows(pixels, frame, box):
    """Tell whether more than a little of a box of the frame is in a picture of the same size."""
    x0, y0, x1, y1 = np.clip(np.rint(box), 0, None).astype(int)
    same = (pixels[y0:y1, x0:x1] == frame[y0:y1, x0:x1]).all(axis=2)
    return bool(same.size and same.mean() > 0.1)


def people_of(street, frame):
    return YoloDetector(str(street / 'street.pt'), device='cpu', imgsz=320,
                        classes=['person']).detect(frame).xyxy


@pytest.mark.parametrize('more', [
    {}, {'classes': 'car'}, {'max_det': 2, 'conf': 0.5},
    {'ignored_areas': '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]'}])
def test_heat_and_counts_stay(street, street_frames, more):
    """To the bit, also with a class that is hidden and does not count, and ignored areas."""
    plain = run(pipeline_with(street, **COUNTING, **more), street_frames[:30])
    hiding = run(pipeline_with(street, **COUNTING, **more, anonymize='fill'), street_frames[:30])
    assert np.array_equal(plain.heat(), hiding.heat()) and plain.heat().max() > 0.0
    assert plain.region_counts() == hiding.region_counts()
    assert plain.line_counts() == hiding.line_counts()
    assert np.array_equal(plain.objects.track_id, hiding.objects.track_id)
    assert (hiding.last_frame == FLAT).all(axis=2).any()


@pytest.mark.parametrize('tracker', ['botsort', 'tracktrack', 'none'])
def test_trackers_get_the_same(street, street_frames, tracker):
    """Also what suppression has dropped."""
    plain, hiding = (pipeline_with(street, tracker=tracker, iou=0.3, **more)
                     for more in ({}, {'anonymize': 'fill'}))
    for frame in street_frames[:30]:
        one, other = plain.update(frame), hiding.update(frame)
        assert np.array_equal(one.xyxy, other.xyxy)
        assert np.array_equal(one.track_id, other.track_id)
        assert other.hidden is not None and one.hidden is None


@pytest.mark.parametrize('given', [
    {'anonymize': 'fill'}, {'anonymize': 'blur'}, {'anonymize': 'pixelate'},
    {'background': 'clean'}, {'anonymize': 'fill', 'classes': 'car'},
    {'anonymize': 'fill', 'anonymize_motion': False, 'anonymize_hold': 0.0,
     'ignored_areas': '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]'}])
def test_no_door_shows_people(street, street_frames, given):
    """Neither of a frame that is asked for, nor the last frame, nor pictures for a snapshot."""
    pipeline = run(pipeline_with(street, alpha=0.0, **given), street_frames[:30])
    frame = street_frames[29]
    people = people_of(street, frame)
    assert len(people) and pipeline.last_frame is not frame
    pictures = pipeline.last_pictures()
    for pixels in (pipeline.last_frame, pictures['heatmap'], pictures['composite'][:, :640],
                   pictures['composite'][:, 640:], composite_of(pipeline, frame)[:, :640]):
        assert shows(frame, frame, people[0])
        assert not any(shows(pixels, frame, person) for person in people)


def test_cars_are_shown(street, street_frames):
    """Of classes that are not hidden all is there, without what moves."""
    pipeline = run(pipeline_with(street, anonymize='fill', anonymize_motion=False,
                                 anonymize_classes='car'), street_frames[:30])
    shown = (pipeline.last_frame == street_frames[29]).all(axis=2)
    assert 0.3 < shown.mean() < 1.0


def test_default_pixels(street, street_frames):
    """Without anonymize the frame itself is shown."""
    pipeline = run(pipeline_with(street), street_frames[:3])
    assert pipeline.last_frame is street_frames[2] and pipeline.detector.to_hide is None


def test_changes_while_running(street, street_frames):
    """What was shown before is shown no longer; what cannot be hidden changes nothing."""
    pipeline = run(pipeline_with(street), street_frames[:3])
    change_pipeline(pipeline, {'anonymize': Anonymize.FILL})
    assert pipeline.last_frame is None and pipeline.last_pictures() == {}
    with pytest.raises(HeatError, match='nothing of the last frame may be shown'):
        composite_of(pipeline, street_frames[2])
    pipeline.update(street_frames[3], 0.2)
    assert (pipeline.last_frame == FLAT).all(axis=2).any()
    with pytest.raises(ModelError, match="'anonymize_classes': unknown class 'dog'"):
        change_pipeline(pipeline, {'anonymize_classes': ['dog'], 'conf': 0.9})
    assert pipeline.privacy.classes == ['person'] and pipeline.detector.conf == 0.25
    with pytest.raises(ModelError, match="anonymize 'silhouette' needs a segmentation model"):
        change_pipeline(pipeline, {'anonymize': Anonymize.SILHOUETTE})
    change_pipeline(pipeline, {'background': Background.CLEAN})
    pipeline.update(street_frames[4], 0.3)
    assert (pipeline.last_frame == FLAT).all()
    change_pipeline(pipeline, {'background': Background.FRAME, 'anonymize': Anonymize.NONE})
    pipeline.update(street_frames[5], 0.4)
    assert pipeline.last_frame is street_frames[5]


def test_a_failure_shows_nothing(street, street_frames, monkeypatch):
    """Heat counts, and the frame before it is not shown in its place."""
    pipeline = run(pipeline_with(street, anonymize='fill'), street_frames[:3])

    def fail(*_):
        raise ValueError('a bug')
    monkeypatch.setattr(pipeline._public, 'of', fail)
    with pytest.raises(ValueError):
        pipeline.update(street_frames[3], 0.2)
    assert pipeline.frames == 4 and pipeline.last_frame is None
    assert pipeline.last_pictures() == {}
    with pytest.raises(HeatError):
        composite_of(pipeline, street_frames[3])


def test_people_in_ignored_areas(street, street_frames):
    """They are no objects, and hidden all the same, also where another node has found them."""
    pipeline = pipeline_with(street, anonymize='fill', **{
        'ignored_areas': '[all: [[0, 0], [1, 0], [1, 1], [0, 1]]]'})
    found = pipeline.detector.detect(street_frames[0])
    others = pipeline.without_ignored(found, street_frames[0])
    assert not len(others) and others.hidden is found.hidden and len(found.hidden)


def test_another_nodes_people(street_frames):
    """All that it has found of the class are hidden, whatever counts here."""
    messages = pytest.importorskip('yolo_heatmap_ros.ros.messages.detections')
    if messages.Detection2DArray is None:
        pytest.skip(messages.MISSING)
    reader = messages.DetectionReader(conf=0.5, classes=['car'])
    pipeline = HeatmapPipeline(reader, HeatRenderer(), privacy=Privacy(
        Anonymize.FILL, classes=['person'], motion=False, hold=0.0))
    seen = Detections.from_boxes(np.array([(50, 60, 90, 160), (300, 60, 400, 100)]))
    seen.class_id[:], seen.confidence[:] = (0, 1), (0.1, 0.9)
    found = reader.read(messages.detections_message(seen, {0: 'person', 1: 'car'}, Header()),
                        pytest.fail)
    assert len(found) == 1 and len(found.hidden) == 1
    pipeline.add(street_frames[0], found, 1.0)
    flat = (pipeline.last_frame == FLAT).all(axis=2)
    assert flat[60:160, 50:90].all() and not flat[60:100, 300:400].any()


def test_a_box_that_is_nowhere(street, street_frames):
    """Somebody whose box is NaN may be anywhere: nothing is shown."""
    pipeline = run(pipeline_with(street, anonymize='blur'), street_frames[:2])
    found = pipeline.detect(street_frames[2])
    found.hidden.not_finite = 1
    pipeline.add(street_frames[2], found, 0.2)
    assert (pipeline.last_frame == FLAT).all()


def test_silhouettes(street_frames, tmp_path):
    """Of a segmentation model, here an untrained one: its outlines are flat, not its boxes."""
    torch.manual_seed(1)
    model = YOLO('yolo11n-seg.yaml')
    for layers in model.model.model[-1].cv3:
        layers[-1].bias.data += 12.0
    model.save(tmp_path / 'segmentation.pt')
    detector = YoloDetector(str(tmp_path / 'segmentation.pt'), device='cpu', imgsz=320,
                            max_det=4, tracker='none')
    detector.names = dict.fromkeys(detector.names, 'thing')
    pipeline = HeatmapPipeline(detector, HeatRenderer(), privacy=Privacy(
        Anonymize.SILHOUETTE, classes=(), conf=0.9, motion=False))
    found = pipeline.update(street_frames[0])
    assert detector.outlines and len(found.hidden.outlines) == len(found.hidden) > 4
    flat = (pipeline.last_frame == FLAT).all(axis=2)
    for outline in found.hidden.outlines:
        inside = np.zeros(flat.shape, np.uint8)
        if len(outline) > 2:
            cv2.fillPoly(inside, [np.rint(outline).astype(np.int32)], 1)
            assert flat[inside > 0].all()
    pipeline.show(Privacy())
    assert not detector.outlines


def test_objects_of_others(street, street_frames):
    """Without an answer of the detector, all objects of the frame are hidden."""
    detector = YoloDetector(str(street / 'street.pt'), device='cpu', imgsz=320)
    pipeline = HeatmapPipeline(detector, HeatRenderer(), HeatOptions(),
                               privacy=Privacy(Anonymize.FILL))
    pipeline.add(street_frames[0], Detections.from_boxes(np.array([(50, 60, 90, 160)])), 1.0)
    assert (pipeline.last_frame[60:160, 50:90] == FLAT).all()


def test_another_resolution(street, street_frames):
    """The background begins again."""
    pipeline = run(pipeline_with(street, background='clean'), street_frames[:90:9] * 9)
    assert (pipeline.last_frame != FLAT).any()
    pipeline.update(np.ascontiguousarray(street_frames[0][:400]), 30.0)
    assert pipeline.last_frame.shape == (400, 640, 3) and (pipeline.last_frame == FLAT).all()


def test_parameters_are_options_of_commands():
    assert {'anonymize', 'anonymize_classes', 'anonymize_conf', 'anonymize_hold',
            'anonymize_motion', 'background'} <= set(ALL)
