"""Draws and publishes heatmap, composite and heat, in a thread beside the model's."""

import queue
import threading
from typing import Dict, Optional, Tuple

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.pipeline import HeatmapPipeline
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.compressed import fill_compressed, SUFFIX
from yolo_heatmap_ros.ros.messages.images import Picture
from yolo_heatmap_ros.ros.publishers import publisher_of
from yolo_heatmap_ros.text import StrEnum


class Output(StrEnum):
    """What is drawn for a frame, named as the last part of its topic."""

    HEATMAP = 'heatmap'
    COMPOSITE = 'composite'
    HEAT = 'heat'


PICTURES = (Output.HEATMAP, Output.COMPOSITE)

Job = Tuple[np.ndarray, Header, Tuple[str, ...]]


class PicturePublisher:
    """
    Draws and publishes the pictures that have subscribers, while the model runs.

    The heat must not change while it is drawn: before changing it, or how it is drawn or
    published, call `wait_until_drawn`.
    """

    def __init__(self, node: ManagedNode, pipeline: HeatmapPipeline, depth: int,
                 configuration: Configuration):
        """
        Create the lifecycle publishers, keep-last `depth`, and start the thread.

        `configuration` may be replaced between frames.
        """
        self._node = node
        self._pipeline = pipeline
        self.configuration = configuration
        self._publishers = {}
        for name in (*PICTURES, Output.HEAT):
            self._publishers[name] = publisher_of(node, Image, f'~/{name}', depth)
            if name != Output.HEAT:
                # As image_transport does: where the raw topic is remapped to, it follows.
                self._publishers[name + SUFFIX] = publisher_of(
                    node, CompressedImage, self._publishers[name].topic_name + SUFFIX, depth)
        self._messages = {Output.HEAT: Picture('32FC1'), **{name: Picture() for name in PICTURES}}
        self._compressed = {name: CompressedImage() for name in PICTURES}
        self._full_size: Dict[str, np.ndarray] = {}
        self._drawn = threading.Event()
        self._published = threading.Event()
        self._drawn.set()
        self._published.set()
        self._jobs: 'queue.SimpleQueue[Optional[Job]]' = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name='pictures', daemon=True)
        self._thread.start()

    @property
    def topics(self) -> Tuple[str, ...]:
        """Return the names of the pictures' topics after remapping."""
        return tuple(self._publishers[name].topic_name for name in PICTURES)

    @property
    def active(self) -> bool:
        """Return whether the lifecycle publishers are active."""
        return self._publishers[Output.HEATMAP].is_activated

    def show(self, frame: np.ndarray, header: Header) -> None:
        """
        Hand over a frame, (H, W, 3) uint8 BGR, and the header of its message.

        Returns at once, unless the previous frame is still being published: there is no queue.
        """
        subscribed = tuple(name for name, publisher in self._publishers.items()
                           if publisher.get_subscription_count())
        if subscribed:
            self._published.wait()
            self._drawn.clear()
            self._published.clear()
            self._jobs.put((frame, header, subscribed))

    def wait_until_drawn(self) -> None:
        """Wait until the last frame is drawn, so that the heat may change."""
        self._drawn.wait()

    def wait_until_published(self) -> None:
        """Wait until the last frame is published."""
        self._published.wait()

    def close(self) -> None:
        """Stop the thread after the last frame, and destroy the publishers."""
        self._jobs.put(None)
        self._thread.join()
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)

    def _work(self) -> None:
        do = self._node.barrier.guard(self._do)
        while (job := self._jobs.get()) is not None:
            do(*job)

    def _do(self, frame: np.ndarray, header: Header, subscribed: Tuple[str, ...]) -> None:
        try:
            self._draw(frame, subscribed)
            self._drawn.set()
            for name in subscribed:
                message = self._message(name)
                message.header = header
                self._publishers[name].publish(message)
        finally:
            self._drawn.set()
            self._published.set()

    def _draw(self, frame: np.ndarray, subscribed: Tuple[str, ...]) -> None:
        """Draw the pictures at full size, then scale them down to `output_width`."""
        height, width = frame.shape[:2]
        wanted = [name for name in PICTURES if name in subscribed or name + SUFFIX in subscribed]
        smaller = 0 < self.configuration['output_width'] < width
        pixels = {}
        for name in wanted:
            shape = (height, 2 * width if name == Output.COMPOSITE else width)
            pixels[name] = (self._scratch(name, shape) if smaller
                            else self._messages[name].pixels(*shape))
        self._pipeline.render(frame, **pixels)
        if smaller:
            narrow = self.configuration['output_width']
            low = max(1, round(height * narrow / width))
            for name in wanted:
                target = self._messages[name].pixels(
                    low, 2 * narrow if name == Output.COMPOSITE else narrow)
                cv2.resize(pixels[name], target.shape[1::-1], dst=target,
                           interpolation=cv2.INTER_AREA)
        if Output.HEAT in subscribed:
            heat = self._pipeline.heat(self.configuration['heat_scale'])
            np.copyto(self._messages[Output.HEAT].pixels(*heat.shape), heat)

    def _scratch(self, name: str, shape: Tuple[int, int]) -> np.ndarray:
        if name not in self._full_size or self._full_size[name].shape[:2] != shape:
            self._full_size[name] = np.empty((*shape, 3), np.uint8)
        return self._full_size[name]

    def _message(self, topic: str):
        """Return the message for a topic, filled with the last picture."""
        name = topic.removesuffix(SUFFIX)
        picture = self._messages[name]
        if name == topic:
            return picture.message
        message = self._compressed[name]
        fill_compressed(
            message, picture.pixels(picture.message.height, picture.message.width),
            *(self.configuration[f'{name}.compressed.{option}']
              for option in ('format', 'jpeg_quality', 'png_level')))
        return message
