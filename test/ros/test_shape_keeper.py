"""What is drawn on a running node, kept by ~/keep_shapes, at its next start."""

from diagnostic_msgs.msg import DiagnosticArray
import pytest
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python
from ros_processes import (
    call, image_message, later_node, NodeProcess, set_parameters, spin_until, wait_until_matched)
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
import yaml
from yolo_heatmap_ros.storage.drawn_shapes import DrawnShapes, read, write

NAME = '/yolo_heatmap'
DRAWN = {'regions': '[left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]',
         'lines': '[across: [[0, 0.7], [1, 0.7]]]',
         'ignored_areas': '[right: [[0.6, 0], [1, 0], [1, 1], [0.6, 1]]]'}
POINTS = {'ground.points_px': '[[14, 399], [626, 399], [95, 184], [545, 184]]',
          'ground.points_m': '[[9, 6], [9, -6], [24, 10], [24, -10]]'}


def start(street, home, module='heatmap_node', wait='listening to', arguments=(), **parameters):
    process = NodeProcess(module, {'weights': str(street / 'street.pt'), 'imgsz': 320,
                                   **parameters}, arguments=arguments, ROS_HOME=str(home))
    process.wait_for_output(wait)
    return process


def values(node, name, *names):
    answer = call(node, GetParameters, f'{name}/get_parameters', GetParameters.Request(
        names=names))
    return dict(zip(names, map(parameter_value_to_python, answer.values)))


def keep(node, name=NAME):
    return call(node, Trigger, f'{name}/keep_shapes', Trigger.Request())


def file_of(home, name='yolo_heatmap'):
    return home / 'yolo_heatmap_ros' / 'drawn' / f'{name}.yaml'


def put(home, drawn, given=None, name='yolo_heatmap'):
    """Put a file there as a node without parameters would have written it."""
    write(file_of(home, name), DrawnShapes(f'/{name}', {**dict.fromkeys((*DRAWN, *POINTS), ''),
                                                        **(given or {})}, drawn))


def test_names_that_change_places(node, street, tmp_path):
    """A line that was drawn by the name of a given region, and the other way round."""
    area, way = '[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]', '[[0, 0.7], [1, 0.7]]'
    given = {'regions': f'[one: {area}]', 'lines': f'[other: {way}]'}
    drawn = {'regions': f'[other: {area}]', 'lines': f'[one: {way}]'}
    put(tmp_path, drawn, given)
    with start(street, tmp_path, wait='regions, lines: as drawn', autostart=False,
               **given) as process:
        assert values(node, NAME, *drawn) == drawn
        assert process.stop() == 0


def test_shapes_and_floor_survive_a_restart(node, street, street_frames, tmp_path):
    """What was set on the running node is there at once after the next start, and counts."""
    with start(street, tmp_path) as process:
        assert set_parameters(node, NAME, **DRAWN).successful
        answer = keep(node)
        assert answer.success
        assert answer.message == f"kept for the next start in '{file_of(tmp_path)}'"
        assert process.stop() == 0
    kept = read(file_of(tmp_path))
    assert kept.node == NAME and kept.drawn['regions'] == DRAWN['regions']
    write(file_of(tmp_path), kept._replace(drawn={**kept.drawn, **POINTS}))  # a floor, too
    counts, reports = [], []
    with later_node() as later, start(street, tmp_path) as process:
        line = ('regions, lines, ignored_areas, ground.points_px, ground.points_m: as drawn, '
                f"from '{file_of(tmp_path)}'")
        assert f'{line}; delete it to use the parameters given' in process.output()
        assert values(later, NAME, *DRAWN, *POINTS) == {**DRAWN, **POINTS}
        subscription = later.create_subscription(DiagnosticArray, f'{NAME}/regions',
                                                 counts.append, 10)
        later.create_subscription(DiagnosticArray, '/diagnostics', reports.append, 10)
        camera = later.create_publisher(Image, 'image', 10)
        wait_until_matched(later, NAME, camera, subscription)
        camera.publish(image_message(street_frames[0]))
        assert spin_until(later, lambda: counts and reports)
        status, = counts[-1].status
        assert status.name == 'left'
        assert int({one.key: one.value for one in status.values}['objects']) > 0
        assert line in {one.key: one.value for one in reports[-1].status[0].values}['drawn shapes']
        # What is removed on the running node is removed for good.
        assert set_parameters(later, NAME, regions='').successful and keep(later).success
        assert read(file_of(tmp_path)).given['regions'] == ''
        assert process.stop() == 0
    with start(street, tmp_path, arguments=['-r', '__ns:=/other']) as process:
        assert 'as drawn' not in process.output()  # a node of another name
        assert process.stop() == 0


def test_a_parameter_that_was_edited_since_wins(node, street, tmp_path):
    other = '[hall: [[0, 0], [1, 0], [1, 1]]]'
    put(tmp_path, {**dict.fromkeys(POINTS, ''), **DRAWN})
    with start(street, tmp_path, regions=other) as process:
        assert (f"[WARN] [yolo_heatmap]: regions: as given, not as drawn in '{file_of(tmp_path)}',"
                ' since what is given has changed since then; delete the file, or draw again'
                in _without_times(process.output()))
        assert 'lines, ignored_areas: as drawn' in process.output()
        assert values(node, NAME, *DRAWN) == {**DRAWN, 'regions': other}
        # Drawn again, it takes effect again.
        assert set_parameters(node, NAME, regions=DRAWN['regions']).successful
        assert keep(node).success
        assert process.stop() == 0
    with later_node() as later, start(street, tmp_path, regions=other) as process:
        assert 'WARN' not in process.output()
        assert values(later, NAME, 'regions') == {'regions': DRAWN['regions']}
        assert process.stop() == 0


def _without_times(output):
    return '\n'.join(' '.join([*line.split(' ')[:1], *line.split(' ')[2:]])
                     for line in output.splitlines())


@pytest.mark.parametrize('content, line', [
    (b'\0\xff', 'drawn shapes are ignored: '),
    ({'regions': '[left: [[0, 0], [1, 1]]]'}, 'regions: as given, not as drawn in '),
    ({'regions': [1, 2]}, "parameter 'regions': [1, 2] is not text"),
    ({'regions': {'a': [1]}}, 'regions: as given, not as drawn in '),
    ({'ignored_areas': DRAWN['regions'], 'regions': DRAWN['regions']},
     "'left' is the name of a region, too"),
    ({'ground.points_px': POINTS['ground.points_px']}, 'ground.points_m is not a list of points'),
    ({**POINTS, 'ground.points_m': '[[0, 0], [1, 0], [2, 0], [3, 0]]'}, 'lie on one line'),
    ({'ground.points_px': 7, 'ground.points_m': None}, "parameter 'ground.points_px'")],
    ids=str)
def test_what_cannot_be_used_costs_no_start(node, street, tmp_path, content, line):
    if isinstance(content, bytes):
        file_of(tmp_path).parent.mkdir(parents=True)
        file_of(tmp_path).write_bytes(content)
    else:
        put(tmp_path, content)
    with start(street, tmp_path) as process:
        warnings = [one for one in process.output().splitlines() if 'WARN' in one]
        assert line in warnings[0] and str(file_of(tmp_path)) in warnings[0]
        assert 'delete the file, or draw again' in warnings[0]
        assert 'Traceback' not in process.output()
        assert process.stop() == 0


def test_a_folder_that_cannot_be_written(node, street, tmp_path):
    (tmp_path / 'yolo_heatmap_ros').mkdir()
    (tmp_path / 'yolo_heatmap_ros' / 'drawn').write_text('')
    with start(street, tmp_path) as process:
        # Reading it fails as well, and costs no start.
        assert 'drawn shapes are ignored: ' in process.output()
        answer = keep(node)
        assert not answer.success
        assert answer.message.startswith(f"cannot write '{file_of(tmp_path)}': ")
        assert process.stop() == 0


def test_cameras_of_one_process_have_their_own(node, street, tmp_path):
    cameras = tmp_path / 'cameras.yaml'
    cameras.write_text(yaml.safe_dump({
        'parameters': {'weights': str(street / 'street.pt'), 'imgsz': 320},
        'cameras': [{'name': name, 'image': f'/{name}/image'} for name in ('left', 'right')]}))
    with NodeProcess('heatmap_cameras', {'cameras': str(cameras)},
                     ROS_HOME=str(tmp_path)) as process:
        process.wait_for_output("listening to '/right/image'")
        left = '/left/yolo_heatmap'
        assert set_parameters(node, left, regions=DRAWN['regions']).successful
        assert keep(node, left).message.endswith(f"'{file_of(tmp_path, left[1:])}'")
        assert process.stop() == 0
    with later_node() as later, NodeProcess('heatmap_cameras', {'cameras': str(cameras)},
                                            ROS_HOME=str(tmp_path)) as process:
        process.wait_for_output("listening to '/right/image'")
        assert values(later, left, 'regions') == {'regions': DRAWN['regions']}
        assert values(later, '/right/yolo_heatmap', 'regions') == {'regions': ''}
        assert process.stop() == 0


def test_a_floor_node_keeps_them_in_metres(node, tmp_path):
    regions = '[middle: [[4, 0], [6, 0], [6, 8], [4, 8]]]'
    put(tmp_path, {'regions': regions, 'ignored_areas': ''}, name='yolo_floor')
    with NodeProcess('floor_node', {'heatmap_nodes': '[/west/yolo_heatmap]',
                                    'ground.extent': '[0, 0, 12, 8]'},
                     ROS_HOME=str(tmp_path)) as process:
        process.wait_for_output('listening to')
        assert f"regions: as drawn, from '{file_of(tmp_path, 'yolo_floor')}'" in process.output()
        assert values(node, '/yolo_floor', 'regions') == {'regions': regions}
        assert keep(node, '/yolo_floor').success
        assert set(read(file_of(tmp_path, 'yolo_floor')).drawn) == set(DRAWN)
        assert process.stop() == 0
