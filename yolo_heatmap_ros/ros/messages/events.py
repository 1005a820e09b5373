"""Events of tracks as a message."""

from typing import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from yolo_heatmap_ros.heat.events import Event


def events_message(events: Sequence[Event], class_name: Callable[[int], str],
                   header: Header) -> DiagnosticArray:
    """
    Return one status for each event, under the header of the image that made it certain.

    A status is named after the region or line; its message is the kind.  Its values are, in this
    order, `kind`, `place`, `stamp` (s, when it happened: not later than the header's), `track` and
    `class`, `x` and `y` (px), and `seconds` (in the region, for stays and exits); see
    `heat.events.Event`.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(
            level=DiagnosticStatus.OK, name=event.place, message=str(event.kind),
            hardware_id=str(event.track_id),
            values=[KeyValue(key=key, value=str(value))
                    for key, value in event.plain(class_name).items()])
        for event in events])
