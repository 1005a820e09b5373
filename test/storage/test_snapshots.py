"""Heat on disk: what comes back, what is refused, and what a kill or a full disk leaves."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone
import os
from pathlib import Path
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import yaml
from yolo_heatmap_ros.errors import DamagedSnapshot, HeatError, SnapshotError
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.storage.snapshots import newest, read, Snapshot, write

SIZE = (120, 160)
REGIONS = {'door': np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]], np.float32)}
PICTURE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def heated(size=SIZE, **options):
    heat = HeatAccumulator(*size, HeatOptions(heat_unit='seconds', half_life=50.0, **options))
    for number in range(20):
        detections = Detections.from_boxes([(10 + number, 10, 40 + number, 90),
                                            (90, 30, 130, 80)])
        detections.track_id[:] = (1, 2)
        detections.class_id[:] = (0, 2)
        heat.update(detections, 100.0 + number / 5)
    return heat


def test_what_is_saved_comes_back(tmp_path):
    heat = heated(per_class=True, regions=REGIONS)
    folder = write(tmp_path, Snapshot(heat.state(), {'weights': 'a.pt', 'classes': [0, 2]}),
                   {'heatmap': PICTURE}, keep=3)
    assert newest(tmp_path) == [folder]
    assert np.array_equal(cv2.imread(str(folder / 'heatmap.png')), PICTURE)
    about = yaml.safe_load((folder / 'snapshot.yaml').read_text())
    assert about['unit'] == 'seconds'
    assert (about['began'], about['ended'], about['frames']) == (100.0, 103.8, 20)
    assert about['parameters'] == {'weights': 'a.pt', 'classes': [0, 2]}
    again = HeatAccumulator(*SIZE, heat.options)
    again.restore(read(folder).state)
    assert np.array_equal(again.total.heat(), heat.total.heat())
    assert again.total.maximum == again.total.heat().max()
    for number, layer in heat.classes.fields.items():
        assert np.array_equal(again.classes.fields[number].heat(), layer.heat())
    assert again.regions.counts == heat.regions.counts
    assert (again.frames, again.began, again.clock.now) == (20, 100.0, pytest.approx(103.8))
    # Time goes on from where it was: what fades while the node is away, fades.
    for stamp in (153.8, 154.0):
        again.update(Detections.from_boxes([]), stamp)
    assert again.total.heat().max() == pytest.approx(
        heat.total.heat().max() * 0.5 ** (50.2 / 50.0), rel=1e-4)


def test_the_newest_stay(tmp_path):
    snapshot = Snapshot(heated().state(), {})
    folders = [write(tmp_path, snapshot, {}, keep=3) for _ in range(5)]
    backups = [write(tmp_path, snapshot, {}, keep=2, backup=True) for _ in range(3)]
    assert newest(tmp_path) == folders[:1:-1]
    assert sorted(tmp_path.iterdir()) == sorted([*folders[2:], *backups[1:]])


@pytest.mark.parametrize('target, reason', [
    (HeatAccumulator(*SIZE[::-1], HeatOptions(heat_unit='seconds')),
     'it is of 160 x 120 pixels, and the camera gives 120 x 160'),
    (HeatAccumulator(*SIZE, HeatOptions()), "heat_unit is 'seconds', and the node's 'frames'"),
    (HeatAccumulator(*SIZE, HeatOptions(heat_unit='seconds', per_class=True)),
     'no layers for per_class'),
])
def test_what_does_not_fit_is_refused_whole(target, reason):
    state = heated().state()
    target.update(Detections.from_boxes([(5, 5, 50, 50)]), 3.0)
    before, counts = target.total.heat(), target.frames
    with pytest.raises(HeatError, match=reason):
        target.restore(state)
    assert np.array_equal(target.total.heat(), before)
    assert target.frames == counts


def damage(folder, kind):
    heat, about = folder / 'heat.npz', folder / 'snapshot.yaml'
    if kind == 'version':
        # As another version may, without this kind of checksum.
        about.write_text(about.read_text().replace('format: 1', 'format: 99').replace(
            'sha256', 'crc'))
    elif kind == 'no heat':
        heat.unlink()
    elif kind == 'half':
        heat.write_bytes(heat.read_bytes()[:heat.stat().st_size // 2])
    elif kind == 'a changed byte':
        content = bytearray(heat.read_bytes())
        content[len(content) // 2] ^= 0x55
        heat.write_bytes(content)
    elif kind == 'no yaml':
        about.write_text('format: [')
    elif kind == 'size':
        about.write_text(about.read_text().replace('width: 160', 'width: 161'))
    elif kind == 'nothing known':
        about.write_text('format: 1')
    elif kind == 'not a number':
        np.savez(heat, heat=np.full(SIZE, np.nan, np.float32))
    elif kind == 'less than nothing':
        np.savez(heat, heat=np.full(SIZE, -1.0, np.float32))
    elif kind == 'another type':
        np.savez(heat, heat=np.ones(SIZE, np.float64))
    elif kind == 'another size':
        np.savez(heat, heat=np.ones((SIZE[0], SIZE[1] - 1), np.float32))
    elif kind == 'one damaged layer':
        np.savez(heat, heat=np.ones(SIZE, np.float32), layer_0=np.full(SIZE, np.inf, np.float32))
    elif kind == 'a layer alone':
        np.savez(heat, layer_0=np.ones(SIZE, np.float32))
    elif kind == 'a pickle':
        np.savez(heat, heat=np.array([{'a': 1}], object))


@pytest.mark.parametrize('kind', ['no heat', 'half', 'a changed byte', 'no yaml', 'size',
                                  'nothing known', 'not a number', 'less than nothing',
                                  'another type', 'another size', 'one damaged layer',
                                  'a layer alone', 'a pickle'])
def test_damage_is_found(tmp_path, kind):
    folder = write(tmp_path, Snapshot(heated().state(), {}), {}, keep=3)
    damage(folder, kind)
    with pytest.raises(DamagedSnapshot) as caught:
        read(folder)
    assert '\n' not in str(caught.value)


def equal(one, other):
    """Return whether two snapshots hold the same."""
    arrays, others = one.state.arrays, other.state.arrays
    return (arrays.keys() == others.keys()
            and all(np.array_equal(arrays[name], others[name]) for name in arrays)
            and replace(one.state, arrays={}) == replace(other.state, arrays={})
            and one.parameters == other.parameters and one.camera == other.camera)


@pytest.mark.parametrize('checksum', [True, False])
def test_any_changed_byte(tmp_path, checksum):
    """It is refused or changes nothing; without a checksum, as from older versions, no harm."""
    folder = write(tmp_path, Snapshot(heated(per_class=True, regions=REGIONS).state(),
                                      {'weights': 'a.pt'}, '/camera/yolo_heatmap'), {}, keep=3)
    about = folder / 'snapshot.yaml'
    if not checksum:
        about.write_text(about.read_text()[:about.read_text().index('sha256: ')])
    expected, noise, refused, read_again = read(folder), np.random.default_rng(0), 0, 0
    for path in (folder / 'heat.npz', about):
        content = path.read_bytes()
        masks = noise.integers(1, 256, len(content))
        for place, mask in enumerate(masks):
            changed = bytearray(content)
            changed[place] ^= int(mask)
            path.write_bytes(changed)
            try:
                found = read(folder)
            except SnapshotError as error:
                assert '\n' not in str(error)
                refused += 1
                continue
            read_again += 1
            if checksum:
                assert equal(found, expected), (path.name, place, mask)
            else:
                assert all(np.isfinite(heat).all() for heat in found.state.arrays.values())
                with suppress(HeatError):
                    HeatAccumulator(*SIZE, HeatOptions(
                        heat_unit='seconds', per_class=True)).restore(found.state)
        path.write_bytes(content)
    assert refused + read_again > 2000
    assert read_again < (100 if checksum else refused)


@pytest.mark.parametrize('name, value', [
    ('regions', None), ('regions', {'door': None}), ('regions', {'door': {'tracks': 'many'}}),
    ('regions', {'door': {'occupancy': float('nan')}}), ('regions', {'door': {'exits': -1}}),
    ('ended', 'yesterday'), ('began', float('inf')), ('ended', True), ('frames', None),
    ('frames', -1), ('frames', 1.5), ('frames', True), ('unit', 'hours'), ('unit', None),
    ('width', None), ('parameters', [1]), ('camera', ['a']), ('saved', {'a': 1})])
def test_contents_are_checked_one_by_one(tmp_path, name, value):
    """Where no checksum says what is wrong: nothing that does not fit gets to the heat."""
    folder = write(tmp_path, Snapshot(heated(regions=REGIONS).state(), {}), {}, keep=3)
    path = folder / 'snapshot.yaml'
    about = yaml.safe_load(path.read_text())
    del about['sha256']
    path.write_text(yaml.safe_dump({**about, name: value}, sort_keys=False))
    if name == 'saved':  # for people, not for the node
        assert read(folder).state.frames == 20
        return
    with pytest.raises(DamagedSnapshot, match='it is damaged|is not the heat of') as caught:
        read(folder)
    assert '\n' not in str(caught.value)


def test_a_clock_that_has_been_set_back(tmp_path, monkeypatch):
    """As on a robot without a battery for its clock: what was written last stays the newest."""
    late = datetime(2031, 1, 1, tzinfo=timezone.utc)

    class Clock(datetime):

        @classmethod
        def now(cls, zone):
            return late

    first = [write(tmp_path, Snapshot(heated().state(), {}), {}, keep=2)]
    monkeypatch.setattr('yolo_heatmap_ros.storage.snapshots.datetime', Clock)
    first.append(write(tmp_path, Snapshot(heated().state(), {}), {}, keep=2))
    monkeypatch.undo()
    for _ in range(3):
        written = write(tmp_path, Snapshot(heated().state(), {}), {}, keep=2)
        assert newest(tmp_path)[0] == written
    assert len(newest(tmp_path)) == 2 and not {*first} & {*newest(tmp_path)}
    saved = yaml.safe_load((written / 'snapshot.yaml').read_text())['saved']
    assert abs(datetime.fromisoformat(saved) - datetime.now(timezone.utc)) < timedelta(minutes=5)


def test_folders_of_others_stay(tmp_path):
    """Whatever is not named by `write` is not taken for a snapshot, and never removed."""
    names = ['heat-2019 thesis', 'heat-', 'heat-map', 'heat-20190101', 'reset-everything',
             'heat-20191399T000000.000000Z']
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / 'thesis.tex').write_text('years of work')
    for _ in range(3):
        folder = write(tmp_path, Snapshot(heated().state(), {}), {}, keep=1)
        write(tmp_path, Snapshot(heated().state(), {}), {}, keep=1, backup=True)
    assert newest(tmp_path) == [folder]
    for name in names:
        assert (tmp_path / name / 'thesis.tex').read_text() == 'years of work'


def test_cameras_that_share_a_folder(tmp_path):
    """None loses a snapshot, and each finds its own."""
    state = heated().state()

    def save(camera):
        return [write(tmp_path, Snapshot(state, {}, camera), {}, keep=3) for _ in range(20)]

    cameras = ['/one/yolo_heatmap', '/two/yolo_heatmap', '/three/yolo_heatmap', '/four']
    with ThreadPoolExecutor(4) as threads:
        written = dict(zip(cameras, threads.map(save, cameras)))
    for camera in cameras:
        assert len(set(written[camera])) == 20
        assert newest(tmp_path, camera) == written[camera][:-4:-1]
        assert read(newest(tmp_path, camera)[0]).camera == camera
    assert len(newest(tmp_path)) == 12
    assert newest(tmp_path, '/five') == []
    assert not list(tmp_path.glob('.writing-*'))


def test_another_version_is_refused(tmp_path):
    folder = write(tmp_path, Snapshot(heated().state(), {}), {}, keep=3)
    damage(folder, 'version')
    with pytest.raises(SnapshotError, match='format 99, and this version reads 1'):
        read(folder)


def test_all_is_on_the_disk_before_the_folder_appears(tmp_path, monkeypatch):
    """Each file and the folder around them before the rename, the folder above after it."""
    events = []
    fsync, rename = os.fsync, os.rename

    def recorded_fsync(descriptor):
        fsync(descriptor)
        path = Path(os.readlink(f'/proc/self/fd/{descriptor}'))
        size = path.stat().st_size if path.is_file() else 0
        events.append((str(path.relative_to(tmp_path)), size))

    def recorded_rename(source, target):
        rename(source, target)
        events.append((Path(source).name, Path(target).name))

    monkeypatch.setattr(os, 'fsync', recorded_fsync)
    monkeypatch.setattr(os, 'rename', recorded_rename)
    descriptors = len(os.listdir('/proc/self/fd'))
    folder = write(tmp_path, Snapshot(heated().state(), {}),
                   {'heatmap': PICTURE, 'small': PICTURE[:2, :2]}, keep=3)
    assert len(os.listdir('/proc/self/fd')) == descriptors
    unfinished = events[4][0]
    assert unfinished.startswith('.writing-')
    # Not a byte is written to a file after it.
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sorted(events[:4]) == sorted(
        (f'{unfinished}/{name}', size) for name, size in sizes.items())
    assert events[4:] == [(unfinished, 0), (unfinished, folder.name), ('.', 0)]


def test_what_others_are_writing_is_left_to_them(tmp_path):
    """Until they have died; in another container, too, where their process ids say nothing."""
    snapshot = Snapshot(heated().state(), {})
    dead, alive = tmp_path / '.writing-1-heat-20200101T000000.000000Z', tmp_path / '.writing-a'
    for path in (dead, alive):
        path.mkdir()
        (path / 'heat.npz').write_bytes(b'half')
    # As a writer does.
    with subprocess.Popen(['flock', str(alive), 'cat'], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as other:
        other.stdin.write(b'locked')
        other.stdin.flush()
        other.stdout.read(6)
        write(tmp_path, snapshot, {}, keep=3)
        assert list(tmp_path.glob('.writing-*')) == [alive]
        assert (alive / 'heat.npz').read_bytes() == b'half'
    write(tmp_path, snapshot, {}, keep=3)
    assert not list(tmp_path.glob('.writing-*'))


def test_whatever_goes_wrong_leaves_nothing_behind(tmp_path):
    """Also what is no error of the disk; it is passed on as it is."""
    with pytest.raises(cv2.error):
        write(tmp_path / 'deep' / 'down', Snapshot(heated().state(), {}),
              {'heatmap': np.zeros((0, 0, 3), np.uint8)}, keep=3)
    assert not list((tmp_path / 'deep' / 'down').iterdir())


WRITER = """
import sys
from pathlib import Path
import numpy as np
from yolo_heatmap_ros.heat.accumulator import HeatState
from yolo_heatmap_ros.storage.snapshots import Snapshot, write
folder, number = Path(sys.argv[1]), 0
noise = np.random.default_rng(0).random((480, 640), np.float32)
while True:
    number += 1
    heat = noise + np.float32(number)
    state = HeatState({'heat': heat}, 'seconds', number, 0.0, float(number))
    write(folder, Snapshot(state, {}), {}, keep=5)
    print(number, flush=True)
"""


def test_killed_between_saves_and_in_the_middle(tmp_path):
    """Twelve writers die by SIGKILL at random moments: the last complete snapshot loads."""
    rng = np.random.default_rng(0)
    interrupted = 0
    for _ in range(12):
        writer = subprocess.Popen([sys.executable, '-c', WRITER, str(tmp_path)],
                                  stdout=subprocess.PIPE, text=True)
        writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.2))
        writer.kill()
        said = [int(line) for line in writer.stdout]
        writer.wait()
        interrupted += len(list(tmp_path.glob('.writing-*')))
        snapshot = read(newest(tmp_path)[0])
        assert snapshot.state.frames >= max(said, default=1)
        assert snapshot.state.arrays['heat'].min() >= snapshot.state.frames
    assert interrupted > 0
    write(tmp_path, snapshot, {}, keep=5)
    assert not list(tmp_path.glob('.writing-*'))


def test_a_full_disk(tmp_path):
    """A file system of 200 kB: the save that does not fit says so, and what was saved loads."""
    small = tmp_path / 'small'
    small.mkdir()
    mount = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=200k', 'none', str(small)],
                           capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f'cannot mount a small file system here: {mount.stderr.strip()}')
    try:
        heat = heated()
        first = write(small, Snapshot(heat.state(), {}), {}, keep=50)
        noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3), np.uint8)
        with pytest.raises(SnapshotError, match='No space left on device; check snapshot_dir'):
            write(small, Snapshot(heat.state(), {}), {'heatmap': noise}, keep=50)
        assert list(small.iterdir()) == newest(small) == [first]
        assert np.array_equal(read(first).state.arrays['heat'], heat.total.heat())
    finally:
        subprocess.run(['umount', str(small)], check=True)


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SnapshotError, match='cannot write to .*under: Not a directory; check'):
        write(tmp_path / 'file' / 'under', Snapshot(heated().state(), {}), {}, keep=1)
