"""
Places and heat on the floor by a camera that drives and turns, against the truth.

    python tools/moving_street.py [--seconds 30] [--frame FILE] [--floor FILE]

Renders the street of the embedded clip from a robot's mast, lets the pipeline find people in it,
and compares three floors with the truth: by the pose of each frame, by the first pose for all
frames, as a homography of a still camera has it, and by poses that come 0.1 s late.
"""

import argparse
import os
from pathlib import Path
import sys
from typing import Dict, List, Tuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / 'tools')]
os.environ['YOLO_VERBOSE'] = 'false'

import cv2  # noqa: E402, I100
from floor_accuracy import (  # noqa: E402
    correlation, deposited, pairs_of, RADIUS, report, RESOLUTION)
import numpy as np  # noqa: E402
import street  # noqa: E402
from yolo_heatmap_ros.choices import HeatUnit  # noqa: E402
from yolo_heatmap_ros.detectors.yolo import YoloDetector  # noqa: E402
from yolo_heatmap_ros.drawing.renderer import HeatRenderer  # noqa: E402
from yolo_heatmap_ros.heat.floor_view import FloorView  # noqa: E402
from yolo_heatmap_ros.heat.ground import GroundPlane, pose_homography  # noqa: E402
from yolo_heatmap_ros.heat.layers.floor import FloorLayer  # noqa: E402
from yolo_heatmap_ros.heat.options import HeatOptions  # noqa: E402
from yolo_heatmap_ros.pipeline import HeatmapPipeline  # noqa: E402

RATE = 10.0
BEGIN = 1000.0
LATE = 0.1
EXTENT = (7.0, -18.0, 27.0, 18.0)
TURN, TURN_PERIOD = np.radians(20.0), 24.0
"""The camera turns by this to and fro; s for there and back."""
START, END = np.array((0.0, -3.0)), np.array((2.5, 3.0))
"""x, y in m between which it drives."""
EDGE = 3.0
"""Boxes closer to the picture's border, in px, may be cut: their foot may be out of sight."""


def pose(t: float, seconds: float) -> Tuple[np.ndarray, np.ndarray]:
    """Return R (3, 3) and t (3,) m of floor to camera after `t` of `seconds` s."""
    yaw = TURN * np.sin(2 * np.pi * t / TURN_PERIOD)
    share = 0.5 - 0.5 * np.cos(np.pi * t / seconds)
    eye = np.array((*(START + share * (END - START)), street.CAMERA_HEIGHT))
    c, s = np.cos(yaw), np.sin(yaw)
    rotation = street.camera_pose()[0] @ np.array(((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0)))
    return rotation, -rotation @ eye


def view_at(t: float, seconds: float) -> FloorView:
    """Return how the camera shows the floor at a time in s."""
    return FloorView(pose_homography(street.camera_matrix(), *pose(max(t, 0.0), seconds)))


def hottest(floor: FloorLayer) -> np.ndarray:
    """Return the busiest place, (2,) m."""
    spot, = floor.hotspots(1, 1.0)
    return np.array((spot.x, spot.y))


def floor_of(grid: np.ndarray) -> FloorLayer:
    """Return a floor with this heat, (rows, columns)."""
    floor = FloorLayer(GroundPlane(None, RESOLUTION, EXTENT, RADIUS), street.HEIGHT, street.WIDTH,
                       counts=lambda box: True)
    floor.field.restore(grid)
    return floor


def picture_of(grid: np.ndarray, label: str, spot: np.ndarray) -> np.ndarray:
    """Return a map as a picture, (H, W, 3) uint8 BGR, x to the right and y up."""
    image = cv2.applyColorMap(np.clip(255 * grid / grid.max(), 0, 255).astype(np.uint8),
                              cv2.COLORMAP_TURBO)
    image = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    at = np.round((spot - EXTENT[:2]) / RESOLUTION * 2).astype(int)
    cv2.drawMarker(image, tuple(at.tolist()), (255, 255, 255), cv2.MARKER_CROSS, 14, 1)
    image = np.ascontiguousarray(image[::-1])
    cv2.putText(image, label, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1,
                cv2.LINE_AA)
    return image


def main() -> int:
    """Render, find, and compare."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=30.0)
    parser.add_argument('--seed', type=int, default=11)
    parser.add_argument('--frame', type=Path, help='write the picture of a frame')
    parser.add_argument('--floor', type=Path, help='write the maps: truth, ours, still, late')
    arguments = parser.parse_args()
    seconds = arguments.seconds
    detector = YoloDetector(str(ROOT / 'demo' / 'street.pt'), device='cpu', classes=['person'])
    options = HeatOptions(heat_unit=HeatUnit.SECONDS,
                          ground=GroundPlane(None, RESOLUTION, EXTENT, RADIUS))
    said: Dict[str, List[str]] = {label: [] for label in ('by each pose', 'by the first pose',
                                                          f'poses {LATE} s late')}
    pipelines = {label: HeatmapPipeline(detector, HeatRenderer(), options, warn=lines.append)
                 for label, lines in said.items()}
    errors: Dict[str, List[float]] = {label: [] for label in said}
    cut: List[bool] = []
    scene = street.Street(arguments.seed, seconds)
    plane = options.ground
    theirs, people, nobody = np.zeros(plane.shape, np.float32), 0, 0
    for number in range(int(seconds * RATE)):
        t = number / RATE
        with street.seen_from(*pose(t, seconds)):
            frame, things = street.Renderer().frame(scene, t)
        things = [one for one in things if one.class_id == street.PERSON]
        boxes = np.array([one.box for one in things]).reshape(-1, 4)
        ground = np.array([one.ground for one in things]).reshape(-1, 2)
        people += len(things)
        theirs += deposited(ground, EXTENT, plane.shape) / RATE
        views = dict(zip(said, (view_at(t, seconds), view_at(0.0, seconds),
                                view_at(t - LATE, seconds))))
        detections = next(iter(pipelines.values())).detect(frame)
        found = detections.xyxy.astype(float)
        pairs = pairs_of(found, boxes)
        nobody += len(found) - len(pairs)
        for label, pipeline in pipelines.items():
            pipeline.add(frame, detections, BEGIN + t, views[label])
            places = pipeline.positions().places
            errors[label] += [float(np.hypot(*(places[row] - ground[column])))
                              for row, column in pairs]
        cut += [bool((found[row, :2] < EDGE).any() or (
            found[row, 2:] > (street.WIDTH - EDGE, street.HEIGHT - EDGE)).any())
            for row, _ in pairs]
        if number == int(seconds * RATE * 0.6) and arguments.frame:
            for box in found:
                cv2.rectangle(frame, *np.round(box).astype(int).reshape(2, 2).tolist(),
                              (0, 255, 255), 1)
            cv2.imwrite(str(arguments.frame), frame)
    print(f'{int(seconds * RATE)} frames, {people} people in sight, '
          f'{len(cut)} found, {nobody} found who are nobody')
    whole = ~np.array(cut)
    place = hottest(floor_of(theirs))
    print(f'hottest place by the truth: {place.round(2)} m')
    pictures = [picture_of(theirs, 'truth', place)]
    for label, pipeline in pipelines.items():
        mine = np.array(errors[label])
        report(mine[np.isfinite(mine)], f'{label}: positions')
        report(mine[whole & np.isfinite(mine)], f'{label}: positions, whole boxes')
        above = int((~np.isfinite(mine)).sum())
        floor = pipeline.floor_map()
        spot = hottest(floor_of(floor.heat))
        r = ', '.join(f'{correlation(floor.heat, theirs, floor.known, blur):.3f} (sigma {blur} m)'
                      for blur in (0.0, 0.3, 0.5, 1.0))
        print(f'{label}: {above} without a place; hottest place {spot.round(2)} m, '
              f'{np.hypot(*(spot - place)):.2f} m away; heat of the truth '
              f'{floor.heat.sum() / theirs.sum():.3f}; r in {floor.known.sum()} cells: {r}')
        print(f'{label}: said: {said[label]}')
        pictures.append(picture_of(floor.heat, label, spot))
    if arguments.floor:
        cv2.imwrite(str(arguments.floor), np.hstack(pictures))
    return 0


if __name__ == '__main__':
    sys.exit(main())
