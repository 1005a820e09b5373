"""What the commands `render` and `archive` show of people."""

import cv2
import numpy as np
from odd_videos import encode
import pytest
from ros_processes import SERVER
from yolo_heatmap_ros.apps.archive import main as archive
from yolo_heatmap_ros.detectors.yolo import YoloDetector
from yolo_heatmap_ros.drawing.anonymize import FLAT
from yolo_heatmap_ros.storage.snapshots import newest, read


@pytest.fixture(scope='module')
def clip(street_frames, tmp_path_factory):
    """Return thirty frames of the embedded clip as a video at 10 Hz."""
    path = tmp_path_factory.mktemp('clip') / 'clip.mp4'
    encode(path, street_frames[:30], g='10', bf='0')
    return path


@pytest.fixture(scope='module')
def people(street, street_frames):
    """Return the place of each person in the last frame, as slices of rows and columns."""
    detector = YoloDetector(str(street / 'street.pt'), device='cpu', imgsz=320, classes=['person'])
    boxes = detector.detect(street_frames[29]).xyxy.astype(int)
    return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in boxes.tolist()]


def assert_hidden(picture, people, exact=True):
    """Assert that both halves of a composite hide all people, and not all the rest."""
    picture = picture.copy()
    picture[-240:, -140:] = FLAT  # here the legend may be
    for half in (picture[:, :640], picture[:, 640:]):
        flat = (np.abs(half.astype(int) - FLAT) <= (0 if exact else 10)).all(axis=2)
        assert all(flat[part].mean() > 0.95 for part in people) and flat.mean() < 0.9


@pytest.mark.parametrize('output', ['out.png', 'out.mp4'])
def test_render(street, clip, people, tmp_path, output):
    """In its output, and in its snapshot; the heat is that of the frames as they are."""
    options = ('--weights', street / 'street.pt', '--imgsz', 320, '--alpha', 0.0)
    plain = SERVER.run('apps.render', clip, '--snapshot', tmp_path / 'plain', *options)
    hiding = SERVER.run('apps.render', clip, tmp_path / output, '--snapshot', tmp_path / 'hiding',
                        '--anonymize', 'fill', *options)
    assert plain.returncode == hiding.returncode == 0, plain.stderr + hiding.stderr
    capture = cv2.VideoCapture(str(tmp_path / output))
    while (frame := capture.read()[1]) is not None:
        last = frame
    assert_hidden(last, people, exact=output.endswith('.png'))
    one, other = (newest(tmp_path / name)[0] for name in ('plain', 'hiding'))
    assert np.array_equal(read(one).state.arrays['heat'], read(other).state.arrays['heat'])
    picture = cv2.imread(str(other / 'composite.png'))
    assert_hidden(picture, people)
    with pytest.raises(AssertionError):
        assert_hidden(cv2.imread(str(one / 'composite.png')), people)


def test_render_without_motion(street, clip, tmp_path):
    """An option that is on by default can be switched off."""
    done = SERVER.run('apps.render', clip, tmp_path / 'out.png', '--weights',
                      street / 'street.pt', '--imgsz', 320, '--anonymize', 'blur',
                      '--no-anonymize-motion')
    assert done.returncode == 0, done.stderr
    done = SERVER.run('apps.render', clip, tmp_path / 'out.png', '--weights',
                      street / 'street.pt', '--anonymize', 'silhouette')
    assert done.returncode == 1 and "anonymize 'silhouette' needs a segmentation model" in (
        done.stderr)


def test_archive(street, clip, people, tmp_path):
    """The picture of the heat of a whole archive is made of its last frame."""
    pytest.importorskip('distributed')
    assert archive([str(clip), '--weights', str(street / 'street.pt'), '--imgsz', '320',
                    '--alpha', '0.0', '--camera', 'hall', '--begin', '2026-11-25T08:00',
                    '--anonymize', 'fill', '--workers', '1',
                    '--history', str(tmp_path / 'history')]) == 0
    assert_hidden(cv2.imread(str(newest(tmp_path / 'history' / 'hall')[0] / 'composite.png')),
                  people)
