"""The processes of the benchmark's traffic: a camera, a viewer, and what ours is compared with."""

import array
import json
import sys
import time

import cv2
from cv_bridge import CvBridge
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.ros.transport import use_image_profile

OUTPUTS = ('yolo_heatmap/heatmap', 'yolo_heatmap/composite')
RATE = 30.0


def frames_of(video, width, height, count=60):
    """Return `count` frames of a video, resized to (height, width, 3) uint8 BGR."""
    capture = cv2.VideoCapture(video)
    return [cv2.resize(capture.read()[1], (width, height)) for _ in range(count)]


class Camera(Node):
    """Publishes on a topic at a rate in Hz, with the time of publishing as stamp."""

    def __init__(self, video, width, height, topic='image', rate=RATE):
        """Hold one message per frame, ready to go."""
        super().__init__('camera')
        self._messages = []
        for frame in frames_of(video, width, height, 30):
            message = Image(height=height, width=width, step=width * 3, encoding='bgr8')
            message.data = array.array('B', frame.tobytes())
            self._messages.append(message)
        self._publisher = self.create_publisher(Image, topic, QoSProfile(depth=1))
        self._count = 0
        self.create_timer(1.0 / rate, self._publish)

    def _publish(self):
        # There and back again, so that tracks do not break at the end.
        period = 2 * len(self._messages) - 2
        index = self._count % period
        message = self._messages[min(index, period - index)]
        message.header.stamp = self.get_clock().now().to_msg()
        self._publisher.publish(message)
        self._count += 1


class Viewer(Node):
    """Subscribes to both outputs, and prints one JSON line on those that came after `warm_up`."""

    def __init__(self, warm_up, seconds):
        """Begin to count `warm_up` seconds after the first picture, for `seconds`."""
        super().__init__('viewer')
        self._warm_up, self._seconds = warm_up, seconds
        self._first = None
        self._ages = {topic: [] for topic in OUTPUTS}
        for topic in OUTPUTS:
            self.create_subscription(
                Image, topic, lambda message, topic=topic: self._receive(topic, message),
                QoSProfile(depth=1))

    def _receive(self, topic, message):
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elapsed = now - self._first - self._warm_up
        if 0.0 <= elapsed < self._seconds:
            stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
            self._ages[topic].append(self.get_clock().now().nanoseconds * 1e-9 - stamp)
        elif elapsed >= self._seconds:
            print(json.dumps({
                'ages': self._ages[OUTPUTS[1]],
                'fps': len(self._ages[OUTPUTS[1]]) / self._seconds,
                'heatmap_fps': len(self._ages[OUTPUTS[0]]) / self._seconds}), flush=True)
            raise SystemExit(0)


class Counter(Node):
    """Prints the frames per second that heatmap nodes say on `/diagnostics` to have processed."""

    def __init__(self, names, warm_up, seconds):
        """Begin to count `warm_up` seconds from now, for `seconds`."""
        super().__init__('counter')
        self._names = {f'{name}/yolo_heatmap: frames'.strip('/'): name for name in names}
        self._counts = {name: [] for name in names}
        self._begin = time.monotonic() + warm_up
        self._end = self._begin + seconds
        self.create_subscription(DiagnosticArray, '/diagnostics', self._receive, 50)

    def _receive(self, array):
        now = time.monotonic()
        for status in array.status:
            if status.name in self._names and now >= self._begin:
                processed = next(pair.value for pair in status.values
                                 if pair.key == 'frames processed')
                self._counts[self._names[status.name]].append((now, int(processed)))
        if now >= self._end and all(len(seen) > 1 for seen in self._counts.values()):
            print(json.dumps({name: (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
                              for name, seen in self._counts.items()}), flush=True)
            raise SystemExit(0)


class Naive(Node):
    """One callback, queues of ten, cv_bridge on both sides, as tutorials do it."""

    def __init__(self, weights):
        """Load Ultralytics' heatmap."""
        from ultralytics.solutions import Heatmap
        super().__init__('naive')
        self._bridge = CvBridge()
        self._heatmap = Heatmap(model=weights, colormap=cv2.COLORMAP_JET, verbose=False)
        self._outputs = [self.create_publisher(Image, topic, 10) for topic in OUTPUTS]
        self.create_subscription(Image, 'image', self._receive, 10)

    def _receive(self, message):
        frame = self._bridge.imgmsg_to_cv2(message, 'bgr8')
        heatmap = self._heatmap.process(frame.copy()).plot_im
        for publisher, picture in zip(self._outputs, (heatmap, np.hstack((frame, heatmap)))):
            output = self._bridge.cv2_to_imgmsg(picture, 'bgr8')
            output.header = message.header
            publisher.publish(output)


class Ceiling(Node):
    """The model on the newest frame and nothing else: one pixel goes out."""

    def __init__(self, weights):
        """Load the model as our node does."""
        super().__init__('ceiling')
        self._detector = YoloDetector(weights)
        self._tracker = self._detector.make_tracker()
        self._outputs = [self.create_publisher(Image, topic, 1) for topic in OUTPUTS]
        self.create_subscription(Image, 'image', self._receive, QoSProfile(depth=1))

    def _receive(self, message):
        frame = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        self._tracker.track(self._detector.detect(frame), frame)
        pixel = Image(height=1, width=1, step=3, encoding='bgr8', data=bytes(3))
        pixel.header = message.header
        for publisher in self._outputs:
            publisher.publish(pixel)


def main():
    """Run the node of the first argument with the others, given as JSON."""
    kinds = {'camera': Camera, 'viewer': Viewer, 'counter': Counter, 'naive': Naive,
             'ceiling': Ceiling}
    use_image_profile()  # unless the benchmark has chosen the default transport
    rclpy.init()
    node = kinds[sys.argv[1]](*json.loads(sys.argv[2]))
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == '__main__':
    main()
