"""Where the package's own clip and weights are, and when which weights are the default."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory

USER_WEIGHTS = 'yolo12n.pt'
"""The default for a source of the user's own: the embedded weights know only the clip."""


def demo_folder() -> Path:
    """Return the folder of the embedded clip and weights."""
    beside = Path(__file__).resolve().parents[1] / 'demo'
    if (beside / 'street.mp4').is_file():  # run from a checkout
        return beside
    return Path(get_package_share_directory('yolo_heatmap_ros')) / 'demo'


def source_or_clip(source: str) -> str:
    """Return `source`, or the embedded clip where it is empty."""
    return source or str(demo_folder() / 'street.mp4')


def weights_for(source: str, weights: str) -> str:
    """Return `weights`, or where it is empty the default for `source`."""
    if weights:
        return weights
    clip = demo_folder() / 'street.mp4'
    own = not source or Path(source).expanduser().resolve() == clip.resolve()
    return str(demo_folder() / 'street.pt') if own else USER_WEIGHTS
