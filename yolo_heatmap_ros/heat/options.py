"""What heat means."""

from dataclasses import dataclass, field
from typing import Mapping, Optional

import numpy as np

from yolo_heatmap_ros.choices import Anchor, HeatUnit, KernelName, OnTimeJump
from yolo_heatmap_ros.heat.ground import GroundPlane


@dataclass(frozen=True)
class HeatOptions:
    """
    What heat means, for one camera.

    `heat_unit`: each object adds 1 a frame, or its dwell time in seconds.  `max_gap`: longest gap
    between frames, in seconds, that counts as observed.  `half_life` of the heat in seconds; 0: no
    decay.  `kernel`: the shape that an object leaves.  `ignore_stationary`: seconds in one place
    after which a track adds no heat; 0: never.  `on_time_jump`: what becomes of the heat when
    stamps go back.  `per_class`: keep a layer for each class.  `regions`: polygons by name, as
    `config.shapes.parse_polygons` returns them; heat is only inside.  `lines`: polylines by name.
    `ignored_areas`: polygons in which objects are taken as not found.  `region_anchor`: the point
    of a box that is inside or not, and crosses lines.  `dwell_alert`: seconds in a region after
    which a track's stay is an event; 0: never.  `track_memory`: seconds for which a lost object is
    remembered; 0: a tracker's ids count as they are.  `ground`: the floor on which heat is kept as
    well.  `flow`: keep how objects move, by place; on the floor in cells of `flow_resolution` m.
    `history_period`: seconds of a bin of history; 0: none.  `history_scale`: its size as a
    fraction of the picture's, rounded to one in a whole number.
    """

    heat_unit: HeatUnit = HeatUnit.FRAMES
    max_gap: float = 2.0
    on_time_jump: OnTimeJump = OnTimeJump.KEEP
    half_life: float = 0.0
    kernel: KernelName = KernelName.DISC
    ignore_stationary: float = 0.0
    per_class: bool = False
    regions: Mapping[str, np.ndarray] = field(default_factory=dict)
    lines: Mapping[str, np.ndarray] = field(default_factory=dict)
    ignored_areas: Mapping[str, np.ndarray] = field(default_factory=dict)
    region_anchor: Anchor = Anchor.FOOT
    dwell_alert: float = 0.0
    track_memory: float = 5.0
    ground: Optional[GroundPlane] = None
    flow: bool = False
    flow_resolution: float = 0.5
    history_period: float = 0.0
    history_scale: float = 0.25
