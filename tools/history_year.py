"""
A history of Grand Central station, and of a year like it: sizes, times, and what is unusual.

    python tools/history_year.py [--folder FOLDER] [--days 365]

Needs `GC` (OpenTraj's annotations of 12,684 people in 67 minutes) in the folder that
YOLO_HEATMAP_TRUTH names.
"""

import argparse
from datetime import datetime, timezone
from pathlib import Path
import sys
import tempfile
import time
from typing import Dict, List
from zoneinfo import ZoneInfo

from inputs import truth_folder
import numpy as np
from yolo_heatmap_ros.heat.accumulator import HeatAccumulator
from yolo_heatmap_ros.heat.detections import Detections
from yolo_heatmap_ros.heat.options import HeatOptions
from yolo_heatmap_ros.heat.time_bins import block_sums, TimeBin
from yolo_heatmap_ros.storage.history import History, When
from yolo_heatmap_ros.storage.history_writer import HistoryWriter, HOUR

SIZE = (576, 768)
SCALE = np.array((768 / 1920, 576 / 1080))
STEP = 20
"""Frames at 25 Hz from one annotation to the next."""
PERIOD = 300.0
BEGIN = datetime(2025, 11, 3, tzinfo=timezone.utc).timestamp()
"""A Monday."""
REGIONS = {
    'middle': np.array([[250, 200], [520, 200], [560, 380], [200, 380]], np.float32),
    'left': np.array([[20, 150], [200, 150], [160, 520], [20, 520]], np.float32),
    'right': np.array([[580, 150], [750, 150], [750, 520], [620, 520]], np.float32)}
LINES = {'across': np.array([[100, 300], [700, 300]], np.float32)}
CAMERA = '/hall/yolo_heatmap'


def paths(folder: Path) -> List[np.ndarray]:
    """
    Return x, y in px of 768 x 576 and frame of each person, (N, 3), every `STEP` frames.

    Those who stand have been annotated less often: they are taken to be there in between.
    """
    found = []
    for file in sorted((folder / 'GC' / 'Annotation').glob('*.txt')):
        rows = np.array(file.read_text().split(), float).reshape(-1, 3)
        rows = rows[rows[:, 2] <= 100_000]
        if len(rows):
            frames = np.arange(rows[0, 2], rows[-1, 2] + 1, STEP)
            x, y = (np.interp(frames, rows[:, 2], rows[:, axis] * SCALE[axis])
                    for axis in (0, 1))
            found.append(np.column_stack((x, y, frames)))
    return found


def accumulate(people: List[np.ndarray], period: float) -> HeatAccumulator:
    """Return the heat after all people were seen, each under its own id."""
    by_frame: Dict[int, List] = {}
    for number, rows in enumerate(people):
        for x, y, frame in rows:
            by_frame.setdefault(int(frame) // STEP, []).append((number, x, y))
    heat = HeatAccumulator(*SIZE, HeatOptions(
        heat_unit='seconds', regions=REGIONS, lines=LINES, track_memory=0.0,
        history_period=period))
    heat.bins, spent = [], 0.0
    for frame in range(100_000 // STEP):
        rows = by_frame.get(frame, [])
        detections = Detections.from_boxes([(x - 6, y - 34, x + 6, y) for _, x, y in rows])
        detections.track_id[:] = [number for number, _, _ in rows]
        begin = time.perf_counter()
        heat.update(detections, BEGIN + frame * STEP / 25)
        heat.bins += heat.new_bins()
        spent += time.perf_counter() - begin
    heat.close_bins()
    heat.bins += heat.new_bins()
    heat.seconds_per_frame = spent / (100_000 // STEP)
    return heat


def people_per_bin(people: List[np.ndarray], name: str) -> np.ndarray:
    """
    Return how many people were first in a region in each period, by their paths alone.

    Those are straight between two annotations; a person counts from two px inside on.
    """
    import cv2
    counts = np.zeros(14, int)
    for rows in people:
        times = np.concatenate([np.linspace(one, other, 20) for one, other in zip(
            rows[:, 2], rows[1:, 2])] or [rows[:1, 2]])
        for time_, x, y in zip(times, *(np.interp(times, rows[:, 2], rows[:, axis])
                                        for axis in (0, 1))):
            if cv2.pointPolygonTest(REGIONS[name], (x, y), True) >= 2:
                counts[int(time_ / 25 // PERIOD)] += 1
                break
    return counts


def named(one: TimeBin, factor: float = 1.0, **changes) -> TimeBin:
    """Return a bin by names, with everything multiplied."""
    def scaled(count):
        result = {what: value if what in ('objects', 'by_class') else type(value)(
            np.round(value * factor) if isinstance(value, int) else value * factor)
            for what, value in count.items()}
        return {**result, 'by_class': {}}
    return TimeBin(**{**vars(one), 'heat': {'person': sum(one.heat.values()) * factor},
                      'regions': {name: scaled(count) for name, count in one.regions.items()},
                      'lines': {name: scaled(count) for name, count in one.lines.items()},
                      'events': [], **changes})


def business(when: datetime) -> float:
    """Return how busy the hall is at an hour, 1 at the busiest."""
    hour = when.hour + when.minute / 60
    peaks = np.exp(-((hour - 8.5) / 1.5) ** 2) + 1.1 * np.exp(-((hour - 17.5) / 2.0) ** 2)
    quiet = 0.03 + 0.45 * np.exp(-((hour - 13) / 5.0) ** 2)
    return float(min(1.0, (0.35 * quiet + 0.1 if when.weekday() > 4 else 0.8 * peaks + quiet)))


def days_of(bins: List[TimeBin], begin: float, count: int, period: float,
            rng: np.random.Generator):
    """Yield bins of `count` days: people of Grand Central, thinned by the hour, varied by day."""
    whole = [one for one in bins if one.watched > 0.9 * PERIOD]
    for day in range(count):
        of_day = rng.gamma(50.0, 1 / 50.0)
        for number in range(int(86400 / period)):
            start = begin + day * 86400 + number * period
            share = business(datetime.fromtimestamp(start, timezone.utc)) * of_day
            parts = max(1, round(period / PERIOD))
            drawn = [named(whole[index], share) for index in rng.integers(0, len(whole), parts)]
            one = drawn[0]
            for other in drawn[1:]:
                one.heat['person'] = one.heat['person'] + other.heat['person']
                for places, others in ((one.regions, other.regions), (one.lines, other.lines)):
                    for place, count_ in places.items():
                        for what in count_:
                            if what != 'by_class':
                                count_[what] += others[place][what]
            # Whole people come: the mean is thinned, and what comes varies around it.
            for places in (one.regions, one.lines):
                for count_ in places.values():
                    for what, value in count_.items():
                        if isinstance(value, (int, np.integer)):
                            count_[what] = int(rng.poisson(value))
            yield TimeBin(**{**vars(one), 'begin': start, 'period': period, 'began': start,
                             'ended': start + period, 'watched': period,
                             'frames': int(period * 10)})


def main() -> int:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--folder', type=Path, help='where the year is kept')
    parser.add_argument('--days', type=int, default=365)
    arguments = parser.parse_args()
    root = truth_folder()
    if not (root / 'GC').is_dir() and (root / 'GC.tar.gz').exists():
        import tarfile
        unpacked = Path(tempfile.mkdtemp())
        with tarfile.open(root / 'GC.tar.gz') as archive:
            archive.extractall(unpacked)
        root = unpacked
    people = paths(root)
    with_history, without = accumulate(people, PERIOD), accumulate(people, 0.0)
    total = block_sums(with_history.total.heat(), 4)
    cells = sum(sum(one.heat.values()) for one in with_history.bins)
    print(f'{len(people)} people, {len(with_history.bins)} bins; sum of bins against the total: '
          f'{np.abs(cells - total).max() / total.max():.1e}')
    print(f'a frame of {np.mean([len(rows) for rows in people]) * len(people) / 5000:.0f} people: '
          f'{1e3 * without.seconds_per_frame:.2f} ms, with history '
          f'{1e3 * with_history.seconds_per_frame:.2f} ms')
    for name in REGIONS:
        true = people_per_bin(people, name)
        found = np.array([one.regions[name]['tracks'] for one in with_history.bins])
        print(f'people per 5 minutes in {name}: annotated {true.tolist()}, counted '
              f'{found.tolist()}')
    folder = arguments.folder or Path(tempfile.mkdtemp())
    rng = np.random.default_rng(0)
    writer = HistoryWriter(folder, CAMERA, 0.0)
    begin = time.perf_counter()
    for number, one in enumerate(days_of(with_history.bins, BEGIN, arguments.days, HOUR, rng)):
        writer.append(one, 'yolo11n.pt')
        if number == 30 * 24 - 1:
            print(f'30 days of hours: {size_of(writer.path):.1f} MB')
    while writer.maintain(BEGIN + (arguments.days + 3) * 86400):
        pass
    writer.close()
    print(f'{arguments.days} days: {size_of(writer.path):.1f} MB, written in '
          f'{time.perf_counter() - begin:.0f} s')
    with History(writer.path) as history:
        end = BEGIN + arguments.days * 86400
        zone = ZoneInfo('America/New_York')
        office = frozenset(range(5))
        for label, when in (
                ('everything', When(BEGIN, end)), ('a week', When(BEGIN, BEGIN + 7 * 86400)),
                ('8 to 10 h', When(BEGIN, end, frozenset({8, 9}), None, zone)),
                ('6 to 22 h, Monday to Friday', When(BEGIN, end, frozenset(range(6, 22)), office,
                                                     zone)),
                ('Sundays', When(BEGIN, end, None, frozenset({6}), zone)),
                ('all but two days, Kolkata', When(BEGIN + 86400, end - 86400, None, None,
                                                   ZoneInfo('Asia/Kolkata')))):
            begin = time.perf_counter()
            summed = history.total(when)
            print(f'{label}: {time.perf_counter() - begin:.3f} s, '
                  f'{len(summed.bins)} bins, {summed.watched / HOUR:.0f} h')
        begin = time.perf_counter()
        groups = history.groups(When(BEGIN, end), lambda one: int(one.begin % 86400 // HOUR))
        print(f'by hour, counts: {time.perf_counter() - begin:.3f} s, {len(groups)} rows')
    return 0


def size_of(path: Path) -> float:
    """Return the size of a history in MB, with what is not yet in the main file."""
    return sum(one.stat().st_size for one in path.parent.glob(f'{path.name}*')) / 1e6


if __name__ == '__main__':
    sys.exit(main())
