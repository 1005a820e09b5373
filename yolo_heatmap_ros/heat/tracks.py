"""Tracks over time: where each was last, when, and for how long it has stayed there."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Collection, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from yolo_heatmap_ros.heat.crossings import Point
from yolo_heatmap_ros.heat.dwell import TrackPath
from yolo_heatmap_ros.heat.events import DIRECTIONS, Event, EventKind

MEMORY = 10.0
"""Seconds after its last sighting for which a track is remembered, or longer if asked for."""
MAX_TRACKS = 10_000
"""Largest number of remembered tracks: those seen last, whatever their stamps say."""
MAX_LOST = 256
"""Largest number of lost tracks that are searched for one in a given place."""
SAME_PLACE = 0.3
"""Intersection over union from which two boxes are taken for one object under two ids."""
MOVED = 0.5
"""A track has left its place when its centre is this many of its shorter sides away."""
TRAIL = 0.5
"""Seconds over which the velocity of a track is measured: boxes jitter from frame to frame."""


Way = List[Tuple[np.ndarray, float]]
"""Boxes, (4,) xyxy in px, with their stamps in s."""


class Spot(NamedTuple):
    """
    Where an object was at `stamp`, in s.

    `foot` (2,) float64 in px, and `floor` (2,) float64 in m, NaN where that is unknown.
    """

    stamp: float
    foot: np.ndarray
    floor: np.ndarray


@dataclass
class Stay:
    """Whether a track is inside a region, and `since` when, in s; what has been told of it."""

    inside: bool
    since: float
    visited: bool = False
    reported: bool = False


@dataclass
class Track:
    """
    A track at its last sighting, and the `place` that it has not left since `still_since`.

    `stays` are by the region's name.  `on_lines` holds, by the line's name, how often a track that
    is still near the line has crossed it (forward minus backward), and stamp and place of that.
    `events` of a track that is not confirmed yet wait until it is.  `returned` is the way of a
    track that has been seen once after a gap, of which `counted` seconds have been counted.
    `away` is the time, in s, between its last two sightings.  `trail` are its last spots, of the
    last half second at least.
    """

    number: int
    box: np.ndarray
    stamp: float
    frame: int
    place: np.ndarray
    still_since: float
    votes: Dict[int, int] = field(default_factory=dict)
    stays: Dict[str, Stay] = field(default_factory=dict)
    on_lines: Dict[str, Tuple[int, float, Point]] = field(default_factory=dict)
    events: List[Event] = field(default_factory=list)
    returned: Optional[Way] = None
    counted: float = 0.0
    away: float = 0.0
    trail: List[Spot] = field(default_factory=list)

    @property
    def class_id(self) -> int:
        """Return the class that it has been seen as most often."""
        return max(self.votes, key=self.votes.get)

    def see(self, box: np.ndarray, stamp: float, frame: int) -> None:
        """Take the next sighting."""
        self.away = stamp - self.stamp
        self.box, self.stamp, self.frame = box, stamp, frame
        if _has_moved(self.place, box):
            self.place, self.still_since = box, stamp

    def leave_spot(self, spot: Spot) -> None:
        """Add the newest spot to the trail, and drop what is too old."""
        self.trail.append(spot)
        # Three are needed for a way with a gap.
        while len(self.trail) > 3 and self.trail[1].stamp <= spot.stamp - TRAIL:
            del self.trail[0]

    def with_spots(self, path: TrackPath, begin: float, end: float) -> TrackPath:
        """Return a path between two stamps, in s, with its places on the floor and velocities."""
        first, last = self._ends()
        seconds = last.stamp - first.stamp
        if not seconds > 0.0:
            return path._replace(floor=np.stack((last.floor, last.floor)))
        return path._replace(floor=np.stack((self._floor_at(begin), self._floor_at(end))),
                             velocity=(last.foot - first.foot) / seconds,
                             floor_velocity=(last.floor - first.floor) / seconds)

    @property
    def floor_velocity(self) -> np.ndarray:
        """Return the mean velocity of the last half second, (2,) float64 m/s, NaN if unknown."""
        first, last = self._ends()
        seconds = last.stamp - first.stamp
        return (last.floor - first.floor) / seconds if seconds > 0.0 else np.full(2, np.nan)

    def _ends(self) -> Tuple[Spot, Spot]:
        """Return the first and the last spot of the last half second."""
        last, first = self.trail[-1], self.trail[0]
        for spot in self.trail:
            if spot.stamp <= last.stamp - TRAIL:
                first = spot
        return first, last

    def _floor_at(self, stamp: float) -> np.ndarray:
        before = after = self.trail[-1]
        for spot in reversed(self.trail):
            before = spot
            if spot.stamp <= stamp:
                break
            after = spot
        if not before.stamp < stamp < after.stamp:
            return before.floor
        share = (stamp - before.stamp) / (after.stamp - before.stamp)
        return before.floor + share * (after.floor - before.floor)


class TrackMark(NamedTuple):
    """
    What tells a track to another process that follows it, too.

    Its number, `stamp` (s) and `box` (xyxy in px) of its last sighting, and the regions that have
    counted it.
    """

    number: int
    stamp: float
    box: Tuple[float, float, float, float]
    visited: Tuple[str, ...]


class TrackMemory:
    """The tracks of one camera; memory and time are bounded, whatever the number of ids."""

    def __init__(self):
        """Begin without tracks."""
        self._tracks: 'OrderedDict[int, Track]' = OrderedDict()
        self._frame = 0

    def __len__(self) -> int:
        """Return how many tracks are remembered."""
        return len(self._tracks)

    def clear(self) -> None:
        """Forget all tracks."""
        self._tracks.clear()

    def marks(self) -> List[TrackMark]:
        """Return a mark of each track that is remembered."""
        marks = []
        for track in self._tracks.values():
            waiting = {event.place for event in track.events if event.kind == EventKind.VISIT}
            marks.append(TrackMark(track.number, track.stamp, tuple(track.box.tolist()), tuple(
                name for name, stay in track.stays.items()
                if stay.visited and name not in waiting)))
        return marks

    def floor_velocities(self, numbers: Sequence[int]) -> np.ndarray:
        """Return the velocities on the floor of tracks, (N, 2) float64 m/s, NaN for unknown."""
        velocities = np.full((len(numbers), 2), np.nan)
        for index, number in enumerate(numbers):
            track = self._tracks.get(number)
            if track is not None and track.trail:
                velocities[index] = track.floor_velocity
        return velocities

    def forget_regions(self, but: Collection[str] = ()) -> None:
        """Forget which tracks are in regions, and what waits to be counted there, but in some."""
        for track in self._tracks.values():
            track.stays = {name: stay for name, stay in track.stays.items() if name in but}
            track.events = [event for event in track.events
                            if event.kind in DIRECTIONS or event.place in but]

    def forget_lines(self, but: Collection[str] = ()) -> None:
        """Forget which tracks are on lines, and what waits to be counted there, but on some."""
        for track in self._tracks.values():
            track.on_lines = {name: pending for name, pending in track.on_lines.items()
                              if name in but}
            track.events = [event for event in track.events
                            if event.kind not in DIRECTIONS or event.place in but]

    def see(self, boxes: np.ndarray, numbers: Sequence[int], class_ids: Sequence[int],
            stamp: float, interval: float, max_gap: float, memory: float,
            inherit_places: bool = False, floor: Optional[np.ndarray] = None) -> 'Sighting':
        """
        Take the objects of a frame.

        `boxes` (N, 4) float32 xyxy in px, `numbers` (N,) of the tracks, -1 for none, `class_ids`
        (N,), `stamp` and the `interval` since the last frame in seconds.  A track that was not
        seen for up to `max_gap` s has been on its way in between, once it has been seen twice
        again; one is remembered for at least `memory` s.  With `inherit_places`, a new track
        inherits the place, and the time in it, of one that was lost there.  With `floor`, (N, 2)
        float64 m, NaN where unknown, paths have their places there, and velocities.
        """
        self._frame += 1
        self._forget(stamp - max(memory, MEMORY))
        tracks: List[Optional[Track]] = [self._tracks.pop(number, None) for number in numbers]
        paths: List[TrackPath] = []
        ways: List[Optional[Way]] = []
        for index, (box, track) in enumerate(zip(boxes, tracks)):
            way: Optional[Way] = []
            if track is not None:
                way = self._way_of(track, box, stamp, interval, max_gap)
            if not way:
                paths.append(TrackPath(index, box, box, interval))
            elif len(way) == 1:
                paths.append(TrackPath(index, way[0][0], box, interval))
            else:
                (before, since), (returned, then) = way
                # A frame's time has been counted where it returned.
                paths += (TrackPath(index, before, returned, then - since - track.counted,
                                    stamp - then + track.counted),
                          TrackPath(index, returned, box, stamp - then))
            ways.append(way)
            if track is not None and way is not None:
                track.see(box, stamp, self._frame)
        if floor is not None:
            paths = _with_spots(paths, tracks, ways, boxes, floor, stamp)
        still = []
        for index, (box, number) in enumerate(zip(boxes, numbers)):
            if tracks[index] is None:
                unseen = self._unseen_at(box) if inherit_places else None
                if number >= 0:
                    tracks[index] = Track(number, box, stamp, self._frame, box, stamp)
                    if unseen is not None:
                        tracks[index].place = unseen.place
                        tracks[index].still_since = unseen.still_since
                    if floor is not None:
                        tracks[index].leave_spot(_spot(box, floor[index], stamp))
            if tracks[index] is not None:
                track = self._tracks[number] = tracks[index]
                track.votes[class_ids[index]] = track.votes.get(class_ids[index], 0) + 1
                still.append(stamp - track.still_since)
            else:
                still.append(0.0 if unseen is None else stamp - unseen.still_since)
        self._forget(stamp - max(memory, MEMORY))
        return Sighting(paths, tracks, still, ways)

    def _way_of(self, track: Track, box: np.ndarray, stamp: float, interval: float,
                max_gap: float) -> Optional[Way]:
        """Return the way of a track that is seen again, see `Sighting`."""
        was_there = track.frame == self._frame - 1
        if track.returned is not None:
            returned, track.returned = track.returned, None
            if stamp - returned[-1][1] <= max_gap:
                return returned
            return []
        if was_there:
            return [(track.box, track.stamp)] if stamp - track.stamp <= max_gap else []
        if stamp - track.stamp > max_gap:
            return []
        # A box that flickers where somebody is hidden would bring back who is not there.
        track.returned = [self._counted_until(track, box, stamp), (box, stamp)]
        track.frame, track.counted = self._frame, interval
        return None

    def _counted_until(self, track: Track, box: np.ndarray, stamp: float,
                       ) -> Tuple[np.ndarray, float]:
        """
        Return where and when a lost track's time was counted last, before it is seen again.

        A tracker that confuses two who hide each other lets one appear where the other vanishes:
        while the other one was seen on this one's way, that was this one.
        """
        begin, since = track.box, track.stamp
        for other in islice(reversed(self._tracks.values()), MAX_LOST):
            if other.frame < self._frame and since < other.stamp:
                share = (other.stamp - track.stamp) / (stamp - track.stamp)
                on_its_way = track.box + np.float32(share) * (box - track.box)
                if overlap(on_its_way, other.box) > SAME_PLACE:
                    begin, since = on_its_way, other.stamp
        return begin, since

    def _unseen_at(self, box: np.ndarray) -> Optional[Track]:
        """
        Return a track that is not seen now and whose place was that of a box.

        A tracker loses a parked car behind others, and finds it again with another id.
        """
        for track in islice(reversed(self._tracks.values()), MAX_LOST):
            if track.frame < self._frame and not _has_moved(track.place, box):
                return track
        return None

    def _forget(self, before: float) -> None:
        while self._tracks and (len(self._tracks) > MAX_TRACKS
                                or next(iter(self._tracks.values())).stamp < before):
            self._tracks.popitem(last=False)


class Sighting(NamedTuple):
    """
    The objects of a frame in time.

    Their `paths` since the last frame; the track of each, None for objects without an id; the
    seconds for which each has been `still`, in its place.  The `ways` are the places, with their
    stamps, from which each has come: one place from the last frame, two after a gap, none where
    that is unknown; a way is None for a track that has just returned and may be a mistake.
    """

    paths: List[TrackPath]
    tracks: List[Optional[Track]]
    still: List[float]
    ways: List[Optional[Way]]


def _spot(box: np.ndarray, floor: np.ndarray, stamp: float) -> Spot:
    return Spot(stamp, np.array(((box[0] + box[2]) / 2, box[3]), np.float64), floor)


def _with_spots(paths: List[TrackPath], tracks: List[Optional[Track]],
                ways: List[Optional[Way]], boxes: np.ndarray, floor: np.ndarray,
                stamp: float) -> List[TrackPath]:
    """Return the paths of a frame with their places on the floor, see `TrackMemory.see`."""
    for index, (track, way) in enumerate(zip(tracks, ways)):
        if track is not None:
            if way is not None and not way:
                track.trail.clear()  # nobody knows how it has come here
            track.leave_spot(_spot(boxes[index], floor[index], stamp))
    result = []
    for path in paths:
        track, way = tracks[path.index], ways[path.index]
        if track is None or not way:
            result.append(path._replace(floor=np.stack((floor[path.index],) * 2)))
            continue
        stamps = [since for _, since in way] + [stamp]
        piece = 1 if len(way) == 2 and path.begin is way[1][0] else 0
        result.append(track.with_spots(path, stamps[piece], stamps[piece + 1]))
    return result


def _has_moved(place: np.ndarray, box: np.ndarray) -> bool:
    width, height = np.minimum(place[2:] - place[:2], box[2:] - box[:2])
    away = ((box[:2] + box[2:]) - (place[:2] + place[2:])) / 2
    return float(np.hypot(*away)) > MOVED * float(min(width, height))


def overlap(box: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection over union of two boxes, (4,) xyxy."""
    width, height = np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2])
    if width <= 0.0 or height <= 0.0:
        return 0.0
    areas = [(one[2] - one[0]) * (one[3] - one[1]) for one in (box, other)]
    return float(width * height / (sum(areas) - width * height))
