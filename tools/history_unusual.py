"""
How soon a history tells what is unusual, and how often it is wrong, on weeks of Grand Central.

    python tools/history_unusual.py [--weeks 6] [--score 5]

Needs what `history_year.py` needs.  Weeks of bins of 5 minutes are drawn as there, then one more
normal week is judged window by window, and one with a busy and with an empty region.
"""

import argparse
from pathlib import Path
import sys
import tempfile
import time
from zoneinfo import ZoneInfo

from history_year import accumulate, BEGIN, CAMERA, days_of, paths, PERIOD
from inputs import truth_folder
import numpy as np
from yolo_heatmap_ros.heat.time_bins import TimeBin
from yolo_heatmap_ros.storage.history import History
from yolo_heatmap_ros.storage.history_writer import HistoryWriter
from yolo_heatmap_ros.storage.normal_times import follows, Glance, NormalTimes

WEEK = 7 * 86400.0


def changed(one: TimeBin, region: str, factor: float) -> TimeBin:
    """Return a bin in which a region was so many times as busy."""
    counts = {what: value * factor if what != 'by_class' else {}
              for what, value in one.regions[region].items()}
    return TimeBin(**{**vars(one), 'regions': {**one.regions, region: counts}})


def main() -> int:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--weeks', type=int, default=6)
    parser.add_argument('--score', type=float, default=4.0)
    arguments = parser.parse_args()
    root = truth_folder()
    drawn = accumulate(paths(root), PERIOD).bins
    rng = np.random.default_rng(1)
    folder = Path(tempfile.mkdtemp())
    writer = HistoryWriter(folder, CAMERA)
    for one in days_of(drawn, BEGIN, 7 * arguments.weeks, PERIOD, rng):
        writer.append(one, 'yolo11n.pt')
    writer.close()
    now = BEGIN + arguments.weeks * WEEK
    with History(writer.path) as history:
        begin = time.perf_counter()
        normal = NormalTimes(history, 1, now, ZoneInfo('UTC'))
        print(f'{arguments.weeks} weeks of 5 minutes read in {time.perf_counter() - begin:.1f} s, '
              f'{normal.known_hours} hours of the week known')
    for trial in range(4):
        week = list(days_of(drawn, now, 7, PERIOD, rng))
        glances = [Glance.of(one) for one in week]
        judged = [normal.judge(follows(glances[index - 3:index]), arguments.score)
                  for index in range(3, len(week) + 1)]
        alarms = [one for one in judged if one.unusual]
        print(f'normal week {trial + 1}: {len(alarms)} of {len(week)} overlapping windows unusual',
              [(f'{(one.begin - now) / 3600:.2f} h', one.unusual[0]) for one in alarms[:3]])
        for region, factor in (('middle', 3.0), ('left', 3.0), ('middle', 0.0), ('right', 0.0)):
            delays, missed = [], 0
            # From each hour between 7 and 22 h of the working days on.
            for start in range(0, 5 * 288, 12):
                if not 7 * 12 <= start % 288 < 22 * 12:
                    continue
                for delay in range(1, 13):
                    index = start + delay
                    window = [Glance.of(changed(week[at], region, factor) if start <= at
                                        else week[at])
                              for at in range(max(0, index - 3), index)]
                    judged = normal.judge(follows(window), arguments.score) if len(
                        window) == 3 else None
                    if judged and any(one.key.startswith(region) for one in judged.unusual):
                        delays.append(delay * PERIOD / 60)
                        break
                else:
                    missed += 1
            print(f'  {region} x {factor:g}: told after {np.median(delays or [np.nan]):.0f} min, '
                  f'{np.sum(np.array(delays) <= 15) / (len(delays) + missed):.0%} '
                  f'within 15 min, {missed} of {len(delays) + missed} not within an hour')
    return 0


if __name__ == '__main__':
    sys.exit(main())
