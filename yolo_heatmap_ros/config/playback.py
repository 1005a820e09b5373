"""The parameters of `playback_node`."""

from yolo_heatmap_ros.choices import StampSource
from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, ParameterSpec, Settable, switch, value_range)

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
    number('speed', 1.0, "How many times as fast as recorded to play, as --rate of 'ros2 bag "
           "play'; for rate 0.", 0.001, 1000.0),
    number('start_offset', 0.0, 'Seconds of the source to leave out at its beginning.', 0.0, 1e9,
           Settable.AT_START),
    number('clock', 0.0, "Rate in Hz at which the source's time is published on /clock, for nodes "
           "with use_sim_time; 0: not at all. With it, stamps 'now' are that time.", 0.0, 1000.0,
           Settable.AT_START),
    ParameterSpec(
        'value_range', '',
        'The values of images with 16 bits that become black and white, as '
        "'[0, 4095]'; empty: all that 16 bits can hold. Depth images of a recording are published "
        'as recorded.', value_range, Settable.AT_START),
    switch('loop', False, 'Start over at the end of the source.'),
    ParameterSpec(
        'frame_id', 'camera', 'The frame_id of the published headers.', as_text),
    number('wait_for_subscribers', 0, 'Number of subscribers to wait for at the start.', 0, 100,
           Settable.AT_START),
)
