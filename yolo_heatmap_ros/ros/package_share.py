"""Locations of the package's files, and the default weights of a source."""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

USER_WEIGHTS = 'yolo12n.pt'
"""Default for other sources: the embedded weights are trained for the embedded clip only."""


def share_folder(name: str) -> Path:
    """Return an installed folder of the package, such as `config`, `demo` or `web`."""
    beside = Path(__file__).resolve().parents[2]
    if (beside / 'package.xml').is_file():  # run from a checkout
        return beside / name
    return Path(get_package_share_directory('yolo_heatmap_ros')) / name


def source_or_clip(source: str) -> str:
    """Return `source`, or the embedded clip if it is empty."""
    return source or str(share_folder('demo') / 'street.mp4')


def weights_for(source: str, weights: str) -> str:
    """Return `weights`, or the default for `source` if it is empty."""
    if weights:
        return weights
    clip = Path(source_or_clip(''))
    own = not source or Path(os.path.expanduser(source)).resolve() == clip.resolve()
    return str(clip.with_name('street.pt')) if own else USER_WEIGHTS
