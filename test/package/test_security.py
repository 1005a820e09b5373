"""What a stranger's file, message or domain may do."""

import ast
from pathlib import Path
import xml.etree.ElementTree as ElementTree

import pytest
from rclpy.node import NodeNameNonExistentError
from ros_processes import NodeProcess, spin_until
from web_client import address_of, Client, wait_for

POLICY = Path(__file__).parents[2] / 'config' / 'sros2_policy.xml'
SOURCES = Path(__file__).parents[2] / 'yolo_heatmap_ros'


def allowed(node_name):
    """Return the full names of the policy by (kind, direction)."""
    names = {}
    profile = ElementTree.parse(POLICY).find(f".//profile[@node='{node_name}']")
    for group in profile:
        (direction, _), = group.attrib.items()
        names.setdefault(direction, set()).update(
            entry.text.replace('~', f'/{node_name}') if entry.text[0] in '~/'
            else f'/{entry.text}' for entry in group)
    return names


@pytest.mark.parametrize('module, name, parameters', [
    ('heatmap_node', 'yolo_heatmap', {
        'weights': 'street.pt', 'flow': True, 'nav.speed_high': 9.0, 'nav.keepout': 9.0,
        'ground.points_px': '[[0, 0], [9, 0], [9, 9], [0, 9]]',
        'ground.points_m': '[[0, 0], [1, 0], [1, 1], [0, 1]]', 'regions': '{a: [[0, 0], [1, 0], '
        '[1, 1]]}', 'use_sim_time': True}),
    ('floor_node', 'yolo_floor', {
        'heatmap_nodes': '[/yolo_heatmap]', 'ground.extent': '[0, 0, 9, 9]', 'flow': True,
        'regions': '{a: [[0, 0], [1, 0], [1, 1]]}', 'nav.speed_high': 9.0, 'nav.keepout': 9.0,
        'use_sim_time': True}),
    ('playback_node', 'playback', {'source': 'street.mp4', 'loop': True, 'use_sim_time': True,
                                   'clock': 10.0})])
def test_the_policy_names_all_that_a_node_has(node, street, module, name, parameters):
    parameters = {key: str(street / value) if key in ('weights', 'source') else value
                  for key, value in parameters.items()}
    with NodeProcess(module, parameters) as process:
        process.wait_for_output('playing' if module == 'playback_node' else 'listening to')
        topic = '/image_raw' if module == 'playback_node' else f'/{name}/heat'
        assert spin_until(node, lambda: node.count_publishers(topic))
        looks = {'publish': node.get_publisher_names_and_types_by_node,
                 'subscribe': node.get_subscriber_names_and_types_by_node,
                 'reply': node.get_service_names_and_types_by_node}

        def discovered():
            try:
                return all(look(name, '/') for look in looks.values())
            except NodeNameNonExistentError:  # its topics may be heard of before its name
                return False
        assert spin_until(node, discovered)
        before = None
        # What is discovered comes one by one, until there is no more.
        while before != (before := {what: look(name, '/') for what, look in looks.items()}):
            spin_until(node, lambda: False, 1.0)
        policy = allowed(name)
        for direction, look in looks.items():
            names = {entry for entry, _ in look(name, '/')}
            assert names and names <= policy[direction], names - policy[direction]
        assert process.stop() == 0


def test_the_policy_names_all_that_the_page_has(node, street, tmp_path):
    """Also what it has only while somebody looks, or sets the floor."""
    pytest.importorskip('aiohttp', reason='the page needs aiohttp')
    home = {'ROS_HOME': str(tmp_path)}
    with NodeProcess('heatmap_node', {'weights': str(street / 'street.pt')}, **home) as heatmap, \
            NodeProcess('web_viewer', {'port': 0, 'heatmap_node': '[yolo_heatmap, yolo_floor]'},
                        **home) as viewer:
        heatmap.wait_for_output('listening to')
        client = Client(address_of(viewer)).with_cookie()
        camera = '/api/cameras/yolo_heatmap'
        assert wait_for(lambda: client.state()['health']['level'] == 'ok')
        client.ask('PUT', f'{camera}/ground', {'points_px': [], 'points_m': []})
        policy = allowed('web_viewer')
        seen = {'subscribe': set(), 'request': set(), 'publish': set(), 'reply': set()}
        looks = {'publish': node.get_publisher_names_and_types_by_node,
                 'subscribe': node.get_subscriber_names_and_types_by_node,
                 'request': node.get_client_names_and_types_by_node,
                 'reply': node.get_service_names_and_types_by_node}
        wanted = {f'/yolo_heatmap/{name}' for name in (
            'composite/compressed', 'density', 'hotspots', 'regions', 'load', 'change_state')}

        def all_seen():
            client.get(f'{camera}/floor')
            client.get(f'{camera}/picture.jpg')
            for direction, look in looks.items():
                seen[direction].update(name for name, _ in look('web_viewer', '/'))
            return wanted <= seen['subscribe'] | seen['request']
        assert spin_until(node, all_seen), seen
        for direction, names in seen.items():
            assert names and names <= policy[direction], names - policy[direction]
        assert viewer.stop() == 0


def test_an_enclave_without_keys_is_one_line(street, tmp_path):
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4')},
                     arguments=['--ros-args', '--enclave', '/playback'], fresh=True,
                     ROS_SECURITY_ENABLE='true', ROS_SECURITY_STRATEGY='Enforce',
                     ROS_SECURITY_KEYSTORE=str(tmp_path)) as process:
        assert process.wait() == 1
        assert process.output().startswith('arguments: failed to initialize rcl: SECURITY ERROR')
        assert len(process.output().splitlines()) == 1


CALLS = {'os.system', 'os.popen', 'eval', 'exec', 'pickle.load', 'pickle.loads',
         'pickle.Unpickler', 'yaml.load', 'yaml.load_all', 'yaml.unsafe_load', 'yaml.full_load',
         'subprocess.getoutput', 'subprocess.getstatusoutput'}
"""What runs text, or what a file says."""
SAFE_LOADERS = {'yaml.SafeLoader', 'yaml.CSafeLoader'}
FLAGS = {'shell', 'allow_pickle'}
"""Arguments that let any function do so."""


def dangers(source):
    """Return the dangerous calls in Python source, as (line, what)."""
    tree = ast.parse(source)
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins.update({one.asname: one.name for one in node.names if one.asname})
        elif isinstance(node, ast.ImportFrom):
            origins.update({one.asname or one.name: f'{node.module}.{one.name}'
                            for one in node.names})

    def name_of(node):
        if isinstance(node, ast.Attribute):
            return f'{name_of(node.value)}.{node.attr}'
        return origins.get(node.id, node.id) if isinstance(node, ast.Name) else ''
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = name_of(node.func).removeprefix('builtins.')
            loaders = {name_of(one) for one in (*node.args[1:], *(
                keyword.value for keyword in node.keywords if keyword.arg == 'Loader'))}
            if name in CALLS and not (name.startswith('yaml.load') and loaders
                                      and loaders <= SAFE_LOADERS):
                found.append((node.lineno, name))
            # Whatever is not plainly false may be true.
            found.extend((node.lineno, keyword.arg) for keyword in node.keywords
                         if keyword.arg in FLAGS and getattr(keyword.value, 'value', True))
    return found


@pytest.mark.parametrize('line, what', [
    ("subprocess.run('ls', shell=True)", 'shell'), ("subprocess.run('ls', shell=1)", 'shell'),
    ("subprocess.Popen('ls', -1, shell=wanted)", 'shell'), ("os.system('ls')", 'os.system'),
    ("from os import system\nsystem('ls')", 'os.system'),
    ("from os import system as do\ndo('ls')", 'os.system'), ("os.popen('ls')", 'os.popen'),
    ("eval('1')", 'eval'), ("exec('a = 1')", 'exec'),
    ("import builtins\nbuiltins.eval('1')", 'eval'),
    ('pickle.load(file)', 'pickle.load'), ('pickle.loads(data)', 'pickle.loads'),
    ('import pickle as p\np.loads(data)', 'pickle.loads'), ('yaml.load(text)', 'yaml.load'),
    ('yaml.load(text, yaml.Loader)', 'yaml.load'),
    ('yaml.load(text, Loader=yaml.UnsafeLoader)', 'yaml.load'),
    ('yaml.unsafe_load(text)', 'yaml.unsafe_load'), ('yaml.full_load(text)', 'yaml.full_load'),
    ('np.load(file, allow_pickle=True)', 'allow_pickle'),
    ('def f():\n    return [eval(x) for x in y]', 'eval'),
    ("subprocess.run(['ls'], shell=False)", None),
    ('yaml.safe_load(text)', None), ('yaml.load(text, Loader=yaml.SafeLoader)', None),
    ('np.load(file, allow_pickle=False)', None), ('model.eval()', None),
    ("print('eval(1), os.system, shell=True')", None), ('# exec(1)', None)])
def test_dangerous_calls_are_found(line, what):
    assert [name for _, name in dangers(line)] == ([what] if what else [])


def test_neither_shell_nor_eval():
    """No call that runs text, unpickles, or lets YAML make objects."""
    places = list(SOURCES.rglob('*.py'))
    assert len(places) > 30
    assert {str(path): found for path in places if (found := dangers(path.read_text()))} == {}


@pytest.mark.parametrize('name', ['../../../tmp/evil', '/etc/heat', 'a/../../b'])
def test_names_cannot_lead_out_of_their_folder(name):
    """Neither ROS nor this package lets a node have such a name, of which folders are made."""
    with NodeProcess('heatmap_node', arguments=['-r', f'__node:={name}']) as process:
        assert process.wait() == 1
        assert 'Traceback' not in process.output()
