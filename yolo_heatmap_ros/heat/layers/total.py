"""The heat of all objects that count, as it is drawn."""

from typing import Any, Mapping, Optional

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.dwell import DwellSegment
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.layers.base import Arrays, CountsAt, Layer
from yolo_heatmap_ros.heat.options import HeatOptions

HEAT = 'heat'


class TotalLayer(Layer):
    """The sum over all objects; `field` is (H, W)."""

    OF_PICTURE = True

    def __init__(self, height: int, width: int):
        """Create an empty layer of `height` rows and `width` columns in px."""
        self.field = HeatField(height, width)

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> 'TotalLayer':
        """Return an empty layer: every camera has one."""
        return cls(height, width)

    def add(self, segment: DwellSegment) -> None:
        """Add what one object has left between two frames."""
        for place in segment.places:
            if place.patch is not None:
                self.field.deposit(place.patch, place.amount)

    def decay(self, factor: float) -> None:
        """Multiply all heat by `factor`, 0 to 1."""
        self.field.decay(factor)

    def reset(self) -> None:
        """Forget all heat."""
        self.field.reset()

    def arrays(self) -> Arrays:
        """Return a copy of the heat, (H, W) float32, by its name."""
        return {HEAT: self.field.heat()}

    @classmethod
    def saves(cls, name: str) -> bool:
        """Return whether an array of this name belongs to this kind."""
        return name == HEAT

    def restore(self, arrays: Arrays) -> None:
        """Replace all heat by a saved array."""
        self.field.restore(arrays[HEAT])

    def merge(self, other: 'TotalLayer', factor: float = 1.0) -> None:
        """Add the heat of another layer of the same size, multiplied by `factor`."""
        self.field.merge(other.field, factor)

    @classmethod
    def check(cls, layer: Optional[Layer], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Raise HeatError for heat of another picture size."""
        shape, own = arrays[HEAT].shape, layer.field.shape
        if shape != own:
            raise HeatError(f'it is of {shape[1]} x {shape[0]} pixels, and the camera gives '
                            f'{own[1]} x {own[0]}')
