"""
The errors that tell a user what to change; the message of each is one line.

Anything else that is raised is a bug of this package or of a library: nodes log it with its
traceback and go on.
"""


class HeatmapError(Exception):
    """An error that a user can fix: the message says what is wrong, where, and what to do."""


class ParameterError(HeatmapError):
    """A parameter, or an option of a command, with an unusable value."""


class CamerasError(HeatmapError):
    """A file without a usable list of cameras."""


class ModelError(HeatmapError):
    """A model, class, tracker or device that cannot be used."""


class BackendError(ModelError):
    """A backend for `accelerate` that is not installed."""


class ImageError(HeatmapError):
    """An image, raw or compressed, that holds no usable picture."""


class SourceError(HeatmapError):
    """A source of frames that cannot be opened or read."""


class VideoError(HeatmapError):
    """A video that cannot be written."""


class RenderError(HeatmapError):
    """A request to `render` that cannot be met."""


class SnapshotError(HeatmapError):
    """A snapshot that cannot be written, read or used."""


class DamagedSnapshot(SnapshotError):
    """A snapshot that has changed since it was written."""


class ShapesError(HeatmapError):
    """Drawn shapes that cannot be kept or read."""


class HistoryError(HeatmapError):
    """A history that cannot be written, read or asked."""


class QuestionError(HistoryError):
    """A question to a history that has no answer."""


class NothingWatched(QuestionError):
    """A question about a time of which a history has nothing."""


class ArchiveError(HeatmapError):
    """A request to `archive` that cannot be met, or a cluster that cannot be used."""


class HeatError(HeatmapError):
    """Saved heat or a ground plane that does not fit."""


class FloorError(HeatmapError):
    """A floor that a running node cannot be given."""


class TransformError(HeatmapError):
    """A pose that TF does not know, or TF itself where it is not installed."""


class StartError(HeatmapError):
    """A node that cannot be created."""
