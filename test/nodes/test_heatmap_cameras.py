"""Lists of cameras, and several cameras in one process, over real DDS."""

import threading
import time

import numpy as np
import pytest
import rclpy
from ros_processes import (
    image_message, NodeProcess, Pictures, set_parameters, spin_until, state, wait_until_matched)
from sensor_msgs.msg import Image
import yaml
from yolo_heatmap_ros.config.cameras import read_cameras
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.renderer import HeatRenderer
from yolo_heatmap_ros.errors import CamerasError
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.messages.images import to_frame


def write(folder, cameras, **parameters):
    path = folder / 'cameras.yaml'
    path.write_text(yaml.safe_dump({'parameters': parameters, 'cameras': cameras}))
    return str(path)


def test_the_list_that_is_installed(street):
    refused = []
    cameras = read_cameras(str(street.parent / 'config' / 'cameras.yaml'), refused.append)
    assert not refused
    assert [camera.name for camera in cameras] == ['front', 'rear']
    assert cameras[1].image == '/rear/image_raw'
    assert cameras[1].parameters == {'weights': 'yolo12n.pt', 'colormap': 'HOT'}


def test_parameters_may_be_nested(tmp_path):
    path = write(tmp_path, [{'name': 'a', 'image': '/a', 'parameters': {'ground': {'rate': 2.0}}}])
    assert read_cameras(path, print)[0].parameters == {'ground.rate': 2.0}


def test_nested_parameters_of_all_cameras_stay(tmp_path):
    path = write(tmp_path, [{'name': 'a', 'image': '/a', 'parameters': {'ground': {'rate': 2.0}}}],
                 ground={'resolution': 0.5, 'rate': 1.0}, alpha=0.3)
    assert read_cameras(path, print)[0].parameters == {
        'ground.rate': 2.0, 'ground.resolution': 0.5, 'alpha': 0.3}


def test_cameras_that_cannot_be_used(tmp_path):
    refused = []
    path = write(tmp_path, [
        {'name': 'a', 'image': '/a'}, {'name': 'a', 'image': '/b'}, {'name': '1 x', 'image': '/c'},
        {'name': 'b'}, 'c', {'name': 'd', 'image': '/d', 'colormap': 'HOT'},
        {'name': 'e', 'image': '/e', 'parameters': [1]}, {'name': 'f/g', 'image': '/f'}])
    assert [camera.name for camera in read_cameras(path, refused.append)] == ['a', 'f/g']
    for number, reason in zip((2, 3, 4, 5, 6, 7), (
            "has the name 'a', which is already taken",
            "has the name '1 x': it must be a namespace",
            "('b') has no topic 'image'", 'is not of the form',
            "has the unknown key 'colormap': known are image, name, parameters",
            "('e') has parameters that are not of the form")):
        assert f'camera {number} {reason}' in refused[number - 2]


@pytest.mark.parametrize('text, reason', [
    ('cameras: []', 'no camera is left'), ('[]', "has no list 'cameras'"),
    ('cameras: {a: b}', "has no list 'cameras'"), ('cameras: [', 'cannot be read')])
def test_files_that_hold_no_cameras(tmp_path, text, reason):
    (tmp_path / 'bad.yaml').write_text(text)
    with pytest.raises(CamerasError, match=reason) as caught:
        read_cameras(str(tmp_path / 'bad.yaml'), print)
    assert '\n' not in str(caught.value)


def expected_heatmap(weights, frames, colormap):
    pipeline = HeatmapPipeline(YoloDetector(weights, imgsz=320), HeatRenderer(colormap))
    picture = np.empty_like(frames[0])
    for frame in frames:
        pipeline.update(frame)
    pipeline.render(frames[-1], heatmap=picture)
    return picture


def test_three_cameras_on_one_model(node, street, street_frames, tmp_path):
    """Each has its own picture, tracks and colours; one that cannot start does no harm."""
    weights = str(street / 'street.pt')
    names = ('left', 'right', 'top')
    path = write(tmp_path, [
        *({'name': name, 'image': f'/{name}/image_raw', 'parameters': {'colormap': colormap}}
          for name, colormap in zip(names, ('JET', 'HOT', 'BONE'))),
        {'name': 'left', 'image': '/other'},
        {'name': 'odd', 'image': '/odd', 'parameters': {'colormap': 'blue'}}],
        weights=weights, imgsz=320, frame_policy='all')
    clips = [street_frames[:8], [np.ascontiguousarray(frame[:, ::-1])
                                 for frame in street_frames[:8]], street_frames[40:48]]
    with NodeProcess('heatmap_cameras', {'cameras': path}, fresh=True) as process:
        for name in names:
            process.wait_for_output(f"listening to '/{name}/image_raw'")
        process.wait_for_output("camera 'odd' cannot be started")
        assert "camera 4 has the name 'left', which is already taken" in process.output()
        assert spin_until(node, lambda: {
            space for name, space in node.get_node_names_and_namespaces()
            if name == 'yolo_heatmap'} == {f'/{name}' for name in names})
        seen = [Pictures(node, f'/{name}/yolo_heatmap/heatmap') for name in names]
        cameras = [node.create_publisher(Image, f'/{name}/image_raw', 50) for name in names]
        for name, one, camera in zip(names, seen, cameras):
            wait_until_matched(node, f'/{name}/yolo_heatmap', one.subscription, camera)
        for number in range(8):
            for camera, clip in zip(cameras, clips):
                camera.publish(image_message(clip[number], number))
            assert spin_until(node, lambda: all(len(one) > number for one in seen))
        for one, clip, colormap in zip(seen, clips, ('JET', 'HOT', 'BONE')):
            picture = to_frame(one.messages[-1]).astype(int)
            difference = np.abs(picture - expected_heatmap(weights, clip, colormap)).max(axis=2)
            # Batches are computed in another order: a disc may be one pixel wider.
            assert np.count_nonzero(difference) < 0.01 * difference.size
        assert state(node, '/top/yolo_heatmap') == 'active'
        assert set_parameters(node, '/top/yolo_heatmap', conf=0.9).successful
        assert process.stop() == 0
        assert 'Traceback' not in process.output()


def test_the_namespace_of_a_robot(node, street, tmp_path):
    """It comes before those of the cameras, however the process and its nodes are renamed."""
    path = write(tmp_path, [{'name': 'left', 'image': 'image_raw'},
                            {'name': 'arm/right', 'image': '/shared/image_raw'}],
                 weights=str(street / 'street.pt'))
    with NodeProcess('heatmap_cameras', {'cameras': path},
                     {'__ns': '/robot1', '__node': 'cameras'}) as process:
        process.wait_for_output("listening to '/robot1/left/image_raw', publishing "
                                "'/robot1/left/yolo_heatmap/heatmap'")
        process.wait_for_output("listening to '/shared/image_raw', publishing "
                                "'/robot1/arm/right/yolo_heatmap/heatmap'")
        wanted = {('cameras', '/robot1'), ('yolo_heatmap', '/robot1/left'),
                  ('yolo_heatmap', '/robot1/arm/right')}
        assert spin_until(
            node, lambda: wanted <= set(node.get_node_names_and_namespaces()))
        assert process.stop() == 0


@pytest.mark.faults
def test_odd_cameras_do_no_harm(node, street, tmp_path):
    """Whatever rclpy, rcl and the node refuse: the others go on, and no half of a node stays."""
    odd = {'a': {'autostart': 3}, 'b': {'queue_depth': 10 ** 30}, 'c': {'use_sim_time': 3},
           'd': {'weights': [[1]]}, 'e': {'conf': 'much'}, 'f' * 5_000: {}}
    path = write(tmp_path, [
        *({'name': name, 'image': '/x', 'parameters': parameters}
          for name, parameters in odd.items()),
        {'name': 'g', 'image': 'not a topic'}, {'name': 'good', 'image': '/image'}],
        weights=str(street / 'street.pt'))
    with NodeProcess('heatmap_cameras', {'cameras': path}) as process:
        process.wait_for_output("listening to '/image'")
        for name in [*'abcdeg', 'f' * 40 + '…']:
            assert f"camera '{name}' cannot be started: " in process.output()
        assert spin_until(node, lambda: [
            space for name, space in node.get_node_names_and_namespaces()
            if name == 'yolo_heatmap'] == ['/good'])
        assert process.stop() == 0
        assert 'Traceback' not in process.output()
        assert max(map(len, process.output().splitlines())) < 600


@pytest.mark.alone
def test_a_fast_camera_does_not_starve_a_slow_one(node, street, street_frames, tmp_path):
    """At 60, 10 and 5 Hz: the slow ones lose next to nothing."""
    rates = {'fast': 60.0, 'middle': 10.0, 'slow': 5.0}
    path = write(tmp_path, [{'name': name, 'image': f'/{name}/image_raw'} for name in rates],
                 weights=str(street / 'street.pt'), imgsz=320, heat_scale=0.1)
    with NodeProcess('heatmap_cameras', {'cameras': path}) as process:
        for name in rates:
            process.wait_for_output(f"listening to '/{name}/image_raw'")
        heats = {name: Pictures(node, f'/{name}/yolo_heatmap/heat') for name in rates}
        cameras = {name: node.create_publisher(Image, f'/{name}/image_raw', 1) for name in rates}
        for name in rates:
            wait_until_matched(node, f'/{name}/yolo_heatmap', heats[name].subscription,
                               cameras[name])
        seconds = 6.0
        small = image_message(np.ascontiguousarray(street_frames[0][::2, ::2]))

        def show(name):
            for number in range(int(rates[name] * seconds)):
                cameras[name].publish(small)
                time.sleep(max(0.0, begin + (number + 1) / rates[name] - time.monotonic()))
        begin = time.monotonic()
        threads = [threading.Thread(target=show, args=(name,)) for name in rates]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            rclpy.spin_once(node, timeout_sec=0.05)
        spin_until(node, lambda: False, 1.0)
        got = {name: len(seen) / seconds for name, seen in heats.items()}
        print({name: round(rate, 1) for name, rate in got.items()})
        assert got['slow'] > 0.7 * 5.0
        assert got['middle'] > 0.6 * min(10.0, got['fast'])
        assert process.stop() == 0


@pytest.mark.parametrize('parameters, reason', [
    ({}, "parameter 'cameras': must not be empty"),
    ({'cameras': '/no/such.yaml'}, "parameter 'cameras': cameras '/no/such.yaml': cannot be read"),
])
def test_no_list(parameters, reason):
    with NodeProcess('heatmap_cameras', parameters) as process:
        assert process.wait() == 1
        assert reason in process.output()
        assert 'Traceback' not in process.output()
