"""What happens to a track: entries, exits, crossings and stays."""

from typing import Any, Callable, Dict, NamedTuple

from yolo_heatmap_ros.text import StrEnum


class EventKind(StrEnum):
    """
    What has happened.

    `visit` is a track's first sighting in a region, by which distinct objects are counted; it is
    no event for users.
    """

    ENTRY = 'entry'
    EXIT = 'exit'
    FORWARD = 'forward'
    BACKWARD = 'backward'
    STAY = 'stay'
    VISIT = 'visit'


DIRECTIONS = (EventKind.FORWARD, EventKind.BACKWARD)
"""The crossings of lines; all others are of regions."""


class Event(NamedTuple):
    """
    One thing that has happened to one track.

    `place` is the name of the region or line; `stamp`, in s, is when it happened: between two
    frames for a crossing.  `x` and `y` are the track's anchor then, in px.  `seconds` is how long
    the track has been in the region, for stays and exits, else 0.
    """

    kind: EventKind
    place: str
    stamp: float
    track_id: int
    class_id: int
    x: float
    y: float
    seconds: float = 0.0

    def plain(self, class_name: Callable[[int], str]) -> Dict[str, Any]:
        """Return plain values by the names that users see; `class_name` is by class id."""
        return {'kind': str(self.kind), 'place': self.place, 'stamp': round(self.stamp, 6),
                'track': self.track_id, 'class': class_name(self.class_id),
                'x': round(self.x, 2), 'y': round(self.y, 2), 'seconds': round(self.seconds, 3)}
