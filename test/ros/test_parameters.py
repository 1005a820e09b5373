"""Parameters: declared with description and range, checked when set, right in every spelling."""

import numpy as np
import pytest
import rclpy
from rclpy.parameter import get_parameter_value, Parameter
import yaml
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.playback import PLAYBACK_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.parameters import NodeParameters


@pytest.fixture
def make():
    """Return a function that makes a node from command-line arguments, and its parameters."""
    nodes = []

    def make_node(*arguments, specs=HEATMAP_PARAMETERS, change=lambda changes: None,
                  configured=lambda: False):
        rclpy.init(args=['test', '--ros-args', *(part for argument in arguments
                                                 for part in ('-p', argument))])
        node = rclpy.create_node('test')
        nodes.append(node)
        return node, NodeParameters(node, specs, change, configured)
    yield make_node
    for node in nodes:
        node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.parametrize('argument, name, value', [
    ('device:=0', 'device', '0'),
    ('device:=cpu', 'device', 'cpu'),
    ('device:=cuda:0', 'device', 'cuda:0'),
    ('classes:=[0, 2]', 'classes', [0, 2]),
    ('classes:=[person]', 'classes', ['person']),
    ('classes:=person', 'classes', ['person']),
    ('classes:=person,car', 'classes', ['person', 'car']),
    ('classes:="[person, 2]"', 'classes', ['person', '2']),
    ('classes:=3', 'classes', [3]),
    ('classes:=[]', 'classes', []),
    ("classes:=''", 'classes', []),
    ('colormap:=jet', 'colormap', 'jet'),
    ('weights:=~/my.pt', 'weights', '~/my.pt'),
    ('alpha:=1', 'alpha', 1.0),
    ('conf:=0.5', 'conf', 0.5),
    ('imgsz:=320', 'imgsz', 320),
    ('frame_policy:=all', 'frame_policy', 'all'),
    ('autostart:=false', 'autostart', False),
    ('heat_unit:=seconds', 'heat_unit', 'seconds'),
    ('half_life:=60', 'half_life', 60.0),
    ('kernel:=foot', 'kernel', 'foot'),
    ("regions:=''", 'regions', {}),
    ('value_range:=[0.5, 8.0]', 'value_range', [0.5, 8.0]),
    ('value_range:=[0, 5000]', 'value_range', [0.0, 5000.0]),
    ("value_range:=''", 'value_range', []),
    ('heatmap.compressed.jpeg_quality:=50', 'heatmap.compressed.jpeg_quality', 50),
    ('snapshot_dir:=/tmp/heat', 'snapshot_dir', '/tmp/heat'),
    ('autosave_period:=0', 'autosave_period', 0.0),
    ('autosave_period:=0.1', 'autosave_period', 0.1),
    ('blank_size:=[7680, 4320]', 'blank_size', [7680, 4320]),
])
def test_what_users_type(make, argument, name, value):
    _, parameters = make(argument)
    assert parameters.configuration()[name] == value


def test_regions_on_the_command_line(make):
    _, parameters = make("regions:='{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}'")
    assert np.allclose(parameters.configuration()['regions']['door'],
                       [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]])
    assert yaml.safe_dump(parameters.given())


@pytest.mark.parametrize('argument, reason', [
    ("regions:='{door: [[1, 2]]}'", "parameter 'regions': region 'door' is not a list of three"),
    ('kernel:=square', 'disc, box'),
    ('value_range:=[8.0, 0.5]', "is not of the form '.lowest, highest.'"),
    ('value_range:=near', 'is not a list of numbers'),
    ('ground.points_px:=[1.0, 2.0, 3.0]', 'has 3 numbers, but points have two each'),
    ('ground.matrix:=[1.0, 2.0]', 'has 2 numbers, but a 3 x 3 matrix has 9'),
    ('ground.extent:=[1.0, 2.0, 0.0, 1.0]', "'?.*is not of the form '.x_min"),
    ('heatmap.compressed.format:=gif', 'jpeg, png'),
    ('normalize:=none', 'max, percentile, fixed'),
    ('scale_max:=0', 'from 0.001'),
    ('colormap:=blue', "parameter 'colormap': unknown colormap 'blue'.*JET"),
    ('alpha:=1.0e9', 'out of range|from 0.0 to 1.0'),
    ('alpha:=2', 'from 0.0 to 1.0'),
    ('alpha:=high', "'high' is not a number"),
    ('imgsz:=640.5', 'neither a whole number'),
    ('imgsz:=8', 'neither a whole number from 32'),
    ("prompts:='[a, a]'", 'has an entry twice'),
    ('prompts:=7', 'is not a list of texts'),
    ("regions:='[a, b]'", 'is not of the form'),
    ("regions:='[a: [[0, 0], [1, 0], [1, 1]], a: [[0, 0], [1, 0], [1, 1]]]'", 'has two regions'),
    ('frame_policy:=newest', 'latest, all'),
    ('autostart:=1', 'neither true nor false'),
    ('classes:=[0.5]', 'neither a name nor an id'),
    ('classes:=true', 'neither a name nor an id'),
    ("weights:=''", 'must not be empty'),
    ('device:=true', 'not text'),
    ('autosave_period:=1.0e-9', 'is not 0.0 or a number from 0.1'),
    ('blank_size:=[65535, 65535]', 'is more than 67 megapixels'),
    ('ground.extent:=[0.0, 0.0, 1.0e308, 1.0e308]', 'has a coordinate beyond 10000000 m'),
    ('max_det:=.inf', 'inf is not a whole number from 1|out of range'),
])
def test_what_is_refused(make, argument, reason):
    with pytest.raises((ParameterError, rclpy.exceptions.ParameterException), match=reason):
        make(argument)[1].configuration()


def test_every_parameter_is_described(make):
    for spec in (*HEATMAP_PARAMETERS, *PLAYBACK_PARAMETERS):
        assert len(spec.description) > 10, spec.name
    node, _ = make()
    descriptor = node.describe_parameter('alpha')
    assert descriptor.floating_point_range[0].to_value == 1.0
    assert node.describe_parameter('max_det').integer_range[0].from_value == 1
    assert 'at start' in node.describe_parameter('autostart').additional_constraints
    assert 'unconfigured' in node.describe_parameter('weights').additional_constraints


def test_regions_in_a_form_that_ros2_param_leaves_alone(make):
    """It takes text that is a mapping in YAML for a mapping, and ends with a traceback."""
    text = '{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]], "a: b": [[1, 2], [30, 4], [5, 60]]}'
    wanted = "[{door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]}, {'a: b': [[1, 2], [30, 4], [5, 60]]}]"
    node, parameters = make(f"regions:='{text}'")
    assert node.get_parameter('regions').value == wanted
    assert get_parameter_value(wanted).string_value == wanted
    assert list(parameters.configuration()['regions']) == ['door', 'a: b']
    for other in (text, wanted, '[door: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]]', ''):
        assert node.set_parameters([Parameter('regions', value=other)])[0].successful
        assert not isinstance(yaml.safe_load(node.get_parameter('regions').value), dict)
    for odd in ('{', '{a: ' + '[' * 400 + ']' * 400 + '}', '{a: 0x' + 'f' * 5000 + '}'):
        assert node.set_parameters([Parameter('regions', value=odd)])[0].successful is False
    for odd in ('person\rcar', 'x' * 200_000):
        node.set_parameters([Parameter('classes', value=odd)])
    assert parameters.value('classes') == ['person car']


def test_set_while_running(make):
    seen = []
    node, _ = make(change=seen.append, configured=lambda: True)
    result = node.set_parameters_atomically([
        Parameter('colormap', value='hot'), Parameter('alpha', value=1)])
    assert result.successful
    assert seen == [{'colormap': 'hot', 'alpha': 1.0}]
    result = node.set_parameters_atomically([Parameter('colormap', value='none')])
    assert not result.successful
    assert "unknown colormap 'none'" in result.reason
    result = node.set_parameters_atomically([Parameter('weights', value='other.pt')])
    assert not result.successful
    assert 'only while the node is unconfigured' in result.reason
    result = node.set_parameters_atomically([Parameter('autostart', value=False)])
    assert not result.successful
    assert 'only at the start' in result.reason
    assert len(seen) == 1
    assert node.get_parameter('colormap').value == 'hot'


def test_other_parameters_are_left_alone(make):
    node, _ = make()
    assert node.set_parameters([Parameter('use_sim_time', value=True)])[0].successful


def flat(parameters, prefix=''):
    """Return nested parameters by names with dots."""
    result = {}
    for name, value in parameters.items():
        result.update(flat(value, f'{prefix}{name}.') if isinstance(value, dict)
                      else {prefix + name: value})
    return result


def test_yaml_holds_every_parameter_with_its_default(street):
    content = yaml.safe_load((street.parent / 'config' / 'heatmap.yaml').read_text())
    assert flat(content['/**']['ros__parameters']) == {
        spec.name: spec.default for spec in HEATMAP_PARAMETERS}
