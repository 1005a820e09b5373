"""Pairs images and detections with the same stamp, whichever arrives first."""

from collections import OrderedDict
from typing import Any, Callable, Dict, Tuple

from std_msgs.msg import Header

MAX_WAITING = 1000
"""Maximum number of images, or of detections, that wait for their counterpart."""
MAX_BYTES = 1 << 29
"""Maximum memory of the images that wait; 20 of them may always do so."""
MIN_WAITING = 20

StampKey = Tuple[int, int]


class StampMatcher:
    """Pairs the messages of two topics; their stamps must be equal."""

    def __init__(self, matched: Callable[[Header, Any, Any], None],
                 lost: Callable[[int], None]):
        """
        Start with nothing waiting.

        `matched` is called with the header of an image, the image and its detections; `lost` with
        the number of images dropped because their detections did not arrive.
        """
        self._matched = matched
        self._lost = lost
        self._images: 'OrderedDict[StampKey, Tuple[Header, Any]]' = OrderedDict()
        self._detections: 'OrderedDict[StampKey, Any]' = OrderedDict()

    def put_image(self, header: Header, image: Any) -> None:
        """Add an image."""
        stamp = (header.stamp.sec, header.stamp.nanosec)
        if stamp in self._detections:
            self._matched(header, image, self._detections.pop(stamp))
        else:
            self._images[stamp] = header, image
            lost = _limit(self._images, max(MIN_WAITING, MAX_BYTES // max(image.nbytes, 1)))
            if lost:
                self._lost(lost)

    def put_detections(self, header: Header, detections: Any) -> None:
        """Add detections."""
        stamp = (header.stamp.sec, header.stamp.nanosec)
        if stamp in self._images:
            self._matched(*self._images.pop(stamp), detections)
        else:
            self._detections[stamp] = detections
            _limit(self._detections, MAX_WAITING)


def _limit(waiting: Dict, limit: int) -> int:
    """Drop the oldest entries beyond the limit; return how many were dropped."""
    gone = 0
    while len(waiting) > min(limit, MAX_WAITING):
        waiting.popitem(last=False)
        gone += 1
    return gone
