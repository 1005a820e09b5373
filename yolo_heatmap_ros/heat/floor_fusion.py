"""What moves on the floor: many Kalman filters at once, and which sighting is of which track."""

import itertools
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from yolo_heatmap_ros.heat.assignment import assigned
from yolo_heatmap_ros.heat.floor_classes import FloorClasses, UNKNOWN
from yolo_heatmap_ros.heat.motion import relaxed

FOOT = 0.1
"""Standard deviation, in m, of where a camera puts a foot, whatever its pixels: people have feet
on both sides of where they are, and calibrations differ by about that much."""
RELAXATION = 2.0
"""Time constant, in s, with which the expected speed of an unseen object tends to 0 ..."""
AGILITY = 0.6
"""... and the white noise that changes it, in m/s per root of s, for each m/s of `speed`."""
GATE = 14.0
"""Squared distance, in variances, beyond which a sighting is of no track."""
BELIEVED = 25.0
"""The same for a track that the camera itself claims, by the id that it gives."""
UNLIKE = 7.0
"""
Largest -2 log likelihood that a track is seen at a place, without its constant.

An object that is new, or false, is as likely as that if 3 of them appear on 100 m^2 in each frame.
"""
CLAIM = 6.0
"""How much likelier, in -2 log likelihoods, the track is that a camera's own id points at ..."""
OTHER_CLASS = 6.0
"""... and how much less likely one of another class, unless the two are known to be the same."""
CLUSTER_GATE = 9.0
"""Squared distance, in variances, beyond which sightings that no track explains are apart."""
NEAR = 0.6
"""Two tracks that are as near as that, in m, ..."""
MERGE_AFTER = 1.0
"""... for as many seconds, and never seen by one camera at once, are one."""
MAX_NEAR = 1000
"""Largest number of pairs of near tracks that are watched."""
MAX_TRACKS = 512
"""Largest number of tracks; what else is seen waits until one ends."""
MAX_NEW = 512
"""Largest number of sightings in a step that can begin tracks, the most certain ones."""


class New(NamedTuple):
    """
    What no track explains: places, (N, 2) m, covariances, (N, 2, 2) m^2, and whose they are.

    `slots` (N,) int64 are the cameras', `stamps` (N,) float64 in s, `classes` (N,) int64.
    """

    positions: np.ndarray
    covariances: np.ndarray
    slots: np.ndarray
    stamps: np.ndarray
    classes: np.ndarray


class FloorTracks:
    """
    Tracks on the floor at one time, `now` in s.

    The velocity is an Ornstein-Uhlenbeck process, as in `motion`.  `means` (T, 4) float64 are x, y
    in m and their speeds in m/s, `covariances` (T, 4, 4) theirs; `numbers` (T,) int64; `votes`
    (T,) are how often each was called what, by number, `classes` (T,) int64 the most frequent of
    them, and `called` (T, C) int64 what each camera has called it last; `confirmed` (T,) bool;
    `begun` (T,) float64 in s; `steps` (T,) int64 in how many steps each was seen; `last_seen`
    (T, C) float64, the stamp in s at which each camera has seen it last, -inf for never;
    `lone_since` (T,) float64, since when only one of several cameras that look at it sees it, inf
    if that is not so; `shared_since` (T,) float64, since when two have seen it all the time, and
    `shared` (T,) bool, whether they have for long enough.
    """

    _FIELDS = ('means', 'covariances', 'numbers', 'votes', 'classes', 'called', 'confirmed',
               'begun', 'steps', 'stepped', 'last_seen', 'lone_since', 'shared_since', 'shared')

    def __init__(self, cameras: int, speed: float, known: FloorClasses):
        """Begin without tracks, for `cameras` slots and objects that move at `speed` in m/s."""
        self.now = -np.inf
        self._speed = speed
        self._known = known
        self._next = itertools.count(1)
        self.means = np.empty((0, 4))
        self.covariances = np.empty((0, 4, 4))
        self.numbers = np.empty(0, np.int64)
        self.votes = np.empty(0, object)
        self.classes = np.empty(0, np.int64)
        self.called = np.empty((0, cameras), np.int64)
        self.confirmed = np.empty(0, bool)
        self.begun = np.empty(0)
        self.steps = np.empty(0, np.int64)
        self.stepped = np.empty(0, np.int64)
        self.last_seen = np.empty((0, cameras))
        self.lone_since = np.empty(0)
        self.shared_since = np.empty(0)
        self.shared = np.empty(0, bool)

    def __len__(self) -> int:
        """Return the number of tracks, also those that are not confirmed."""
        return len(self.numbers)

    def index_of(self) -> Dict[int, int]:
        """Return the index of each number."""
        return {number: index for index, number in enumerate(self.numbers.tolist())}

    def predict(self, now: float) -> None:
        """Move all tracks on to `now`, in s; back in time they stay where they are."""
        time = now - self.now
        if time <= 0.0:
            return
        self.now = now
        if not len(self):
            return
        fading, way, (spread, mixed, quick) = relaxed(time, RELAXATION)
        step = np.eye(4)
        step[:2, 2:], step[2:, 2:] = way * np.eye(2), fading * np.eye(2)
        noise = np.kron([[spread, mixed], [mixed, quick]],
                        np.eye(2)) * (AGILITY * self._speed) ** 2
        self.means = self.means @ step.T
        self.covariances = step @ self.covariances @ step.T + noise

    def associate(self, positions: np.ndarray, covariances: np.ndarray, classes: np.ndarray,
                  claimed: np.ndarray, gate: float = GATE) -> np.ndarray:
        """
        Return which of one camera's sightings are of which track, pairs of indices (K, 2) int64.

        `positions` (N, 2) m, `covariances` (N, 2, 2) m^2, `classes` (N,) int64, and `claimed`
        (N,) int64, the track that the camera's own id points at, -1 for none.
        """
        if not len(self) or not len(positions):
            return np.empty((0, 2), np.int64)
        away, spread = distances(positions, covariances, self.means[:, :2],
                                 self.covariances[:, :2, :2])
        against = away + np.log(spread) + OTHER_CLASS * self._known.unlike[
            classes[:, None], self.classes]
        claims = claimed[:, None] == np.arange(len(self))
        against -= CLAIM * claims
        against[away >= np.where(claims, max(gate, BELIEVED), gate)] = np.inf
        return assigned(against, UNLIKE)

    def see(self, pairs: np.ndarray, positions: np.ndarray, covariances: np.ndarray,
            classes: np.ndarray, slot: int, step: int) -> None:
        """Take the sightings of one camera at `now`, in pairs as `associate` returns them."""
        sightings, tracks = pairs.T
        total = self.covariances[tracks, :2, :2] + covariances[sightings]
        gain = self.covariances[tracks][:, :, :2] @ _inverse(total)
        error = positions[sightings] - self.means[tracks, :2]
        self.means[tracks] += (gain @ error[:, :, None])[:, :, 0]
        smaller = self.covariances[tracks] - gain @ self.covariances[tracks, :2]
        self.covariances[tracks] = (smaller + smaller.transpose(0, 2, 1)) / 2.0
        self.last_seen[tracks, slot] = self.now
        self.called[tracks, slot] = classes[sightings]
        for track, number in zip(tracks.tolist(), classes[sightings].tolist()):
            self._vote(track, number, 1)
        self.steps[tracks] += self.stepped[tracks] != step
        self.stepped[tracks] = step

    def _vote(self, track: int, number: int, count: int) -> None:
        """Count what a track, by its index, is called."""
        if number == UNKNOWN:
            return
        votes = self.votes[track]
        votes[number] = votes.get(number, 0) + count
        if votes[number] > votes.get(int(self.classes[track]), 0):
            self.classes[track] = number

    def begin(self, new: New, step: int) -> np.ndarray:
        """
        Begin a track for each cluster of sightings that no track explains.

        A cluster has one sighting of a camera at most.  Returns the track of each sighting,
        (N,) int64, -1 for those that there was no room for.
        """
        tracks = np.full(len(new.positions), -1, np.int64)
        order = np.argsort(np.trace(new.covariances, axis1=1, axis2=2), kind='stable')[:MAX_NEW]
        room = MAX_TRACKS - len(self)
        means, covariances = np.empty((len(order), 2)), np.empty((len(order), 2, 2))
        members: List[List[int]] = []
        slots: List[set] = []
        for index in order.tolist():
            slot, count = int(new.slots[index]), len(members)
            cluster = -1
            if count:
                away, _ = distances(new.positions[index:index + 1],
                                    new.covariances[index:index + 1], means[:count],
                                    covariances[:count])
                away = self._apart(away[0], new.classes[index],
                                   new.classes[[some[0] for some in members]])
                close = np.flatnonzero(away < CLUSTER_GATE)
                for near in close[np.argsort(away[close], kind='stable')].tolist():
                    if slot not in slots[near]:
                        cluster = near
                        break
            if cluster < 0:
                if count >= room:
                    continue
                means[count], covariances[count] = new.positions[index], new.covariances[index]
                members.append([index])
                slots.append({slot})
                continue
            gain = covariances[cluster] @ _inverse(covariances[cluster] + new.covariances[index])
            means[cluster] += gain @ (new.positions[index] - means[cluster])
            covariances[cluster] -= gain @ covariances[cluster]
            members[cluster].append(index)
            slots[cluster].add(slot)
        first = len(self)
        for cluster, some in enumerate(members):
            tracks[some] = first + cluster
        self._append(members, means, covariances, new, step)
        return tracks

    def _apart(self, away: np.ndarray, one: int, others: np.ndarray) -> np.ndarray:
        """Return distances, (N,), with what the classes say: `one`, and `others` (N,) int64."""
        return np.where(self._known.different[one, others], np.inf,
                        away + OTHER_CLASS * self._known.unlike[one, others])

    def _append(self, members: Sequence[Sequence[int]], means: np.ndarray,
                covariances: np.ndarray, new: New, step: int) -> None:
        count = len(members)
        if not count:
            return
        states = np.zeros((count, 4))
        states[:, :2] = means[:count]
        wide = np.zeros((count, 4, 4))
        wide[:, :2, :2] = covariances[:count]
        wide[:, (2, 3), (2, 3)] = self._speed ** 2
        seen = np.full((count, self.last_seen.shape[1]), -np.inf)
        called = np.full(seen.shape, UNKNOWN)
        for row, some in enumerate(members):
            seen[row, new.slots[some]] = new.stamps[some]
            called[row, new.slots[some]] = new.classes[some]
        votes = np.empty(count, object)
        votes[:] = [{} for _ in members]
        fresh = {
            'means': states, 'covariances': wide,
            'numbers': np.array([next(self._next) for _ in members], np.int64),
            'votes': votes, 'classes': np.full(count, UNKNOWN), 'called': called,
            'confirmed': np.zeros(count, bool), 'begun': np.full(count, self.now),
            'steps': np.ones(count, np.int64), 'stepped': np.full(count, step),
            'last_seen': seen, 'lone_since': np.full(count, np.inf),
            'shared_since': np.full(count, np.inf), 'shared': np.zeros(count, bool)}
        for name in self._FIELDS:
            setattr(self, name, np.concatenate((getattr(self, name), fresh[name])))
        for track, some in enumerate(members, len(self) - count):
            for number in new.classes[some].tolist():
                self._vote(track, number, 1)

    def duplicates(self, near: Dict[Tuple[int, int], float], fresh: float,
                   ) -> Tuple[Dict[Tuple[int, int], float], List[Tuple[int, int]]]:
        """
        Return pairs of tracks that are near each other, and those that are one.

        No camera has seen both at once within `fresh` s.  `near` is what the last call returned:
        since when, in s, by their numbers.  Those that are one are pairs of indices, the one that
        goes on first.
        """
        places, covariances = self.means[:, :2], self.covariances[:, :2, :2]
        x, y = np.moveaxis(places[:, None] - places, -1, 0)
        close = (np.hypot(x, y) < NEAR) & ~self._known.different[self.classes[:, None],
                                                                 self.classes]
        foot = np.eye(2) * FOOT ** 2 / 2.0
        still, same, taken = {}, [], set()
        for one, other in np.argwhere(np.triu(close, 1))[:MAX_NEAR].tolist():
            seen, also = self.last_seen[one], self.last_seen[other]
            if ((seen == also) & (seen > self.now - fresh)).any():
                continue
            away, _ = distances(places[one:one + 1], covariances[one:one + 1] + foot,
                                places[other:other + 1], covariances[other:other + 1] + foot)
            if self._apart(away[0], self.classes[one], self.classes[[other]])[0] >= CLUSTER_GATE:
                continue
            pair = int(self.numbers[one]), int(self.numbers[other])
            still[pair] = since = near.get(pair, self.now)
            if self.now - since > MERGE_AFTER - 1e-3 and not {one, other} & taken:
                taken |= {one, other}
                # Tracks are in the order in which they began.
                later = self.confirmed[other] and not self.confirmed[one]
                same.append((other, one) if later else (one, other))
        return still, same

    def absorb(self, one: int, other: int) -> None:
        """Let a track go on as what is better known of the two, by their indices."""
        if np.trace(self.covariances[other]) < np.trace(self.covariances[one]):
            self.means[one] = self.means[other]
            self.covariances[one] = self.covariances[other]
        self.confirmed[one] |= self.confirmed[other]
        self.steps[one] = max(self.steps[one], self.steps[other])
        self.called[one] = np.where(self.last_seen[other] > self.last_seen[one],
                                    self.called[other], self.called[one])
        self.last_seen[one] = np.maximum(self.last_seen[one], self.last_seen[other])
        self.shared[one] |= self.shared[other]
        for number, count in self.votes[other].items():
            self._vote(one, number, count)

    def keep(self, wanted: np.ndarray) -> None:
        """Forget all tracks but those wanted, (T,) bool."""
        if not wanted.all():
            for name in self._FIELDS:
                setattr(self, name, getattr(self, name)[wanted])

    def clear(self) -> None:
        """Forget all tracks; their numbers are not used again."""
        self.keep(np.zeros(len(self), bool))
        self.now = -np.inf

    def forget_camera(self, slot: int) -> None:
        """Forget what the camera in a slot has seen."""
        self.last_seen[:, slot] = -np.inf


def distances(positions: np.ndarray, covariances: np.ndarray, others: np.ndarray,
              other_covariances: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """
    Return squared Mahalanobis distances, and the determinants of their covariances, (N, M) both.

    `positions` (N, 2) and `others` (M, 2) in m, with covariances (N, 2, 2) and (M, 2, 2) in m^2;
    the determinants in m^4.
    """
    x, y = np.moveaxis(positions[:, None] - others, -1, 0)
    total = covariances[:, None] + other_covariances
    xx, xy, yy = total[..., 0, 0], total[..., 0, 1], total[..., 1, 1]
    spread = np.maximum(xx * yy - xy ** 2, 1e-12)
    return (yy * x ** 2 - 2.0 * xy * x * y + xx * y ** 2) / spread, spread


def _inverse(matrices: np.ndarray) -> np.ndarray:
    """Return the inverses of symmetric matrices, (..., 2, 2)."""
    turned = -matrices
    turned[..., 0, 0], turned[..., 1, 1] = matrices[..., 1, 1], matrices[..., 0, 0]
    determinant = matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] ** 2
    return turned / determinant[..., None, None]
