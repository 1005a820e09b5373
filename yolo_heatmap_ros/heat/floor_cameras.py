"""What is known of the cameras that look at a floor: their clocks, their views, and their word."""

from collections import deque
from typing import Deque, Dict, Iterator, List, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.heat.clock import FrameClock
from yolo_heatmap_ros.heat.floor_places import cells_of, SeenPlaces

MAX_CAMERAS = 64
"""Largest number of cameras at a time; what others send is not used."""
MAX_CORNERS = 256
"""Views of more corners than that are thinned."""
MAX_IDS = 512
"""Largest number of a camera's own ids that are remembered, the last ones."""
SILENT = 30.0
"""Seconds after which a camera that sends nothing gives way to another one."""
LIVE = 5.0
"""Seconds, by the receiver's clock, within which a camera must have sent something to count."""
MAX_GAP = 10.0
"""A stamp further ahead of a camera's last one than this many seconds must be confirmed."""
OFFSETS = 50
"""How many comparisons of stamps and the receiver's clock are kept of each camera ..."""
OFFSET_EVERY = 0.1
"""... at most one in so many seconds, ..."""
MIN_OFFSETS = 5
"""... and how many are needed, ..."""
OFFSETS_SPAN = 1.0
"""... over so many seconds."""
NEAR_CLOCK = 1.0
"""Stamps within so many s of the receiver's time are by a clock that is right."""
RETURN = 0.8
"""A camera comes back when its stamps are as near as this share of what is usable."""
CONTRADICTS = 0.35
"""Share of a camera's sightings that others contradict from which it is left out ..."""
AGREES = 0.15
"""... and below which it comes back, ..."""
MIN_JUDGED = 40
"""... after so many sightings ..."""
MEMORY_JUDGED = 100.0
"""... of which about so many, the last ones, count; ..."""
MEMORY_UNJUDGED = 300.0
"""... so many that nobody can judge let them be forgotten as well: where cameras hardly overlap,
a little is no evidence."""
MOST_IN_CELL = 5.0
"""What is contradicted in one cell counts up to that: who stands still must not decide alone."""
FORGOTTEN = 5.0
"""A camera also comes back when no more is left than that of what contradicts it."""
PRUNE_EVERY = 0.5
"""Seconds between two looks at what a camera that turns has lost from its view."""
MIXED_UP = 8.0
"""How many sets out of order, of about the last 50, mean that two nodes use one name."""
_FORGETTING = 0.98
_MAX_WARNINGS = 100


class FloorCamera:
    """
    One camera.

    `slot` is its column in arrays of all cameras, and `ids` are tracks' numbers by its own ids.
    `stamp` is the latest one in s, `latest` that of the last set that was used, `received` when it
    sent the last one by the receiver's clock, `period` the usual time between its stamps in s, and
    `offset` how many s its stamps are behind those of the others.  `late` counts sets that came
    too late, `unusable` what was not finite or out of all bounds, and `vague` what of that was too
    uncertain or too far away.
    """

    def __init__(self, name: str, slot: int, received: float):
        """Begin with a camera that has sent nothing yet."""
        self.name, self.slot, self.received = name, slot, received
        self.clock = FrameClock()
        self.stamp = self.latest = self.last_judged = -np.inf
        self.period = 0.0
        self.offset = 0.0
        self.late = self.unusable = self.vague = 0
        self.behind = self.off_time = self.contradicts = False
        self._agreed = 0.0
        self._against: Dict[Tuple[int, int], float] = {}
        self.ids: Dict[int, int] = {}
        self.offsets: Deque[Tuple[float, float]] = deque(maxlen=OFFSETS)
        self._view: Optional[np.ndarray] = None
        self._view_before: Optional[np.ndarray] = None
        self._places = SeenPlaces()
        self._pruned = -np.inf
        self._mixed_up = 0.0

    @property
    def left_out(self) -> bool:
        """Return whether its sightings are not used."""
        return self.off_time or self.contradicts

    @property
    def contradicted(self) -> float:
        """Return how many of its last sightings others contradict."""
        return sum(self._against.values())

    @property
    def judged(self) -> float:
        """Return how many of its last sightings others confirm or contradict."""
        return self._agreed + self.contradicted

    @property
    def share(self) -> float:
        """Return the share of its sightings that others contradict."""
        return self.contradicted / self.judged if self.judged > 0.0 else 0.0

    def take(self, stamp: float, received: float) -> bool:
        """
        Take the stamp of a set; return whether it can be used.

        Not one that repeats the last one, nor one far from it until the next one confirms it.
        """
        last = self.stamp
        step = self.clock.advance(stamp, MAX_GAP)
        self.received = received
        self._mixed_up *= _FORGETTING
        if self.clock.in_doubt:
            self._mixed_up += 1.0
            return False
        if step.jumped_back or stamp > last + MAX_GAP:
            self.offsets.clear()
            self.ids.clear()
            self.stamp = stamp
        elif stamp <= last:
            self._mixed_up += 1.0
        else:
            self.period += (stamp - last - self.period) * (0.2 if self.period else 1.0)
            self.stamp = stamp
        if not self.offsets or received - self.offsets[-1][0] >= OFFSET_EVERY:
            self.offsets.append((received, received - stamp))
        return stamp != last

    def comparable(self) -> bool:
        """Return whether its stamps have been held against the clock for long enough."""
        return (len(self.offsets) >= MIN_OFFSETS
                and self.offsets[-1][0] - self.offsets[0][0] >= OFFSETS_SPAN)

    def drift(self) -> float:
        """Return by how many s a second its stamps fall behind the receiver's clock."""
        (since, first), (until, last) = self.offsets[0], self.offsets[-1]
        return (last - first) / (until - since)

    def lag(self, now: float, drift: float) -> float:
        """Return by how many s its stamps are behind the receiver's clock at `now`, in s."""
        received, offsets = np.array(self.offsets).T
        return float(np.median(offsets + drift * (now - received)))

    def look(self, view: Optional[np.ndarray], stamp: float) -> None:
        """Take its view, (M, 2) m, None if unknown, at `stamp` in s."""
        if view is None or len(view) < 3:
            self._view = None
            return
        if self._view is not None and not np.array_equal(view, self._view):
            if self._view_before is not None and np.array_equal(view, self._view_before):
                self._mixed_up += 1.0
            self._view_before = self._view
            if abs(stamp - self._pruned) >= PRUNE_EVERY:
                # From elsewhere, or in another direction, walls may hide what it saw from there.
                self._places.keep(inside(view, self._places.centres()))
                self._pruned = stamp
        self._view = view

    def learn(self, places: np.ndarray, stamp: float) -> None:
        """Take where, (N, 2) m, it has seen objects at `stamp` in s."""
        self._places.add(places, stamp)

    def views(self, places: np.ndarray) -> np.ndarray:
        """Return which places, (N, 2) m, are in its view, (N,) bool; all if it is not known."""
        return np.ones(len(places), bool) if self._view is None else inside(self._view, places)

    def sees(self, places: np.ndarray, stamp: float) -> np.ndarray:
        """Return in which places, (N, 2) m, it has seen objects before `stamp` in s, (N,) bool."""
        return self._places.include(places, stamp)

    def sees_near(self, places: np.ndarray, stamp: float) -> np.ndarray:
        """Return the same, but also for places right beside those."""
        return self._places.are_near(places, stamp)

    def is_mixed_up(self) -> bool:
        """Return whether two cameras seem to use this name."""
        return self._mixed_up >= MIXED_UP

    def judge(self, agreed: int, contradicted: int, places: np.ndarray, unjudged: int) -> None:
        """
        Count sightings that others confirm, that they contradict, and that nobody can judge.

        `places` (N, 2) m are those of which `contradicted` are, in any of them.
        """
        fading = float(np.exp(-(agreed + contradicted) / MEMORY_JUDGED
                              - unjudged / MEMORY_UNJUDGED))
        self._agreed = self._agreed * fading + agreed
        self._against = {cell: count * fading for cell, count in self._against.items()
                         if count * fading > 0.05}
        if contradicted:
            for x, y in cells_of(places).tolist():
                count = self._against.get((x, y), 0.0) + contradicted / len(places)
                self._against[x, y] = min(count, MOST_IN_CELL)

    def forget_verdict(self) -> None:
        """Begin to judge it anew."""
        self._agreed = 0.0
        self._against.clear()

    def believe(self) -> None:
        """Let it come back: what it saw may have been elsewhere."""
        self.contradicts = False
        self.forget_verdict()
        self._places.clear()

    def bind(self, own: int, number: int) -> None:
        """Remember that its own id is that of a track."""
        self.ids.pop(own, None)  # the last ones are at the end
        self.ids[own] = number
        if len(self.ids) > MAX_IDS:
            del self.ids[next(iter(self.ids))]

    def rename(self, number: int, other: int) -> None:
        """Let its ids of a track be those of another one."""
        for own, known in self.ids.items():
            if known == number:
                self.ids[own] = other


class FloorCameras:
    """All cameras that look at a floor."""

    def __init__(self, usable: float):
        """Begin without cameras; stamps may differ by `usable` s from those of the others."""
        self._usable = usable
        self._by_name: Dict[str, FloorCamera] = {}
        self._warnings: List[str] = []
        self._said: set = set()
        self._compared = -np.inf

    def __iter__(self) -> Iterator[FloorCamera]:
        """Iterate over the cameras."""
        return iter(self._by_name.values())

    def find(self, name: str, received: float) -> Tuple[Optional[FloorCamera], bool]:
        """Return a camera, None if there are too many, and whether its slot was another's."""
        camera = self._by_name.get(name)
        if camera is not None:
            return camera, False
        slot, reused = len(self._by_name), False
        if slot == MAX_CAMERAS:
            oldest = min(self, key=lambda one: one.received)
            if received - oldest.received <= SILENT:
                self.warn('count', f"more than {MAX_CAMERAS} cameras at a time: '{name[:64]}' "
                          'and others are not used')
                return None, False
            del self._by_name[oldest.name]
            slot, reused = oldest.slot, True
        camera = self._by_name[name] = FloorCamera(name, slot, received)
        return camera, reused

    def warn(self, about: str, message: str) -> None:
        """Say something once; `about` is what it is about."""
        if about not in self._said and len(self._warnings) < _MAX_WARNINGS:
            if len(self._said) >= 4 * MAX_CAMERAS:
                self._said.clear()
            self._said.add(about)
            self._warnings.append(message)

    def new_warnings(self) -> List[str]:
        """Return a line on each thing that users should know, once."""
        found, self._warnings = self._warnings, []
        return found

    def live(self, now: float) -> List[FloorCamera]:
        """Return those that have sent something lately, at `now` by the receiver's clock in s."""
        return [one for one in self if now - one.received <= max(LIVE, 3.0 * one.period)]

    def clock_set_back(self, now: float) -> None:
        """Begin anew with a receiver's clock that was set back to `now`, in s."""
        self._compared = now
        for camera in self:
            camera.received = min(camera.received, now)
            camera.offsets.clear()

    def compare_clocks(self, received: float, now: Optional[float]) -> None:
        """
        Leave out cameras whose stamps are apart from those of the others, and say so.

        `received` is the time by the receiver's clock, and `now` by that of the stamps, both in s.
        """
        if received - self._compared < 0.5:
            return
        self._compared = received
        comparable = [one for one in self.live(received) if one.comparable()]
        if not comparable:
            return
        # All of them drift if a recording is played faster, or slower, than it was made.
        drift = float(np.median([one.drift() for one in comparable]))
        lags = [(one.lag(received, drift), one) for one in comparable]
        ordered = sorted(lag for lag, _ in lags)
        middle, by_clock = _middle(ordered, received, now)
        for lag, camera in lags:
            camera.offset = lag - middle
            limit = self._usable * (RETURN if camera.off_time else 1.0)
            camera.off_time = abs(camera.offset) > limit
            if camera.off_time:
                others = 'those of the other cameras'
                if len(lags) == 2:
                    other = next(one for _, one in lags if one is not camera)
                    others = f"those of camera '{other.name[:64]}', " + (
                        "which are near this host's time" if by_clock else
                        'and nothing tells which clock is right; what is older comes too late')
                side = 'behind' if camera.offset > 0.0 else 'ahead of'
                self.warn(f'time {camera.name}', (
                    f"camera '{camera.name[:64]}': its stamps are {abs(camera.offset):.1f} s "
                    f'{side} {others}: synchronise the clocks of the hosts (NTP), or let it send '
                    'sooner; it is left out until then'))
            else:
                self._said.discard(f'time {camera.name}')

    def check_names(self, camera: FloorCamera) -> None:
        """Say so if two nodes seem to use a camera's name."""
        if camera.is_mixed_up():
            self.warn(f'name {camera.name}', (
                f"camera '{camera.name[:64]}': its sets repeat stamps, are out of order, or show "
                'two views in turn: give each camera a name of its own, and run one node for it'))

    def check_verdicts(self) -> Optional[FloorCamera]:
        """
        Leave out the camera that contradicts the others most, or let one come back.

        Return the one that has been left out.
        """
        for camera in self:
            if camera.contradicts and (camera.contradicted < FORGOTTEN or (
                    camera.judged >= MIN_JUDGED and camera.share < AGREES)):
                camera.believe()
                self._said.discard(f'word {camera.name}')
        used = [one for one in self if not one.left_out and one.judged >= MIN_JUDGED]
        worst = max(used, default=None, key=lambda one: (round(one.share, 1), -one.judged))
        if worst is None or worst.share < CONTRADICTS:
            return None
        worst.contradicts = True
        others = [one for one in self
                  if one is not worst and not one.left_out and one.judged >= MIN_JUDGED / 2.0]
        rival = ''
        if len(others) == 1 and others[0].share >= CONTRADICTS:
            rival = f", which may be that of '{others[0].name[:64]}' as well"
        self.warn(f'word {worst.name}', (
            f"camera '{worst.name[:64]}' contradicts the others: they see nobody where it sees "
            f'{worst.share:.0%} of its objects, and it nobody where they do: check its '
            f'calibration{rival}; it is left out until it agrees, or no more speaks against it'))
        # They may have been contradicted by this one.
        for camera in self:
            if not camera.contradicts:
                camera.forget_verdict()
        return worst


def _middle(lags: List[float], received: float, now: Optional[float]) -> Tuple[float, bool]:
    """
    Return which of several lags, in s and in order, is right, and whether `now` tells.

    Of two in the middle, it is the one that the receiver's time is near to, or else the later one.
    """
    two = lags[(len(lags) - 1) // 2], lags[len(lags) // 2]
    if now is not None:
        behind = [lag + now - received for lag in two]
        if min(map(abs, behind)) <= NEAR_CLOCK:
            return two[int(abs(behind[1]) < abs(behind[0]))], True
    return two[0], False


def inside(polygon: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return which places, (N, 2), are in a polygon, (M, 2): an odd number of sides to cross."""
    x, y = places[:, :1], places[:, 1:]
    (x1, y1), (x2, y2) = polygon.T, np.roll(polygon, -1, axis=0).T
    crosses = (y1 > y) != (y2 > y)
    with np.errstate(divide='ignore', invalid='ignore'):
        beyond = x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
    return (crosses & beyond).sum(axis=1) % 2 == 1
