"""The embedded clip and weights, and the demo that plays them."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.ros.package_share import source_or_clip, USER_WEIGHTS, weights_for


def demo(folder, *arguments):
    return subprocess.run(
        [sys.executable, '-m', 'yolo_heatmap_ros.apps.demo', '--output', str(folder), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)


@pytest.mark.alone
def test_embedded_clip_through_both_nodes(tmp_path):
    """It ends by itself, having shown most of the 360 frames and saved both files."""
    run = demo(tmp_path)
    assert run.returncode == 0, run.stdout
    assert 'Traceback' not in run.stdout
    assert 'Failed' not in run.stdout
    assert 'p95' in run.stdout
    count = int(run.stdout.split(' composites in all')[0].rsplit('\n', 1)[1])
    assert 100 < count <= 360
    picture = cv2.imread(str(tmp_path / 'composite.png'))
    assert picture.shape == (480, 1280, 3)
    assert np.abs(picture[:, :640].astype(int) - picture[:, 640:]).mean() > 20
    video = cv2.VideoCapture(str(tmp_path / 'composite.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == count
    assert video.read()[1].shape == (480, 1280, 3)


def test_bad_source(tmp_path):
    run = demo(tmp_path, '--source', '/no/such.mp4')
    assert run.returncode == 1
    assert "'/no/such.mp4': no such file" in run.stdout
    assert 'Traceback' not in run.stdout


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    run = demo(tmp_path / 'file' / 'out')
    assert run.returncode == 1
    assert 'cannot be created (Not a directory); give another folder' in run.stdout
    assert 'Traceback' not in run.stdout


def test_bad_weights(tmp_path):
    run = demo(tmp_path, '--weights', '/no/such.pt')
    assert run.returncode == 1
    assert "weights '/no/such.pt': no such file" in run.stdout
    assert 'Traceback' not in run.stdout


def test_default_weights(street):
    clip, own = str(street / 'street.mp4'), str(street / 'street.pt')
    assert source_or_clip('') == clip
    assert source_or_clip('a.mp4') == 'a.mp4'
    assert weights_for('', '') == weights_for(clip, '') == own
    assert weights_for('/my/video.mp4', '') == USER_WEIGHTS == 'yolo12n.pt'
    assert weights_for('/my/video.mp4', 'mine.pt') == weights_for('', 'mine.pt') == 'mine.pt'


def test_sizes(street):
    sizes = [path.stat().st_size for path in street.iterdir()]
    assert sum(sizes) < 4e6


def test_heat_by_the_weights_is_that_of_the_truth(street, street_tracks):
    """Pearson's r over the pixels of the whole clip, against the ground truth's boxes."""
    truth = json.loads((street / 'street_truth.json').read_text())
    found, true = (HeatAccumulator(480, 640, HeatOptions()) for _ in range(2))
    assert len(street_tracks) == len(truth['frames']['rows'])
    for rows, tracks in zip(truth['frames']['rows'], street_tracks):
        found.update(tracks, 0.0)
        true.update(Detections.from_boxes([row[2:6] for row in rows]), 0.0)
    assert np.corrcoef(found.total.values.ravel(), true.total.values.ravel())[0, 1] >= 0.95
