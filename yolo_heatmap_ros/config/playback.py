"""The parameters of `playback_node`."""

from yolo_heatmap_ros.choices import StampSource
from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, ParameterSpec, Settable, switch)

PLAYBACK_PARAMETERS = (
    ParameterSpec(
        'source', '',
        'A video, an image, a folder of images, a camera index, a stream URL or a rosbag2 '
        'recording.', filled_text, Settable.AT_START),
    ParameterSpec(
        'topic', '', 'The image topic of a recording; empty: its first one.', as_text,
        Settable.AT_START),
    choice('stamps', StampSource,
           "Headers of a recording's images: the time at which they are played, or 'original'.",
           Settable.AT_START),
    number('rate', 0.0, "Frames per second; 0: the file's own, 10 Hz for images.", 0.0, 1000.0),
    switch('loop', False, 'Begin again at the end.'),
    ParameterSpec(
        'frame_id', 'camera', 'The frame_id of the headers.', as_text),
    number('wait_for_subscribers', 0, 'Begin when so many subscribers are there.', 0, 100,
           Settable.AT_START),
)
