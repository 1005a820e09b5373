"""What the heatmap node counts: ~/lines, ~/events, and frames left out by max_rate."""

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from ros_processes import (
    image_message, NodeProcess, Pictures, set_parameters, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from yolo_heatmap_ros.config.shapes import parse_lines, parse_polygons
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.images import to_frame

NAME = '/yolo_heatmap'
LINES = '[across: [[40, 330], [600, 330]], down: [[0.5, 0.25], [0.5, 1.0]]]'
REGIONS = '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]'
SPACING = 0.2


def start(street, **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'frame_policy': 'all', **parameters})
    process.wait_for_output("listening to '/image'")
    return process


def show(node, publisher, frames, begin=100.0, spacing=SPACING):
    """Publish frames with such stamps."""
    for number, frame in enumerate(frames):
        message = image_message(frame)
        message.header.stamp.sec, rest = divmod(round((begin + number * spacing) * 1000), 1000)
        message.header.stamp.nanosec = rest * 1_000_000
        publisher.publish(message)


def values_of(status):
    return {pair.key: pair.value for pair in status.values}


def test_lines_and_events(node, street, street_frames):
    """As the core counts them; each event once, also for a subscriber that comes with the node."""
    frames = street_frames[::3]
    counts, events = [], []
    subscriptions = [node.create_subscription(DiagnosticArray, f'{NAME}/{name}', seen.append, 1000)
                     for name, seen in (('lines', counts), ('events', events))]
    with start(street, lines=LINES, regions=REGIONS, heat_unit='seconds',
               dwell_alert=2.0) as process:
        camera = node.create_publisher(Image, 'image', 100)
        pictures = Pictures(node, f'{NAME}/heatmap')
        wait_until_matched(node, NAME, camera, pictures.subscription, *subscriptions)
        show(node, camera, frames)
        assert spin_until(node, lambda: len(counts) == len(pictures) == len(frames))
        pipeline = HeatmapPipeline(
            YoloDetector(str(street / 'street.pt')), HeatRenderer(), HeatOptions(
                lines=parse_lines(LINES), regions=parse_polygons(REGIONS), heat_unit='seconds',
                dwell_alert=2.0))
        expected = []
        for number, frame in enumerate(frames):
            pipeline.update(frame, 100.0 + number * SPACING)
            expected += pipeline.new_events()
        found = [status for message in events for status in message.status]
        assert len(expected) > 5 and len(found) == len(expected)
        assert {status.message for status in found} >= {'forward', 'stay'}
        for status, event in zip(found, expected):
            values = values_of(status)
            assert (status.name, status.message) == (event.place, str(event.kind))
            assert (values['kind'], values['place']) == (str(event.kind), event.place)
            assert status.hardware_id == values['track'] == str(event.track_id)
            assert values['class'] in ('person', 'car')
            for key in ('stamp', 'x', 'y', 'seconds'):
                assert abs(float(values[key]) - getattr(event, key)) < 0.01
        assert list(values_of(found[0])) == ['kind', 'place', 'stamp', 'track', 'class', 'x', 'y',
                                             'seconds']
        for message in events:
            stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
            assert all(float(values_of(status)['stamp']) <= stamp for status in message.status)
        for status in counts[-1].status:
            count = pipeline.line_counts()[status.name]
            assert values_of(status) == {
                'forward': str(count['forward']), 'backward': str(count['backward']),
                **{f'{key}/{name}': str(value) for name, of_class in count['by_class'].items()
                   for key, value in of_class.items()}}
            told = [one.message for one in found if one.name == status.name]
            assert (told.count('forward'), told.count('backward')) == (
                count['forward'], count['backward'])
        drawn = np.empty_like(frames[-1])
        pipeline.render(frames[-1], heatmap=drawn)
        assert np.array_equal(to_frame(pictures.messages[-1]), drawn)
        refused = set_parameters(node, NAME, lines='[left: [[0, 0.5], [1, 0.5]]]')
        assert not refused.successful
        assert refused.reason == ("parameter 'lines': 'left' is the name of a region, too; give "
                                  'the line another one')
        assert set_parameters(node, NAME, lines='').successful
        assert process.stop() == 0


def test_max_rate(node, street, street_frames):
    """By the stamps, whatever the rate at which frames come, and changed while it runs."""
    reports = []
    node.create_subscription(DiagnosticArray, '/diagnostics', reports.append, 100)

    def counted():
        values = {pair.key: pair.value for report in reports[-1:] for status in report.status
                  for pair in status.values}
        return [int(values.get(f'frames {kind}', -1)) for kind in ('processed', 'over max_rate',
                                                                   'skipped')]
    frames = [street_frames[0]] * 30
    with start(street, max_rate=2.0, imgsz=160) as process:
        camera = node.create_publisher(Image, 'image', 100)
        wait_until_matched(node, NAME, camera)
        show(node, camera, frames, spacing=0.1)
        assert spin_until(node, lambda: counted() == [7, 23, 0]), counted()
        assert set_parameters(node, NAME, max_rate=0.0).successful
        show(node, camera, frames[:5], begin=200.0, spacing=0.1)
        assert spin_until(node, lambda: counted() == [12, 23, 0]), counted()
        assert not set_parameters(node, NAME, max_rate=-1.0).successful
        assert process.stop() == 0


def test_a_name_for_two_things_is_refused_at_the_start(node, street):
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'), 'regions': REGIONS,
                                      'lines': '[left: [[0, 1], [9, 9]]]'}) as process:
        process.wait_for_output('cannot configure')
        assert "parameter 'lines': 'left' is the name of a region, too" in process.output()
        assert process.stop() == 1 or not process.running
