"""One camera's heat over time: which object adds how much, where, and what fades."""

from dataclasses import dataclass, field
import math
from typing import Dict, List, Mapping, Optional

import numpy as np

from yolo_heatmap_ros.detectors.yolo import Detections
from yolo_heatmap_ros.heat.clock import FrameClock, Step
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.ground import GroundHeat, GroundPlane
from yolo_heatmap_ros.heat.kernels import KERNELS, Stamp
from yolo_heatmap_ros.heat.regions import FOOT, Regions
from yolo_heatmap_ros.heat.tracks import Share, Track, TrackMemory

FRAMES, SECONDS = 'frames', 'seconds'
UNITS = (FRAMES, SECONDS)
KEEP, RESET = 'keep', 'reset'
ON_TIME_JUMP = (KEEP, RESET)


@dataclass
class HeatOptions:
    """
    What heat means; all may change between frames.

    `heat_unit`: each object adds 1 a frame, or the seconds that it has spent there.  `max_gap`:
    a gap between frames longer than so many seconds was not watched.  `half_life`: the seconds in
    which heat fades to one half; 0: never.  `kernel`: one of `kernels.KERNELS`.
    `ignore_stationary`: after so many seconds in one place a track adds no heat; 0: never.
    `on_time_jump`: what becomes of the heat when stamps begin anew.  `per_class`: keep a layer of
    each class.  `regions`: polygons by name; heat is only inside.  `region_anchor`: see `regions`.
    `ground`: the floor on which heat is kept too, by where objects stand.
    """

    heat_unit: str = FRAMES
    max_gap: float = 2.0
    on_time_jump: str = KEEP
    half_life: float = 0.0
    kernel: str = 'disc'
    ignore_stationary: float = 0.0
    per_class: bool = False
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    region_anchor: str = FOOT
    ground: Optional[GroundPlane] = None


class HeatAccumulator:
    """
    The heat of one camera.

    `total` is the field to draw.  With `per_class`, `layers` hold that of each class id, and
    `total` is the sum of those that count.
    """

    def __init__(self, height: int, width: int, options: HeatOptions):
        """Begin without heat, for a picture of `height` rows and `width` columns in px."""
        self.options = options
        self.total = HeatField(height, width)
        self.layers: Dict[int, HeatField] = {}
        self.clock = FrameClock()
        self.frames = 0
        self.began: Optional[float] = None
        self._tracks = TrackMemory()
        self.regions: Optional[Regions] = None
        self.ground: Optional[GroundHeat] = None
        if options.ground is not None:
            self.ground = GroundHeat(options.ground, height, width)
        self.draw_up_regions()

    @property
    def shape(self):
        """Return (H, W) in px."""
        return self.total.shape

    def draw_up_regions(self) -> None:
        """Take over changed regions; they begin to count anew."""
        self.regions = None
        if self.options.regions:
            self.regions = Regions(self.options.regions, *self.shape, self.options.region_anchor)
            # Where a track was in the regions before says nothing of the new ones.
            self._tracks.clear()

    def update(self, detections: Detections, stamp: float) -> Step:
        """Add the heat of a frame's objects at `stamp`, in seconds; return the step of time."""
        step = self.clock.advance(stamp, self.options.max_gap)
        if step.jumped_back:
            self._tracks.clear()
            if self.options.on_time_jump == RESET:
                self.reset()
        self.frames += 1
        if self.began is None or step.jumped_back:
            self.began = stamp
        if self.options.half_life and step.elapsed:
            factor = 0.5 ** (step.elapsed / self.options.half_life)
            for faded in self._fields():
                faded.fade(factor)
        # Whoever has found them: a NaN would stay in the heat.
        usable = np.isfinite(detections.xyxy).all(axis=1)
        self._deposit(detections if usable.all() else detections.those(usable), stamp, step)
        return step

    def _fields(self) -> List[HeatField]:
        fields = [self.total, *self.layers.values()]
        return fields if self.ground is None else [*fields, self.ground.field]

    def _deposit(self, detections: Detections, stamp: float, step: Step) -> None:
        options = self.options
        in_seconds = options.heat_unit == SECONDS
        tracks: List[Optional[Track]] = [None] * len(detections)
        shares: List[Share] = []
        still: List[float] = []
        if in_seconds or options.ignore_stationary or self.regions is not None:
            shares, tracks, still = self._tracks.see(
                detections.xyxy, detections.track_id.tolist(), stamp, step.interval,
                places=options.ignore_stationary > 0.0)
        if self.regions is not None:
            self.regions.count(detections.xyxy, tracks, shares)
        if not in_seconds:
            shares = [Share(index, box, 1.0) for index, box in enumerate(detections.xyxy)
                      if detections.confirmed[index]]
        elif options.half_life:
            # The exact integral of what fades while it is added.
            fading = _mean_while_fading(step.interval, options.half_life)
            shares = [share._replace(seconds=share.seconds * fading) for share in shares]
        for share in shares:
            if share.seconds and not (options.ignore_stationary
                                      and still[share.index] >= options.ignore_stationary):
                self._deposit_share(share, detections)

    def _deposit_share(self, share: Share, detections: Detections) -> None:
        if self.ground is not None and (self.regions is None or self.regions.contain(share.box)):
            self.ground.deposit(share.box, share.seconds)
        outline = None
        if detections.outlines is not None:
            moved = share.box - detections.xyxy[share.index]
            outline = detections.outlines[share.index] + (moved[:2] + moved[2:]) / 2
        stamp = KERNELS[self.options.kernel](share.box, outline, *self.shape)
        if stamp is None:
            return
        if self.regions is not None:
            stamp = Stamp(stamp.rows, stamp.columns,
                          stamp.heat * self.regions.mask[stamp.rows, stamp.columns])
        self.total.deposit(stamp, share.seconds)
        if self.options.per_class:
            self.layer(int(detections.class_id[share.index])).deposit(stamp, share.seconds)

    def layer(self, class_id: int) -> HeatField:
        """Return the field of a class."""
        if class_id not in self.layers:
            self.layers[class_id] = HeatField(*self.shape)
        return self.layers[class_id]

    def show_classes(self, class_ids) -> None:
        """Let `total` be the sum of these layers, of all where there are none; else as it is."""
        if self.options.per_class:
            self.total.restore(sum((layer.heat() for class_id, layer in self.layers.items()
                                    if not class_ids or class_id in class_ids),
                                   np.zeros(self.shape, np.float32)))

    def reset(self) -> None:
        """Forget all heat and all counts; time goes on."""
        self.total.reset()
        self.layers.clear()
        if self.ground is not None:
            self.ground.field.reset()
        self.frames = 0
        self.began = self.clock.now
        self.draw_up_regions()


def _mean_while_fading(seconds: float, half_life: float) -> float:
    """Return the mean of 2^(-t / half_life) over `seconds`: (1 - e^-x) / x, x = t ln 2 / h."""
    exponent = seconds * math.log(2.0) / half_life
    return -math.expm1(-exponent) / exponent if exponent else 1.0
