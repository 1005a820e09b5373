"""Which recordings there are, of which camera, and when they began."""

from datetime import datetime, timedelta, timezone
import os
from pathlib import Path

import pytest
from yolo_heatmap_ros.archive.recordings import find_recordings, TimePattern
from yolo_heatmap_ros.errors import ArchiveError
from yolo_heatmap_ros.time_zones import time_zone

UTC = timezone.utc


def at(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize('pattern, path, camera, begin', [
    ('%Y%m%d_%H%M%S', '/a/20261125_080000.mp4', None, '2026-11-25T08:00:00'),
    ('{camera}_%Y%m%d_%H%M%S', '/a/hall_20261125_080001.mp4', 'hall', '2026-11-25T08:00:01'),
    ('{camera}_%Y%m%d_%H%M%S', '/a/b_c/hall_2_20261125_080001.mp4', 'hall_2',
     '2026-11-25T08:00:01'),
    ('{camera}/%Y-%m-%d/%H.', '/site/door 50%/2026-11-25/08.mkv', 'door 50%',
     '2026-11-25T08:00:00'),
    ('%d.%m.%y %I%p', '/a/x 25.11.26 08PM.avi', None, '2026-11-25T20:00:00'),
    ('%Y%m%d%H%M%S%f', '/a/20261125080000250000.ts', None, '2026-11-25T08:00:00.250000'),
    ('%Y%j', '/a/99999/2026001.mp4', None, '2026-01-01T00:00:00'),
    ('100%%_%Y%m%d', '/a/100%_20261125.mp4', None, '2026-11-25T00:00:00'),
    ('%Y/%m/%d/cam_%Y%m%d_%H', '/a/2026/11/25/cam_20261125_08.mp4', None, '2026-11-25T08:00:00'),
    ('{camera}_%Y%m%d', '/mnt/backup_20251201/hall_20260102.mp4', 'hall', '2026-01-02T00:00:00'),
    ('%Y%m%d%H%M%S', '/a/ch1220121102030405.mp4', None, '2012-11-02T03:04:05'),
    ('%Y%m%d%H%M%S', '/a/ch0120260102030405.mp4', None, '2026-01-02T03:04:05')])
def test_a_pattern_reads_camera_and_begin(pattern, path, camera, begin):
    assert TimePattern(pattern, UTC).read(path) == (camera, at(begin))


def test_a_pattern_reads_offsets_and_zones():
    assert TimePattern('%Y%m%dT%H%M%S%z', UTC).read('/a/20261125T080000+0100.mp4')[1] == at(
        '2026-11-25T07:00')
    berlin = time_zone('Europe/Berlin')
    assert TimePattern('%Y%m%d_%H', berlin).read('/a/20260725_08.mp4')[1] == at(
        '2026-07-25T06:00')


def test_what_is_no_time_is_passed_over():
    pattern = TimePattern('%Y%m%d', UTC)
    assert pattern.read('/a/20269999/20261125.mp4')[1] == at('2026-11-25')
    assert pattern.read('/a/video.mp4') == (None, None)
    assert pattern.read('/a/99991231.mp4') == (None, None)
    assert TimePattern('%Y-%m-%d/%Y%m%d', UTC).read('/2026-11-25/20261126.mp4') == (None, None)


@pytest.mark.parametrize('pattern, message', [
    ('%H%M%S', 'needs a year'), ('%Y%s', "'%s' cannot be read from a name"),
    ('{camera}_{camera}_%Y', 'at most one')])
def test_patterns_that_cannot_be_read(pattern, message):
    with pytest.raises(ArchiveError, match=message) as raised:
        TimePattern(pattern, UTC)
    assert '\n' not in str(raised.value)


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def found(*inputs, **options):
    recordings, problems = find_recordings(list(map(str, inputs)), UTC, **options)
    assert not problems, problems
    return [(one.path, one.camera) for one in recordings]


def test_folders_patterns_and_files(tmp_path, monkeypatch):
    files = [touch(tmp_path / 'site' / name) for name in (
        'cam1/2026-11-25/8.mp4', 'cam1/2026-11-25/10.mp4', 'cam2/a.MKV', 'cam2/bag/metadata.yaml',
        'cam2/bag/bag_0.mcap', 'cam2/notes.txt', '.hidden/x.mp4', 'cam3/alone.db3')]
    files[3].write_text('rosbag2_bagfile_information: {}')
    expected = [(files[0], 'cam1'), (files[1], 'cam1'), (files[2], 'cam2'),
                (files[3].parent, 'cam2'), (files[7], 'cam3')]
    assert sorted(found(tmp_path / 'site')) == sorted((str(path), one) for path, one in expected)
    assert found(tmp_path / 'site' / 'cam1')[0] == (str(files[0]), '2026-11-25')
    assert found(tmp_path / 'site' / '*' / '*.MKV') == [(str(files[2]), 'cam2')]
    assert found(files[3].parent, camera='hall') == [(str(files[3].parent), 'hall')]
    monkeypatch.chdir(tmp_path / 'site' / 'cam2')
    assert found('a.MKV', './a.MKV') == [(str(files[2]), 'cam2')]
    _, problems = find_recordings(['nothing*.mp4'], UTC)
    assert len(problems) == 1 and "'nothing*.mp4': no such file or folder" in problems[0]


def test_what_cannot_be_read_is_told(tmp_path, monkeypatch):
    """Dead and circular links, folders without a recording, names of another encoding."""
    (tmp_path / 'dead').symlink_to(tmp_path / 'nowhere')
    (tmp_path / 'loop').symlink_to('loop')
    (tmp_path / 'empty').mkdir()
    model = touch(tmp_path / 'exported_openvino_model' / 'metadata.yaml')
    model.write_text('task: detect')
    bad = os.fsdecode(os.fsencode(tmp_path / 'names' / 'caf') + b'\xe9.mp4')
    touch(tmp_path / 'names' / 'a.mp4')
    open(bad, 'w').close()
    for text, message in (('dead', 'No such file'), ('loop', 'symbolic links'),
                          ('empty', 'no video or recording in this folder'),
                          ('exported_openvino_model', 'no video or recording'),
                          ('dea*', 'No such file'), ('names', 'is not UTF-8')):
        recordings, problems = find_recordings([str(tmp_path / text)], UTC)
        assert len(problems) == 1 and message in problems[0], (text, problems)
        assert len(recordings) == (text == 'names')
    inside = touch(tmp_path / 'far' / 'b.mp4')
    (tmp_path / 'names' / 'cam2').symlink_to(inside.parent)
    (inside.parent / 'up').symlink_to(tmp_path / 'names')
    Path(bad).unlink()
    assert found(tmp_path / 'names') == [
        (str(tmp_path / 'names' / 'a.mp4'), 'names'),
        (str(tmp_path / 'names' / 'cam2' / 'b.mp4'), 'cam2')]


def test_a_file_of_two_cameras(tmp_path):
    manifest = tmp_path / 'list.csv'
    manifest.write_text('file,camera,begin\na.mp4,one,\na.mp4,two,\nb.mp4,two,2026-11-25\n'
                        'b.mp4,two,2026-11-26\nb.mp4,two,2026-11-25\n')
    recordings, problems = find_recordings([str(manifest)], UTC)
    assert [(Path(one.path).name, one.camera) for one in recordings] == [
        ('a.mp4', 'one'), ('a.mp4', 'two'), ('b.mp4', 'two')]
    assert len(problems) == 1 and 'given twice, with two begins' in problems[0]


def test_a_manifest(tmp_path):
    video = touch(tmp_path / 'videos' / 'a.mp4')
    other = touch(tmp_path / 'hall_20261126.mp4')
    manifest = tmp_path / 'list.csv'
    manifest.write_text('﻿file, camera, begin\nvideos/a.mp4, hall, 2026-11-25T08:00+01:00\n'
                        f'{other}, door,\n', encoding='utf-8')
    pattern = TimePattern('{camera}_%Y%m%d', UTC)
    recordings, problems = find_recordings([str(tmp_path / '*.mp4'), str(manifest)], UTC,
                                           pattern=pattern)
    assert not problems
    assert [(one.path, one.camera, one.begin) for one in recordings] == [
        (str(video), 'hall', at('2026-11-25T08:00', timezone(timedelta(hours=1)))),
        (str(other), 'door', at('2026-11-26'))]


@pytest.mark.parametrize('text, message', [
    ('path,name\na,b\n', 'no column file and no camera; its first line must be file,camera,begin'),
    ('file,camera,begin\na.mp4,,\n', 'line 2: needs a file and a camera'),
    ('file,camera,begin\na.mp4,x,yesterday\n', "line 2: 'yesterday' is not a time such as"),
    (b'\xff\xfe\x00\x01', 'not a manifest that can be read')])
def test_manifests_that_cannot_be_used(tmp_path, text, message):
    manifest = tmp_path / 'list.csv'
    manifest.write_bytes(text if isinstance(text, bytes) else text.encode())
    recordings, problems = find_recordings([str(manifest)], UTC)
    assert not recordings and len(problems) == 1
    assert message in problems[0] and str(manifest) in problems[0] and '\n' not in problems[0]
