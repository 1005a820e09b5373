"""Compressed images in and out, decoded by another library than the package's."""

from io import BytesIO

import cv2
import numpy as np
from PIL import Image as Reader
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import (
    change_state, image_message, NodeProcess, Pictures, set_parameters, spin_until,
    wait_until_matched)
from sensor_msgs.msg import CompressedImage, Image
from yolo_heatmap_ros.errors import ImageError
from yolo_heatmap_ros.ros.messages.compressed import fill_compressed, from_compressed
from yolo_heatmap_ros.ros.messages.images import to_frame

NAME = '/yolo_heatmap'
EMPTY = np.stack([np.tile(np.linspace(0, 255, 640).astype(np.uint8), (480, 1))] * 3, axis=2)
"""A frame without objects."""


def packed(frame, kind='png', said=None):
    message = CompressedImage()
    fill_compressed(message, frame, kind, 95, 3)
    message.format = said or message.format
    return message


def decoded(message):
    """Return the picture as (H, W, 3) BGR, by PIL."""
    return np.asarray(Reader.open(BytesIO(bytes(message.data))).convert('RGB'))[:, :, ::-1]


def test_there_and_back(street_frames):
    frame = street_frames[0]
    assert np.array_equal(from_compressed(packed(frame)), frame)
    jpeg = packed(frame, 'jpeg')
    assert jpeg.format == 'bgr8; jpeg compressed bgr8'
    assert np.abs(from_compressed(jpeg).astype(int) - decoded(jpeg)).max() <= 2
    assert np.abs(from_compressed(jpeg).astype(int) - frame).mean() < 3


def test_the_format_of_a_message_counts(street_frames):
    frame = street_frames[0]
    turned = from_compressed(packed(frame, said='rgb8; png compressed rgb8'))
    assert np.array_equal(turned, frame[:, :, ::-1])
    with pytest.raises(ImageError, match='0 bytes .* are no JPEG, PNG or TIFF'):
        from_compressed(CompressedImage(format='jpeg'))


def start(street, **parameters):
    process = NodeProcess('heatmap_node', {
        'weights': str(street / 'street.pt'), 'imgsz': 320, 'frame_policy': 'all', **parameters})
    process.wait_for_output('listening to')
    return process


def watch(node, topic, message_type):
    seen = []
    subscription = node.create_subscription(
        message_type, topic, seen.append,
        QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE))
    wait_until_matched(node, NAME, subscription)
    return seen


def connect(node, topic, message_type, *pictures):
    camera = node.create_publisher(
        message_type, topic, QoSProfile(depth=50, reliability=ReliabilityPolicy.RELIABLE))
    wait_until_matched(node, NAME, camera, *(one.subscription for one in pictures))
    return camera


def test_compressed_outputs(node, street, street_frames):
    """PNG is the raw picture; JPEG is near it, and a fraction of its bytes."""
    with start(street, **{'composite.compressed.format': 'png'}) as process:
        raw = {name: Pictures(node, f'{NAME}/{name}') for name in ('heatmap', 'composite')}
        packed_ones = {name: watch(node, f'{NAME}/{name}/compressed', CompressedImage)
                       for name in ('heatmap', 'composite')}
        camera = connect(node, 'image', Image, *raw.values())
        for number, frame in enumerate(street_frames[:10]):
            camera.publish(image_message(frame, number))
            assert spin_until(node, lambda: all(
                len(seen) > number for seen in (*raw.values(), *packed_ones.values())))
        for name, kind in (('heatmap', 'jpeg'), ('composite', 'png')):
            message, picture = packed_ones[name][-1], to_frame(raw[name].messages[-1])
            assert message.header == raw[name].messages[-1].header
            assert message.format == f'bgr8; {kind} compressed bgr8'
            difference = np.abs(decoded(message).astype(int) - picture)
            assert difference.max() == 0 if kind == 'png' else difference.mean() < 4
        size = len(packed_ones['heatmap'][-1].data)
        print(f'JPEG takes {size / picture[:, :640].nbytes:.1%} of the bytes of raw')
        assert size < 0.2 * picture[:, :640].nbytes
        assert set_parameters(node, NAME, **{'heatmap.compressed.jpeg_quality': 20}).successful
        camera.publish(image_message(street_frames[9], 99))
        assert spin_until(node, lambda: len(packed_ones['heatmap']) == 11)
        assert len(packed_ones['heatmap'][-1].data) < 0.6 * size
        assert process.stop() == 0


def test_smaller_pictures(node, street):
    with start(street, output_width=160) as process:
        heatmaps, composites = (Pictures(node, f'{NAME}/{name}')
                                for name in ('heatmap', 'composite'))
        camera = connect(node, 'image', Image, heatmaps, composites)
        camera.publish(image_message(EMPTY))
        assert spin_until(node, lambda: len(heatmaps) and len(composites))
        small = cv2.resize(EMPTY, (160, 120), interpolation=cv2.INTER_AREA)
        assert np.array_equal(to_frame(heatmaps.messages[0]), small)
        assert np.array_equal(to_frame(composites.messages[0]), np.hstack((small, small)))
        assert set_parameters(node, NAME, output_width=5000).successful  # never larger
        camera.publish(image_message(EMPTY))
        assert spin_until(node, lambda: len(heatmaps) == 2)
        assert heatmaps.messages[1].width == 640
        assert process.stop() == 0


def test_compressed_input(node, street):
    """Listens to image/compressed; a broken JPEG is skipped and the next one used."""
    with start(street, input_transport='compressed') as process:
        assert "listening to '/image/compressed'" in process.output()
        heatmaps = Pictures(node, f'{NAME}/heatmap')
        camera = connect(node, 'image/compressed', CompressedImage, heatmaps)
        message = packed(EMPTY, 'jpeg')
        message.header.frame_id = 'camera'
        camera.publish(CompressedImage(format='jpeg', data=message.data[:3000]))
        camera.publish(CompressedImage(format='16UC1; compressedDepth png', data=message.data))
        camera.publish(message)
        assert spin_until(node, lambda: len(heatmaps) == 1)
        assert heatmaps.messages[0].header.frame_id == 'camera'
        assert np.array_equal(to_frame(heatmaps.messages[0]), from_compressed(message))
        process.wait_for_output('frame skipped, 1 so far')
        assert change_state(node, NAME, 'deactivate')
        assert '1 frames processed, 0 skipped, 2 unusable' in process.output()


def test_depth_images(node, street):
    """Thermal and depth cameras: the grey picture of the stated range."""
    with start(street, value_range='[1.0, 3.0]') as process:
        heatmaps = Pictures(node, f'{NAME}/heatmap')
        camera = connect(node, 'image', Image, heatmaps)
        depth = np.full((120, 160), 2.0, np.float32)
        depth[:, 80:] = np.nan
        camera.publish(Image(height=120, width=160, step=640, encoding='32FC1',
                             data=depth.tobytes()))
        assert spin_until(node, lambda: len(heatmaps) == 1)
        picture = to_frame(heatmaps.messages[0])
        assert (picture[:, :80] == 128).all() and not picture[:, 80:].any()
        assert process.stop() == 0
