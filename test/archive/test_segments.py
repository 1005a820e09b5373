"""Segments: where recordings are cut, what follows what, and what identifies a result."""

import math

import numpy as np
from odd_videos import encode, encode_piped
import pytest
from yolo_heatmap_ros.archive.recordings import Recording
from yolo_heatmap_ros.archive.segments import cut, in_order, job_of, lead_in_of, Timed
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import SourceError
from yolo_heatmap_ros.media.contents import Contents, contents_of, cuts_of

DEFAULTS = {spec.name: spec.checked(spec.default) for spec in HEATMAP_PARAMETERS}
JOB = job_of(DEFAULTS, 'model')


def timed(begin, end=60.0, name='a', cuts=()):
    return Timed(Recording(f'/{name}.mp4', 'hall'), Contents(name, end, 0.1, cuts), begin)


@pytest.mark.parametrize('end, keys, expected', [
    (100.0, (), [30.0, 60.0, 90.0]), (97.0, (), [30.0, 60.0]),  # a short rest stays
    (100.0, [0, 32, 64, 96], [32, 64]), (100.0, [0, 50, 99], [30.0, 60.0, 90.0]),
    (10.0, [0, 5], []), (100.0, [0], [30.0, 60.0, 90.0])])
def test_cuts_are_at_key_frames_nearby(end, keys, expected):
    assert cuts_of(end, keys, 30.0) == expected


def test_segments_cover_a_recording_once():
    segments = cut([timed(1000.0, cuts=(20.0, 40.0))], 10.0, 2.0, JOB)
    assert [(one.start, one.end, one.lead_in, one.length) for one in segments] == [
        (0.0, 20.0, 0.0, 20.0), (20.0, 40.0, 10.0, 20.0), (40.0, math.inf, 30.0, 20.0)]
    assert [(one.began, one.ended) for one in segments] == [
        (1000.0, 1020.0), (1020.0, 1040.0), (1040.0, 1060.0)]
    assert len({one.identity for one in segments}) == 3
    assert not any(one.tail for one in segments)


def test_identities_are_of_content_and_parameters():
    def identity(job=JOB, lead_in=10.0, **changes):
        one = timed(1000.0, cuts=(30.0,))._replace(**changes)
        return cut([one], lead_in, 2.0, job)[-1].identity
    assert identity() == identity()
    assert identity(recording=Recording('/moved.mp4', 'hall')) == identity()
    others = [identity(begin=1001.0), identity(contents=Contents('b', 60.0, 0.1)),
              identity(lead_in=11.0), identity(job_of(DEFAULTS, 'other')),
              identity(job_of({**DEFAULTS, 'conf': 0.3}, 'model')),
              identity(job_of({**DEFAULTS, 'regions': {'a': np.ones((3, 2), np.float32)}},
                              'model')),
              identity(job_of({**DEFAULTS, 'ignored_areas': {'a': np.ones((3, 2), np.float32)}},
                              'model'))]
    assert len({*others, identity()}) == 8
    assert 'ignored_areas' not in JOB  # so that archives of before it existed stay done
    assert identity(job_of({**DEFAULTS, 'colormap': 'HOT', 'device': 'cpu'}, 'model')) == (
        identity())


def test_a_recording_follows_another():
    """Also where its name says whole seconds; tracks are followed from one to the other."""
    for begin, shift in ((1060.0, -60.0), (1060.9, -60.0), (1059.2, -60.0), (1061.5, -61.5)):
        segments = cut([timed(1000.0), timed(begin, name='b')], 10.0, 2.0, JOB)
        tail = segments[1].tail
        assert (tail.path, tail.start, tail.shift) == ('/a.mp4', 50.0, pytest.approx(shift))
    assert cut([timed(1000.0), timed(1063.0, name='b')], 10.0, 2.0, JOB)[1].tail is None
    late = cut([timed(1000.0), timed(1060.0, name='b', cuts=(30.0,))], 10.0, 2.0, JOB)
    assert late[1].tail and not late[2].tail
    # What is done stays done, when the recording before it comes later.
    assert late[1].identity == cut([timed(1060.0, name='b', cuts=(30.0,))], 10.0, 2.0,
                                   JOB)[0].identity


def test_overlapping_recordings_are_told():
    one, other, last = timed(1000.0), timed(1030.0, name='b'), timed(1059.0, name='c')
    kept, overlapping = in_order([last, other, one])
    assert kept == [one, last] and overlapping == [(other, one)]
    twice = [timed(1000.0, 1.0, name) for name in 'ab']
    assert in_order(twice) == ([twice[0]], [(twice[1], twice[0])])


def test_the_lead_in_is_as_long_as_anything_is_remembered():
    assert lead_in_of(DEFAULTS) == 10.0
    for name in ('dwell_alert', 'ignore_stationary'):
        assert lead_in_of({**DEFAULTS, name: 30.0}) == 31.0
    assert lead_in_of({**DEFAULTS, 'track_memory': 60.0}) > 60.0


@pytest.fixture(scope='module')
def small(street_frames):
    """Return 60 small frames."""
    return [np.ascontiguousarray(frame[::4, ::4]) for frame in street_frames[:60]]


def test_contents_of_videos(tmp_path, small):
    path = encode(tmp_path / 'a.mp4', small, g='10', bf='0')
    contents = contents_of(str(path), '', 1.0)
    assert contents.end == pytest.approx(6.0) and contents.spacing == pytest.approx(0.1)
    assert contents.cuts == pytest.approx((1.0, 2.0, 3.0, 4.0, 5.0))
    assert contents.origin is None and len(contents.sha256) == 64
    raw = encode_piped(tmp_path / 'a.h264', small, format='h264')
    contents = contents_of(str(raw), '', 1.0)
    assert contents.end > 0.0 and contents.cuts == ()  # it has no times to seek by
    with pytest.raises(SourceError, match='no such file'):
        contents_of(str(tmp_path / 'none.mp4'), '', 1.0)


def test_times_that_jump_are_read_in_one_go(tmp_path, small):
    times = [number / 10 + (7200.0 if number > 30 else 0.0) for number in range(60)]
    assert contents_of(str(encode(tmp_path / 'a.mkv', small, times)), '', 1.0).cuts == ()
