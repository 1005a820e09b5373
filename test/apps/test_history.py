"""The command `history`: tables, pictures, exports, and questions without an answer."""

import csv
import sys

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.apps.history import main
from yolo_heatmap_ros.heat.flow_field import FlowField, FlowGrid
from yolo_heatmap_ros.storage.cliff_map import read_cliff_map
from yolo_heatmap_ros.storage.history_writer import HistoryWriter

sys.path.insert(0, str(__import__('pathlib').Path(__file__).parents[1] / 'storage'))
from test_history import bin_at, FACTS, HOUR, MONDAY, written  # noqa: E402, I100, I202

CAMERA = '/hall/yolo_heatmap'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a history of two weeks from Monday, 2026-08-03, on."""
    folder = tmp_path_factory.mktemp('history')
    written(folder, [bin_at(MONDAY + HOUR * number) for number in range(14 * 24)], camera=CAMERA)
    return folder


@pytest.fixture
def ask(folder, capsys):
    def run(*arguments, code=0):
        assert main([str(folder), *map(str, arguments)]) == code
        captured = capsys.readouterr()
        if code:
            assert captured.err.startswith('history: ') and captured.err.count('\n') == 1
            return captured.err
        return captured.out.splitlines()
    return run


def entries(numbers):
    return sum(bin_at(MONDAY + HOUR * number).regions['hall']['entries'] for number in numbers)


def test_a_table_of_a_morning(ask):
    """From 8 to 10 in Berlin is from 6 to 8 in UTC in summer."""
    lines = ask('--from', '2026-08-04', '--to', '2026-08-06', '--hours', '8-10', '--timezone',
                'Europe/Berlin')
    number = entries([24 + 6, 24 + 7, 48 + 6, 48 + 7])
    assert f'{CAMERA}: 2026-08-04 08:00 to 2026-08-05 09:59 (Europe/Berlin), 3.60 h' in lines[0]
    assert f'{number} ({number / 3.6:.1f}/h)' in '\n'.join(lines)
    assert len(lines) == 4  # the gate and the hall


@pytest.mark.parametrize('hours, expected', [
    ('22-6', [22, 23, 0, 1, 2, 3, 4, 5]), ('7', [7]), ('8-9,20-21', [8, 20]),
    ('0-24', range(24))])
def test_hours(ask, tmp_path, hours, expected):
    ask('--from', '2026-08-03', '--to', '2026-08-04', '--hours', hours, '-o', tmp_path / 'a.csv')
    rows = list(csv.DictReader((tmp_path / 'a.csv').open()))
    found = {(row['place'], row['class'], row['what']): float(row['value']) for row in rows}
    assert found['hall', '', 'entries'] == found['hall', 'person', 'entries'] == entries(expected)


def test_rows_by_weekday_and_day(ask, tmp_path):
    lines = ask('--by', 'weekday', '--region', 'hall', '--weekdays', 'sat-mon')
    assert [line.split()[0] for line in lines[2:]] == ['mon', 'sat', 'sun']
    lines = ask('--by', 'day', '--region', 'gate', '--output', tmp_path / 'chart.png')
    assert len(lines) == 2 + 14 + 1 and '2026-08-16' in lines[-2]
    chart = cv2.imread(str(tmp_path / 'chart.png'))
    assert chart.shape[1] > 500 and len(np.unique(chart.reshape(-1, 3), axis=0)) > 20


def test_pictures(ask, tmp_path):
    """Heat an hour, a difference that is red where there was more, and small multiples."""
    ask('--output', tmp_path / 'heat.png')
    assert cv2.imread(str(tmp_path / 'heat.png')).shape == (32, 40, 3)
    ask('--from', '2026-08-03', '--to', '2026-08-04', '--compare-from', '2026-08-04',
        '--compare-to', '2026-08-05', '--classes', 'car', '--output', tmp_path / 'more.png')
    picture = cv2.imread(str(tmp_path / 'more.png')).astype(int)
    days = [sum(bin_at(MONDAY + HOUR * number).heat['car'] for number in range(first, first + 24))
            for first in (0, 24)]
    difference = cv2.resize(days[0] - days[1], (40, 32))
    most = np.unravel_index(np.argmax(difference), difference.shape)
    least = np.unravel_index(np.argmin(difference), difference.shape)
    assert picture[most][2] > picture[most][0] and picture[least][0] > picture[least][2]
    ask('--by', 'hour', '--multiples', '--output', tmp_path / 'hours.png')
    assert cv2.imread(str(tmp_path / 'hours.png')).shape[1] == 6 * (320 + 6)


def test_arrays(ask, tmp_path):
    """The same heat in all formats, in cells, with the time watched."""
    expected = {name: sum(bin_at(MONDAY + HOUR * (24 * day + hour)).heat[name]
                          for day in range(14) for hour in (3,)) for name in ('car', 'person')}
    for suffix in ('.npz', '.zarr', '.parquet'):
        ask('--by', 'hour', '--output', tmp_path / f'out{suffix}')
    arrays = np.load(tmp_path / 'out.npz')
    assert arrays['parts'][3] == '03 h'
    assert arrays['watched_s'][3] == pytest.approx(14 * 3240)
    xarray = pytest.importorskip('xarray')
    dataset = xarray.open_zarr(tmp_path / 'out.zarr')
    for name, heat in expected.items():
        np.testing.assert_allclose(arrays[f'heat/{name}'][3], heat, atol=1e-3)
        np.testing.assert_allclose(dataset.heat.sel({'part': '03 h', 'class': name}), heat,
                                   atol=1e-3)
    parquet = pytest.importorskip('pyarrow.parquet')
    table = parquet.read_table(tmp_path / 'out.parquet').to_pylist()
    assert {row['part'] for row in table} == {f'{hour:02} h' for hour in range(24)}


def test_flow_as_a_cliff_map(tmp_path, capsys):
    grid = FlowGrid(5.0, -1.0, 0.5, 3, 4, 'm')
    field = FlowField(*grid.shape)
    field.add(1, 2, (0.6, 0.8), 540.0, 0.2)
    bins = [bin_at(MONDAY + HOUR * number, facts={**FACTS, 'flow': grid.plain()})
            for number in range(2)]
    bins[0].flow = field.planes
    path, output = written(tmp_path, bins), tmp_path / 'map.xml'
    assert main([str(path), '--from', '2026-08-03', '-o', str(output)]) == 0
    assert not capsys.readouterr().err
    found, = [one for one in read_cliff_map(output).locations if one.mixture]
    assert (found.x, found.y) == (6.25, -0.25)
    assert found.motion == pytest.approx(540 / 6480) and found.watched == pytest.approx(
        0.9, abs=0.001)
    assert found.mixture[0].heading == pytest.approx(np.arctan2(0.8, 0.6), abs=1e-5)
    assert found.mixture[0].speed == pytest.approx(1.0, abs=1e-4)
    assert main([str(path), '-o', str(tmp_path / 'all.npz')]) == 0
    with np.load(tmp_path / 'all.npz') as arrays:
        assert arrays['flow/histogram'].shape == (1, 8, 3, 4)
        assert arrays['flow/histogram'].sum() == pytest.approx(540.0, rel=1e-4)
        assert arrays['flow/velocity'][0, 1, 2] == pytest.approx((0.6, 0.8), rel=1e-4)
    assert main([str(path), '--from', '2026-08-03T01:00', '-o', str(output)]) == 1
    assert 'there is no flow of then' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, reason', [
    (['-o', 'map.xml'], "'map.xml': there is no flow of then"),
    (['-o', 'map.xml', '--by', 'day'], 'a CLiFF-map is of one time'),
    (['--from', '2020-01-01', '--to', '2020-01-02'],
     'nothing was watched then; there is 2026-08-03 00:00 to 2026-08-17 00:00'),
    (['--from', 'soon'], "--from 'soon': not a time such as 2026-11-25"),
    (['--from', '2026-08-05', '--to', '2026-08-04'], 'is not before --to'),
    (['--hours', '8-25'], "--hours '8-25': give such as 8-10"),
    (['--hours', '24'], "--hours '24': give such as 8-10"),
    (['--hours', '8-8'], "--hours '8-8': give such as 8-10"),
    (['--compare-hours', '25'], "--compare-hours '25': give such as 8-10"),
    (['--from', ''], "--from '': not a time"),
    (['--to', '9999-12-31T23:59'], "--to '9999-12-31T23:59': not a time"),
    (['--hours', '1', '--compare-hours', '1'], 'that is the same time as the first'),
    (['--hours', 'nine'], "--hours 'nine': give such as 8-10"),
    (['--weekdays', 'mon-fry'], "--weekdays 'mon-fry': give such as mon-fri"),
    (['--timezone', 'Mars/Olympus'], "--timezone 'Mars/Olympus' is unknown"),
    (['--region', 'cellar'], "--region 'cellar'"),
    (['--classes', 'dog'], 'nothing of dog was ever seen; there is '),
    (['--camera', 'garden'], "no history of 'garden'; choose a --camera of /hall/yolo_heatmap"),
    (['--view', '7'], 'view 7 has nothing then; there are 1'),
    (['--output', '/no/such/place.png'], "there is no folder '/no/such'"),
    (['--output', 'out.gif'], 'must end in .png, .csv'),
    (['--colormap', 'RAINBOWS', '--output', 'x.png'], '--colormap: '),
    (['--multiples', '--output', 'x.png'], '--multiples needs --by'),
    (['--by', 'day', '--compare-hours', '8-9'], 'do not go together'),
    (['--background', '/no/such.png', '--output', '/tmp/x.png'], 'not a picture')])
def test_questions_without_an_answer(ask, arguments, reason):
    assert reason in ask(*arguments, code=1)


def test_several_cameras_and_no_history(ask, folder, tmp_path, capsys):
    written(tmp_path, [bin_at(MONDAY)], camera='a')
    written(tmp_path, [bin_at(MONDAY)], camera='b')
    assert main([str(tmp_path)]) == 1
    assert 'holds several; choose a --camera of a, b' in capsys.readouterr().err
    assert main([str(tmp_path), '--camera', 'b']) == 0
    assert main([str(tmp_path / 'nowhere')]) == 1
    assert 'no history is there' in capsys.readouterr().err


def test_one_bad_file_is_not_in_the_way_of_others(folder, tmp_path, capsys):
    written(tmp_path, [bin_at(MONDAY)], camera='a')
    (tmp_path / 'b.history.sqlite').write_bytes(b'nothing of the kind')
    (tmp_path / 'c.history.sqlite').mkdir()
    assert main([str(tmp_path), '--camera', 'a']) == 0
    capsys.readouterr()
    assert main([str(tmp_path)]) == 1
    assert 'is damaged, or no history' in capsys.readouterr().err


def test_a_class_that_is_rare(tmp_path, capsys):
    """At most hours it has been seen no times, which is an answer."""
    rare = bin_at(MONDAY + HOUR)
    rare.heat['truck'] = rare.heat.pop('car')
    written(tmp_path, [bin_at(MONDAY), rare, bin_at(MONDAY + 2 * HOUR)])
    for output in ([], ['--output', str(tmp_path / 'out.npz')]):
        assert main([str(tmp_path), '--by', 'hour', '--classes', 'truck', *output]) == 0
    heat = np.load(tmp_path / 'out.npz')['heat/truck']
    assert heat[1].max() > 0 and not heat[[0, 2]].any()


def test_outputs_that_must_not_be(folder, tmp_path, capsys):
    (tmp_path / 'mine.zarr').mkdir()
    (tmp_path / 'mine.zarr' / 'thesis.txt').write_text('years of work')
    assert main([str(folder), '--output', str(tmp_path / 'mine.zarr')]) == 1
    assert 'no Zarr store' in capsys.readouterr().err
    assert (tmp_path / 'mine.zarr' / 'thesis.txt').exists()
    for name in ('full.png', 'full.csv'):
        (tmp_path / name).symlink_to('/dev/full')
        assert main([str(folder), '--output', str(tmp_path / name)]) == 1
        assert 'No space left on device' in capsys.readouterr().err


def test_a_camera_that_has_been_moved_is_not_compared(tmp_path, capsys):
    writer = HistoryWriter(tmp_path, 'cam')
    for epoch, first in (('', 0), ('after the storm', 24)):
        for number in range(first, first + 24):
            writer.append(bin_at(MONDAY + HOUR * number, facts=FACTS), 'm.pt', epoch)
    writer.close()
    assert main([str(tmp_path)]) == 1
    assert "2: epoch 'after the storm', 40 x 32 px" in capsys.readouterr().err
    assert main([str(tmp_path), '--to', '2026-08-04', '--compare-from', '2026-08-04',
                 '--compare-to', '2026-08-05']) == 1
    assert 'cannot be compared' in capsys.readouterr().err
