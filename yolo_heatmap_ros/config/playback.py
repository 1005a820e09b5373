"""The parameters of `playback_node`."""

from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, Setting, START, switch)

NOW, ORIGINAL = 'now', 'original'

PLAYBACK_SETTINGS = (
    Setting('source', '',
            'A video, an image, a folder of images, a camera index, a stream URL or a rosbag2 '
            'recording.', filled_text, START),
    Setting('topic', '', 'The image topic of a recording; empty: its first one.', as_text, START),
    choice('stamps', (NOW, ORIGINAL),
           "Headers of a recording's images: the time at which they are played, or 'original'.",
           START),
    number('rate', 0.0, "Frames per second; 0: the file's own, 10 Hz for images.", 0.0, 1000.0),
    switch('loop', False, 'Begin again at the end.'),
    Setting('frame_id', 'camera', 'The frame_id of the headers.', as_text),
    number('wait_for_subscribers', 0, 'Begin when so many subscribers are there.', 0, 100,
           START),
)
