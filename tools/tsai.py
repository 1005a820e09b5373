"""The cameras of PETS2009."""

from dataclasses import dataclass
from pathlib import Path
from typing import Dict
from xml.etree import ElementTree

import numpy as np
from yolo_heatmap_ros.choices import Distortion
from yolo_heatmap_ros.heat.camera import Camera


@dataclass
class TsaiCamera:
    """
    A camera by R. Tsai, A versatile camera calibration technique, 1987, with z = 0 for the floor.

    `focal` and the steps of the sensor in mm, `centre` in px; `rotation`, (3, 3), and
    `translation`, (3,) m, take the floor's frame to the camera's.
    """

    focal: float
    kappa: float
    centre: np.ndarray
    step: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    @classmethod
    def read(cls, path: Path) -> 'TsaiCamera':
        """Read a camera of PETS2009."""
        c: Dict[str, float] = {}
        for part in ElementTree.parse(path).getroot():
            c.update({key: float(value) for key, value in part.attrib.items()})
        rotation = np.eye(3)
        for (i, j), angle in (((1, 2), c['rx']), ((2, 0), c['ry']), ((0, 1), c['rz'])):
            one = np.eye(3)
            one[i, i] = one[j, j] = np.cos(angle)
            one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
            rotation = one @ rotation
        return cls(c['focal'], c['kappa1'], np.array((c['cx'], c['cy'])),
                   np.array((c['dpx'] / c['sx'], c['dpy'])), rotation,
                   np.array((c['tx'], c['ty'], c['tz'])) / 1000.0)

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Return x / z and y / z of pixels, (N, 2) each."""
        places = (np.asarray(pixels, float) - self.centre) * self.step
        return places * (1 + self.kappa * (places ** 2).sum(axis=1, keepdims=True)) / self.focal

    def on_the_floor(self, pixels: np.ndarray) -> np.ndarray:
        """Return x, y in m of pixels of the floor, (N, 2) each."""
        rays = np.c_[self.rays(pixels), np.ones(len(pixels))] @ self.rotation
        eye = -self.rotation.T @ self.translation
        return (eye - rays * (eye[2] / rays[:, 2:]))[:, :2]

    def camera(self, height: int, width: int) -> Camera:
        """Return K, and the `plumb_bob` that is nearest to Tsai's distortion in the picture."""
        matrix = np.diag((*(self.focal / self.step), 1.0))
        matrix[:2, 2] = self.centre
        grid = np.stack(np.meshgrid(np.linspace(0, width, 50), np.linspace(0, height, 40)),
                        axis=-1).reshape(-1, 2)
        ideal = np.hypot(*self.rays(grid).T)
        found = np.hypot(*((grid - self.centre) * self.step / self.focal).T)
        # found = ideal (1 + k1 ideal^2 + k2 ideal^4 + k3 ideal^6), by least squares
        powers = np.stack([ideal ** power for power in (3, 5, 7)], axis=1)
        k1, k2, k3 = np.linalg.lstsq(powers, found - ideal, rcond=None)[0].tolist()
        camera = Camera(matrix, (height, width), np.array((k1, k2, 0.0, 0.0, k3)),
                        Distortion.PLUMB_BOB)
        left = np.hypot(*(camera.pixels(self.rays(grid)) - grid).T)
        print(f'plumb_bob for Tsai: k1 {k1:.5f}, k2 {k2:.5f}, k3 {k3:.5f}; it is off by '
              f'{left.max():.4f} px at most')
        return camera
