"""Heat, counts and events by period of time: what a history is made of."""

from dataclasses import dataclass, field
import math
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

import numpy as np

from yolo_heatmap_ros.heat.dwell import DwellSegment
from yolo_heatmap_ros.heat.events import DIRECTIONS, Event, EventKind
from yolo_heatmap_ros.heat.layers.base import CountsAt
from yolo_heatmap_ros.heat.layers.classes import ClassLayers, OTHERS
from yolo_heatmap_ros.heat.layers.floor import FloorLayer
from yolo_heatmap_ros.heat.layers.flow import FloorFlow, PictureFlow
from yolo_heatmap_ros.heat.lines import LineCount
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.regions import COUNTED, RegionCount

LATE = 5.0
"""Seconds for which a bin that has ended waits for what is certain only later."""
MAX_EVENTS = 100_000
"""Largest number of events in a bin; more are counted, and not kept."""


@dataclass
class TimeBin:
    """
    What was seen between `begin` and `begin + period`, in s since 1970 UTC.

    `began` and `ended` are the first and the last frame's times; `watched` are the seconds
    between frames that were observed.  `jumped` is by how many seconds stamps had gone back when
    it began.  `shape` is (H, W) of the picture in px, and `cell` how many px a side of a cell of
    `heat` has, (rows, columns) float32 in the heat's unit by class id; `floor` is that of the
    ground plane.  `regions` and `lines` are counts by name.  `facts` are plain values that say
    under which options: heat and counts of others cannot be added.  `flow` are the planes of a
    `FlowField` on the grid of `facts`, (PLANES, rows, columns) float32: of the floor, or without
    one of the picture; None if nothing has moved or stood there.
    """

    begin: float
    period: float
    began: float
    ended: float
    shape: Tuple[int, int]
    cell: int
    jumped: float = 0.0
    watched: float = 0.0
    frames: int = 0
    heat: Dict[Any, np.ndarray] = field(default_factory=dict)
    floor: Optional[np.ndarray] = None
    regions: Dict[str, Any] = field(default_factory=dict)
    lines: Dict[str, Any] = field(default_factory=dict)
    events: List[Any] = field(default_factory=list)
    facts: Dict[str, Any] = field(default_factory=dict)
    flow: Optional[np.ndarray] = None


class _OpenBin:
    """A bin to which things are still added."""

    def __init__(self, about: TimeBin, options: HeatOptions, counts_at: CountsAt):
        self.about = about
        self.end = about.begin + about.period
        self._classes = ClassLayers(*about.shape)
        self._shows_picture = True
        self._floor = FloorLayer.made_for(options, *about.shape, counts_at)
        self._flow = _flow_layer(options, about.shape, counts_at)
        self._regions = {name: RegionCount() for name in options.regions}
        self._lines = {name: LineCount() for name in options.lines}

    def add(self, segment: DwellSegment, flow: bool) -> None:
        if flow:
            self._flow.add(segment)
            return
        if self._shows_picture:
            self._classes.add(segment)
        if self._floor is not None:
            self._floor.add(segment)

    def leave_picture(self) -> None:
        self._shows_picture = False
        self._classes.reset()
        if self._flow is not None:
            self._flow.camera_moved()

    def count(self, event: Event, stamp: float) -> None:
        if event.kind in DIRECTIONS:
            self._lines[event.place].add(event.kind, event.class_id)
        elif event.kind in COUNTED:
            self._regions[event.place].add(COUNTED[event.kind], event.class_id)
        if event.kind != EventKind.VISIT and len(self.about.events) < MAX_EVENTS:
            self.about.events.append(event._replace(stamp=stamp))

    def occupy(self, name: str, class_id: int, seconds: float) -> None:
        self._regions[name].add('occupancy', class_id, seconds)

    def new_warnings(self) -> List[str]:
        return [line.replace('per_class', 'history') for line in self._classes.new_warnings()]

    def closed(self) -> TimeBin:
        about = self.about
        about.heat = {class_id: block_sums(one.heat(), about.cell)
                      for class_id, one in self._classes.fields.items()}
        if self._floor is not None:
            about.floor = self._floor.field.heat()
        if self._flow is not None:
            planes = self._flow.field.planes
            about.flow = planes if planes.any() else None
        about.regions = {name: vars(count) for name, count in self._regions.items()}
        about.lines = {name: vars(count) for name, count in self._lines.items()}
        return about


class TimeBins:
    """
    Sorts what an accumulation finds into periods of time.

    They begin at multiples of `HeatOptions.history_period` s since 1970 UTC; `origin` is what is
    added to stamps for that.  A period ends early, and another one of the same time may follow,
    where stamps jump back.
    """

    def __init__(self, options: HeatOptions, height: int, width: int, counts_at: CountsAt,
                 origin: float = 0.0):
        """Begin without bins, for pictures of `height` rows and `width` columns in px."""
        self.origin = origin
        self._options = options
        self._shape = height, width
        self._counts_at = counts_at
        self._open: List[_OpenBin] = []
        self._closed: List[TimeBin] = []
        self._has_picture = True
        self._facts = _facts(options, _flow_layer(options, self._shape, counts_at))

    @property
    def empty(self) -> bool:
        """Return whether no bin is open."""
        return not self._open

    def step(self, now: float, interval: float, jumped_back: float) -> None:
        """Take the time of the next frame: `now` in s, the observed `interval` before it."""
        if jumped_back:
            self.close()
        time = now + self.origin
        period = self._options.history_period
        if not self._open or time >= self._open[-1].end:
            begin = math.floor(time / period) * period
            cell = max(1, round(1.0 / self._options.history_scale))
            about = TimeBin(begin, period, time, time, self._shape, cell, jumped_back,
                            facts=self._facts)
            self._open.append(_OpenBin(about, self._options, self._counts_at))
            if not self._has_picture:
                self._open[-1].leave_picture()
        self.close(time - LATE)
        about = self._open[-1].about
        about.ended = max(about.ended, time)
        about.watched += interval
        about.frames += 1

    def add(self, segment: DwellSegment, flow: bool = False) -> None:
        """Add what one object has left between the last two frames, as heat or as flow."""
        self._open[-1].add(segment, flow)

    def leave_picture(self) -> None:
        """Keep no heat of the picture from now on: the camera moves, and shows other places."""
        self._has_picture = False
        for one in self._open:
            one.leave_picture()

    def occupy(self, name: str, class_id: int, seconds: float) -> None:
        """Add dwell time in a region."""
        self._open[-1].occupy(name, class_id, seconds)

    def count(self, event: Event) -> None:
        """Count an event in the period in which it has happened, or the oldest that is open."""
        time = event.stamp + self.origin
        there = next((one for one in reversed(self._open) if one.about.begin <= time),
                     self._open[0])
        there.count(event, time)

    def close(self, before: float = math.inf) -> None:
        """Close all bins that end before a time, in s since 1970 UTC."""
        while self._open and self._open[0].end <= before:
            self._closed.append(self._open.pop(0).closed())

    def new_warnings(self) -> List[str]:
        """Return a line on each thing that users should know, once."""
        return [line for one in self._open for line in one.new_warnings()]

    def closed(self) -> List[TimeBin]:
        """Return the bins that have been closed since the last call, in order."""
        closed, self._closed = self._closed, []
        return closed


def _flow_layer(options: HeatOptions, shape: Tuple[int, int],
                counts_at: CountsAt) -> Union[FloorFlow, PictureFlow, None]:
    """Return an empty layer of the flow that a history keeps: on the floor where there is one."""
    kind = PictureFlow if options.ground is None else FloorFlow
    return kind.made_for(options, *shape, counts_at)


def _facts(options: HeatOptions, flow: Union[FloorFlow, PictureFlow, None]) -> Dict[str, Any]:
    """Return what bins must have in common to be added."""
    return {
        'unit': str(options.heat_unit), 'kernel': str(options.kernel),
        'ignore_stationary': options.ignore_stationary, 'anchor': str(options.region_anchor),
        **{kind: {name: np.round(points, 6).tolist() for name, points in shapes.items()}
           for kind, shapes in (('regions', options.regions), ('lines', options.lines))},
        'ground': None if options.ground is None else options.ground.geometry(),
        **({} if flow is None else {'flow': flow.grid.plain()})}


def cells_of(height: int, width: int, cell: int) -> Tuple[int, int]:
    """Return rows and columns of cells of `cell` x `cell` px of a picture in px."""
    return -(-height // cell), -(-width // cell)


def block_sums(heat: np.ndarray, cell: int) -> np.ndarray:
    """Return the sums over cells of `cell` x `cell` px, (ceil(H / cell), …), of (H, W) float32."""
    if cell == 1:
        return heat
    rows = np.add.reduceat(heat.astype(np.float64), np.arange(0, heat.shape[0], cell), axis=0)
    return np.add.reduceat(rows, np.arange(0, heat.shape[1], cell), axis=1).astype(np.float32)


def named(heat: Mapping[int, np.ndarray], names: Mapping[int, str]) -> Dict[str, np.ndarray]:
    """Return heat by the class's name, its id as text without one; equal names are summed."""
    result: Dict[str, np.ndarray] = {}
    for class_id, values in heat.items():
        name = 'others' if class_id == OTHERS else str(names.get(class_id, class_id))
        result[name] = result[name] + values if name in result else values
    return result
