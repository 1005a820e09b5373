"""Where the inputs of these tools are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def _folder(variable: str, name: str) -> Path:
    """Return a folder of inputs, which users name by an environment variable."""
    return Path(os.environ.get(variable) or ROOT.parent / 'shared' / name)


def truth_folder() -> Path:
    """Return the folder of public ground truth."""
    return _folder('YOLO_HEATMAP_TRUTH', 'truth')


def real_folder() -> Path:
    """Return the folder of the real videos and the COCO model."""
    return _folder('YOLO_HEATMAP_REAL_DATA', 'real')
