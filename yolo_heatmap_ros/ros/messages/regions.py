"""Region counts as a message."""

from typing import Any, Iterator, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header


def regions_message(counts: Mapping[str, Mapping[str, Any]], header: Header) -> DiagnosticArray:
    """
    Return one status for each region, with its name, under the header of the image.

    Its values are, in this order, the integers `objects`, `tracks`, `entries` and `exits`, and
    `occupancy` in seconds; then all but `objects` for each class, as `entries/person`; see
    `heat.regions.RegionCount`.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(
            level=DiagnosticStatus.OK, name=name, message=f"{count['objects']} now",
            values=[*(KeyValue(key=key, value=_text(value)) for key, value in count.items()
                      if key != 'by_class'), *by_class(count)])
        for name, count in counts.items()])


def by_class(count: Mapping[str, Any]) -> Iterator[KeyValue]:
    """Yield the counts of each class, with keys such as `entries/person`."""
    for name, of_class in count['by_class'].items():
        for key, value in of_class.items():
            yield KeyValue(key=f'{key}/{name}', value=_text(value))


def _text(value: Any) -> str:
    return f'{value:.3f}' if isinstance(value, float) else str(value)
