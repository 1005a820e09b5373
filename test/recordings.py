"""Recordings as rosbag2 writes them; needs rosbags."""

import cv2
import numpy as np
from rosbags import rosbag2, typesys

TIMES = [0.0, 0.1, 0.2, 0.9, 1.0, 1.1]
"""When the images were recorded, in s."""


def record(folder, frames, storage='sqlite3', kind='Image', topic='/camera/image_raw', broken=()):
    """Write a recording with other topics beside the images."""
    types = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    stamp_type, header_type, image_type, text_type = (types.types[name] for name in (
        'builtin_interfaces/msg/Time', 'std_msgs/msg/Header', f'sensor_msgs/msg/{kind}',
        'std_msgs/msg/String'))
    plugin = {'sqlite3': rosbag2.StoragePlugin.SQLITE3,
              'mcap': rosbag2.StoragePlugin.MCAP}[storage]
    with rosbag2.Writer(folder, version=9, storage_plugin=plugin) as writer:
        text = writer.add_connection('/chatter', 'std_msgs/msg/String', typestore=types)
        writer.write(text, 0, types.serialize_cdr(text_type('hello'), 'std_msgs/msg/String'))
        images = frames and writer.add_connection(topic, f'sensor_msgs/msg/{kind}',
                                                  typestore=types)
        for number, frame in enumerate(frames):
            header = header_type(stamp_type(500 + number, 7), 'lens')
            if kind == 'Image':
                message = image_type(header, *frame.shape[:2],
                                     'nonsense' if number in broken else 'bgr8', 0,
                                     3 * frame.shape[1], frame.ravel())
            else:
                data = cv2.imencode('.png', frame)[1].ravel()
                message = image_type(header, 'bgr8; png compressed bgr8',
                                     data[:100] if number in broken else data)
            writer.write(images, round(1e9 * (1000 + TIMES[number])),
                         types.serialize_cdr(message, f'sensor_msgs/msg/{kind}'))
    return folder


def record_topics(folder, topics, times=None, storage='sqlite3'):
    """
    Write a recording of several topics.

    `topics` has lists of messages by name: Image as (array, encoding), CompressedImage as (bytes,
    format).  They are recorded at `times`, in s, the first ones at 1000 s.
    """
    types = typesys.get_typestore(typesys.Stores.ROS2_JAZZY)
    stamp_type, header_type, raw_type, packed_type = (types.types[name] for name in (
        'builtin_interfaces/msg/Time', 'std_msgs/msg/Header', 'sensor_msgs/msg/Image',
        'sensor_msgs/msg/CompressedImage'))
    plugin = {'sqlite3': rosbag2.StoragePlugin.SQLITE3,
              'mcap': rosbag2.StoragePlugin.MCAP}[storage]
    with rosbag2.Writer(folder, version=9, storage_plugin=plugin) as writer:
        for topic, messages in topics.items():
            packed = 'ompressed' in topic
            name = f"sensor_msgs/msg/{'CompressedImage' if packed else 'Image'}"
            connection = writer.add_connection(topic, name, typestore=types)
            for number, (content, encoding) in enumerate(messages):
                header = header_type(stamp_type(500 + number, 0), 'lens')
                if packed:
                    message = packed_type(header, encoding, np.frombuffer(content, np.uint8))
                else:
                    message = raw_type(header, *content.shape[:2], encoding, 0, content.strides[0],
                                       content.view(np.uint8).ravel())
                seconds = 0.1 * number if times is None else times[number]
                writer.write(connection, round(1e9 * (1000 + seconds)),
                             types.serialize_cdr(message, name))
    return folder
