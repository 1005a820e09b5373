"""What is remembered of each track: where it was, when, and how long it has stayed there."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np

MEMORY = 10.0
"""Seconds for which a track that is not seen is remembered."""
MAX_TRACKS = 10_000
"""Tracks that are remembered at most, the last seen ones, whatever their stamps say."""
MAX_LOST = 256
"""Tracks among which one that was lost is looked for."""
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

    def see(self, box: np.ndarray, stamp: float, frame: int) -> None:
        """Take the next sighting."""
        self.box, self.stamp, self.frame = box, stamp, frame
        if _has_moved(self.place, box):
            self.place, self.still_since = box, stamp


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
            interval: float, places: bool = False) -> 'Sighting':
        """
        Take the objects of a frame.

        `boxes` (N, 4) float32 xyxy in px, `track_ids` (N,), -1 for none, `stamp` and the
        `interval` since the last frame in seconds.  With `places`, a new track takes over the
        place, and the time in it, of one that was lost there.
        """
        self._frame += 1
        tracks: List[Optional[Track]] = [self._tracks.pop(number, None) for number in track_ids]
        shares: List[Share] = []
        for index, (box, track) in enumerate(zip(boxes, tracks)):
            begin = box
            if track is not None:
                # What a track did in frames in which it was not seen, nobody knows.
                begin = track.box if track.frame == self._frame - 1 else box
                track.see(box, stamp, self._frame)
            shares.extend(spread(index, begin, box, interval))
        still = []
        for index, (box, track_id) in enumerate(zip(boxes, track_ids)):
            if tracks[index] is None:
                unseen = self._unseen_at(box) if places else None
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
        return Sighting(shares, tracks, still)

    def _unseen_at(self, box: np.ndarray) -> Optional[Track]:
        """
        Return a track that is not seen now and had the place of a box.

        A tracker loses a parked car that others hide, and finds it again under another id.
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
    What is known of the objects of a frame.

    The times that they have spent where; the track of each; for how long each is in its place, in
    seconds.
    """

    shares: List[Share]
    tracks: List[Optional[Track]]
    still: List[float]


def spread(index: int, begin: np.ndarray, end: np.ndarray, seconds: float) -> List[Share]:
    """Share the time between two boxes among boxes on the straight way from one to the other."""
    if begin is end:
        return [Share(index, end, seconds)]
    distance = float(np.abs(end - begin).max())
    steps = min(max(1, int(np.ceil(distance / STEP))), STEPS)
    return [Share(index, begin + (end - begin) * ((step + 0.5) / steps), seconds / steps)
            for step in range(steps)]


def _has_moved(place: np.ndarray, box: np.ndarray) -> bool:
    width, height = np.minimum(place[2:] - place[:2], box[2:] - box[:2])
    away = ((box[:2] + box[2:]) - (place[:2] + place[2:])) / 2
    return float(np.hypot(*away)) > MOVED * float(min(width, height))
