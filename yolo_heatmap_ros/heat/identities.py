"""
Lasting identities: joins the broken tracks of one object, before it is counted.

A tracker counts in frames: it loses an object that moves too far from one frame to the next, or is
hidden for too many of them, and then begins a new track.  Here all is in seconds: where an object
is expected after a time, how far off that may be, when it counts, and for how long it is
remembered.
"""

import itertools
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from yolo_heatmap_ros.heat.appearance import looks_of
from yolo_heatmap_ros.heat.assignment import best_first
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.motion import Motion, Space

GATE = 14.0
"""Squared distance, in variances, from where a lost object is expected beyond which it is none."""
BELIEVED = 25.0
"""The same for a tracker's id: beyond that another object is looked for first."""
GROWTH = 0.3
"""Standard deviation of the change of each of a box's sides, as a natural logarithm."""
COLOURS = 0.1
"""Mean of 1 minus the similarity (see `appearance`) of two sightings of one object."""
UNLIKE = 12.0
"""Largest sum of what speaks against two sightings being of one object (-2 log likelihoods)."""
RETURN = 2.5
"""How fast it gets unlikely that a lost object comes back: with this power of ..."""
RETURN_SCALE = 0.2
"""... 1 + t / scale, in which the scale is this share of the memory for lost objects."""
CONFIRMATION = 0.5
"""Seconds over which an object must have been seen to count ..."""
CONFIRMING_SIGHTINGS = 2
"""... in at least so many frames ..."""
CONFIRMING_SHARE = 0.5
"""... and in this share of all frames since the first."""
PART = 0.5
"""A box without a track, with this share of its area in another object's, is taken for a part."""
LEAVING = 1.5
"""An object that would be out of the picture within so many seconds at its speed has left."""
LOOKING = 0.5
"""Seconds between looks at an object's colours."""
MAX_TRACKER_IDS = 8
"""Largest number of a tracker's ids that are remembered for one object, the last ones."""
MAX_LOST = 256
"""Largest number of lost objects that are remembered, those seen last."""
_LEARNING = 0.3
_NONE = np.inf


class Identified(NamedTuple):
    """
    Whose the boxes of a frame are.

    `numbers` (N,) int64, -1 for objects that nothing follows; `confirmed` (N,) bool tells whether
    an object has been seen for long enough to count.
    """

    numbers: np.ndarray
    confirmed: np.ndarray


class _Identity:
    """What is known of one object."""

    def __init__(self, number: int, frame_number: int, motion: Motion, shape: np.ndarray):
        self.number = number
        self.motion = motion
        self.shape = shape
        self.colours: Optional[np.ndarray] = None
        self.looked = -np.inf
        self.confirmed = False
        self.tracker_ids: List[int] = []
        self._first_frame = self.last_frame = frame_number
        self._first_seen = motion.seen
        self._sightings = 1

    def see(self, frame_number: int, position: np.ndarray, size: float, shape: np.ndarray,
            now: float) -> None:
        self.motion.see(position, size, now)
        change = shape - self.shape
        self.shape = self.shape + _LEARNING * change if np.isfinite(change).all() else shape
        self.last_frame = frame_number
        self._sightings += 1
        frames = frame_number - self._first_frame + 1
        # Stamps are rounded.
        self.confirmed |= (self._sightings >= CONFIRMING_SIGHTINGS
                           and now - self._first_seen >= CONFIRMATION - 1e-6
                           and self._sightings >= CONFIRMING_SHARE * frames)

    def look(self, colours: np.ndarray, now: float) -> None:
        self.colours = (colours if self.colours is None
                        else self.colours + _LEARNING * (colours - self.colours))
        self.looked = now


class Identities:
    """The identities of the objects of one camera."""

    def __init__(self, space: Space, numbers: Optional[Iterator[int]] = None):
        """Begin without objects; new ones take these `numbers`, from 1 on by default."""
        self._space = space
        self._known: Dict[int, _Identity] = {}
        self._by_tracker_id: Dict[int, _Identity] = {}
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._frame_number = 0

    def clear(self) -> None:
        """Forget all objects; their numbers are not used again."""
        self._known.clear()
        self._by_tracker_id.clear()

    def identify(self, detections: Detections, now: float, memory: float,
                 frame: Optional[np.ndarray] = None) -> Identified:
        """
        Return whose the detections of a frame at `now`, in s, are.

        Objects with a tracker's id are one for as long as the id stays, unless one of them has
        moved further than it can and another explains both better.  Those with a new id, and
        those that the tracker has not confirmed yet, are joined to the lost object that is most
        likely there, if it was seen within `memory` s.  `frame`, (H, W, 3) uint8 BGR, shows their
        colours.
        """
        self._frame_number += 1
        self._forget(now, memory)
        boxes = detections.xyxy
        positions, sizes = self._space.locate(boxes)
        shapes = _shapes(boxes, sizes)
        # What comes without a tracker stays without, and what has no place is not looked for.
        followed = ((detections.track_id >= 0) | (
            ~detections.confirmed & np.isfinite(positions).all(axis=1))).tolist()
        tracker_ids = detections.track_id.tolist()
        owners, claims = self._claimed(tracker_ids, positions, now)
        new = [index for index, owner in enumerate(owners) if owner is None and followed[index]]
        owned = boxes[[index for index, owner in enumerate(owners) if owner is not None]]
        new = [index for index in new
               if tracker_ids[index] >= 0 or not _is_part(boxes[index], owned)]
        taken = {owner.number for owner in owners if owner is not None}
        lost = [known for known in self._known.values() if known.number not in taken]
        colours = {}
        if frame is not None and lost:
            colours = {index: looks_of(frame, boxes[index]) for index in new}
        for index, known in self._joined(new, lost, claims, positions, shapes, colours, now,
                                         memory):
            owners[index] = known
        owned = np.concatenate((owned, boxes[[index for index in new
                                              if owners[index] is not None]]))
        begun = set(new)
        numbers = np.full(len(detections), -1, np.int64)
        confirmed = np.zeros(len(detections), bool)
        for index in range(len(detections)):
            known = owners[index]
            if known is not None:
                known.see(self._frame_number, positions[index], sizes[index], shapes[index], now)
            elif index not in begun or (tracker_ids[index] < 0
                                        and _is_part(boxes[index], owned)):
                continue
            else:
                owned = np.concatenate((owned, boxes[index:index + 1]))
                known = owners[index] = self._new(positions[index], sizes[index], shapes[index],
                                                  now)
            self._bind(tracker_ids[index], known)
            if frame is not None and now - known.looked >= LOOKING:
                known.look(colours[index] if index in colours else looks_of(frame, boxes[index]),
                           now)
            numbers[index], confirmed[index] = known.number, known.confirmed
        return Identified(numbers, confirmed)

    def _claimed(self, tracker_ids: Sequence[int], positions: np.ndarray, now: float,
                 ) -> Tuple[List[Optional[_Identity]], Dict[int, _Identity]]:
        """Return the owner of each detection by the tracker's id, and those in doubt by index."""
        owners: List[Optional[_Identity]] = [None] * len(tracker_ids)
        claims: Dict[int, _Identity] = {}
        claimed = set()
        for index, tracker_id in enumerate(tracker_ids):
            known = self._by_tracker_id.get(tracker_id)
            # Two ids of one object that was lost are two objects once both are there.
            if known is None or known.number in claimed:
                continue
            claimed.add(known.number)
            if _away(known, positions[index:index + 1], now)[0] < BELIEVED:
                owners[index] = known
            else:
                claims[index] = known
        return owners, claims

    def _joined(self, new: Sequence[int], lost: Sequence[_Identity],
                claims: Dict[int, _Identity], positions: np.ndarray, shapes: np.ndarray,
                colours: Dict[int, np.ndarray], now: float, memory: float,
                ) -> Iterator[Tuple[int, _Identity]]:
        """Yield pairs of a detection's index and the lost object that it is, likeliest first."""
        if not new or not lost:
            return
        rows = list(new)
        costs = np.full((len(new), len(lost)), _NONE)
        for column, known in enumerate(lost):
            away = _away(known, positions[rows], now)
            against = away + (((shapes[rows] - known.shape) / GROWTH) ** 2).sum(axis=1)
            if colours and known.colours is not None:
                against += [(1.0 - float(colours[index] @ known.colours)) / COLOURS
                            for index in new]
            # The likelihood of a place is spread over the area in which it may be: the longer it
            # has been lost, the likelier is it that another stands there.
            area = known.motion.variance(known.motion.expected(now)) / known.motion.size ** 2
            against += 2.0 * np.log(area)
            if known.last_frame < self._frame_number - 1:
                unseen = now - known.motion.seen
                against += 2.0 * RETURN * np.log1p(unseen / (RETURN_SCALE * memory))
            fits = (away < GATE) & (against < UNLIKE)
            costs[fits, column] = against[fits]
        pairs = best_first(costs)
        yield from ((new[row], lost[column]) for row, column in pairs)
        joined = {new[row] for row, _ in pairs}
        found = {lost[column].number for _, column in pairs}
        for index, known in claims.items():
            if index not in joined and known.number not in found:
                yield index, known

    def _new(self, position: np.ndarray, size: float, shape: np.ndarray, now: float) -> _Identity:
        known = _Identity(next(self._numbers), self._frame_number, Motion(position, size, now),
                          shape)
        self._known[known.number] = known
        return known

    def _bind(self, tracker_id: int, known: _Identity) -> None:
        if tracker_id < 0 or self._by_tracker_id.get(tracker_id) is known:
            return
        self._by_tracker_id[tracker_id] = known
        known.tracker_ids.append(tracker_id)
        if len(known.tracker_ids) > MAX_TRACKER_IDS:
            self._release(known, known.tracker_ids.pop(0))

    def _release(self, known: _Identity, tracker_id: int) -> None:
        if self._by_tracker_id.get(tracker_id) is known:
            del self._by_tracker_id[tracker_id]

    def _forget(self, now: float, memory: float) -> None:
        # Those of the last frame may be in this one, too.
        unseen = sorted((known for known in self._known.values()
                         if known.last_frame < self._frame_number - 1),
                        key=lambda known: known.last_frame, reverse=True)
        for known in [*unseen[MAX_LOST:], *(
                known for known in self._known.values() if now - known.motion.seen > memory),
                *(known for known in unseen[:MAX_LOST] if self._has_left(known, now))]:
            if self._known.pop(known.number, None) is not None:
                for tracker_id in known.tracker_ids:
                    self._release(known, tracker_id)

    def _has_left(self, known: _Identity, now: float) -> bool:
        unseen = now - known.motion.seen
        place = known.motion.at_its_speed(min(unseen, LEAVING))
        return bool(np.isfinite(place).all()) and not self._space.shows(place)


def _shapes(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """
    Return logarithms of sizes and of aspect ratios, (N, 2).

    They are scaled so that a change is as long as that of the logarithms of both sides; in metres
    on the floor, an object that moves away does not shrink.
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0).astype(np.float64)
    return np.stack((np.sqrt(2.0) * np.log(sizes),
                     np.sqrt(0.5) * np.log(sides[:, 0] / sides[:, 1])), axis=1)


def _away(known: _Identity, positions: np.ndarray, now: float) -> np.ndarray:
    """Return squared distances, (N,), of positions, (N, 2), from where it is, in variances."""
    expected = known.motion.expected(now)
    return ((positions - expected.position) ** 2).sum(axis=1) / known.motion.variance(expected)


def _is_part(box: np.ndarray, others: np.ndarray) -> bool:
    """Return whether a box, (4,) xyxy, lies mostly in one of others, (M, 4)."""
    shared = np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0,
                     None).prod(axis=1)
    return bool((shared > PART * (box[2:] - box[:2]).prod()).any())
