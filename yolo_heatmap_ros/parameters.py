"""Each node's parameters: declared once, with description, range and check."""

from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from rcl_interfaces.msg import (
    FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult)
from rclpy.node import Node
from rclpy.parameter import Parameter

from yolo_heatmap_ros.heat.render import colormap_code

ANY_TIME = 'any time'
UNCONFIGURED = 'while unconfigured'
START = 'at start'


class ParameterError(ValueError):
    """A parameter with a value that cannot be used; one line that names both."""


@dataclass(frozen=True)
class Setting:
    """
    One parameter of a node.

    `check` takes what the user gave and returns the value that the node works with; it raises
    ValueError with a reason that reads on after the parameter's name and value.
    """

    name: str
    default: Any
    description: str
    check: Callable[[Any], Any]
    changes: str = ANY_TIME
    limits: Optional[Tuple[float, float]] = None

    def descriptor(self) -> ParameterDescriptor:
        """Return the descriptor that `ros2 param describe` and rqt_reconfigure show."""
        # Numbers and lists arrive in the type that YAML sees in them: `device:=0`, `alpha:=1`.
        descriptor = ParameterDescriptor(
            name=self.name, description=self.description, dynamic_typing=True,
            read_only=self.changes == START)
        if self.changes != ANY_TIME:
            descriptor.additional_constraints = f'can be set {self.changes}'
        if self.limits is not None and isinstance(self.default, float):
            low, high = map(float, self.limits)
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
        elif self.limits is not None:
            low, high = map(int, self.limits)
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        return descriptor

    def checked(self, value: Any) -> Any:
        """Return the value to work with; raises ParameterError for one that cannot be used."""
        try:
            return self.check(value)
        except ValueError as error:
            raise ParameterError(f"parameter '{self.name}': {error}") from error


def _number(name, default, description, low, high, changes=ANY_TIME) -> Setting:
    whole = isinstance(default, int)

    def check(value):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (
                whole and value != int(value)) or not low <= value <= high:
            kind = 'a whole number' if whole else 'a number'
            raise ValueError(f'{value!r} is not {kind} from {low} to {high}')
        return int(value) if whole else float(value)
    return Setting(name, default, description, check, changes, (low, high))


def _switch(name, default, description, changes=ANY_TIME) -> Setting:
    def check(value):
        if not isinstance(value, bool):
            raise ValueError(f'{value!r} is neither true nor false')
        return value
    return Setting(name, default, description, check, changes)


def _choice(name, choices, description, changes=ANY_TIME) -> Setting:
    def check(value):
        if value not in choices:
            raise ValueError(f"{value!r} is not one of {', '.join(choices)}")
        return value
    return Setting(name, choices[0], f"{description} One of: {', '.join(choices)}.", check,
                   changes)


def _as_text(value: Any) -> str:
    """Take numbers as text too: a device, a camera or a file may be called `0`."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f'{value!r} is not text')
    return str(value).strip()


def _filled_text(value: Any) -> str:
    text = _as_text(value)
    if not text:
        raise ValueError('is empty')
    return text


def _as_colormap(value: Any) -> str:
    text = _filled_text(value)
    colormap_code(text)
    return text


def _as_classes(value: Any) -> List[Union[int, str]]:
    """Take one class, a list of them, or such a list as text; `[]` arrives as None."""
    if value is None:
        return []
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').split(',')
    entries = [value] if isinstance(value, (bool, int, float)) else list(value)
    if any(isinstance(entry, bool) or not isinstance(entry, (int, str)) for entry in entries):
        raise ValueError(f'{value!r} holds what is neither a name nor an id')
    return [entry if isinstance(entry, int) else entry.strip() for entry in entries
            if str(entry).strip()]


HEATMAP_SETTINGS = (
    Setting('weights', 'yolo12n.pt',
            'The model: a file (.pt or an exported one), or a name that Ultralytics downloads. '
            'A .pt file can run code when it is loaded: use only files that you trust.',
            _filled_text, UNCONFIGURED),
    Setting('device', '',
            "Where the model runs: 'cpu', a GPU's number, 'cuda:0', 'mps'; empty: a GPU where "
            'there is one.', _as_text, UNCONFIGURED),
    _number('imgsz', 640, "The longer side of the model's input in px.", 32, 4096, UNCONFIGURED),
    _number('conf', 0.25, 'Detections with less confidence than this do not count.', 0.0, 1.0),
    _number('iou', 0.7, 'Boxes of one class that overlap more than this are one object.',
            0.0, 1.0),
    _number('max_det', 300, 'The largest number of objects in one frame.', 1, 10000),
    Setting('classes', '',
            "The classes that count, as names or ids: '[person, car]', '[0, 2]', 'person'; empty: "
            'all.', _as_classes),
    Setting('tracker', '',
            "An Ultralytics tracker, such as 'botsort.yaml', or the path of such a file; 'none': "
            "every detection counts at once; empty: Ultralytics' default.",
            _as_text, UNCONFIGURED),
    Setting('colormap', 'JET', "An OpenCV colormap, such as 'JET', 'HOT' or 'VIRIDIS'.",
            _as_colormap),
    _number('alpha', 0.5, 'The weight of the colours over the frame: 0 none, 1 nothing else.',
            0.0, 1.0),
    _choice('accelerate', ('none', 'auto', 'openvino', 'onnx', 'tensorrt'),
            'A faster backend for .pt weights, exported once and kept in the cache; auto: what is '
            'installed and fits the device.', UNCONFIGURED),
    _number('threads', 0, 'Threads of PyTorch on the CPU; 0: all cores but one.  All cores are '
            'faster only where nothing else runs.', 0, 256, UNCONFIGURED),
    _choice('frame_policy', ('latest', 'all'),
            "'latest': always the newest frame; 'all': every frame, in order.", UNCONFIGURED),
    _number('queue_depth', 100, "How many frames wait at most with frame_policy 'all'.", 1, 10000,
            UNCONFIGURED),
    _choice('image_reliability', ('auto', 'reliable', 'best_effort'),
            "QoS of the image subscription; 'auto': reliable where every publisher offers it.",
            UNCONFIGURED),
    _switch('autostart', True,
            'Configure and activate at start; false leaves that to a lifecycle manager.', START),
)

PLAYBACK_SETTINGS = (
    Setting('source', '', 'A video, an image, a folder of images, a camera index or a stream URL.',
            _filled_text, START),
    _number('rate', 0.0, "Frames per second; 0: the file's own, 10 Hz for images.", 0.0, 1000.0),
    _switch('loop', False, 'Begin again at the end.'),
    Setting('frame_id', 'camera', 'The frame_id of the headers.', _as_text),
    _number('wait_for_subscribers', 0, 'Begin when so many subscribers are there.', 0, 100,
            START),
)


class Parameters:
    """The parameters of one node: declared, and checked whenever they are set."""

    def __init__(self, node: Node, settings: Sequence[Setting],
                 change: Callable[[Dict[str, Any]], None],
                 configured: Callable[[], bool] = lambda: True):
        """
        Declare `settings`.

        `change` gets new values, by name, before they are taken; it may refuse them with
        ValueError.  `configured` tells whether settings for the unconfigured node are locked.
        """
        self._node = node
        self._settings = {setting.name: setting for setting in settings}
        self._change = change
        self._configured = configured
        for setting in settings:
            node.declare_parameter(setting.name, setting.default, setting.descriptor())
        # Only from now on: values given at start are judged by `values()`, which can be retried.
        node.add_on_set_parameters_callback(self._on_set)

    def value(self, name: str) -> Any:
        """Return one value; raises ParameterError where it cannot be used."""
        return self._settings[name].checked(self._node.get_parameter(name).value)

    def values(self) -> Dict[str, Any]:
        """Return all values by name; raises ParameterError for the first that cannot be used."""
        return {name: self.value(name) for name in self._settings}

    def _on_set(self, parameters: List[Parameter]) -> SetParametersResult:
        changes = {}
        try:
            for parameter in parameters:
                setting = self._settings.get(parameter.name)
                if setting is None:
                    continue
                if setting.changes == UNCONFIGURED and self._configured():
                    raise ParameterError(
                        f"parameter '{setting.name}' can be set only while the node is "
                        'unconfigured: deactivate and clean it up first')
                changes[setting.name] = setting.checked(parameter.value)
            if changes:
                self._change(changes)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
