"""Tracks over time: where each was last, when, and for how long it has stayed there."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.heat.dwell import TrackPath

MEMORY = 10.0
"""Seconds after its last sighting for which a track is remembered."""
MAX_TRACKS = 10_000
"""Largest number of remembered tracks: those seen last, whatever their stamps say."""
MAX_LOST = 256
"""Largest number of lost tracks that are searched for one in a given place."""
MOVED = 0.5
"""A track has left its place when its centre is this many of its shorter sides away."""


@dataclass
class Track:
    """A track at its last sighting, and the `place` that it has not left since `still_since`."""

    box: np.ndarray
    stamp: float
    frame: int
    place: np.ndarray
    still_since: float
    inside: Dict[str, bool] = field(default_factory=dict)
    visited: set = field(default_factory=set)

    def see(self, box: np.ndarray, stamp: float, frame: int) -> None:
        """Take the next sighting."""
        self.box, self.stamp, self.frame = box, stamp, frame
        if _has_moved(self.place, box):
            self.place, self.still_since = box, stamp


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

    def see(self, boxes: np.ndarray, track_ids: Sequence[int], stamp: float,
            interval: float, inherit_places: bool = False) -> 'Sighting':
        """
        Take the objects of a frame.

        `boxes` (N, 4) float32 xyxy in px, `track_ids` (N,), -1 for none, `stamp` and the
        `interval` since the last frame in seconds.  With `inherit_places`, a new track inherits
        the place, and the time in it, of one that was lost there.
        """
        self._frame += 1
        tracks: List[Optional[Track]] = [self._tracks.pop(number, None) for number in track_ids]
        paths: List[TrackPath] = []
        for index, (box, track) in enumerate(zip(boxes, tracks)):
            begin = box
            if track is not None:
                # Where a track was in frames in which it was not seen is unknown.
                begin = track.box if track.frame == self._frame - 1 else box
                track.see(box, stamp, self._frame)
            paths.append(TrackPath(index, begin, box, interval))
        still = []
        for index, (box, track_id) in enumerate(zip(boxes, track_ids)):
            if tracks[index] is None:
                unseen = self._unseen_at(box) if inherit_places else None
                if track_id >= 0:
                    tracks[index] = Track(box, stamp, self._frame, box, stamp)
                    if unseen is not None:
                        tracks[index].place = unseen.place
                        tracks[index].still_since = unseen.still_since
            if tracks[index] is not None:
                self._tracks[track_id] = tracks[index]
                still.append(stamp - tracks[index].still_since)
            else:
                still.append(0.0 if unseen is None else stamp - unseen.still_since)
        self._forget(stamp - MEMORY)
        return Sighting(paths, tracks, still)

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
    seconds for which each has been `still`, in its place.
    """

    paths: List[TrackPath]
    tracks: List[Optional[Track]]
    still: List[float]


def _has_moved(place: np.ndarray, box: np.ndarray) -> bool:
    width, height = np.minimum(place[2:] - place[:2], box[2:] - box[:2])
    away = ((box[:2] + box[2:]) - (place[:2] + place[2:])) / 2
    return float(np.hypot(*away)) > MOVED * float(min(width, height))
