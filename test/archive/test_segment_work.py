"""The heat of segments, added up, against that of one process, on given detections."""

import json
import zlib

import av
import numpy as np
import pytest
from yolo_heatmap_ros.archive.final_heat import total_of
from yolo_heatmap_ros.archive.model_files import local_file, ModelFile, not_sent, packed
from yolo_heatmap_ros.archive.recordings import Recording
from yolo_heatmap_ros.archive.segment_work import frames, Job, last_picture, process
from yolo_heatmap_ros.archive.segments import cut, job_of, lead_in_of, Timed
from yolo_heatmap_ros.archive.track_joins import joins_of, uncount
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.detectors.tracking import Untracked
from yolo_heatmap_ros.errors import ArchiveError, ModelError, SourceError
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.media.contents import contents_of
from yolo_heatmap_ros.media.sources import open_source
from yolo_heatmap_ros.storage.archived_segments import (
    ArchivedSegment, heat_of, segments_in)
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_writer import HistoryWriter

BEGIN = 1_795_593_600.0
REGIONS = '{left: [[0, 0.2], [0.5, 0.2], [0.5, 1], [0, 1]], low: [[0, 0.6], [1, 0.6], [1, 1]]}'
LINES = '{across: [[0.06, 0.69], [0.94, 0.69]], down: [[0.5, 0], [0.5, 1]]}'


class GivenObjects:
    """A detector that knows what is in each frame of a clip, with tracks."""

    names = {0: 'pedestrian', 1: 'cyclist', 2: 'car'}
    task = 'detect'

    def __init__(self, known):
        self._known = known
        self.classes = []
        self.frames = 0

    def detect(self, frame):
        self.frames += 1
        return self._known[zlib.crc32(frame.tobytes())]

    def make_tracker(self):
        return Untracked()


@pytest.fixture(scope='module')
def given(street):
    """Return the true objects of each frame of the embedded clip by the frame's checksum."""
    rows = json.loads((street / 'street_truth.json').read_text())['frames']['rows']
    source, known = open_source(str(street / 'street.mp4')), {}
    for objects in rows:
        detections = Detections.from_boxes(np.array([row[2:6] for row in objects], np.float32))
        detections.track_id = np.array([row[0] for row in objects], np.int64)
        detections.class_id = np.array([row[1] for row in objects], np.int64)
        known[zlib.crc32(source.read().tobytes())] = detections
    assert len(known) == len(rows)
    return known


def job_with(**options):
    return Job(Configuration({spec.name: spec.checked(options.get(spec.name, spec.default))
                              for spec in HEATMAP_PARAMETERS}), ModelFile('', ''), 600.0)


def archived(folder, given, job, files, segment):
    """Work on all segments, the last first; return their number, sums, and the history."""
    recordings = []
    for path, begin in files:
        contents = contents_of(str(path), '', segment)
        recordings.append(Timed(Recording(str(path), 'street'), contents, begin))
    parameters = job.parameters
    segments = cut(recordings, lead_in_of(parameters), parameters['max_gap'],
                   job_of(parameters, ''))
    writer = HistoryWriter(folder, 'street')
    for one in reversed(segments):
        result = process(one, job, not_sent, lambda **_: GivenObjects(given))
        row = ArchivedSegment(one.identity, one.path, one.began, one.ended, result.frames,
                              result.skipped, result.tracks, result.heats)
        assert writer.append_segment(row, result.bins, 'model')
        assert not writer.append_segment(row, result.bins, 'model')  # never twice
    done = segments_in(writer.path)
    joins = joins_of(done)
    writer.join_tracks(*joins)
    writer.join_tracks(*joins)
    writer.close()
    sums = total_of(heat_of(writer.path, {one.identity for one in segments}), parameters)
    uncount(sums, joins.repeated)
    return len(segments), sums[-1].state(), History(writer.path)


def compare(one, other):
    """Compare heat, counts, history and events of two archives of the same recordings."""
    (_, state, history), (_, expected, whole) = one, other
    assert state.frames == expected.frames and state.arrays.keys() == expected.arrays.keys()
    for name, heat in expected.arrays.items():
        assert np.abs(state.arrays[name] - heat).max() <= 1e-5 * heat.max()
    for kind in ('regions', 'lines'):
        for place, count in getattr(expected, kind).items():
            found = getattr(state, kind)[place]
            for key, value in count.items():
                if key != 'by_class':
                    assert found[key] == pytest.approx(value, rel=1e-5), (place, key)
            for name, numbers in count['by_class'].items():
                assert found['by_class'][name] == pytest.approx(numbers, rel=1e-5)
    when = When(0.0, 4e9)
    sums, wholes = history.total(when), whole.total(when)
    assert np.abs(sums.total() - wholes.total()).max() <= 1e-5 * wholes.total().max()
    assert sums.frames == wholes.frames
    for place, by_class in wholes.counts.items():
        for name, numbers in by_class.items():
            found = {what: value for what, value in sums.counts[place][name].items() if value}
            assert found == pytest.approx(numbers, rel=1e-5)
    events, others = history.events(when), whole.events(when)
    assert [event[1:3] for event in events] == [event[1:3] for event in others]
    assert np.allclose([event[0] for event in events], [event[0] for event in others], atol=1e-3)
    # One number in one archive is one number in the other.
    pairs = {(event[3], other[3]) for event, other in zip(events, others)}
    assert len(pairs) == len({event[3] for event in events}) == len({one[3] for one in others})


OPTIONS = [{}, {'heat_unit': 'seconds'},
           {'heat_unit': 'seconds', 'regions': REGIONS, 'lines': LINES, 'per_class': True,
            'dwell_alert': 3.0, 'history_period': 7.0},
           {'heat_unit': 'seconds', 'lines': LINES, 'track_memory': 0.0, 'kernel': 'gaussian',
            'max_rate': 5.0, 'ignored_areas': '[a: [[0.7, 0], [1, 0], [1, 1], [0.7, 1]]]'}]


@pytest.mark.parametrize('options', OPTIONS, ids=lambda options: '-'.join(options) or 'default')
def test_any_segments_are_one_process(tmp_path, street, given, options):
    options = {'history_period': 900.0, **options}
    job = job_with(**options)
    files = [(street / 'street.mp4', BEGIN)]
    whole = archived(tmp_path / 'whole', given, job, files, 1000.0)
    assert whole[0] == 1 and whole[1].arrays['heat'].max() > 0.0
    for segment in (2.5, 7.0):
        parts = archived(tmp_path / str(segment), given, job, files, segment)
        assert parts[0] > 2
        compare(parts, whole)


def test_recordings_that_follow_each_other_are_one(tmp_path, street, given):
    """As a recorder writes them: a file a period; a track at the border counts once."""
    parts = [tmp_path / f'{number}.mp4' for number in range(2)]
    with av.open(str(street / 'street.mp4')) as source:
        stream = source.streams.video[0]
        packets = [packet for packet in source.demux(stream) if packet.size]
        key = [number for number, packet in enumerate(packets) if packet.is_keyframe][15]
        for path, own in zip(parts, (packets[:key], packets[key:])):
            first = own[0].pts
            with av.open(str(path), 'w') as target:
                copy = target.add_stream_from_template(stream)
                for packet in own:
                    packet.pts, packet.dts = packet.pts - first, packet.dts - first
                    packet.stream = copy
                    target.mux(packet)
    job = job_with(heat_unit='seconds', regions=REGIONS, lines=LINES, history_period=60.0)
    whole = archived(tmp_path / 'whole', given, job, [(street / 'street.mp4', BEGIN)], 1000.0)
    split = archived(tmp_path / 'split', given, job, [
        (parts[0], BEGIN), (parts[1], BEGIN + key / 15.0)], 1000.0)
    assert split[0] == 2
    compare(split, whole)


def test_frames_of_a_limited_rate_are_the_same_wherever_one_begins(street):
    source = open_source(str(street / 'street.mp4'))
    every = [stamp for stamp, _ in frames(source, 0.0, 24.0, 4.0)]
    source.close()
    for begin in (1.0, 7.3, 20.0):
        source = open_source(str(street / 'street.mp4'))
        found = [stamp for stamp, _ in frames(source, begin, 24.0, 4.0)]
        source.close()
        # The first one may be early: it is in the lead-in.
        assert found[1:] == pytest.approx([stamp for stamp in every if stamp > found[0]])


def test_the_last_picture(street):
    contents = contents_of(str(street / 'street.mp4'), '', 5.0)
    recording = Timed(Recording(str(street / 'street.mp4'), 'street'), contents, BEGIN)
    segments = cut([recording], 10.0, 2.0, {})
    assert last_picture(segments[-1], ())[:4] == b'\x89PNG'
    assert last_picture(segments[0], ()) != last_picture(segments[-1], ())


def test_a_frame_on_which_the_model_fails_is_passed_over(street, given):
    broken = dict(given)
    for key in list(broken)[30:40]:
        del broken[key]

    class Failing(GivenObjects):

        def detect(self, frame):
            try:
                return super().detect(frame)
            except KeyError as error:
                raise ModelError('the model fails on this frame') from error
    contents = contents_of(str(street / 'street.mp4'), '', 100.0)
    segment, = cut([Timed(Recording(str(street / 'street.mp4'), 'a'), contents, BEGIN)], 10.0,
                   2.0, {})
    result = process(segment, job_with(history_period=60.0), not_sent,
                     lambda **_: Failing(broken))
    assert (result.frames, result.skipped) == (350, 10)
    assert result.notes == ['the model fails on this frame']
    # When it fails on many, as without memory, that is no matter of the frames.
    with pytest.raises(ArchiveError, match=r"street.mp4': the model fails on 360 frames from 0.0 "
                                           r's on \(the model fails on this frame'):
        process(segment, job_with(history_period=60.0), not_sent, lambda **_: Failing({}))


def test_a_recording_without_a_frame_is_refused(tmp_path, street, given):
    contents = contents_of(str(street / 'street.mp4'), '', 100.0)
    segment, = cut([Timed(Recording(str(tmp_path / 'gone.mp4'), 'a'), contents, BEGIN)], 10.0,
                   2.0, {})
    with pytest.raises(SourceError, match='gone.mp4'):
        process(segment, job_with(), not_sent, lambda **_: GivenObjects(given))


def test_weights_are_known_by_their_content(tmp_path, street, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    weights = street / 'street.pt'
    model = ModelFile(str(weights), sha256_of(weights))
    assert local_file(model, not_sent) == weights
    elsewhere = ModelFile('/no/such/folder/street.pt', model.sha256)
    sent = []

    def fetch():
        sent.append(1)
        return packed(weights)
    first = local_file(elsewhere, fetch)
    assert first.name == 'street.pt' and sha256_of(first) == model.sha256
    assert local_file(elsewhere, fetch) == first and sent == [1]
    first.write_bytes(b'changed')
    with pytest.raises(ModelError, match='not the weights that were sent; remove that folder'):
        local_file(elsewhere, fetch)
    folder = tmp_path / 'exported_openvino_model'
    (folder / 'inside').mkdir(parents=True)
    (folder / 'inside' / 'a.bin').write_bytes(b'weights')
    there = local_file(ModelFile('/other/exported_openvino_model', sha256_of(folder)),
                       lambda: packed(folder))
    assert (there / 'inside' / 'a.bin').read_bytes() == b'weights'
    with pytest.raises(ModelError, match='have changed since the start'):
        local_file(ModelFile(str(weights), '0' * 64), not_sent)
