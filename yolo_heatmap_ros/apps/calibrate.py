"""Find a camera's tilt, roll and height from people who walk on the floor before it."""

import argparse
import math
import os
from pathlib import Path
import sys
import time
from typing import Iterator, List, Optional, Set, Tuple

import cv2
import numpy as np
from tqdm import tqdm

from yolo_heatmap_ros.build_pipeline import DETECTION, MODEL, parameters_of
from yolo_heatmap_ros.config.command_line import add_options, configuration_of
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.detectors.tracking import NO_TRACKER
from yolo_heatmap_ros.detectors.weights import find_weights
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.metre_grid import draw_metre_grid, draw_poles
from yolo_heatmap_ros.errors import (
    HeatError, HeatmapError, ImageError, ParameterError, SourceError)
from yolo_heatmap_ros.heat.camera import Camera, distortion_of, read_out
from yolo_heatmap_ros.heat.person_calibration import (
    FEWEST, fit_camera, PERSON_HEIGHT, PersonCalibration, SCALE_SD)
from yolo_heatmap_ros.heat.standing_people import (
    people_among, spread_boxes, Usable, usable_boxes)
from yolo_heatmap_ros.media.bags import is_bag
from yolo_heatmap_ros.media.camera_info_file import (
    info_topic, is_rectified, read_camera_info, recorded_camera_info, stored_info, StoredInfo)
from yolo_heatmap_ros.media.source import Source, STILL_RATE, without_credentials
from yolo_heatmap_ros.media.sources import open_sources
from yolo_heatmap_ros.text import one_line

BOXES = 200
"""Boxes for the fit, at most."""
FRAMES = 150
"""Frames of one pass through the input, at most."""
PASSES = 3
"""Passes, each through other frames, as long as there are few boxes."""
FILE_SECONDS, LIVE_SECONDS = 600.0, 30.0
"""How much of files and of live sources is looked at, by default."""
SILENCE = 10.0
"""Seconds to wait for the first image and camera_info of a topic."""
FLOOR_FRAME = 'camera_floor'
_OPTIONS = {*MODEL, *DETECTION, 'value_range'} - {'tracker'}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='calibrate', description="Find a camera's tilt, roll and height from people who walk "
        'on the floor before it, and write ground parameters for heatmap_node, and a picture to '
        'check them by.', formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('inputs', nargs='*', metavar='INPUT', help='videos, images, folders of '
                        'them, patterns, a camera, a URL or rosbag2 recordings; none, with '
                        '--topic: subscribe to that')
    parser.add_argument('--topic', default='', help='the image topic, of a recording or live; its '
                        'intrinsics are those on camera_info beside it, if not given')
    lens = parser.add_mutually_exclusive_group()
    lens.add_argument('--focal', type=float, metavar='PX', help='the focal length in px of the '
                      'input; the optical axis is taken to be in the middle')
    lens.add_argument('--fov', type=float, metavar='DEG',
                      help='instead: the horizontal field of view in degrees')
    lens.add_argument('--camera-info', type=Path, metavar='FILE',
                      help='instead: a YAML file of camera_calibration, with distortion')
    parser.add_argument('--person-height', type=float, default=PERSON_HEIGHT, metavar='M',
                        help='the mean height of the people in m: all metres are in proportion')
    parser.add_argument('--boxes', type=int, default=BOXES, metavar='N',
                        help='use at most so many boxes, spread over the picture')
    parser.add_argument('--seconds', type=float, metavar='S', help='look at so much of the '
                        f'input; if not given, at {FILE_SECONDS:.0f} s, of live ones '
                        f'{LIVE_SECONDS:.0f} s')
    parser.add_argument('--output', '-o', type=Path, default=Path('ground.yaml'), metavar='FILE',
                        help='where to write the parameters')
    parser.add_argument('--picture', type=Path, default=Path('grid.png'), metavar='FILE',
                        help='where to write the picture with a grid of metres')
    add_options(parser, _OPTIONS)
    parser.set_defaults(classes='person')
    return parser


def _check(arguments: argparse.Namespace) -> None:
    """Raise ParameterError for options that cannot be, before anything is loaded."""
    if not arguments.inputs and not arguments.topic:
        raise ParameterError('nothing to look at: give a video or recording, or --topic')
    for name, low, high in (('focal', 1.0, 1e6), ('fov', 1.0, 170.0), ('seconds', 0.1, 1e6),
                            ('person_height', 0.3, 3.0), ('boxes', FEWEST, 2000)):
        value = getattr(arguments, name)
        if value is not None and not low <= value <= high:
            raise ParameterError(f"--{name.replace('_', '-')} {value:g}: give a number from "
                                 f'{low:g} to {high:g}')
    for path in (arguments.output, arguments.picture):
        if not path.parent.is_dir():
            raise ParameterError(f"'{path}': there is no folder '{path.parent}'")
    if not cv2.haveImageWriter(str(arguments.picture)):
        raise ParameterError(f"--picture '{arguments.picture}': give a .png or .jpg")
    for path in (arguments.output, arguments.picture):
        _check_writable(path)


def _check_writable(path: Path) -> None:
    """Raise ParameterError for a file that cannot be written, before minutes of work for it."""
    exists = path.exists()
    try:
        path.open('ab').close()
        if not exists:
            path.unlink()
    except OSError as error:
        raise ParameterError(f"'{path}': cannot be written ({error.strerror}); check the folder "
                             'and its permissions') from error


class _Topic(Source):
    """The images of a live topic, and the camera_info beside them; all of ROS in this command."""

    rate = 0.0
    live = True

    def __init__(self, topic: str, value_range: List[float]):
        """Subscribe; raises ParameterError for a name that no topic can have."""
        import rclpy
        from rclpy.exceptions import NameValidationException
        from rclpy.qos import qos_profile_sensor_data
        from rclpy.signals import SignalHandlerOptions
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image

        from yolo_heatmap_ros.ros.barrier import GuardedNode
        from yolo_heatmap_ros.ros.image_subscription import ImageSubscription
        from yolo_heatmap_ros.ros.messages.compressed import from_compressed, SUFFIX
        from yolo_heatmap_ros.ros.messages.images import to_frame
        from yolo_heatmap_ros.ros.transport import use_image_profile
        use_image_profile()
        # Ctrl-C is a KeyboardInterrupt, as in the rest of this command.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._rclpy = rclpy
        self._node = GuardedNode('calibrate')
        self._message = None
        self._value_range = value_range
        kind, self._decode = ((CompressedImage, from_compressed) if topic.endswith(SUFFIX) else
                              (Image, to_frame))
        self.info: Optional[StoredInfo] = None
        try:
            self._subscription = ImageSubscription(self._node, kind, topic, self._take,
                                                   lambda skipped: None)
        except NameValidationException as error:
            self.close()
            raise ParameterError(f"--topic '{topic}': is no name of a topic "
                                 f'({one_line(error)})') from error
        self.topic = self._subscription.topic
        self._node.create_subscription(CameraInfo, info_topic(self.topic), self._take_info,
                                       qos_profile_sensor_data)

    def _take(self, message) -> None:
        self._message = message

    def _take_info(self, message) -> None:
        self.info = stored_info(message)

    def wait(self, for_info: bool) -> None:
        """Wait for an image, and for camera_info; raises SourceError if they do not come."""
        end = time.monotonic() + SILENCE
        while self._message is None or (for_info and self.info is None):
            self._rclpy.spin_once(self._node, timeout_sec=0.1)
            if time.monotonic() > end:
                if self._message is None:
                    raise SourceError(f"nothing on '{self.topic}' in {SILENCE:.0f} s: see 'ros2 "
                                      "topic list'")
                raise SourceError(f"no focal length: nothing on '{info_topic(self.topic)}' in "
                                  f'{SILENCE:.0f} s; give --focal, --fov or --camera-info')

    def read(self) -> Optional[np.ndarray]:
        """Return the newest image that came, None if none has come for a moment."""
        if self._message is None:
            self._rclpy.spin_once(self._node, timeout_sec=0.1)
        message, self._message = self._message, None
        try:
            return None if message is None else self._decode(message, self._value_range)
        except ImageError:
            self.unusable += 1
            return None

    def close(self) -> None:
        """Leave the network."""
        self._node.destroy_node()
        self._rclpy.try_shutdown()


def _opened(arguments: argparse.Namespace,
            value_range: List[float]) -> Tuple[Source, Optional[StoredInfo]]:
    """Return the input, and its intrinsics if it or --camera-info says them."""
    given = arguments.focal or arguments.fov or arguments.camera_info
    info = None if arguments.camera_info is None else read_camera_info(
        Path(os.path.expanduser(arguments.camera_info)))
    if not arguments.inputs:
        topic = _Topic(arguments.topic, value_range)
        try:
            topic.wait(for_info=not given)
        except BaseException:
            topic.close()
            raise
        return topic, info if given else topic.info
    source = open_sources(arguments.inputs, arguments.topic, value_range)
    bags = [path for path in (Path(os.path.expanduser(one)) for one in arguments.inputs)
            if is_bag(path)]
    if not given and bags and source.topic:
        info = recorded_camera_info(bags[0], source.topic)
    if not given and info is None:
        source.close()
        beside = f"; the recording has no '{info_topic(source.topic)}'" if bags else ''
        raise ParameterError('no focal length: give --focal PX, --fov DEG or --camera-info FILE, '
                             f'without it places would be wrong by many metres{beside}')
    return source, info


def _camera(arguments: argparse.Namespace, info: Optional[StoredInfo], topic: str,
            size: Tuple[int, int]) -> Camera:
    """Return the camera of pictures of `size`, (height, width) px; raises HeatmapError."""
    height, width = size
    if info is None:
        focal = arguments.focal or width / 2 / math.tan(math.radians(arguments.fov) / 2)
        return Camera(np.array([[focal, 0.0, width / 2], [0.0, focal, height / 2],
                                [0.0, 0.0, 1.0]]), size)
    # A file of camera_calibration is of the camera at its full resolution, and knows no more; what
    # comes beside pictures must be of them, as for the node.
    is_file = arguments.camera_info is not None
    where = arguments.camera_info if is_file else info_topic(topic)
    rectified = is_rectified(topic)
    matrix = (np.reshape(info.p or np.zeros(12), (3, 4))[:, :3] if rectified
              else np.reshape(info.k, (3, 3)))
    matrix, (down, across) = read_out(matrix, (info.height, info.width), info.binning, info.region)
    if is_file and abs(width * down - height * across) <= 0.01 * height * across:
        matrix = np.diag((width / across, height / down, 1.0)) @ matrix
    elif (down, across) != size:
        raise ParameterError(f"'{where}': is of pictures of {across} x {down} px, and these have "
                             f'{width} x {height}: not the same camera, or cut or scaled; give '
                             '--focal or --camera-info for these pictures')
    try:
        if rectified:
            return Camera(matrix, size)
        return Camera(matrix, size, *distortion_of(info.distortion_model, info.d))
    except HeatError as error:
        raise ParameterError(f"'{where}': {error}") from error


def _frames(source: Source, seconds: Optional[float],
            enough: List[bool]) -> Iterator[Tuple[float, np.ndarray]]:
    """
    Yield (stamp in s, frame) of frames spread over the input, until `enough` holds something.

    Files are passed through again, with frames in between.
    """
    if source.still:
        yield 0.0, source.read()
        return
    if source.live:
        yield from _live_frames(source, seconds or LIVE_SECONDS)
        return
    rate = source.rate or source.mean_rate or STILL_RATE
    length = min(seconds or FILE_SECONDS, source.total / rate if source.total else math.inf)
    step = max(length / FRAMES, 1.0 / rate)
    seen: Set[float] = set()
    for number in range(PASSES):
        if number and (enough or not source.rewind()):
            return
        due = number * step / PASSES
        while due < length and source.skip_to(due):
            frame = source.read()
            if frame is None:
                break
            due += step
            if source.elapsed not in seen:
                seen.add(source.elapsed)
                yield source.elapsed, frame


def _live_frames(source: Source, seconds: float) -> Iterator[Tuple[float, np.ndarray]]:
    begin, end, due = time.monotonic(), time.monotonic() + SILENCE, 0.0
    first = True
    while time.monotonic() < end:
        frame = source.read()
        now = time.monotonic() - begin
        if frame is None:
            time.sleep(0.01)
        elif now >= due:
            yield now, frame
            if first:  # whose receiver has loaded the model meanwhile
                first, end = False, time.monotonic() + seconds
            due = now + seconds / FRAMES


class _Sightings:
    """Boxes of people, the stamps of their frames, and the frame with the most of them."""

    def __init__(self):
        self.boxes, self.stamps = np.empty((0, 4)), np.empty(0)
        self.count = 0
        self.frame: Optional[np.ndarray] = None
        self.best = 0.0
        self._most = -1

    def add(self, stamp: float, frame: np.ndarray, boxes: np.ndarray) -> None:
        """Add boxes, (N, 4) xyxy px, of a frame, (H, W, 3) uint8 BGR; raises SourceError."""
        if self.frame is not None and frame.shape != self.frame.shape:
            raise SourceError(f'frames of {frame.shape[1]} x {frame.shape[0]} px after those of '
                              f'{self.frame.shape[1]} x {self.frame.shape[0]}: calibrate for each '
                              'resolution by itself')
        self.count += 1
        self.boxes = np.vstack((self.boxes, boxes))
        self.stamps = np.append(self.stamps, np.full(len(boxes), stamp))
        if len(boxes) > self._most:
            self._most, self.best, self.frame = len(boxes), stamp, frame.copy()


def calibrate(arguments: argparse.Namespace) -> int:
    """Calibrate as the command line says; return the exit code."""
    _check(arguments)
    configuration = configuration_of(arguments, _OPTIONS, {'tracker': NO_TRACKER})
    find_weights(configuration['weights'])  # which are loaded with the first frame
    source, info = _opened(arguments, configuration['value_range'])
    try:
        seen, camera = _sightings(arguments, configuration, source, info)
    finally:
        source.close()
    usable = usable_boxes(seen.boxes, seen.stamps, seen.frame.shape[:2])
    print(f'{seen.count} frames: {usable}')
    whole, stamps = seen.boxes[usable.boxes], seen.stamps[usable.boxes]
    if len(whole) < FEWEST:
        raise HeatError(_why_few(usable, seen.count))
    try:
        chosen = spread_boxes(whole, seen.frame.shape[:2], arguments.boxes)
        found = fit_camera(whole[chosen], camera, arguments.person_height, people_among(stamps))
    except HeatError as error:
        raise HeatError(f'{usable}; {error}') from error
    extent = _extent(found)
    _write(arguments, found, extent)
    _draw(arguments.picture, found, extent, seen, usable.boxes)
    _print(arguments, found)
    return 0


def _sightings(arguments: argparse.Namespace, configuration: Configuration, source: Source,
               info: Optional[StoredInfo]) -> Tuple[_Sightings, Camera]:
    """Return the people in the input, and the camera."""
    seen, camera, detector, enough = _Sightings(), None, None, []
    with tqdm(unit=' frames', disable=None) as progress:
        for stamp, frame in _frames(source, arguments.seconds, enough):
            if camera is None:
                camera = _camera(arguments, info, source.topic, frame.shape[:2])
                detector = YoloDetector(**parameters_of(configuration, MODEL + DETECTION),
                                        log=_say)
            seen.add(stamp, frame, detector.detect(frame).xyxy)
            if len(seen.boxes) >= 2 * arguments.boxes:
                enough.append(True)
            progress.update()
    if camera is None:
        name = without_credentials(arguments.inputs[0]) if arguments.inputs else arguments.topic
        raise SourceError(f"'{name}': no frame to look at")
    return seen, camera


def _why_few(usable: Usable, frames: int) -> str:
    """Return why there are too few boxes, and what would help."""
    count = len(usable.boxes)
    if count < FEWEST:
        return (f'{count} boxes of people in {frames} frames, and {FEWEST} are needed: give a '
                'longer recording, a lower --conf, or other --weights or --classes')
    most = max((usable.cut, 'people must be in the picture from head to feet: let them walk '
                            'further away'),
               (usable.hidden, 'choose a time with fewer people'),
               (usable.wide, 'is the picture turned, or do people sit or lie?'))
    return f'{usable}, and {FEWEST} are needed: {most[1]}'


def _extent(found: PersonCalibration) -> Tuple[int, int, int, int]:
    """Return the floor on which people were seen, (x_min, y_min, x_max, y_max) in whole m."""
    # Without the outermost places: of those far away, single false boxes are large on the floor.
    low, high = np.percentile(found.places[found.used], (1, 99), axis=0)
    return (*np.floor(low).astype(int).tolist(), *np.ceil(high).astype(int).tolist())


def _write(arguments: argparse.Namespace, found: PersonCalibration,
           extent: Tuple[int, int, int, int]) -> None:
    matrix = found.matrix / np.abs(found.matrix).max()
    lines = [f'# Calibrated from {np.count_nonzero(found.used)} boxes of people of '
             f'{found.person_height:g} m.', *(f'# {line}' for line in _described(found)),
             '# x leads away from the camera, y to its left; the origin is on the floor below it.',
             '/**:', '  ros__parameters:', '    ground:',
             f"      matrix: '[{', '.join(f'{value:.10g}' for value in matrix.ravel())}]'",
             f"      extent: '[{', '.join(map(str, extent))}]'",
             f'      frame_id: {FLOOR_FRAME}', '']
    try:
        arguments.output.write_text('\n'.join(lines))
    except OSError as error:
        raise ParameterError(f"'{arguments.output}': cannot be written "
                             f'({error.strerror})') from error


def _draw(path: Path, found: PersonCalibration, extent: Tuple[int, int, int, int],
          seen: _Sightings, usable: np.ndarray) -> None:
    picture = seen.frame
    draw_metre_grid(picture, found.matrix, found.camera, extent)
    boxes = seen.boxes[usable & (seen.stamps == seen.best)]
    draw_poles(picture, found.poles(boxes), boxes)
    if not cv2.imwrite(str(path), picture):
        raise ParameterError(f"'{path}': cannot be written; check the folder and its permissions")


def _described(found: PersonCalibration) -> List[str]:
    """Return what was found, in words."""
    tilt, tilt_sd, roll, roll_sd = np.degrees((found.tilt, found.tilt_sd, found.roll,
                                               found.roll_sd))
    feet = found.feet[found.used]
    distances, sds = np.hypot(*found.places[found.used].T), found.place_sd(feet)
    order = np.argsort(distances)
    typical = order[np.round(np.array((0.1, 0.5, 0.9)) * (len(order) - 1)).astype(int)]
    return [f'tilt {tilt:.1f} ± {tilt_sd:.1f}° down, roll {roll:.1f} ± {roll_sd:.1f}°, height '
            f'{found.height:.2f} ± {found.height_sd:.2f} m',
            'places are right to '
            + ', '.join(f'{sds[one]:.1f} m at {distances[one]:.0f} m' for one in typical)
            + f' (standard deviation, with {SCALE_SD:.0%} for the height of people)']


def _print(arguments: argparse.Namespace, found: PersonCalibration) -> None:
    print(f'{np.count_nonzero(found.used)} of {len(found.used)} boxes agree, worth those of about '
          f'{found.people:.0f} people')
    for line in _described(found):
        print(line)
    print(f'people are taken to be {found.person_height:g} m high on average: 5 % more or less '
          'are 5 % in all metres (--person-height)')
    if found.camera.is_distorted:
        print('the parameters are for pixels without distortion: the node needs the camera_info '
              'of this camera')
    print(f'{arguments.picture}: look at it: the green boxes should fit the people, the red '
          'poles be as high as they are, and the grid lie on the floor')
    print(f"{arguments.output}: give it to the node by '--ros-args --params-file'; to have the "
          f"floor in a frame such as map, publish where '{FLOOR_FRAME}' is in it, by "
          'static_transform_publisher')


def _say(line: str) -> None:
    tqdm.write(line, file=sys.stderr)


def main(args: Optional[List[str]] = None) -> int:
    """Run the command; return its exit code."""
    arguments = _parser().parse_args(args)
    try:
        return calibrate(arguments)
    except KeyboardInterrupt:
        return 130
    except HeatmapError as error:
        print(f'calibrate: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
