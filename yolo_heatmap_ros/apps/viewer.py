"""A window that shows the composite, with keys to save, reset, recolour and pause."""

import sys
import time
from typing import Callable, Dict, List, Optional

import cv2
import numpy as np
import rclpy
from sensor_msgs.msg import Image

from yolo_heatmap_ros.config.specs import filled_text, ParameterSpec, Settable
from yolo_heatmap_ros.drawing.colormaps import COLORMAPS
from yolo_heatmap_ros.drawing.labels import draw_label, font_scale_for
from yolo_heatmap_ros.errors import ImageError, ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.executable import run_node
from yolo_heatmap_ros.ros.heatmap_client import HeatmapClient
from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
from yolo_heatmap_ros.ros.messages.images import to_frame
from yolo_heatmap_ros.ros.parameters import NodeParameters

WINDOW_TITLE = 'yolo_heatmap'
HELP = 'q quit   s save   r reset   c colormap   p pause'
EMPTY_SIZE = (640, 360)
"""Width and height in px of the window before the first picture."""
MAX_WIDTH = 1600
"""Maximum initial width of the window in px; users can enlarge it."""
MESSAGE_SECONDS = 3.0
STALE_AFTER = 3.0
"""Seconds without a picture after which the window shows a warning."""

LOG_PERIOD = 5.0
"""Seconds between log lines about pictures that cannot be shown."""

PARAMETERS = (
    ParameterSpec('heatmap_node', 'yolo_heatmap', 'The name of the heatmap node to control.',
                  filled_text, Settable.AT_START),
)


class Viewer(GuardedNode):
    """Shows the pictures of `image`; create it in the thread that calls `look`."""

    def __init__(self):
        """Open the window; raises ParameterError if there is no display."""
        super().__init__('viewer')
        name = NodeParameters(self, PARAMETERS, lambda changes: None).value('heatmap_node')
        self._client = HeatmapClient(self, name)
        self._picture: Optional[np.ndarray] = None
        self._shown = self._paused = False
        self._last_at = self._message_at = float('-inf')
        self._message = ''
        self._keys: Dict[int, Callable[[], None]] = {
            ord('s'): self._save, ord('r'): self._reset, ord('c'): self._next_colormap,
            ord('p'): self._pause}
        try:
            cv2.namedWindow(WINDOW_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO
                            | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(WINDOW_TITLE, *EMPTY_SIZE)
        except cv2.error as error:
            raise ParameterError('this OpenCV cannot open a window: use rqt_image_view, or a '
                                 'non-headless OpenCV on a desktop') from error
        self._subscription = ImageSubscription(self, Image, 'image', self._take, lambda n: None)

    def _take(self, message: Image) -> None:
        try:
            picture = to_frame(message)
        except ImageError as error:
            self._show_line(str(error))
            self.get_logger().warning(f'picture skipped: {error}',
                                      throttle_duration_sec=LOG_PERIOD)
            return
        if self._picture is None or self._picture.shape != picture.shape:
            height, width = picture.shape[:2]
            shrink = min(1.0, MAX_WIDTH / width)
            cv2.resizeWindow(WINDOW_TITLE, round(width * shrink), round(height * shrink))
        self._picture = picture
        self._shown, self._last_at = False, time.monotonic()

    def look(self) -> bool:
        """Update the window and handle keys; return False if it was closed."""
        now = time.monotonic()
        waiting = now - self._last_at > STALE_AFTER
        speaking = now - self._message_at < MESSAGE_SECONDS
        if not self._shown or waiting or speaking:
            cv2.imshow(WINDOW_TITLE, self._annotated(waiting, speaking))
            self._shown = True
        key = cv2.waitKey(10) & 0xFF
        if key in (ord('q'), 27) or cv2.getWindowProperty(WINDOW_TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return False
        if key in self._keys:
            self._keys[key]()
        return True

    def _annotated(self, waiting: bool, speaking: bool) -> np.ndarray:
        picture = (np.full((*EMPTY_SIZE[::-1], 3), 32, np.uint8) if self._picture is None
                   else self._picture.copy())
        lines = [HELP] if self._picture is None else []
        if waiting:
            lines.append('paused' if self._paused else
                         f"no picture on '{self._subscription.topic}'")
        if speaking:
            lines.append(self._message)
        font_scale = font_scale_for(picture.shape[0], smallest=0.5, height_of_one=1000)
        for number, line in enumerate(reversed(lines)):
            base = picture.shape[0] - 10 - number * round(32 * font_scale)
            draw_label(picture, line, (8, base), font_scale)
        return picture

    def _show_line(self, message: str) -> None:
        self._message, self._message_at = message, time.monotonic()

    def _say(self, message: str) -> None:
        self._show_line(message)
        self.get_logger().info(message)

    def _answered(self, success: bool, message: str) -> None:
        self._say(message)

    def _save(self) -> None:
        self._client.save(self._answered)

    def _reset(self) -> None:
        self._client.reset(self._answered)

    def _pause(self) -> None:
        def answered(success: bool, message: str) -> None:
            self._paused ^= success
            self._say(message)
        self._client.enable(self._paused, answered)

    def _next_colormap(self) -> None:
        def answered(success: bool, now: str) -> None:
            if not success:
                self._say(now)
                return
            names = list(COLORMAPS)
            after = names[(names.index(now) + 1) % len(names)] if now in names else names[0]
            self._client.set_colormap(after, self._answered)
        self._client.get_colormap(answered)

    def destroy_node(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
        super().destroy_node()


def _work(viewer: Viewer) -> int:
    # An unexpected error must not close the window.
    look = viewer.barrier.guard(viewer.look, otherwise=lambda: True)
    while look():
        rclpy.spin_once(viewer, timeout_sec=0.02)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Show the window until it is closed; return the exit code."""
    return run_node(Viewer, _work, args, __doc__, PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
