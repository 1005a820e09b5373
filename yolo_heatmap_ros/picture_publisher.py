"""Heatmap, composite and heat to their topics, in a thread beside the model's."""

import queue
import threading
from typing import Optional, Tuple

import numpy as np
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from yolo_heatmap_ros.images import Picture
from yolo_heatmap_ros.pipeline import HeatmapPipeline

PICTURES = {'heatmap': 'bgr8', 'composite': 'bgr8', 'heat': '32FC1'}
"""Encodings by the names of the topics."""

Job = Tuple[np.ndarray, Header, Tuple[str, ...]]


class PicturePublisher:
    """
    Draws and publishes what is watched of one frame, while the model works on the next.

    The heat must stay as it is while it is drawn: whoever changes it, or how it is drawn, calls
    `wait_until_drawn` first.  `heat_scale`, the size of the heat as a fraction of the frame's, may
    change then too.
    """

    def __init__(self, node: LifecycleNode, pipeline: HeatmapPipeline, depth: int):
        """Create the lifecycle publishers, keep-last `depth`, and start the thread."""
        self._node = node
        self._pipeline = pipeline
        self.heat_scale = 1.0
        self._publishers = {
            name: node.create_lifecycle_publisher(
                Image, f'~/{name}', QoSProfile(depth=depth),
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
            for name in PICTURES}
        self._pictures = {name: Picture(encoding) for name, encoding in PICTURES.items()}
        self._drawn = threading.Event()
        self._published = threading.Event()
        self._drawn.set()
        self._published.set()
        self._jobs: 'queue.SimpleQueue[Optional[Job]]' = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name='pictures', daemon=True)
        self._thread.start()

    @property
    def topics(self) -> Tuple[str, ...]:
        """Return the names of the topics after remapping."""
        return tuple(publisher.topic_name for publisher in self._publishers.values())

    def show(self, frame: np.ndarray, header: Header) -> None:
        """
        Hand over a frame, (H, W, 3) uint8 BGR, and the header of its message.

        Returns at once, unless the frame before is not yet published: nothing piles up here.
        """
        watched = tuple(name for name, publisher in self._publishers.items()
                        if publisher.get_subscription_count())
        if watched:
            self._published.wait()
            self._drawn.clear()
            self._published.clear()
            self._jobs.put((frame, header, watched))

    def wait_until_drawn(self) -> None:
        """Wait until the last frame is drawn, so that the heat may change."""
        self._drawn.wait()

    def wait_until_published(self) -> None:
        """Wait until the last frame has gone out."""
        self._published.wait()

    def close(self) -> None:
        """End the thread after the last frame, and destroy the publishers."""
        self._jobs.put(None)
        self._thread.join()
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                self._draw(*job)
                self._drawn.set()
                for name in job[2]:
                    self._publishers[name].publish(self._pictures[name].message)
            except RuntimeError as error:  # rclpy's, of a context that has shut down
                if self._node.context.ok():
                    self._node.get_logger().error(f'cannot publish: {error}')
            finally:
                self._drawn.set()
                self._published.set()

    def _draw(self, frame: np.ndarray, header: Header, watched: Tuple[str, ...]) -> None:
        height, width = frame.shape[:2]
        widths = {'heatmap': width, 'composite': 2 * width}
        self._pipeline.render(frame, **{name: self._pictures[name].pixels(height, widths[name])
                                        for name in watched if name in widths})
        if 'heat' in watched:
            heat = self._pipeline.heat(self.heat_scale)
            np.copyto(self._pictures['heat'].pixels(*heat.shape), heat)
        for name in watched:
            self._pictures[name].message.header = header
