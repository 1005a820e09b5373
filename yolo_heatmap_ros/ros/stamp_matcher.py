"""Images and detections of the same stamp, whichever comes first."""

from collections import OrderedDict
from typing import Any, Callable, Dict, Tuple

from std_msgs.msg import Header

MAX_WAITING = 20
"""Images, or detections, that wait for their other half at most."""

Stamp = Tuple[int, int]


class StampMatcher:
    """Brings together what two topics say of one moment; the stamps must be equal."""

    def __init__(self, matched: Callable[[Header, Any, Any], None],
                 lost: Callable[[int], None]):
        """
        Begin with nothing waiting.

        `matched` gets the header of an image, the image, and its detections; `lost` the number of
        images whose detections never came.
        """
        self._matched = matched
        self._lost = lost
        self._images: 'OrderedDict[Stamp, Tuple[Header, Any]]' = OrderedDict()
        self._detections: 'OrderedDict[Stamp, Any]' = OrderedDict()

    def put_image(self, header: Header, image: Any) -> None:
        """Take an image."""
        stamp = (header.stamp.sec, header.stamp.nanosec)
        if stamp in self._detections:
            self._matched(header, image, self._detections.pop(stamp))
        else:
            self._images[stamp] = header, image
            self._lost(_limit(self._images))

    def put_detections(self, header: Header, detections: Any) -> None:
        """Take detections."""
        stamp = (header.stamp.sec, header.stamp.nanosec)
        if stamp in self._images:
            self._matched(*self._images.pop(stamp), detections)
        else:
            self._detections[stamp] = detections
            _limit(self._detections)


def _limit(waiting: Dict) -> int:
    """Let the oldest go where too many wait; return how many went."""
    gone = 0
    while len(waiting) > MAX_WAITING:
        waiting.popitem(last=False)
        gone += 1
    return gone
