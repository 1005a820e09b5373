"""The values that parameters choose from."""

from yolo_heatmap_ros.text import StrEnum


class DetectorKind(StrEnum):
    """Where detections come from: a model of the node's own, or another node's topic."""

    YOLO = 'yolo'
    TOPIC = 'topic'


class Acceleration(StrEnum):
    """The backend that `.pt` weights are exported to; `auto`: the best that is installed."""

    NONE = 'none'
    AUTO = 'auto'
    OPENVINO = 'openvino'
    ONNX = 'onnx'
    TENSORRT = 'tensorrt'


class HeatUnit(StrEnum):
    """What heat counts: frames, or seconds of dwell time."""

    FRAMES = 'frames'
    SECONDS = 'seconds'


class OnTimeJump(StrEnum):
    """What becomes of the heat when stamps go back."""

    KEEP = 'keep'
    RESET = 'reset'


class KernelName(StrEnum):
    """The shape that an object leaves in the heat; see `heat.kernels`."""

    DISC = 'disc'
    BOX = 'box'
    ELLIPSE = 'ellipse'
    GAUSSIAN = 'gaussian'
    FOOT = 'foot'
    MASK = 'mask'


class Anchor(StrEnum):
    """The point of a box that is its place: middle of the lower edge, or centre."""

    FOOT = 'foot'
    CENTER = 'center'


class Normalization(StrEnum):
    """Which heat gets the last colour; see `drawing.colour_range`."""

    MAX = 'max'
    PERCENTILE = 'percentile'
    FIXED = 'fixed'


class Distortion(StrEnum):
    """The models of lens distortion that are known, by their names in sensor_msgs."""

    NONE = ''
    PLUMB_BOB = 'plumb_bob'
    RATIONAL_POLYNOMIAL = 'rational_polynomial'
    EQUIDISTANT = 'equidistant'


class GroundFrom(StrEnum):
    """What tells where the floor is in the picture."""

    POINTS = 'points'
    MATRIX = 'matrix'
    TF = 'tf'


class ImageGeometry(StrEnum):
    """Whether the images still have the lens distortion of their camera_info."""

    AUTO = 'auto'
    RAW = 'raw'
    RECTIFIED = 'rectified'


class FramePolicy(StrEnum):
    """Which frames are processed when the camera is faster than the model."""

    LATEST = 'latest'
    ALL = 'all'


class InputTransport(StrEnum):
    """The image transport of the input."""

    RAW = 'raw'
    COMPRESSED = 'compressed'


class ImageReliability(StrEnum):
    """QoS reliability of the image subscription."""

    AUTO = 'auto'
    RELIABLE = 'reliable'
    BEST_EFFORT = 'best_effort'


class ImageFormat(StrEnum):
    """Formats of compressed images."""

    JPEG = 'jpeg'
    PNG = 'png'


class StampSource(StrEnum):
    """Stamps of a played recording: the time of playing, or those that were recorded."""

    NOW = 'now'
    ORIGINAL = 'original'


class Anonymize(StrEnum):
    """How objects that must not be recognised are made unreadable."""

    NONE = 'none'
    BLUR = 'blur'
    PIXELATE = 'pixelate'
    FILL = 'fill'
    SILHOUETTE = 'silhouette'


class Background(StrEnum):
    """What is under the heat: the frame, or what the camera shows when nobody is there."""

    FRAME = 'frame'
    CLEAN = 'clean'


class TokenUse(StrEnum):
    """Who needs the token of the page: those from elsewhere, or everybody."""

    AUTO = 'auto'
    ALWAYS = 'always'
