"""The heat of each class."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy as np

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.dwell import DwellSegment
from yolo_heatmap_ros.heat.field import HeatField
from yolo_heatmap_ros.heat.layers.base import Arrays, CountsAt, Layer
from yolo_heatmap_ros.heat.layers.total import HEAT
from yolo_heatmap_ros.heat.options import HeatOptions

PREFIX = 'layer_'
"""What comes before the class id in the name of a saved array."""
OTHERS = -1
"""The id of the field that all classes share for which there is no memory left."""
OTHERS_NAME = 'others'
MAX_BYTES = 1 << 28
"""Memory of all fields together, at most; four times as much once their heat is large."""


class ClassLayers(Layer):
    """A field for each class id that has been seen, each (H, W)."""

    OF_PICTURE = True

    def __init__(self, height: int, width: int):
        """Begin without fields, for pictures of `height` rows and `width` columns in px."""
        self._shape = height, width
        self.fields: Dict[int, HeatField] = {}
        self._warnings: List[str] = []

    def new_warnings(self) -> List[str]:
        """Return a line once when classes begin to share a field."""
        found, self._warnings = self._warnings, []
        return found

    @classmethod
    def made_for(cls, options: HeatOptions, height: int, width: int,
                 counts: CountsAt) -> Optional['ClassLayers']:
        """Return an empty layer where `per_class` is set."""
        return cls(height, width) if options.per_class else None

    def field_of(self, class_id: int) -> HeatField:
        """Return the field of a class, an empty one if it is new."""
        if class_id not in self.fields:
            height, width = self._shape
            if (len(self.fields) + 1) * height * width * 4 > MAX_BYTES and self.fields:
                return self._others()
            self.fields[class_id] = HeatField(*self._shape)
        return self.fields[class_id]

    def _others(self) -> HeatField:
        if OTHERS not in self.fields:
            self._warnings.append(
                f'per_class: {len(self.fields)} classes of this resolution fill '
                f'{MAX_BYTES >> 20} MB; all further ones share one layer, and cannot be shown on '
                'their own: choose fewer classes, or a smaller picture')
            self.fields[OTHERS] = HeatField(*self._shape)
        return self.fields[OTHERS]

    def sum_of(self, class_ids: Sequence[int]) -> np.ndarray:
        """Return the summed heat of some classes, of all if empty, (H, W) float32."""
        return sum((field.heat() for class_id, field in self.fields.items()
                    if not class_ids or class_id in class_ids),
                   np.zeros(self._shape, np.float32))

    def add(self, segment: DwellSegment) -> None:
        """Add what one object has left between two frames."""
        for place in segment.places:
            if place.patch is not None:
                self.field_of(segment.class_id).deposit(place.patch, place.amount)

    def decay(self, factor: float) -> None:
        """Multiply all heat by `factor`, 0 to 1."""
        for field in self.fields.values():
            field.decay(factor)

    def reset(self) -> None:
        """Forget all heat and all classes."""
        self.fields.clear()

    def arrays(self) -> Arrays:
        """Return copies of the fields, (H, W) float32, by name."""
        return {PREFIX + (OTHERS_NAME if class_id == OTHERS else str(class_id)): field.heat()
                for class_id, field in self.fields.items()}

    @classmethod
    def saves(cls, name: str) -> bool:
        """Return whether an array of this name belongs to this kind."""
        number = name.removeprefix(PREFIX)
        return name.startswith(PREFIX) and (number.isdecimal() or number == OTHERS_NAME)

    def restore(self, arrays: Arrays) -> None:
        """Replace all heat by saved arrays."""
        self.reset()
        for name, heat in arrays.items():
            if self.saves(name):
                number = name.removeprefix(PREFIX)
                field = (self._others() if number == OTHERS_NAME
                         else self.field_of(int(number)))
                field.merge(_field_of(heat))

    def merge(self, other: 'ClassLayers', factor: float = 1.0) -> None:
        """Add the heat of another layer of the same size, multiplied by `factor`."""
        for class_id, field in other.fields.items():
            own = self._others() if class_id == OTHERS else self.field_of(class_id)
            own.merge(field, factor)

    @classmethod
    def check(cls, layer: Optional[Layer], arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Raise HeatError where classes are wanted and were not saved."""
        if layer is not None and arrays[HEAT].any() and not any(
                cls.saves(name) for name in arrays):
            raise HeatError('it has no layers for per_class')


def _field_of(heat: np.ndarray) -> HeatField:
    field = HeatField(*heat.shape)
    field.restore(heat)
    return field
