"""The one way of a frame: objects, tracks, heat, pictures."""

from dataclasses import replace
import itertools
import math
from typing import Any, Callable, Collection, Dict, List, Mapping, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from yolo_heatmap_ros.choices import Anonymize, HeatUnit, KernelName
from yolo_heatmap_ros.detectors.class_names import ClassNames
from yolo_heatmap_ros.detectors.interface import Detector
from yolo_heatmap_ros.detectors.to_hide import ToHide
from yolo_heatmap_ros.detectors.tracking import those_with_cues
from yolo_heatmap_ros.drawing.flow import draw_flow
from yolo_heatmap_ros.drawing.ignored_areas import draw_ignored_areas
from yolo_heatmap_ros.drawing.lines import draw_lines
from yolo_heatmap_ros.drawing.public_picture import Privacy, PublicPicture
from yolo_heatmap_ros.drawing.regions import draw_regions
from yolo_heatmap_ros.drawing.renderer import halves, HeatRenderer
from yolo_heatmap_ros.errors import HeatError, ModelError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator, HeatState
from yolo_heatmap_ros.heat.clock import Step
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.events import Event
from yolo_heatmap_ros.heat.fitting import fitted
from yolo_heatmap_ros.heat.floor_view import FloorView
from yolo_heatmap_ros.heat.flow_field import FlowMap
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.ignored_areas import IgnoredAreas
from yolo_heatmap_ros.heat.layers.floor import Hotspot, UNKNOWN
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.heat.time_bins import named, TimeBin
from yolo_heatmap_ros.heat.tracks import TrackMark

MAX_SIZES = 4
"""Resolutions whose heat is kept; beyond that the one with the fewest frames is dropped."""


class FloorMap(NamedTuple):
    """
    Heat on the floor at one moment.

    `occupancy` (rows along y, columns along x) int8, 0 to 100 in the range of the colours, -1 for
    cells that no camera has seen; `plane` says where the cells are.  `heat` (rows, columns)
    float32 in its unit, and which cells are `known`, (rows, columns) bool.
    """

    occupancy: np.ndarray
    plane: GroundPlane
    heat: np.ndarray
    known: np.ndarray


class HeatmapPipeline:
    """
    One camera's detector, tracker, heat and renderer.

    Each resolution has its own heat: a frame of another size does not cost that of the others.
    `legend` draws a colour bar on the pictures; it may change between frames.  With `from_above`
    the picture is the floor itself: x and y of events are in m on it instead of px.  `numbers`
    are those of new objects: to go on where another pipeline has ended, hand its numbers on before
    the first frame.
    """

    from_above = False

    def __init__(self, detector: Detector, renderer: HeatRenderer,
                 options: HeatOptions = HeatOptions(), legend: bool = False,
                 warn: Callable[[str], None] = lambda line: None,
                 privacy: Privacy = Privacy()):
        """
        Begin without heat; the first frame decides the resolution.

        `warn` gets a line on each thing about the heat that users should know.  Raises ModelError
        if the model cannot give what the options or `privacy` need.
        """
        check_kernel(options.kernel, detector)
        self.detector = detector
        self.tracker = detector.make_tracker()
        self.renderer = renderer
        self.legend = legend
        self._warn = warn
        self._accumulator: Optional[HeatAccumulator] = None
        self._others: List[HeatAccumulator] = []
        self._last_frame: Optional[np.ndarray] = None
        self.numbers = itertools.count(1)
        self._time_origin = 0.0
        self._bins: List[TimeBin] = []
        self._public: Optional[PublicPicture] = None
        self.options = options
        self.show(privacy)

    def reconfigure(self, options: HeatOptions, changed: Collection[str] = ()) -> None:
        """
        Continue with other options, of which those in `changed` differ from before.

        Counts of regions and lines that have moved start from zero.  Raises ModelError, before
        anything has changed, if the model cannot give what they need.
        """
        check_kernel(options.kernel, self.detector)
        self.options = options
        self._apply_options()
        for accumulator in self._accumulators:
            accumulator.reconfigure(options, changed)

    def show(self, privacy: Privacy) -> None:
        """
        Show no more of the next frames than that; heat and counts stay as they are.

        Nothing of the last frame is shown any longer.  Raises ModelError, before anything has
        changed, if the model cannot give what it needs.
        """
        to_hide = self.to_hide(privacy)
        self.privacy, self._last_frame = privacy, None
        self.detector.to_hide = to_hide
        if not privacy.hides:
            self._public = None
        elif self._public is None:
            self._public = PublicPicture(privacy)
        else:
            self._public.change(privacy)
        self._apply_options()

    def to_hide(self, privacy: Privacy) -> Optional[ToHide]:
        """Return what the detector is to find for that; raises ModelError if it cannot."""
        if not privacy.hides:
            return None
        check_outlines('anonymize', privacy.anonymize, Anonymize.SILHOUETTE, self.detector)
        try:
            return ToHide(self.detector.class_ids(privacy.classes), privacy.conf)
        except ModelError as error:
            raise ModelError(f"parameter 'anonymize_classes': {error}") from error

    def _apply_options(self) -> None:
        options = self.options
        self.detector.outlines = (options.kernel == KernelName.MASK
                                  or self.privacy.anonymize == Anonymize.SILHOUETTE)
        # The confirmation delay of a tracker must not shorten dwell times.
        self.tracker.keep_unconfirmed = (options.heat_unit == HeatUnit.SECONDS
                                         or options.flow or bool(options.regions)
                                         or bool(options.lines))

    def choose_classes(self, wanted: ClassNames) -> None:
        """Let only these classes count, by id or name; raises ModelError for unknown ones."""
        self.detector.classes = wanted
        for accumulator in self._accumulators:
            accumulator.show_classes(self.detector.classes)

    @property
    def _accumulators(self) -> List[HeatAccumulator]:
        return [] if self._accumulator is None else [self._accumulator, *self._others]

    @property
    def has_heat(self) -> bool:
        """Return whether a frame has been accumulated, or heat restored."""
        return self._accumulator is not None

    @property
    def shape(self) -> Optional[Tuple[int, int]]:
        """Return (H, W) in px of the last frame, or None before the first."""
        return None if self._accumulator is None else self._accumulator.shape

    @property
    def shapes(self) -> List[Tuple[int, int]]:
        """Return (H, W) in px of all resolutions with heat, that of the last frame first."""
        return [accumulator.shape for accumulator in self._accumulators]

    @property
    def frames(self) -> int:
        """Return the number of accumulated frames of the present resolution."""
        return 0 if self._accumulator is None else self._accumulator.frames

    def update(self, frame: np.ndarray, stamp: float = 0.0) -> Detections:
        """Find the objects of a frame, (H, W, 3) uint8 BGR of `stamp` s, and add their heat."""
        detections = self.detect(frame)
        self.add(frame, detections, stamp)
        return detections

    def detect(self, frame: np.ndarray) -> Detections:
        """
        Return the tracked objects of the next frame, (H, W, 3) uint8 BGR; heat stays as it is.

        Raises ModelError, one line, if model or tracker fail on this frame.
        """
        if self.shape not in (None, frame.shape[:2]):
            self.tracker.reset()
        found = self.detector.detect(frame)
        tracked = self.tracker.track(self.without_ignored(found, frame), frame)
        tracked.hidden = found.hidden
        return tracked

    def without_ignored(self, detections: Detections, frame: np.ndarray) -> Detections:
        """Return the objects of a frame, (H, W, 3), that are in no ignored area."""
        if not self.options.ignored_areas:
            return detections
        areas = IgnoredAreas(self.options.ignored_areas, *frame.shape[:2],
                             self.options.region_anchor)
        others = those_with_cues(detections, areas.outside)
        others.hidden = detections.hidden  # there, too
        return others

    def add(self, frame: np.ndarray, detections: Detections, stamp: float = 0.0,
            view: Optional[FloorView] = None) -> Step:
        """
        Add the heat of a frame's objects at `stamp`, in s; return the step of time.

        A resolution that is new begins without heat.  `view` is how the frame shows the floor, if
        that changes.
        """
        if self.shape != frame.shape[:2]:
            self._switch_to(*frame.shape[:2])
        step = self._accumulator.update(detections, stamp, frame, view)
        for line in self._accumulator.new_warnings():
            self._warn(line)
        self._last_frame = None  # if the next line fails, nothing is shown
        self._last_frame = self._may_be_shown(frame, detections)
        return step

    def _may_be_shown(self, frame: np.ndarray, detections: Detections) -> np.ndarray:
        """Return what may be shown of the frame that has been added, (H, W, 3) uint8 BGR."""
        if self._public is None:
            return frame
        hidden = detections if detections.hidden is None else detections.hidden
        return self._public.of(frame, hidden, hidden.confidence >= self.detector.conf,
                               self._accumulator.clock.now)

    def warm_up(self, frame: np.ndarray, stamp: float) -> None:
        """
        Follow the objects of a frame, (H, W, 3) uint8 BGR of `stamp` s, that counts elsewhere.

        See `HeatAccumulator.warm_up`.  Raises ModelError, one line.
        """
        detections = self.detect(frame)
        if self.shape != frame.shape[:2]:
            self._switch_to(*frame.shape[:2])
        self._accumulator.warm_up(detections, stamp, frame)

    def _switch_to(self, height: int, width: int) -> None:
        """Continue with the heat of this resolution, in px, and keep that of the others."""
        self.close_bins()
        self._collect_bins()
        known = {one.shape: one for one in self._accumulators}
        wanted = known.pop((height, width), None)
        self._others = sorted(known.values(), key=lambda one: one.frames,
                              reverse=True)[:MAX_SIZES - 1]
        if wanted is None:
            wanted = self._new_accumulator(height, width)
        wanted.forget_tracks()  # the tracker, too, starts again
        self._accumulator = wanted

    def _new_accumulator(self, height: int, width: int) -> HeatAccumulator:
        made = HeatAccumulator(height, width, self.options, self.numbers)
        made.set_time_origin(self._time_origin)
        return made

    def render(self, frame: np.ndarray, heatmap: Optional[np.ndarray] = None,
               composite: Optional[np.ndarray] = None) -> None:
        """
        Draw the requested pictures of `frame`, (H, W, 3) uint8 BGR, and its heat.

        `heatmap`, (H, W, 3), becomes the frame with the heat over it; `composite`, (H, 2 W, 3),
        the frame and its heatmap to the right.  Both uint8 BGR, written in place.  Where not all
        may be shown, what may be of the last frame takes the place of `frame`; raises HeatError
        if that is nothing.
        """
        if self._public is not None:
            frame = self._last_frame
            if frame is None:
                raise HeatError('nothing of the last frame may be shown, see anonymize')
        draw_heat(self.renderer, self._accumulator, frame, self.legend, heatmap, composite)

    @property
    def last_frame(self) -> Optional[np.ndarray]:
        """
        Return the last frame, (H, W, 3) uint8 BGR, None before the first.

        Where not all may be shown, it is what may be.
        """
        return self._last_frame

    def last_pictures(self) -> Dict[str, np.ndarray]:
        """Return heatmap and composite of the last frame by name; none before the first."""
        frame = self._last_frame
        if frame is None or frame.shape[:2] != self.shape:
            return {}
        height, width = frame.shape[:2]
        pictures = {'heatmap': np.empty((height, width, 3), np.uint8),
                    'composite': np.empty((height, 2 * width, 3), np.uint8)}
        self.render(frame, **pictures)
        return pictures

    def heat(self, size_factor: float = 1.0) -> np.ndarray:
        """
        Return the heat, float32 in its unit: (H, W), or smaller by `size_factor` below 1.

        A pixel of a smaller one holds the mean of the pixels that it covers.
        """
        heat = self._accumulator.total.heat()
        if size_factor < 1.0:
            size = resized(*self.shape, size_factor)[::-1]
            heat = cv2.resize(heat, size, interpolation=cv2.INTER_AREA)
        return heat

    @property
    def objects(self) -> Detections:
        """Return the objects of the last frame, by the ids that they are counted under."""
        return self._accumulator.objects

    def region_counts(self) -> Optional[Dict[str, Dict[str, Any]]]:
        """
        Return `RegionCount` as plain values by the region's name, None without regions.

        `by_class` is by the class's name.
        """
        regions = None if self._accumulator is None else self._accumulator.regions
        return None if regions is None else self._with_names(regions.state())

    def line_counts(self) -> Optional[Dict[str, Dict[str, Any]]]:
        """Return `LineCount` as plain values, as `region_counts`, None without lines."""
        lines = None if self._accumulator is None else self._accumulator.lines
        return None if lines is None else self._with_names(lines.state())

    def new_events(self, visits: bool = False) -> List[Event]:
        """Return what has happened since the last call; see `HeatAccumulator.new_events`."""
        if self._accumulator is None:
            return []
        return [self._placed(self._accumulator, event)
                for event in self._accumulator.new_events(visits)]

    def _placed(self, accumulator: HeatAccumulator, event: Event) -> Event:
        if not self.from_above or accumulator.view is None:
            return event
        x, y = accumulator.view.to_metres([(event.x, event.y)])[0].tolist()
        return event._replace(x=x, y=y)

    def track_marks(self) -> List[TrackMark]:
        """Return a mark of each track that is remembered, by which another process knows it."""
        return [] if self._accumulator is None else self._accumulator.track_marks()

    def new_bins(self) -> List[TimeBin]:
        """Return the bins of history that have been closed since the last call, in plain words."""
        self._collect_bins()
        found, self._bins = self._bins, []
        return found

    def _collect_bins(self) -> None:
        self._bins += [replace(
            one, heat=named(one.heat, self.detector.names), regions=self._with_names(one.regions),
            lines=self._with_names(one.lines),
            events=[self._placed(accumulator, event).plain(self.class_name)
                    for event in one.events])
            for accumulator in self._accumulators for one in accumulator.new_bins()]

    def close_bins(self, before: float = math.inf) -> None:
        """Close the bins of history that end before a time, in s since 1970 UTC."""
        for accumulator in self._accumulators:
            accumulator.close_bins(before)

    def set_time_origin(self, origin: float) -> None:
        """Set what is added to stamps for the time since 1970 UTC, in s; tracks are forgotten."""
        self._time_origin = origin
        self.tracker.reset()
        for accumulator in self._accumulators:
            accumulator.set_time_origin(origin)

    def _with_names(self, counts: Mapping[str, Mapping[str, Any]]) -> Dict[str, Dict[str, Any]]:
        """Return counts with `by_class` by name instead of id; a name that two ids have is one."""
        named: Dict[str, Dict[str, Any]] = {}
        for place, count in counts.items():
            by_class: Dict[str, Dict[str, float]] = {}
            for number, of_class in count['by_class'].items():
                sums = by_class.setdefault(self.class_name(number), dict.fromkeys(of_class, 0))
                for key, value in of_class.items():
                    sums[key] += value
            named[place] = {**count, 'by_class': by_class}
        return named

    def _with_ids(self, counts: Mapping[str, Mapping[str, Any]]) -> Dict[str, Dict[str, Any]]:
        """Return counts with `by_class` by id instead of name; unknown classes are left out."""
        return {place: {**count, 'by_class': {
            number: of_class for name, of_class in count.get('by_class', {}).items()
            if (number := self._class_id(name)) is not None}} for place, count in counts.items()}

    def _class_id(self, name: str) -> Optional[int]:
        try:
            return self.detector.class_ids([name])[0]
        except ModelError:
            return None

    def class_name(self, class_id: int) -> str:
        """Return the name of a class, its id as text where it has none."""
        return str(self.detector.names.get(class_id, class_id))

    def floor_map(self) -> Optional[FloorMap]:
        """Return the heat on the floor, None without a ground plane or a frame."""
        floor = None if self._accumulator is None else self._accumulator.floor
        if floor is None:
            return None
        low, high = self.renderer.colour_range.limits(floor.field)
        occupancy = floor.occupancy(low, high)
        return FloorMap(occupancy, floor.plane, floor.field.heat(), occupancy != UNKNOWN)

    def positions(self) -> Optional[Positions]:
        """Return where the objects of the last frame stand on the floor, None without a floor."""
        return None if self._accumulator is None else self._accumulator.positions(self.class_name)

    def footprint(self, reach: float) -> Optional[np.ndarray]:
        """Return the border of the floor in sight, (M, 2) m, up to `reach` m away, or None."""
        return None if self._accumulator is None else self._accumulator.footprint(reach)

    @property
    def camera_moved(self) -> bool:
        """Return whether the camera has moved, so that heat of the picture has begun again."""
        return self._accumulator is not None and self._accumulator.moved

    def flow_map(self) -> Optional[FlowMap]:
        """Return how objects move on the floor, None without `flow`, a floor or a frame."""
        flow = None if self._accumulator is None else self._accumulator.floor_flow
        return None if flow is None else flow.flow()

    def hotspots(self, count: int, apart: float) -> List[Hotspot]:
        """Return the `count` busiest places on the floor, at least `apart` m from each other."""
        floor = None if self._accumulator is None else self._accumulator.floor
        return [] if floor is None else floor.hotspots(count, apart)

    def state(self) -> Optional[HeatState]:
        """
        Return a copy of the heat of the present resolution, None before the first frame.

        Counts by class are by the class's name.
        """
        return None if self._accumulator is None else self._named(self._accumulator.state())

    def other_states(self) -> List[HeatState]:
        """Return copies of the heat of the other resolutions."""
        return [self._named(accumulator.state()) for accumulator in self._others]

    def _named(self, state: HeatState) -> HeatState:
        return replace(state, regions=self._with_names(state.regions),
                       lines=self._with_names(state.lines))

    def restore(self, state: HeatState) -> None:
        """
        Replace the heat of the present resolution; before the first frame, that of the copy.

        Raises HeatError, one line, before anything has changed if it does not fit.  Flow and heat
        on the floor that do not fit, or are not there, begin empty, and a warning says so.
        """
        target = self._accumulator
        if target is None:
            target = self._new_accumulator(*state.shape)
        state, left_out = fitted(state, target, floor_may_differ=not self.from_above)
        target.restore(replace(state, regions=self._with_ids(state.regions),
                               lines=self._with_ids(state.lines)))
        target.show_classes(self.detector.classes)
        self._accumulator = target
        for line in left_out:
            self._warn(line)

    def reset(self) -> None:
        """Forget all heat; history is no part of it."""
        self._collect_bins()
        self._others = []
        if self._accumulator is not None:
            self._accumulator.reset()


def draw_heat(renderer: HeatRenderer, accumulator: HeatAccumulator, frame: np.ndarray,
              legend: bool, heatmap: Optional[np.ndarray] = None,
              composite: Optional[np.ndarray] = None) -> None:
    """Draw heat with its flow, regions and lines, see `HeatmapPipeline.render`."""
    if composite is not None:
        renderer.side_by_side(frame, accumulator.total, composite)
        picture = halves(composite)[1]
    elif heatmap is not None:
        renderer.overlay(frame, accumulator.total, heatmap)
        picture = heatmap
    else:
        return
    if accumulator.flow is not None:
        draw_flow(picture, accumulator.flow.flow())
    if accumulator.ignored is not None:
        draw_ignored_areas(picture, accumulator.ignored)
    if accumulator.regions is not None:
        draw_regions(picture, accumulator.regions)
    if accumulator.lines is not None:
        draw_lines(picture, accumulator.lines)
    if legend:
        renderer.draw_legend(accumulator.total, accumulator.options.heat_unit, picture)
    if composite is not None and heatmap is not None:
        np.copyto(heatmap, picture)


def resized(height: int, width: int, factor: float) -> Tuple[int, int]:
    """Return the size in px of a picture that is smaller by `factor`, at least one pixel."""
    return max(1, round(height * factor)), max(1, round(width * factor))


def check_kernel(kernel: KernelName, detector: Detector) -> None:
    """Raise ModelError for a kernel that needs what the model does not find."""
    check_outlines('kernel', kernel, KernelName.MASK, detector)


def check_outlines(name: str, value: str, needing: str, detector: Detector) -> None:
    """Raise ModelError if a parameter is the one that needs outlines, and there are none."""
    if value == needing and detector.task != 'segment':
        raise ModelError(f"{name} '{value}' needs a segmentation model, and this is one for "
                         f"'{detector.task}': take weights such as 'yolo11n-seg.pt', or another "
                         f'{name}')
