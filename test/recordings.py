"""Recordings as rosbag2 writes them; needs rosbags."""

import cv2
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
