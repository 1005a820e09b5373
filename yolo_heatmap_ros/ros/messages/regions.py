"""Region counts as a message."""

from typing import Any, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header


def regions_message(counts: Mapping[str, Mapping[str, Any]], header: Header) -> DiagnosticArray:
    """
    Return one status for each region, with its name, under the header of the image.

    Its values are, in this order, the integers `objects`, `tracks`, `entries` and `exits`, and
    `occupancy` in seconds; see `heat.regions.RegionCount`.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(level=DiagnosticStatus.OK, name=name, message=f"{count['objects']} now",
                         values=[KeyValue(key=key, value=f'{value:.3f}' if key == 'occupancy'
                                          else str(value)) for key, value in count.items()])
        for name, count in counts.items()])
