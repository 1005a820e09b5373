"""
Tracks on a floor that several cameras see: one person seen by four of them is one.

Each camera's sightings update the tracks at their own stamp, in order of stamps, after a bounded
wait for those that come late.  A camera gives each track one sighting at most; what no track
explains begins a track, clustered over the cameras first.
"""

from dataclasses import dataclass
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.heat.floor_cameras import (
    FloorCamera, FloorCameras, MAX_CAMERAS, MAX_CORNERS)
from yolo_heatmap_ros.heat.floor_classes import FloorClasses
from yolo_heatmap_ros.heat.floor_fusion import CLUSTER_GATE, FloorTracks, FOOT, New
from yolo_heatmap_ros.heat.floor_places import CELL

MAX_SIGHTINGS = 256
"""Largest number of sightings in a set, those of the highest confidence."""
MAX_PENDING = 1024
"""Largest number of sets that wait to be fused."""
MAX_SETS = 4
"""Largest number of sets of one camera in a step, the last ones."""
LAST_STAMP = 1e11
"""Stamps from so many s on are no time that anything was seen at."""
FARTHEST = 1e5
"""Positions beyond so many m are unusable ..."""
VAGUE = 3.0
"""... and so are those with a larger standard deviation, in m, along any direction."""
JUMP = 1.0
"""Cameras, most of them, that are late by more than this and the delay, in s, have started over
(a recording in a loop)."""
FRESH = 1.0
"""Seconds for which a camera's sighting of a track counts, or two of its periods ..."""
TENTATIVE = 1.1
"""... and for which a track that is not confirmed is remembered, at least."""
CONFIRMING_STEPS = 2
"""In so many steps must a track be seen if two cameras do not see it at once, ..."""
MANY = 3
"""... but where so many cameras look, ..."""
LONE_STEPS = 4
"""... in so many, and ..."""
CONFIRMING_SHARE = 0.6
"""... in this share of all since the first one."""
LONE = 10.0
"""Seconds after which a track that one camera sees where many look is no longer believed, ..."""
SHARED = 3.0
"""... unless two have seen it for so many seconds: who sits down may be hidden from one."""
JUDGE_EVERY = 0.5
"""Seconds between two verdicts on a camera: who stands still must not decide by himself."""


@dataclass(frozen=True)
class FloorSightings:
    """
    What one camera sees at one stamp.

    `stamp` in s.  `positions` (N, 2) float64 in m in the floor's frame, `covariances` (N, 2, 2)
    float64 in m^2; `track_ids` (N,) int64 are the camera's own, -1 for none; `class_names` N of
    them; `confidences` (N,) float32.  `view`, (M, 2) float64 in m, is the polygon of the floor
    that the camera sees, None if that is not known.
    """

    camera: str
    stamp: float
    positions: np.ndarray
    covariances: np.ndarray
    track_ids: np.ndarray
    class_names: Tuple[str, ...]
    confidences: np.ndarray
    view: Optional[np.ndarray] = None


@dataclass(frozen=True)
class FloorFrame:
    """
    The confirmed tracks at `stamp`, in s.

    `positions` (K, 2) float64 in m and `velocities` (K, 2) float64 in m/s in the floor's frame;
    `covariances` (K, 2, 2) float64 in m^2 of the positions; `track_ids` (K,) int64, from 1 on and
    never used again; `class_names` K of them; `cameras` (K,) int64 is how many cameras see each in
    their latest set; `seen` (K,) bool is false for what is predicted only.
    """

    stamp: float
    positions: np.ndarray
    velocities: np.ndarray
    covariances: np.ndarray
    track_ids: np.ndarray
    class_names: Tuple[str, ...]
    cameras: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class CameraStatistics:
    """
    Facts on one camera.

    `stamp` is its last one, `age` the time since then by the stamps of all, `offset` by how much
    its stamps are behind those of the others, all in s.  `contradicted` is the share of its
    sightings that other cameras contradict.  `late` counts sets that came too late.  `unusable`
    counts sets with a wrong or repeated stamp, and sightings with a number that is not finite, an
    impossible covariance, a standard deviation above `VAGUE`, or a place beyond `FARTHEST`;
    `vague` counts those of the last two kinds alone.
    """

    stamp: float
    age: float
    offset: float
    contradicted: float
    left_out: bool
    late: int
    unusable: int
    vague: int


class _Set(NamedTuple):
    """A usable set of a camera."""

    stamp: float
    received: float
    camera: FloorCamera
    positions: np.ndarray
    covariances: np.ndarray
    ids: np.ndarray
    classes: np.ndarray


class FloorTracker:
    """Fuses what several cameras see into tracks on their floor."""

    def __init__(self, rate: float = 10.0, delay: float = 0.2, memory: float = 3.0,
                 speed: float = 1.5):
        """
        Begin without cameras and tracks.

        There are at most `rate` steps per second; each waits `delay` s for sets that come late.
        Tracks that nobody sees are predicted for `memory` s.  Objects move at about `speed` m/s.
        """
        self._window, self._delay, self._memory = 1.0 / rate, delay, memory
        self._classes = FloorClasses()
        self._tracks = FloorTracks(MAX_CAMERAS, speed, self._classes)
        self._speed = speed
        self._cameras = FloorCameras(delay)
        self._pending: List[_Set] = []
        self._origin: Optional[float] = None
        self._done = -np.inf
        self._step = 0
        self._now = -np.inf
        self._near: Dict[Tuple[int, int], float] = {}

    def put(self, sightings: FloorSightings, received: float,
            now: Optional[float] = None) -> None:
        """
        Take what a camera sees, received at `received` in s, by any clock that runs steadily.

        `now` is the receiver's time in s by the clock that stamps are of, None if that is not
        known: it decides which of two cameras is right whose stamps are apart.  Nothing is raised
        for what is unusable: it is left out, and counted in `statistics`.
        """
        self._watch_clock(received)
        camera, reused = self._cameras.find(sightings.camera, received)
        if camera is None:
            return
        if reused:
            self._tracks.forget_camera(camera.slot)
        if not abs(sightings.stamp) < LAST_STAMP or not camera.take(sightings.stamp, received):
            camera.unusable += 1
            self._cameras.check_names(camera)
            return
        stamp = sightings.stamp
        self._cameras.compare_clocks(received, now)
        if camera.off_time:
            return
        if self._origin is None:
            # Cameras that keep step with each other stay in the middle of a step.
            self._origin = stamp - self._window / 2.0
        if self._cell(stamp) <= self._done:
            camera.late += 1
            camera.behind = self._origin + self._done * self._window - stamp > JUMP + self._delay
            self._restart_if_behind(received)
            if self._done > -np.inf:
                return
        camera.behind = False
        if len(self._pending) >= MAX_PENDING:
            camera.late += 1
            return
        one = self._usable(sightings, camera, received)
        camera.look(_polygon(sightings.view), stamp)
        self._cameras.check_names(camera)
        self._pending.append(one)

    def advance(self, now: float) -> List[FloorFrame]:
        """Return the steps that are due at `now`, by the same clock as `received`, in order."""
        self._watch_clock(now)
        frames = []
        self._pending.sort(key=lambda one: one.stamp)
        while self._pending:
            cell = self._cell(self._pending[0].stamp)
            count = sum(self._cell(one.stamp) == cell for one in self._pending)
            due = min(one.received for one in self._pending[:count]) + self._window + self._delay
            if now < due - 1e-9:
                break
            bundle, self._pending = self._pending[:count], self._pending[count:]
            self._done = cell
            frames.append(self._fuse(bundle))
        return frames

    def statistics(self) -> Dict[str, CameraStatistics]:
        """Return facts on each camera, by its name."""
        newest = max((one.stamp for one in self._cameras if not one.off_time), default=0.0)
        return {one.name: CameraStatistics(
            one.stamp, newest - one.stamp if np.isfinite(one.stamp) else np.inf, one.offset,
            one.share, one.left_out, one.late, one.unusable, one.vague) for one in self._cameras}

    def new_warnings(self) -> List[str]:
        """Return a line on each thing that users should know, once."""
        return self._cameras.new_warnings()

    def _cell(self, stamp: float) -> float:
        return float(np.floor((stamp - self._origin) / self._window))

    def _watch_clock(self, now: float) -> None:
        if now < self._now - JUMP:
            self._pending = [one._replace(received=now) for one in self._pending]
            self._cameras.clock_set_back(now)
            self._now = now
        elif now > self._now:
            self._now = now

    def _restart_if_behind(self, received: float) -> None:
        """Begin anew if most of the cameras have gone back in time."""
        live = [one for one in self._cameras.live(received) if not one.off_time]
        behind = [one for one in live if one.behind]
        if 2 * len(behind) <= len(live):
            return
        begin = min(one.stamp for one in behind)
        self._pending = [one for one in self._pending
                         if begin - JUMP <= one.stamp <= begin + JUMP]
        self._tracks.clear()
        self._near.clear()
        self._done, self._origin = -np.inf, begin - self._window / 2.0
        for camera in self._cameras:
            camera.ids.clear()
            camera.latest = camera.last_judged = -np.inf
            camera.behind = False

    def _usable(self, sightings: FloorSightings, camera: FloorCamera, received: float) -> _Set:
        """Return the sightings that can be used, their covariances with that of feet."""
        positions = np.asarray(sightings.positions, np.float64).reshape(-1, 2)
        covariances = np.asarray(sightings.covariances, np.float64).reshape(-1, 2, 2)
        xx, xy, yy = covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]
        with np.errstate(invalid='ignore', over='ignore'):
            widest = (xx + yy) / 2.0 + np.hypot((xx - yy) / 2.0, xy)
            sound = ((np.minimum(xx, yy) >= 0.0) & (xx * yy >= xy ** 2 * (1.0 - 1e-6))
                     & np.isfinite(covariances).all(axis=(1, 2))
                     & np.isfinite(positions).all(axis=1))
        far = sound & (np.abs(positions) > FARTHEST).any(axis=1)
        vague = sound & ~far & (widest > VAGUE ** 2)
        chosen = np.flatnonzero(sound & ~far & ~vague)
        camera.unusable += len(positions) - len(chosen)
        camera.vague += int((far | vague).sum())
        self._warn_of_vague(camera, np.abs(positions[far]), np.sqrt(widest[vague]))
        if len(chosen) > MAX_SIGHTINGS:
            self._cameras.warn(f'many {camera.name}', (
                f"camera '{camera.name[:64]}': {len(chosen)} objects in a frame; the "
                f'{MAX_SIGHTINGS} of the highest confidence are used'))
            confidences = np.nan_to_num(np.asarray(sightings.confidences, np.float64))
            chosen = np.sort(chosen[np.argsort(-confidences[chosen],
                                               kind='stable')[:MAX_SIGHTINGS]])
        covariances = covariances[chosen].copy()
        covariances[:, 0, 1] = covariances[:, 1, 0] = xy[chosen]
        covariances[:, (0, 1), (0, 1)] += FOOT ** 2
        classes = self._classes.numbers([sightings.class_names[index]
                                         for index in chosen.tolist()])
        self._classes.take_set(classes)
        return _Set(sightings.stamp, received, camera, positions[chosen], covariances,
                    _without_repeats(np.asarray(sightings.track_ids, np.int64)[chosen]), classes)

    def _warn_of_vague(self, camera: FloorCamera, far: np.ndarray, spreads: np.ndarray) -> None:
        """Say what cannot be used: places, (N, 2) m, and standard deviations, (M,) m."""
        name = camera.name[:64]
        if len(far):
            self._cameras.warn(f'far {camera.name}', (
                f"camera '{name}': it places an object {far.max():.3g} m from the origin of the "
                f'floor, more than {FARTHEST:g} m: such objects are not used; check its '
                'ground.*, which is in m, and its frame'))
        if len(spreads):
            self._cameras.warn(f'vague {camera.name}', (
                f"camera '{name}': where an object stands is known to {spreads.max():.3g} m only, "
                f'and more than {VAGUE:g} m is not used: let it look down more steeply, from '
                'nearer or with more pixels, or let another camera see that place; if it is near, '
                'check its ground.*'))

    def _fuse(self, bundle: List[_Set]) -> FloorFrame:
        self._step += 1
        tracks = self._tracks
        bundle = _last_ones(bundle)
        # Who is in doubt comes last: the others have narrowed down by then where everybody is.
        bundle.sort(key=lambda one: (one.stamp, one.camera.share))
        owners = [np.full(len(one.positions), -1) for one in bundle]
        for one, owned in zip(bundle, owners):
            one.camera.latest = one.stamp
            tracks.predict(one.stamp)
            if not one.camera.left_out:
                self._update(one, owned)
        self._begin(bundle, owners)
        for one, owned in zip(bundle, owners):
            if not one.camera.left_out:
                numbers = tracks.numbers[owned[owned >= 0]].tolist()
                for own, number in zip(one.ids[owned >= 0].tolist(), numbers):
                    if own >= 0:
                        one.camera.bind(own, number)
        fresh = max(FRESH, 2.2 * self._period())
        self._compare_classes(bundle, owners, fresh)
        lookers = self._judge(bundle, owners, fresh)
        self._confirm(lookers, fresh)
        self._merge(fresh)
        return self._frame()

    def _frame(self) -> FloorFrame:
        tracks = self._tracks
        latest = np.full(MAX_CAMERAS, np.inf)
        for camera in self._cameras:
            if self._is_current(camera):
                latest[camera.slot] = camera.latest
        shown = tracks.confirmed & (tracks.now - tracks.lone_since < LONE)
        cameras = (tracks.last_seen[shown] >= latest).sum(axis=1)
        return FloorFrame(tracks.now, tracks.means[shown, :2], tracks.means[shown, 2:],
                          tracks.covariances[shown, :2, :2], tracks.numbers[shown],
                          tuple(self._classes.names[number]
                                for number in tracks.classes[shown].tolist()),
                          cameras, cameras > 0)

    def _is_current(self, camera: FloorCamera) -> bool:
        """Return whether the last set of a camera that was used still says what it sees."""
        return self._tracks.now - camera.latest <= self._window + 1.5 * camera.period

    def _confirm(self, lookers: np.ndarray, fresh: float) -> None:
        """Confirm tracks that have been seen enough, and forget those that have not."""
        tracks, now = self._tracks, self._tracks.now
        period = max(self._window, self._period())
        together = (tracks.last_seen > now - 0.75 * period).sum(axis=1) >= 2
        steps = np.where(lookers >= MANY, LONE_STEPS, CONFIRMING_STEPS)
        expected = (now - tracks.begun) / period + 1.0
        tracks.confirmed |= together | (tracks.steps >= np.maximum(
            steps, CONFIRMING_SHARE * expected))
        memory = np.where(tracks.confirmed, self._memory, max(TENTATIVE, fresh))
        tracks.keep(now - tracks.last_seen.max(axis=1, initial=-np.inf) <= memory)

    def _period(self) -> float:
        """Return the usual time between the stamps of a camera, in s."""
        return float(np.median([one.period for one in self._cameras] or [0.0]))

    def _update(self, one: _Set, owned: np.ndarray) -> None:
        """Update the tracks by a set, and note in `owned` whose its sightings are."""
        index_of = self._tracks.index_of()
        ids = one.camera.ids
        claimed = np.array([index_of.get(ids.get(own), -1)
                            for own in one.ids.tolist()], np.int64)
        pairs = self._tracks.associate(one.positions, one.covariances, one.classes, claimed)
        self._tracks.see(pairs, one.positions, one.covariances, one.classes, one.camera.slot,
                         self._step)
        owned[pairs[:, 0]] = pairs[:, 1]

    def _begin(self, bundle: List[_Set], owners: List[np.ndarray]) -> None:
        """Begin tracks with what none explains, and note them in `owners`."""
        now = self._tracks.now
        rest = [(number, index) for number, (one, owned) in enumerate(zip(bundle, owners))
                if not one.camera.left_out for index in np.flatnonzero(owned < 0).tolist()]
        if not rest:
            return
        sets = [bundle[number] for number, _ in rest]
        ages = np.array([now - one.stamp for one in sets])
        covariances = np.array([one.covariances[index] for one, (_, index) in zip(sets, rest)])
        covariances[:, (0, 1), (0, 1)] += (self._speed * ages[:, None]) ** 2
        begun = self._tracks.begin(New(
            np.array([one.positions[index] for one, (_, index) in zip(sets, rest)]), covariances,
            np.array([one.camera.slot for one in sets]), np.array([one.stamp for one in sets]),
            np.array([one.classes[index] for one, (_, index) in zip(sets, rest)])), self._step)
        for (number, index), track in zip(rest, begun.tolist()):
            owners[number][index] = track

    def _compare_classes(self, bundle: List[_Set], owners: List[np.ndarray],
                         fresh: float) -> None:
        """Note where two cameras call one object differently."""
        tracks = self._tracks
        cameras = {camera.slot: camera.name[:64] for camera in self._cameras}
        for one, owned in zip(bundle, owners):
            if one.stamp - one.camera.last_judged < JUDGE_EVERY - 1e-3:
                continue
            rows = np.flatnonzero(owned >= 0)
            some, classes = owned[rows], one.classes[rows, None]
            unlike = (self._classes.unlike[classes, tracks.called[some]]
                      & (tracks.last_seen[some] > tracks.now - fresh))
            for row in np.flatnonzero(unlike.any(axis=1)).tolist():
                other = int(unlike[row].argmax())
                names = self._classes.take_same(
                    int(classes[row, 0]), int(tracks.called[some[row], other]))
                if names is not None:
                    self._cameras.warn(f'class {sorted(names)}', (
                        f"cameras '{one.camera.name[:64]}' and '{cameras[other]}' call the same "
                        f"objects '{names[0]}' and '{names[1]}': they are fused, under the name "
                        'that is given more often; give both nodes the same names of classes'))

    def _judge(self, bundle: List[_Set], owners: List[np.ndarray], fresh: float) -> np.ndarray:
        """
        Hold what each camera sees against what the others do, and learn where it sees objects.

        Return how many cameras have each track in their views, (T,) int64.
        """
        tracks, now = self._tracks, self._tracks.now
        places = np.concatenate([tracks.means[:, :2], *(one.positions for one in bundle)])
        views = np.zeros((len(places), MAX_CAMERAS), bool)
        looks = views.copy()
        trusted = np.zeros(MAX_CAMERAS, bool)
        for camera in self._cameras:
            if now - camera.latest <= fresh or self._is_current(camera):
                views[:, camera.slot] = camera.views(places)
                # Views go on behind walls: that nobody is seen counts where somebody was.
                looks[:, camera.slot] = views[:, camera.slot] & camera.sees(places, now)
                trusted[camera.slot] = not camera.left_out
        count = len(tracks)
        sees = (tracks.last_seen > now - fresh) & trusted
        self._doubt(sees, ((looks[:count] | sees) & trusted).sum(axis=1))
        begin = count
        for one, owned in zip(bundle, owners):
            rows, begin = slice(begin, begin + len(owned)), begin + len(owned)
            camera = one.camera
            if camera.off_time:
                continue
            # A camera that is left out has no tracks: what it sees itself must do.
            known = camera.contradicts | ((owned >= 0) & np.append(tracks.confirmed, False)[owned])
            known &= np.trace(one.covariances, axis1=1, axis2=2) <= CELL ** 2
            camera.learn(one.positions[known], one.stamp)
            if one.stamp - camera.last_judged < JUDGE_EVERY - 1e-3:
                continue
            camera.last_judged = one.stamp
            missed = ~sees[:, camera.slot]
            if camera.contradicts:
                pairs = tracks.associate(one.positions, one.covariances, one.classes,
                                         np.full(len(owned), -1), CLUSTER_GATE)
                owned = owned.copy()
                owned[pairs[:, 0]] = pairs[:, 1]
                missed[pairs[:, 1]] = False
            others = trusted.copy()
            others[camera.slot] = False
            seen = (sees & others).any(axis=1)
            agreed = (owned >= 0) & np.append(seen, False)[owned]
            alone = ~agreed & (looks[rows] & others).any(axis=1)
            # Others have seen that track before: they know that there is somebody.
            alone &= (owned < 0) | ~np.append(tracks.shared, False)[owned]
            missed &= (seen & tracks.confirmed & views[:count, camera.slot]
                       & camera.sees_near(tracks.means[:, :2], now))
            # What is hidden from one of them is no contradiction, nor what one of them misses.
            contradicted = min(int(alone.sum()), int(missed.sum()))
            camera.judge(int(agreed.sum()), contradicted, one.positions[alone],
                         len(owned) - int(agreed.sum()) - contradicted)
        left = self._cameras.check_verdicts()
        if left is not None:
            tracks.forget_camera(left.slot)
        # This is only about some steps more or less until a track is confirmed.
        return (views[:count] & trusted).sum(axis=1)

    def _doubt(self, sees: np.ndarray, lookers: np.ndarray) -> None:
        """Note since when one camera sees a track, (T, C), of three or more lookers, (T,)."""
        tracks, now = self._tracks, self._tracks.now
        seeing = sees.sum(axis=1)
        tracks.shared_since = np.where(seeing >= 2, np.minimum(tracks.shared_since, now), np.inf)
        tracks.shared |= now - tracks.shared_since >= SHARED
        lone = np.where((lookers >= MANY) & ~tracks.shared,
                        np.minimum(tracks.lone_since, now), np.inf)
        tracks.lone_since = np.where(seeing == 1, lone,
                                     np.where(seeing == 0, tracks.lone_since, np.inf))

    def _merge(self, fresh: float) -> None:
        """Make one of two tracks that are of the same object."""
        tracks = self._tracks
        self._near, same = tracks.duplicates(self._near, fresh)
        wanted = np.ones(len(tracks), bool)
        for stays, goes in same:
            wanted[goes] = False
            tracks.absorb(stays, goes)
            for camera in self._cameras:
                camera.rename(int(tracks.numbers[goes]), int(tracks.numbers[stays]))
        tracks.keep(wanted)


def _last_ones(bundle: List[_Set]) -> List[_Set]:
    """Return the last sets of each camera, of sets in order of stamps."""
    counts: Dict[int, int] = {}
    kept = []
    for one in reversed(bundle):
        slot = one.camera.slot
        counts[slot] = counts.get(slot, 0) + 1
        if counts[slot] <= MAX_SETS:
            kept.append(one)
    return kept[::-1]


def _polygon(view: Optional[np.ndarray]) -> Optional[np.ndarray]:
    """Return a view, thinned if it has too many corners; None if it is not finite."""
    if view is None:
        return None
    view = np.asarray(view, np.float64).reshape(-1, 2)
    if not np.isfinite(view).all():
        return None
    return view[::len(view) // MAX_CORNERS + 1]


def _without_repeats(ids: np.ndarray) -> np.ndarray:
    """Return ids, (N,), with -1 where an earlier sighting has the same one."""
    first = np.zeros(len(ids), bool)
    first[np.unique(ids, return_index=True)[1]] = True
    return np.where(first & (ids >= 0), ids, -1)
