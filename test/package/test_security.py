"""What a stranger's file, message or domain may do."""

from pathlib import Path
import xml.etree.ElementTree as ElementTree

import pytest
from rclpy.node import NodeNameNonExistentError
from ros_processes import NodeProcess, spin_until

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
        'weights': 'street.pt', 'ground.points_px': '[[0, 0], [9, 0], [9, 9], [0, 9]]',
        'ground.points_m': '[[0, 0], [1, 0], [1, 1], [0, 1]]', 'regions': '{a: [[0, 0], [1, 0], '
        '[1, 1]]}', 'use_sim_time': True}),
    ('playback_node', 'playback', {'source': 'street.mp4', 'loop': True, 'use_sim_time': True})])
def test_the_policy_names_all_that_a_node_has(node, street, module, name, parameters):
    parameters = {key: str(street / value) if key in ('weights', 'source') else value
                  for key, value in parameters.items()}
    with NodeProcess(module, parameters) as process:
        process.wait_for_output('listening to' if module == 'heatmap_node' else 'playing')
        topic = f'/{name}/heat' if module == 'heatmap_node' else '/image_raw'
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


def test_an_enclave_without_keys_is_one_line(street, tmp_path):
    with NodeProcess('playback_node', {'source': str(street / 'street.mp4')},
                     arguments=['--ros-args', '--enclave', '/playback'], fresh=True,
                     ROS_SECURITY_ENABLE='true', ROS_SECURITY_STRATEGY='Enforce',
                     ROS_SECURITY_KEYSTORE=str(tmp_path)) as process:
        assert process.wait() == 1
        assert process.output().startswith('arguments: failed to initialize rcl: SECURITY ERROR')
        assert len(process.output().splitlines()) == 1


def test_neither_shell_nor_eval():
    for path in SOURCES.rglob('*.py'):
        text = path.read_text()
        for forbidden in ('shell=True', 'os.system', 'eval(', 'exec(', 'pickle.load',
                          'yaml.load(', 'allow_pickle=True'):
            assert forbidden not in text, (path, forbidden)


@pytest.mark.parametrize('name', ['../../../tmp/evil', '/etc/heat', 'a/../../b'])
def test_names_cannot_lead_out_of_their_folder(name):
    """Neither ROS nor this package lets a node have such a name, of which folders are made."""
    with NodeProcess('heatmap_node', arguments=['-r', f'__node:={name}']) as process:
        assert process.wait() == 1
        assert 'Traceback' not in process.output()
