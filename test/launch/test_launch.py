"""The launch files, by the launch system itself, up to the nodes that would be started."""

import importlib.util
from pathlib import Path
import re
import shutil
import subprocess

import pytest
import rclpy
import yaml
from yolo_heatmap_ros.config.floor import FLOOR_PARAMETERS
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.playback import PLAYBACK_PARAMETERS
from yolo_heatmap_ros.config.web import WEB_PARAMETERS
from yolo_heatmap_ros.nodes.heatmap_cameras import PARAMETERS as CAMERAS_PARAMETERS
from yolo_heatmap_ros.ros.parameters import NodeParameters

launch = pytest.importorskip('launch', reason='launch is part of a ROS 2 installation, not of '
                             'PyPI')
actions = pytest.importorskip('launch_ros.actions',
                              reason='launch_ros is part of a ROS 2 installation')

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = {
    'demo': {'source', 'weights', 'colormap', 'device', 'classes', 'loop', 'rate', 'viewer', 'web',
             'web_port'},
    'floor': {'heatmap_nodes', 'extent', 'frame_id', 'params_file', 'namespace', 'web',
              'web_port'},
    'heatmap': {'image_topic', 'weights', 'colormap', 'device', 'classes', 'params_file',
                'namespace', 'viewer', 'web', 'web_port'},
    'multi_camera': {'cameras', 'shared', 'web', 'web_port'},
    'playback': {'source', 'rate', 'loop', 'image_topic'},
}
EXAMPLES = {'colormap': ['JET', 'HOT', 'VIRIDIS'], 'device': ['cpu', '0', 'cuda:0'],
            'classes': ['person', '[person, car]', '[0, 2]']}
"""Values that descriptions name, by the parameter that they are for."""
PARAMETERS = {'floor_node': FLOOR_PARAMETERS, 'heatmap_node': HEATMAP_PARAMETERS,
              'playback_node': PLAYBACK_PARAMETERS, 'heatmap_cameras': CAMERAS_PARAMETERS,
              'web_viewer': WEB_PARAMETERS}


def description_of(name):
    path = ROOT / 'launch' / f'{name}.launch.py'
    spec = importlib.util.spec_from_file_location(f'{name}_launch', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """
    Return a function that gives the command lines that a launch file starts, by executable.

    The package is installed as far as launch looks for it; no process is started.
    """
    prefix = tmp_path / 'prefix'
    for folder in ('share/ament_index/resource_index/packages', 'lib/yolo_heatmap_ros'):
        (prefix / folder).mkdir(parents=True)
    (prefix / 'share/ament_index/resource_index/packages/yolo_heatmap_ros').touch()
    (prefix / 'share/yolo_heatmap_ros').symlink_to(ROOT)
    for name in (*PARAMETERS, 'viewer'):
        (prefix / 'lib/yolo_heatmap_ros' / name).touch(0o755)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(prefix), prepend=':')
    monkeypatch.setattr(launch.actions.ExecuteLocal, 'execute',
                        lambda self, context: self.prepare(context))

    def run(name, **arguments):
        context = launch.LaunchContext()
        context.launch_configurations.update(arguments)
        entities, started = [description_of(name)], []
        while entities:
            entity = entities.pop(0)
            if not isinstance(entity, launch.actions.RegisterEventHandler):
                entities[:0] = entity.visit(context) or []
            if isinstance(entity, actions.Node):
                started.append(entity.cmd)
        return started
    return run


def executables(started):
    return [Path(command[0]).name for command in started]


def node_of(started, executable, index=0):
    """Return a node as the command makes it, with what it takes its parameters for."""
    command = [one for one in started if Path(one[0]).name == executable][index]
    context = rclpy.Context()
    context.init(args=command)
    node = rclpy.create_node(executable, context=context)
    try:
        values = {}
        if executable in PARAMETERS:
            values = NodeParameters(
                node, PARAMETERS[executable], lambda changes: None).configuration()
        names = {topic: node.resolve_topic_name(topic) for topic in ('image', 'image_raw')}
        return values, names, node.get_namespace()
    finally:
        node.destroy_node()
        context.shutdown()


@pytest.mark.parametrize('name', ARGUMENTS)
def test_every_argument_is_described(name):
    """What it is, what an empty one means, and each of its choices that says nothing itself."""
    arguments = {one.name: one for one in description_of(name).get_launch_arguments()}
    assert set(arguments) == ARGUMENTS[name]
    texts = [one.description for one in arguments.values()]
    assert len(set(texts)) == len(texts)
    for name, one in arguments.items():
        assert len(one.description.split()) >= 3, name
        assert one.description != 'no description given', name
        for example in EXAMPLES.get(name, []):
            assert example in one.description, (name, example)
        default = [getattr(part, 'text', None) for part in one.default_value or ()]
        if default == [''] and name != 'namespace':
            assert 'empty: ' in one.description, name


def test_arguments_of_one_name_say_the_same():
    """The first words of them, in every launch file: an argument is one thing."""
    said = {}
    for file in ARGUMENTS:
        for one in description_of(file).get_launch_arguments():
            if one.name != 'viewer':  # each has another default
                said.setdefault(one.name, set()).add(re.split('[;,]', one.description)[0])
    assert {name: texts for name, texts in said.items()
            if len(texts) > 1 and name != 'image_topic'} == {}


@pytest.mark.parametrize('name, value, expected', [
    *(('colormap', value, value) for value in EXAMPLES['colormap']),
    *(('device', value, value) for value in EXAMPLES['device']),
    ('classes', 'person', ['person']), ('classes', '[person, car]', ['person', 'car']),
    # Text in the launch file, so ids are text too; the model takes them for ids all the same.
    ('classes', '[0, 2]', ['0', '2']), ('weights', 'yolo12n.pt', 'yolo12n.pt'),
    ('weights', '~/my.pt', '~/my.pt')])
@pytest.mark.parametrize('file', ['demo', 'heatmap'])
def test_examples_of_descriptions_reach_the_node(commands, file, name, value, expected):
    """They come through YAML and rcl as what they are, and the node takes them."""
    values, _, _ = node_of(commands(file, **{name: value}), 'heatmap_node')
    assert values[name] == expected


def test_demo(commands):
    started = commands('demo', source='/a b/1', rate='12.5', loop='true', viewer='none')
    assert executables(started) == ['playback_node', 'heatmap_node']
    values, names, _ = node_of(started, 'playback_node')
    assert (values['source'], values['rate'], values['loop']) == ('/a b/1', 12.5, True)
    assert values['wait_for_subscribers'] == 1
    image = names['image_raw']
    values, names, _ = node_of(started, 'heatmap_node')
    assert names['image'] == image == '/image_raw'
    assert values['weights'] == 'yolo12n.pt'
    values, _, _ = node_of(commands('demo', viewer='none'), 'heatmap_node')
    assert Path(values['weights']).samefile(ROOT / 'demo' / 'street.pt')


def test_demo_shows_its_pictures(commands):
    started = commands('demo', viewer='opencv', web='true', web_port='9000')
    assert executables(started) == ['playback_node', 'heatmap_node', 'viewer', 'web_viewer']
    assert node_of(started, 'viewer')[1]['image'] == '/yolo_heatmap/composite'
    assert node_of(started, 'web_viewer')[0]['port'] == 9000


def test_heatmap(commands, tmp_path):
    """What is given as an argument goes before `params_file`, and that before the defaults."""
    path = tmp_path / 'mine.yaml'
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'colormap': 'HOT', 'alpha': 0.25}}}))
    started = commands('heatmap', params_file=str(path), namespace='robot', viewer='opencv',
                       image_topic='camera/image_raw', web='true', web_port='9000')
    assert executables(started) == ['heatmap_node', 'viewer', 'web_viewer']
    values, names, namespace = node_of(started, 'heatmap_node')
    assert (values['colormap'], values['alpha'], values['conf']) == ('HOT', 0.25, 0.25)
    assert names['image'] == '/robot/camera/image_raw' and namespace == '/robot'
    assert node_of(started, 'viewer')[1]['image'] == '/robot/yolo_heatmap/composite'
    values, _, namespace = node_of(started, 'web_viewer')
    assert values['port'] == 9000 and namespace == '/robot'
    started = commands('heatmap', params_file=str(path), colormap='BONE')
    values, names, _ = node_of(started, 'heatmap_node')
    assert (values['colormap'], values['alpha']) == ('BONE', 0.25)
    assert names['image'] == '/image'
    values, _, _ = node_of(commands('heatmap'), 'heatmap_node')
    assert values == {spec.name: spec.checked(spec.default)
                      for spec in HEATMAP_PARAMETERS}


def test_multi_camera(commands, tmp_path):
    """One process that has the list, or one node for each camera of it."""
    path = tmp_path / 'cameras.yaml'
    path.write_text(yaml.safe_dump({'parameters': {'conf': 0.5}, 'cameras': [
        {'name': 'gate', 'image': '/gate/image_raw', 'parameters': {'colormap': 'HOT'}},
        {'name': 'yard', 'image': 'yard_camera'}]}))
    started = commands('multi_camera', cameras=str(path))
    assert executables(started) == ['heatmap_cameras']
    assert node_of(started, 'heatmap_cameras')[0] == {'cameras': str(path)}
    started = commands('multi_camera', cameras=str(path), shared='false')
    assert executables(started) == ['heatmap_node'] * 2
    found = [node_of(started, 'heatmap_node', index) for index in range(2)]
    assert [(values['colormap'], values['conf'], names['image'], namespace)
            for values, names, namespace in found] == [
        ('HOT', 0.5, '/gate/image_raw', '/gate'), ('JET', 0.5, '/yard/yard_camera', '/yard')]


def test_floor(commands, tmp_path):
    """Names and extent in brackets reach the node as they are, and params_file holds the rest."""
    path = tmp_path / 'mine.yaml'
    path.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'fusion_delay': 0.5, 'ground': {'extent': '[0, 0, 1, 1]', 'frame_id': 'odom'}}}}))
    started = commands('floor', heatmap_nodes='[/north/yolo_heatmap, /south/yolo_heatmap]',
                       extent='[-5, -5, 15, 10]', params_file=str(path), namespace='site')
    assert executables(started) == ['floor_node']
    values, _, namespace = node_of(started, 'floor_node')
    assert values['heatmap_nodes'] == ['/north/yolo_heatmap', '/south/yolo_heatmap']
    assert values['ground.extent'] == [-5.0, -5.0, 15.0, 10.0]
    assert (values['fusion_delay'], values['ground.frame_id'], namespace) == (0.5, 'odom', '/site')
    started = commands('floor', heatmap_nodes='[/a]', extent='[0, 0, 12, 8]')
    assert node_of(started, 'floor_node')[0] == {
        **{spec.name: spec.checked(spec.default) for spec in FLOOR_PARAMETERS
           if spec.name != 'ground.extent'},
        'heatmap_nodes': ['/a'], 'ground.extent': [0.0, 0.0, 12.0, 8.0]}


@pytest.mark.parametrize('file', ['floor', 'multi_camera'])
def test_a_page_for_all_cameras(commands, file):
    started = commands(file, web='true', web_port='9000')
    assert executables(started)[-1] == 'web_viewer'
    values, _, _ = node_of(started, 'web_viewer')
    assert values['heatmap_node'] == () and values['port'] == 9000
    assert 'web_viewer' not in executables(commands(file))


def test_playback(commands):
    started = commands('playback', source='0', rate='5', loop='true', image_topic='/front/image')
    assert executables(started) == ['playback_node']
    values, names, _ = node_of(started, 'playback_node')
    assert (values['source'], values['rate'], values['loop']) == ('0', 5.0, True)
    assert names['image_raw'] == '/front/image'


@pytest.mark.parametrize('file, name', [
    ('demo', 'viewer'), ('demo', 'loop'), ('demo', 'web'), ('heatmap', 'viewer'),
    ('heatmap', 'web'), ('floor', 'web'), ('multi_camera', 'web'), ('playback', 'loop')])
def test_choices_are_checked(commands, file, name):
    with pytest.raises(RuntimeError, match=f'"{name}".*perhaps'):
        commands(file, **{'source': '', name: 'perhaps'})


@pytest.mark.skipif(shutil.which('ros2') is None, reason='there is no `ros2` command here')
def test_demo_ends_by_itself():
    """With the package installed in a sourced workspace: clean, when the clip has ended."""
    run = subprocess.run(
        ['ros2', 'launch', 'yolo_heatmap_ros', 'demo.launch.py', 'viewer:=none', 'rate:=60'],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    assert run.returncode == 0, run.stdout
    assert 'end of source: frame 360/360' in run.stdout
    assert 'Traceback' not in run.stdout
    assert 'the source has ended' in run.stdout


def test_a_missing_params_file_is_refused(commands):
    """launch_ros would start the node with its defaults."""
    with pytest.raises(FileNotFoundError, match="params_file '/no/such.yaml': no such file"):
        commands('heatmap', params_file='/no/such.yaml')
