"""One camera's heat over time: which object adds how much, where, and what decays."""

from dataclasses import dataclass, field, fields, replace
import math
from typing import (
    Any, Callable, Collection, Dict, Iterator, List, Optional, Sequence, Tuple, Union)

import numpy as np

from yolo_heatmap_ros.choices import HeatUnit, OnTimeJump
from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.clock import FrameClock, Step
from yolo_heatmap_ros.heat.crossings import anchor_of, margin_of, Walk
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.dwell import DwellSegment, Place, TrackPath
from yolo_heatmap_ros.heat.events import DIRECTIONS, Event, EventKind
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.identities import Identified, Identities
from yolo_heatmap_ros.heat.ignored_areas import IgnoredAreas
from yolo_heatmap_ros.heat.kernels import ground_contacts, KERNELS, Patch
from yolo_heatmap_ros.heat.layers import KINDS
from yolo_heatmap_ros.heat.layers.base import Layer
from yolo_heatmap_ros.heat.layers.classes import ClassLayers
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.layers.flow import FloorFlow, PictureFlow
from yolo_heatmap_ros.heat.layers.total import HEAT, TotalLayer
from yolo_heatmap_ros.heat.lines import Lines
from yolo_heatmap_ros.heat.motion import FloorSpace, PictureSpace
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.heat.regions import Regions
from yolo_heatmap_ros.heat.time_bins import TimeBin, TimeBins
from yolo_heatmap_ros.heat.tracks import Sighting, TrackMark, TrackMemory
from yolo_heatmap_ros.limits import MAX_BOX_PX

MOVED = 0.02
"""A camera has moved when the floor in its picture has, by this share of the picture's width."""


@dataclass
class HeatState:
    """
    A copy of everything that has been accumulated.

    `arrays` are the layers, float32, by name.  `unit` is the heat's; `frames` is their number;
    `began` and `ended` are the stamps, in s, of the first and the last.  `regions` are counts by
    the region's name, `lines` by the line's.  `facts` are what layers say about their arrays, as
    plain values.
    """

    arrays: Dict[str, np.ndarray]
    unit: str
    frames: int
    began: Optional[float]
    ended: Optional[float]
    regions: Dict[str, dict] = field(default_factory=dict)
    lines: Dict[str, dict] = field(default_factory=dict)
    facts: Dict[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> Tuple[int, int]:
        """Return (H, W) in px of the picture."""
        return self.arrays[HEAT].shape

    def described(self, with_size: bool = False) -> Iterator[str]:
        """Yield a line on each region and line, with the picture's size in it if asked for."""
        size = f' at {self.shape[1]} x {self.shape[0]}' if with_size else ''
        for name, count in self.regions.items():
            yield (f"region {name}{size}: {count['tracks']} objects, {count['entries']} entries, "
                   f"{count['exits']} exits, {count['occupancy']:.1f} s of occupancy")
        for name, count in self.lines.items():
            yield f"line {name}{size}: {count['forward']} forward, {count['backward']} backward"


class HeatAccumulator:
    """
    The heat of one camera at one resolution, in layers; `total` is the one to draw.

    `objects` are those of the last frame, by the ids that they are counted under, and `places`
    where they stand, (N, 2) float64 m, NaN where that is unknown; None without a floor.  `view` is
    how the last frame showed the floor.  `ignored` are the areas whose objects must not come here,
    None without any.
    """

    def __init__(self, height: int, width: int, options: HeatOptions,
                 numbers: Optional[Iterator[int]] = None):
        """
        Begin without heat, for pictures of `height` rows and `width` columns in px.

        `numbers` are those of new objects, from 1 on if they are not shared with other heat.
        """
        self.shape = height, width
        self.options = options
        self._kernel = KERNELS[options.kernel]
        self.clock = FrameClock()
        self.frames = 0
        self.began: Optional[float] = None
        self.regions: Optional[Regions] = None
        self.lines: Optional[Lines] = None
        self.ignored: Optional[IgnoredAreas] = None
        self._tracks = TrackMemory()
        self.view: Optional[FloorView] = None
        self.places: Optional[np.ndarray] = None
        self._reference: Optional[FloorView] = None
        self.moved = False
        self._space = (PictureSpace(height, width) if options.ground is None
                       else FloorSpace(None, height, width))
        self._identities = Identities(self._space, numbers)
        self._identified = Identified(np.empty(0, np.int64), np.empty(0, bool))
        self.objects = Detections.from_boxes(np.empty((0, 4)))
        self._events: List[Event] = []
        self._warnings: List[str] = []
        self._layers: Dict[type, Layer] = {
            kind: layer for kind in KINDS
            if (layer := kind.made_for(options, height, width, self._counts_at)) is not None}
        self._closed_bins: List[TimeBin] = []
        self.time_origin = 0.0
        self._make_regions()
        self._make_lines()
        self._make_ignored()
        self._make_bins()
        self._look(None)

    @property
    def total(self) -> HeatField:
        """Return the heat of all objects that count, (H, W)."""
        return self._layers[TotalLayer].field

    @property
    def classes(self) -> Optional[ClassLayers]:
        """Return the heat of each class, None without `per_class`."""
        return self._layers.get(ClassLayers)

    @property
    def floor(self) -> Optional[FloorLayer]:
        """Return the heat on the floor, None without a ground plane."""
        return self._layers.get(FloorLayer)

    @property
    def flow(self) -> Optional[PictureFlow]:
        """Return how objects move in the picture, None without `flow`."""
        return self._layers.get(PictureFlow)

    @property
    def floor_flow(self) -> Optional[FloorFlow]:
        """Return how objects move on the floor, None without `flow` or a ground plane."""
        return self._layers.get(FloorFlow)

    def reconfigure(self, options: HeatOptions, changed: Collection[str] = ()) -> None:
        """
        Continue with other options, of which those in `changed` differ from before.

        Counts of regions and lines that have moved start from zero.  `heat_unit`, `per_class`,
        `ground` and `flow` cannot change: they need a new accumulator.
        """
        if bool(options.track_memory) != bool(self.options.track_memory):
            self.forget_tracks()  # their numbers were the tracker's, or will be
        if any(getattr(options, one.name) is not getattr(self.options, one.name)
               for one in fields(HeatOptions)):
            self.close_bins()  # they are of what was set before
        self.options = options
        self._kernel = KERNELS[options.kernel]
        if {'regions', 'region_anchor'} & set(changed):
            self._make_regions(self.regions)
        if {'lines', 'region_anchor'} & set(changed):
            self._make_lines(self.lines)
        if {'ignored_areas', 'region_anchor'} & set(changed):
            self._make_ignored()
        if self._bins is None or self._bins.empty:
            self._make_bins()

    def _make_bins(self) -> None:
        self._bins: Optional[TimeBins] = None
        if self.options.history_period:
            self._bins = TimeBins(self.options, *self.shape, self._counts_at, self.time_origin)
            if self.moved:
                self._bins.leave_picture()

    def close_bins(self, before: float = math.inf) -> None:
        """Close the bins of history that end before a time, in s since 1970 UTC."""
        if self._bins is not None:
            self._bins.close(before)
            self._closed_bins += self._bins.closed()

    def new_bins(self) -> List[TimeBin]:
        """Return the bins of history that have been closed since the last call."""
        self.close_bins(-math.inf)
        found, self._closed_bins = self._closed_bins, []
        return found

    def set_time_origin(self, origin: float) -> None:
        """
        Set what is added to stamps for the time since 1970 UTC, in s.

        Stamps of before are of another time: bins are closed, and tracks forgotten.
        """
        self.close_bins()
        self.forget_tracks()
        self.time_origin = origin
        self._make_bins()

    def _make_regions(self, before: Optional[Regions] = None) -> None:
        """Make the regions; those that are as in `before` keep their counts."""
        self.regions, same = None, set()
        if self.options.regions:
            self.regions = Regions(self.options.regions, *self.shape, self.options.region_anchor)
            self._warnings += self.regions.warnings()
            same = self.regions.take_over(before)
        self._tracks.forget_regions(but=same)

    def _make_lines(self, before: Optional[Lines] = None) -> None:
        """Make the lines; those that are as in `before` keep their counts."""
        self.lines, same = None, set()
        if self.options.lines:
            self.lines = Lines(self.options.lines, *self.shape, self.options.region_anchor)
            self._warnings += self.lines.warnings()
            same = self.lines.take_over(before)
        self._tracks.forget_lines(but=same)

    def _make_ignored(self) -> None:
        self.ignored = None
        if self.options.ignored_areas:
            self.ignored = IgnoredAreas(self.options.ignored_areas, *self.shape,
                                        self.options.region_anchor)
            self._warnings += self.ignored.warnings()

    def forget_tracks(self) -> None:
        """Forget which objects were where, as after frames of another resolution."""
        self._tracks.clear()
        self._identities.clear()

    def new_warnings(self) -> List[str]:
        """Return a line on each thing that users should know, once."""
        found, self._warnings = self._warnings, []
        for layer in self._layers.values():
            found += layer.new_warnings()
        if self._bins is not None:
            found += self._bins.new_warnings()
        return found

    def _counts_at(self, box: np.ndarray) -> bool:
        return self.regions is None or self.regions.contain(box)

    def update(self, detections: Detections, stamp: float, frame: Optional[np.ndarray] = None,
               view: Optional[FloorView] = None) -> Step:
        """
        Add the heat of a frame's objects at `stamp`, in seconds; return the step of time.

        `frame`, (H, W, 3) uint8 BGR, shows their colours, by which broken tracks are joined.
        `view` is how it shows the floor, None for that of `HeatOptions.ground`.
        """
        step = self._advance(stamp)
        self._look(view)
        self.frames += 1
        if self.began is None or step.jumped_back:
            self.began = stamp
        if self._bins is not None:
            self._bins.step(self.clock.now, step.interval, step.jumped_back)
        if self.options.half_life and step.elapsed:
            factor = 0.5 ** (step.elapsed / self.options.half_life)
            for layer in self._layers.values():
                layer.decay(factor)
        detections = _usable(detections)
        sighting = self._follow(detections, step, frame)
        self._count(detections, sighting)
        in_seconds = self.options.heat_unit == HeatUnit.SECONDS
        segments = self._segments(detections, sighting, in_seconds)
        self._add(segments, flow=False)
        if self.options.flow:
            self._add(segments if in_seconds else self._segments(
                detections, sighting, in_seconds=True, patched=False), flow=True)
        return step

    def _add(self, segments: List[DwellSegment], flow: bool) -> None:
        """Add dwell segments to the layers of heat, or to those of flow."""
        layers = [layer for layer in self._layers.values() if layer.OF_FLOW == flow]
        for segment in segments:
            if self._bins is not None:
                self._bins.add(segment, flow)
            faded = segment.faded()
            for layer in layers:
                layer.add(faded)

    def _look(self, view: Optional[FloorView]) -> None:
        """Take the view of the next frame; heat of the picture is of what the picture shows."""
        ground = self.options.ground
        if ground is None:
            return
        self.view = self._space.view = ground.view if view is None else view
        if self.view is None:
            return
        self.floor.look(self.view)
        if self._reference is None or ground.view is not None:  # or a still camera
            self._reference = self.view
        elif self.view.shift(self._reference, *self.shape) > MOVED * self.shape[1]:
            self._reference = self.view
            self._forget_picture()

    def _forget_picture(self) -> None:
        """Forget the heat of the picture, which shows another place now; the floor's stays."""
        if not self.moved:
            counted = ('; regions and lines are of the picture, too: use a floor node'
                       if self._counted else '')
            self._warnings.append('the camera moves: heat in the picture (~/heat, ~/heatmap) is '
                                  f'that since it last moved; heat on the floor goes on{counted}')
        self.moved = True
        for layer in self._layers.values():
            layer.camera_moved()
        if self._bins is not None:
            self._bins.leave_picture()

    def warm_up(self, detections: Detections, stamp: float, frame: Optional[np.ndarray] = None,
                view: Optional[FloorView] = None) -> None:
        """
        Process a warm-up frame: update clock and tracks without adding heat or counts.

        So the second part of a clip starts where the first one ended, and both can be merged: it
        takes the frames of the last `max_gap` s, and `track_memory` for counts.
        """
        step = self._advance(stamp)
        self._look(view)
        detections = _usable(detections)
        self._count(detections, self._follow(detections, step, frame), warming_up=True)
        self._events.clear()
        for counted in self._counted:
            counted.forget_counts()

    def _advance(self, stamp: float) -> Step:
        step = self.clock.advance(stamp, self.options.max_gap)
        if step.jumped_back:
            self.forget_tracks()
            if self.options.on_time_jump == OnTimeJump.RESET:
                self.reset()
        return step

    def _follow(self, detections: Detections, step: Step,
                frame: Optional[np.ndarray]) -> Sighting:
        """Return where objects were since the last frame; nothing if no option asks for it."""
        self.objects = detections
        self.places = self._places(detections.xyxy)
        if self._follows and self.clock.in_doubt:
            # Nobody knows how far they can have come.
            self.objects = replace(detections, track_id=np.full(len(detections), -1))
        if not self._follows or self.clock.in_doubt:
            nothing = [None] * len(detections)
            self._identified = Identified(self.objects.track_id, np.zeros(len(detections), bool))
            return Sighting([], nothing, [0.0] * len(detections), nothing)
        # By the clock, not the stamp: a single wrong one must not age what stands still.
        now = self.clock.now
        memory = max(self.options.track_memory, self.options.max_gap)
        if self.options.track_memory:
            self._identified = self._identities.identify(detections, now, memory, frame)
        else:
            numbers = _without_repeats(detections.track_id)
            self._identified = Identified(numbers, numbers >= 0)
        self.objects = replace(detections, track_id=self._identified.numbers)
        return self._tracks.see(
            detections.xyxy, self._identified.numbers.tolist(), detections.class_id.tolist(), now,
            step.interval, self.options.max_gap, memory,
            inherit_places=self.options.ignore_stationary > 0.0, floor=self._spots())

    def _places(self, boxes: np.ndarray) -> Optional[np.ndarray]:
        """Return where boxes, (N, 4) xyxy in px, stand, (N, 2) float64 m; None without a floor."""
        if self.options.ground is None:
            return None
        if self.view is None:
            return np.full((len(boxes), 2), np.nan)
        return self.view.to_metres(ground_contacts(boxes))

    def _spots(self) -> Optional[np.ndarray]:
        """Return the places, NaN without a floor; None if nothing needs the trails of tracks."""
        if self.places is None and self.options.flow:
            return np.full((len(self.objects), 2), np.nan)
        return self.places

    @property
    def _follows(self) -> bool:
        """Return whether an option asks for where objects were."""
        return bool(self.options.heat_unit == HeatUnit.SECONDS or self.options.ignore_stationary
                    or self.options.flow or self._counted)

    @property
    def _counted(self) -> List[Union[Regions, Lines]]:
        return [counted for counted in (self.regions, self.lines) if counted is not None]

    def _count(self, detections: Detections, sighting: Sighting,
               warming_up: bool = False) -> None:
        """Count what has happened since the last frame, of tracks that are confirmed by now."""
        if not self._counted:
            return
        anchor = self.options.region_anchor
        for box, track, way, confirmed in zip(detections.xyxy, sighting.tracks, sighting.ways,
                                              self._identified.confirmed.tolist()):
            if track is None or way is None:
                continue
            places = [(anchor_of(there, anchor), stamp) for there, stamp in way]
            end, margin = anchor_of(box, anchor), margin_of(box)
            walks = [Walk(one, other, since, until, margin) for (one, since), (other, until)
                     in zip(places, (*places[1:], (end, track.stamp)))]
            for walk in walks or [Walk(None, end, track.stamp - track.away, track.stamp, margin)]:
                if self.regions is not None:
                    track.events += self.regions.follow(track, walk, self.options.dwell_alert)
                if self.lines is not None:
                    track.events += self.lines.follow(track, walk)
            if confirmed:
                for event in track.events:
                    self._apply(event._replace(class_id=track.class_id), warming_up)
                track.events.clear()
        if self.regions is not None:
            for dwell in self.regions.count(detections.xyxy, detections.class_id.tolist(),
                                            sighting.tracks, sighting.paths):
                if self._bins is not None and not warming_up:
                    self._bins.occupy(*dwell)

    def _apply(self, event: Event, warming_up: bool) -> None:
        counted = self.lines if event.kind in DIRECTIONS else self.regions
        counted.apply(event)
        if self._bins is not None and not warming_up:
            self._bins.count(event)
        self._events.append(event)

    def new_events(self, visits: bool = False) -> List[Event]:
        """
        Return what has happened since the last call, in the order in which it was certain.

        With `visits`, also the first visit of each track to each region.
        """
        found, self._events = self._events, []
        return [event for event in found if visits or event.kind != EventKind.VISIT]

    def positions(self, names: Callable[[int], str]) -> Optional[Positions]:
        """
        Return where the objects of the last frame stand on the floor, None without a floor.

        `names` gives the name of a class id.
        """
        if self.places is None:
            return None
        objects = self.objects
        unknown = np.full((len(objects), 2, 2), np.nan)
        return Positions(
            self.places, unknown if self.view is None else self.view.covariances(objects.xyxy),
            self._tracks.floor_velocities(objects.track_id.tolist()), objects.track_id,
            [names(number) for number in objects.class_id.tolist()], objects.confidence)

    def footprint(self, reach: float) -> Optional[np.ndarray]:
        """Return the border of the floor in sight, see `FloorView.footprint`; None if unknown."""
        return None if self.view is None else self.view.footprint(*self.shape, reach)

    def track_marks(self) -> List[TrackMark]:
        """Return a mark of each track that is remembered, by which another process knows it."""
        return self._tracks.marks()

    def _segments(self, detections: Detections, sighting: Sighting, in_seconds: bool,
                  patched: bool = True) -> List[DwellSegment]:
        """
        Return what each object that counts adds between the last frame and this one.

        Amounts are `in_seconds`, or 1 for each object; places have patches only if `patched`.
        """
        options, now = self.options, self.clock.now
        segments = []
        # Lists, not arrays: this runs for every object of every frame.
        track_ids, class_ids = self.objects.track_id.tolist(), detections.class_id.tolist()
        for path in sighting.paths if in_seconds else _still(detections, self.places):
            index, begin, end, amount, age = path[:5]
            if not amount or (options.ignore_stationary
                              and sighting.still[index] >= options.ignore_stationary):
                continue
            faded = 1.0
            if in_seconds and options.half_life:
                # The exact integral of what decays while it is added.
                faded = _mean_decay(amount, options.half_life) * 0.5 ** (age / options.half_life)
            boxes = (end,) if begin is end else path.boxes()
            share = amount / len(boxes)
            segments.append(DwellSegment(
                track_ids[index], class_ids[index], now, begin, end, amount,
                [Place(box, share, self._patch(box, index, detections) if patched else None)
                 for box in boxes], faded, path.floor, path.velocity, path.floor_velocity))
        return segments

    def _patch(self, box: np.ndarray, index: int, detections: Detections) -> Optional[Patch]:
        outline = None
        if detections.outlines is not None:
            moved = box - detections.xyxy[index]
            outline = detections.outlines[index] + (moved[:2] + moved[2:]) / 2
        patch = self._kernel(box, outline, *self.shape)
        if patch is not None and self.regions is not None:
            mask = self.regions.mask[patch.rows, patch.columns]
            patch = patch._replace(heat=patch.heat * mask)
        return patch

    def show_classes(self, class_ids: Sequence[int]) -> None:
        """Draw the sum of these classes, of all if empty; without `per_class` nothing changes."""
        if self.classes is not None:
            self.total.restore(self.classes.sum_of(class_ids))

    def reset(self) -> None:
        """Forget all heat and all counts; the clock goes on."""
        for layer in self._layers.values():
            layer.reset()
        self.frames = 0
        self.began = self.clock.now
        self._make_regions()
        self._make_lines()
        self._events.clear()

    def state(self) -> HeatState:
        """Return a copy of all heat and counts."""
        arrays: Dict[str, np.ndarray] = {}
        facts: Dict[str, Any] = {}
        for layer in self._layers.values():
            arrays.update(layer.arrays())
            facts.update(layer.facts())
        return HeatState(arrays, str(self.options.heat_unit), self.frames, self.began,
                         self.clock.now, {} if self.regions is None else self.regions.state(),
                         {} if self.lines is None else self.lines.state(), facts)

    def restore(self, state: HeatState) -> None:
        """
        Replace all heat and counts by a copy.

        Raises HeatError, one line, before anything has changed if it does not fit.
        """
        if state.unit != self.options.heat_unit:
            raise HeatError(f"its heat_unit is '{state.unit}', and the node's "
                            f"'{self.options.heat_unit}'")
        for kind in KINDS:
            kind.check(self._layers.get(kind), state.arrays, state.facts)
        self.reset()
        for layer in self._layers.values():
            layer.restore(state.arrays)
        if self.regions is not None:
            self.regions.restore(state.regions)
        if self.lines is not None:
            self.lines.restore(state.lines)
        self.frames, self.began = state.frames, state.began
        self.clock.resume(state.ended)

    def _kind(self) -> Tuple:
        """Return what must be the same for heat to be added up."""
        options = self.options
        return (self.shape, options.heat_unit, options.half_life, options.kernel,
                options.region_anchor, *({name: points.tolist() for name, points
                                          in shapes.items()}
                                         for shapes in (options.regions, options.lines,
                                                        options.ignored_areas)),
                [(kind, layer.facts()) for kind, layer in self._layers.items()])

    def merge(self, other: 'HeatAccumulator') -> None:
        """
        Add what another accumulation of the same camera and options has found at another time.

        Heat and occupancy are exact, also with a half-life: the earlier heat decays until the
        end of the later one.  Not with `ignore_stationary`, since a warm-up does not know for how
        long a track has stayed; and a track that was not seen during the warm-up, but before and
        after it, counts twice in `tracks` of a region.  Raises HeatError, before anything has
        changed, for heat of another kind.
        """
        if self._kind() != other._kind():
            raise HeatError('heat of another resolution, unit, half-life, kernel, set of layers, '
                            'regions, ignored areas, lines or floor cannot be merged')
        earlier, later = sorted((self, other), key=lambda one: (
            -math.inf if one.clock.now is None else one.clock.now))
        factor = 1.0
        if self.options.half_life and earlier.clock.now is not None:
            factor = 0.5 ** ((later.clock.now - earlier.clock.now) / self.options.half_life)
        for kind, layer in self._layers.items():
            if self is earlier:
                layer.decay(factor)
            layer.merge(other._layers[kind], factor if other is earlier else 1.0)
        if self.regions is not None and other.regions is not None:
            self.regions.merge(other.regions, other is later)
        if self.lines is not None and other.lines is not None:
            self.lines.merge(other.lines)
        self.frames += other.frames
        begins = [one.began for one in (self, other) if one.began is not None]
        self.began = min(begins, default=None)
        self.clock.now = later.clock.now


def _still(detections: Detections, floor: Optional[np.ndarray]) -> Iterator[TrackPath]:
    """Yield the path of each confirmed object within its frame: a point, with 1 of heat."""
    for index, (box, confirmed) in enumerate(zip(detections.xyxy, detections.confirmed.tolist())):
        if confirmed:
            yield TrackPath(index, box, box, 1.0,
                            floor=None if floor is None else np.stack((floor[index],) * 2))


def _usable(detections: Detections) -> Detections:
    # A NaN would stay in the heat for good, whichever detector it came from.
    usable = (np.abs(detections.xyxy) <= MAX_BOX_PX).all(axis=1)
    return detections if usable.all() else detections.those(usable)


def _without_repeats(numbers: np.ndarray) -> np.ndarray:
    """Return ids, (N,), with -1 where an earlier object of the frame has the same one."""
    first = np.zeros(len(numbers), bool)
    first[np.unique(numbers, return_index=True)[1]] = True
    return np.where(first, numbers, -1)


def _mean_decay(seconds: float, half_life: float) -> float:
    """Return the mean of 2^(-t / half_life) over `seconds`: (1 - e^-x) / x, x = t ln 2 / h."""
    exponent = seconds * math.log(2.0) / half_life
    return -math.expm1(-exponent) / exponent if exponent else 1.0
