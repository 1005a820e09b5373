"""Whatever a parameter is set to, a node answers, lives, and says in one line what is wrong."""

import pytest
from rcl_interfaces.msg import Parameter, ParameterType
from rcl_interfaces.srv import (
    DescribeParameters, GetParameters, ListParameters, SetParametersAtomically)
from ros_processes import (
    ask, call, change_state, image_message, NodeProcess, parameters_request, Pictures,
    set_parameters, spin_until, state)
from sensor_msgs.msg import Image

pytestmark = pytest.mark.faults
NAME = '/yolo_heatmap'
LISTS = [[], [-1, -1], [2**40] * 4, ['x'], [1.0, float('nan')]]
ODD = {
    ParameterType.PARAMETER_STRING: [
        '', 'nan', '-1', '[]', 'null', '{', '[' * 5_000, 'x' * 100_000, '\u202e\n[FATAL] x',
        '!!bool x', '!!python/object/apply:os.system ["false"]', '[[nan, 0], [1, 1], [2, 2]]',
        '{a: [[0, 0], [1e300, 0], [1, 1]]}', '/dev/zero', '/proc/self/mem', '/', '~nobody_here/x',
        'x' * 300 + '.pt'],
    ParameterType.PARAMETER_DOUBLE: [
        float('nan'), float('inf'), -float('inf'), -1.0, 0.0, 5e-324, 1e300],
    ParameterType.PARAMETER_INTEGER: [0, -1, 2**31, 2**63 - 1, -2**63],
    ParameterType.PARAMETER_BOOL: [True, False]}
EVERY_TYPE = {
    ParameterType.PARAMETER_STRING: 'odd', ParameterType.PARAMETER_INTEGER: 7,
    ParameterType.PARAMETER_DOUBLE: 0.5, ParameterType.PARAMETER_BOOL: True,
    ParameterType.PARAMETER_INTEGER_ARRAY: [7], ParameterType.PARAMETER_DOUBLE_ARRAY: [0.5],
    ParameterType.PARAMETER_STRING_ARRAY: ['odd'], ParameterType.PARAMETER_BOOL_ARRAY: [True],
    ParameterType.PARAMETER_BYTE_ARRAY: [b'x']}
"""One value of every type that YAML and ROS have."""


def names_of(node, target, when=''):
    """Return the parameters that can be set at such times."""
    names = call(node, ListParameters, f'{target}/list_parameters',
                 ListParameters.Request()).result.names
    described = call(node, DescribeParameters, f'{target}/describe_parameters',
                     DescribeParameters.Request(names=names)).descriptors
    return [one.name for one in described
            if when in one.additional_constraints and 'at start' not in one.additional_constraints
            and one.description]


def set_oddly(node, target, process, names, use):
    """Set parameters to all that is odd, and back; `use` is called for what is accepted."""
    values = call(node, GetParameters, f'{target}/get_parameters',
                  GetParameters.Request(names=names)).values
    # One client: a new one for each of some thousand requests takes longer than the requests.
    client = node.create_client(SetParametersAtomically, f'{target}/set_parameters_atomically')
    accepted = set()
    for name, value in zip(names, values):
        others = [odd for kind, odd in EVERY_TYPE.items() if kind != value.type]
        for odd in (*ODD.get(value.type, LISTS), *others):
            result = ask(node, client, parameters_request({name: odd})).result
            assert len(result.reason) < 1_100 and result.reason.isprintable(), (name, odd)
            if result.successful:
                accepted.add(name)
                use()
            assert process.running, (name, odd)
        ask(node, client, SetParametersAtomically.Request(
            parameters=[Parameter(name=name, value=value)]))
    node.destroy_client(client)
    return accepted


def end(process):
    """Stop the node; nothing broke, and no line that it has printed is long."""
    assert process.peak_memory_mb() < 1_500
    assert process.stop() == 0
    for broken in ('Traceback', 'Warning', '\n[FATAL] x'):
        assert broken not in process.output()
    assert max(map(len, process.output().splitlines())) < 1_200


def test_set_while_active(node, street, street_frames, tmp_path):
    """After each value that is accepted a frame becomes a picture."""
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt'), 'imgsz': 160,
                                      'snapshot_dir': str(tmp_path)}, fresh=True) as process:
        process.wait_for_output('listening')
        camera = node.create_publisher(Image, 'image', 10)
        heatmaps = Pictures(node, f'{NAME}/heatmap')
        assert spin_until(node, camera.get_subscription_count)
        frame = street_frames[0][::4, ::4].copy()

        def show():
            before = len(heatmaps)
            camera.publish(image_message(frame, before + 1))
            assert spin_until(node, lambda: len(heatmaps) > before), process.output()
        show()
        accepted = set_oddly(node, NAME, process, names_of(node, NAME), show)
        assert {'alpha', 'half_life', 'regions', 'classes'} <= accepted
        assert state(node, NAME) == 'active'
        show()
        end(process)


def test_set_while_unconfigured(node, street, tmp_path):
    """With each value that is accepted it can be configured, or says why not."""
    parameters = {'weights': str(street / 'street.pt'), 'imgsz': 160, 'autostart': False,
                  'snapshot_dir': str(tmp_path)}
    with NodeProcess('heatmap_node', parameters, fresh=True) as process:
        def configure():
            if change_state(node, NAME, 'configure'):
                assert change_state(node, NAME, 'cleanup')
        names = names_of(node, NAME, 'while unconfigured')
        accepted = set_oddly(node, NAME, process, names, configure)
        assert {'weights', 'device', 'tracker', 'snapshot_dir', 'ground.matrix'} <= accepted
        assert change_state(node, NAME, 'configure') and change_state(node, NAME, 'activate')
        end(process)


def test_set_while_playing(node, street):
    """A new rate counts at once, whatever frame the one before had to wait for."""
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4'), 'loop': True,
                                       'rate': 1e-3, 'wait_for_subscribers': 1}) as process:
        pictures = Pictures(node, 'image_raw')
        assert spin_until(node, lambda: pictures)
        assert not spin_until(node, lambda: len(pictures) > 1, 1.0)

        def watch():
            before = len(pictures)
            assert spin_until(node, lambda: len(pictures) > before, 2.0), process.output()
        assert set_parameters(node, '/playback', rate=60.0).successful
        watch()
        assert {'rate', 'frame_id'} <= set_oddly(
            node, '/playback', process, names_of(node, '/playback'), watch)
        assert process.stop() == 0
        assert 'Traceback' not in process.output()
