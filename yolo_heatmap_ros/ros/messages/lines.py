"""Line counts as a message."""

from typing import Any, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from yolo_heatmap_ros.ros.messages.regions import by_class


def lines_message(counts: Mapping[str, Mapping[str, Any]], header: Header) -> DiagnosticArray:
    """
    Return one status for each line, with its name, under the header of the image.

    Its values are, in this order, the integers `forward` and `backward`, and the same for each
    class, as `forward/person`; see `heat.lines.LineCount`.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(
            level=DiagnosticStatus.OK, name=name,
            message=f"{count['forward']} forward, {count['backward']} backward",
            values=[*(KeyValue(key=key, value=str(count[key])) for key in ('forward', 'backward')),
                    *by_class(count)])
        for name, count in counts.items()])
