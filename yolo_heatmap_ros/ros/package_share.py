"""Where the package's own files are, and when which weights are the default."""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

USER_WEIGHTS = 'yolo12n.pt'
"""The default for a source of the user's own: the embedded weights know only the clip."""


def share_folder(name: str) -> Path:
    """Return the folder `config`, `demo` or `launch` of the package."""
    beside = Path(__file__).resolve().parents[2]
    if (beside / 'package.xml').is_file():  # run from a checkout
        return beside / name
    return Path(get_package_share_directory('yolo_heatmap_ros')) / name


def source_or_clip(source: str) -> str:
    """Return `source`, or the embedded clip where it is empty."""
    return source or str(share_folder('demo') / 'street.mp4')


def weights_for(source: str, weights: str) -> str:
    """Return `weights`, or where it is empty the default for `source`."""
    if weights:
        return weights
    clip = Path(source_or_clip(''))
    own = not source or Path(os.path.expanduser(source)).resolve() == clip.resolve()
    return str(clip.with_name('street.pt')) if own else USER_WEIGHTS
