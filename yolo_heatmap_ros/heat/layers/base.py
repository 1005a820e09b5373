"""The interface of a kind of heat."""

from abc import ABC, abstractmethod
from typing import Any, Callable, ClassVar, Dict, List, Mapping, Optional, Tuple

import numpy as np

from yolo_heatmap_ros.heat.dwell import DwellSegment
from yolo_heatmap_ros.heat.options import HeatOptions

Arrays = Dict[str, np.ndarray]
CountsAt = Callable[[np.ndarray], bool]
"""Tells for a box, (4,) xyxy in px, whether heat counts there."""


class Layer(ABC):
    """
    One kind of heat of one camera.

    A layer takes dwell segments, decays, resets, saves, restores and merges.  The accumulation
    calls all of its layers alike: a new kind is a new file beside this one, listed in `KINDS`.
    """

    FACTS: ClassVar[Tuple[str, ...]] = ()
    """Names of what `facts` returns: each belongs to an array of its name and its own size."""
    OF_PICTURE: ClassVar[bool] = False
    """Whether its places are those of the picture, so that a camera that moves ends it."""
    OF_FLOW: ClassVar[bool] = False
    """Whether it takes seconds and velocities, whatever the unit of the heat."""

    @classmethod
    @abstractmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['Layer']:
        """Return an empty layer for pictures of this size in px, None if options want none."""

    @abstractmethod
    def add(self, segment: DwellSegment) -> None:
        """Add what one object has left between two frames."""

    @abstractmethod
    def decay(self, factor: float) -> None:
        """Multiply all heat by `factor`, 0 to 1."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all heat."""

    def camera_moved(self) -> None:
        """Take that the picture shows another place from now on."""
        if self.OF_PICTURE:
            self.reset()

    @abstractmethod
    def arrays(self) -> Arrays:
        """Return copies of the heat, float32 in its unit, by the names they are saved under."""

    @classmethod
    @abstractmethod
    def saves(cls, name: str) -> bool:
        """Return whether an array of this name belongs to this kind."""

    @abstractmethod
    def restore(self, arrays: Arrays) -> None:
        """Replace all heat by saved arrays that `check` has accepted."""

    @abstractmethod
    def merge(self, other: 'Layer', factor: float = 1.0) -> None:
        """Add the heat of another layer of the same kind and size, multiplied by `factor`."""

    def new_warnings(self) -> List[str]:
        """Return a line on each thing that users should know, once."""
        return []

    def facts(self) -> Dict[str, Any]:
        """Return what arrays do not say about themselves, as plain values by name."""
        return {}

    @classmethod
    def check(cls, layer: Optional['Layer'], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """
        Raise HeatError, one line, if saved heat of this kind does not fit `layer`.

        `layer` is None if the options want none.
        """
