"""What is remembered of each track: where it was, when, and how long it has stayed there."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np

MEMORY = 10.0
"""Seconds for which a track that is not seen is remembered."""
MAX_TRACKS = 10_000
"""Tracks that are remembered at most, the last seen ones, whatever their stamps say."""
MOVED = 0.5
"""A track has left its place when its centre is this many of its shorter sides away from it."""
STEP = 4.0
"""Largest distance in px between the places at which a moving track leaves its time ..."""
STEPS = 32
"""... unless there would be more than these."""


class Share(NamedTuple):
    """Seconds that an object, by its index among the detections, has spent in a box, (4,) px."""

    index: int
    box: np.ndarray
    seconds: float


@dataclass
class Track:
    """A track as it was seen last, and the `place` that it has not left since `still_since`."""

    box: np.ndarray
    stamp: float
    frame: int
    place: np.ndarray
    still_since: float
    inside: Dict[str, bool] = field(default_factory=dict)
    visited: set = field(default_factory=set)


class TrackMemory:
    """The tracks of one camera; memory and time are bounded, however many ids there will be."""

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
            interval: float) -> 'Sighting':
        """
        Take the objects of a frame.

        `boxes` (N, 4) float32 xyxy in px, `track_ids` (N,), -1 for none, `stamp` and the
        `interval` since the last frame in seconds.
        """
        self._frame += 1
        shares: List[Share] = []
        tracks: List[Optional[Track]] = []
        for index, (box, track_id) in enumerate(zip(boxes, track_ids)):
            if track_id < 0:
                tracks.append(None)
                shares.append(Share(index, box, interval))
                continue
            track = self._tracks.pop(track_id, None)
            if track is None:
                track = Track(box, stamp, self._frame, box, stamp)
                shares.append(Share(index, box, interval))
            else:
                # What a track did in frames in which it was not seen, nobody knows.
                begin = track.box if track.frame == self._frame - 1 else box
                shares.extend(spread(index, begin, box, interval))
                track.box, track.stamp, track.frame = box, stamp, self._frame
                if _has_moved(track.place, box):
                    track.place, track.still_since = box, stamp
            self._tracks[track_id] = track
            tracks.append(track)
        self._forget(stamp - MEMORY)
        return Sighting(shares, tracks)

    def _forget(self, before: float) -> None:
        while self._tracks and (len(self._tracks) > MAX_TRACKS
                                or next(iter(self._tracks.values())).stamp < before):
            self._tracks.popitem(last=False)


class Sighting(NamedTuple):
    """The times that the objects of a frame have spent where, and the track of each object."""

    shares: List[Share]
    tracks: List[Optional[Track]]


def spread(index: int, begin: np.ndarray, end: np.ndarray, seconds: float) -> List[Share]:
    """Share the time between two boxes among boxes on the straight way from one to the other."""
    distance = float(np.abs(end - begin).max())
    steps = min(max(1, int(np.ceil(distance / STEP))), STEPS)
    return [Share(index, begin + (end - begin) * ((step + 0.5) / steps), seconds / steps)
            for step in range(steps)]


def _has_moved(place: np.ndarray, box: np.ndarray) -> bool:
    width, height = place[2:] - place[:2]
    away = ((box[:2] + box[2:]) - (place[:2] + place[2:])) / 2
    return float(np.hypot(*away)) > MOVED * float(min(width, height))
