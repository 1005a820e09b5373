"""Objects on the floor at one moment, as nodes pass them on."""

from typing import NamedTuple, Sequence

import numpy as np


class Positions(NamedTuple):
    """
    Objects on the floor at one moment.

    `places` (N, 2) float64 m and their `covariances` (N, 2, 2) m^2, `velocities` (N, 2) m/s, NaN
    where unknown; `track_ids` (N,) int64, -1 for none; `class_names` (N,) str, `confidences` (N,).
    """

    places: np.ndarray
    covariances: np.ndarray
    velocities: np.ndarray
    track_ids: np.ndarray
    class_names: Sequence[str]
    confidences: np.ndarray

    def those(self, indices: np.ndarray) -> 'Positions':
        """Return the objects at `indices`, (M,) int."""
        return Positions(self.places[indices], self.covariances[indices], self.velocities[indices],
                         self.track_ids[indices], [self.class_names[index] for index in indices],
                         self.confidences[indices])
