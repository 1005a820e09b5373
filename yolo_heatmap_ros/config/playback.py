"""The parameters of `playback_node`."""

from yolo_heatmap_ros.choices import StampSource
from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, ParameterSpec, Settable, switch)

PLAYBACK_PARAMETERS = (
    ParameterSpec(
        'source', '',
        'A video, an image, a folder or pattern of them, a camera index, a stream URL or a '
        'rosbag2 recording.', filled_text, Settable.AT_START),
    ParameterSpec(
        'topic', '', 'The image topic of a recording; empty: the first one in it.', as_text,
        Settable.AT_START),
    choice('stamps', StampSource,
           "Stamps of a recording's images: 'now': the time of playback; 'original': as recorded.",
           Settable.AT_START),
    number('rate', 0.0, "Frames per second; 0: the source's own, 10 Hz for images.", 0.0, 1000.0),
    switch('loop', False, 'Start over at the end of the source.'),
    ParameterSpec(
        'frame_id', 'camera', 'The frame_id of the published headers.', as_text),
    number('wait_for_subscribers', 0, 'Number of subscribers to wait for at the start.', 0, 100,
           Settable.AT_START),
)
