"""Which time is asked for: from text to a choice of time, and back."""

from datetime import datetime, timedelta, tzinfo
import math
from typing import FrozenSet, Mapping, Optional, Sequence

from yolo_heatmap_ros.errors import QuestionError
from yolo_heatmap_ros.storage.history import shown, When
from yolo_heatmap_ros.time_zones import parse_time, time_zone

WEEKDAYS = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
PARTS = ('from', 'to', 'hours', 'weekdays')
"""What a choice of time says; that of the other time has `OTHER` before it."""
OTHER = 'compare_'


def zone_of(name: str) -> tzinfo:
    """Return a time zone; raises QuestionError for an unknown one."""
    try:
        return time_zone(name)
    except ValueError as error:
        raise QuestionError(f'--timezone {error}') from error


def compares(given: Mapping[str, Optional[str]]) -> bool:
    """Return whether two times are asked for."""
    return any(given.get(f'{OTHER}{part}') is not None for part in PARTS)


def when_of(given: Mapping[str, Optional[str]], zone: tzinfo, prefix: str = '') -> When:
    """
    Return the time that is asked for; raises QuestionError.

    With the prefix `OTHER` it is the other one: what that does not say is as in the first.
    """
    def value(part: str) -> Optional[str]:
        own = given.get(prefix + part)
        return own if own is not None else given.get(part)

    def option(part: str) -> str:
        own = prefix and given.get(prefix + part) is not None
        return f"--{'compare-' if own else ''}{part}"
    begin, end = (unlimited if value(part) is None else _time(value(part), zone, option(part))
                  for part, unlimited in (('from', -math.inf), ('to', math.inf)))
    if begin >= end:
        raise QuestionError(f"{option('from')} {value('from')} is not before {option('to')} "
                            f"{value('to')}")
    return When(begin, end, _numbers(value('hours'), 24, (), option('hours')),
                _numbers(value('weekdays'), 7, WEEKDAYS, option('weekdays')), zone)


def other_of(given: Mapping[str, Optional[str]], when: When) -> When:
    """Return the other time, that `when` is compared with; raises QuestionError if it is that."""
    other = when_of(given, when.zone, OTHER)
    if other == when:
        raise QuestionError('--compare-…: that is the same time as the first; give another')
    return other


def _time(text: str, zone: tzinfo, option: str) -> float:
    midnight = datetime.now(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {'today': midnight, 'yesterday': midnight - timedelta(days=1),
             'now': datetime.now(zone)}
    try:
        return words[text].timestamp() if text in words else parse_time(text, zone)
    except ValueError as error:
        raise QuestionError(f"{option} '{text}': not a time such as 2026-11-25, "
                            '2026-11-25T08:00, today, yesterday or now') from error


def _numbers(text: Optional[str], count: int, names: Sequence[str],
             option: str) -> Optional[FrozenSet[int]]:
    """Return hours or weekdays: of '8-10' these are 8 and 9, of 'mon-wed' all three."""
    if text is None:
        return None
    numbers = set()
    try:
        for part in text.lower().split(','):
            ends = [names.index(end) if names else int(end) for end in part.strip().split('-')]
            if len(ends) == 1:
                ends.append(ends[0] if names else ends[0] + 1)
            begin, end = ends
            if not (0 <= begin < count and 0 <= end <= count) or begin == end and not names:
                raise ValueError(part)
            length = (end - begin) % count + bool(names)
            numbers.update((begin + step) % count for step in range(length or count))
    except ValueError as error:
        example = 'mon-fri or sat,sun' if names else '8-10 or 22-6'
        raise QuestionError(f"{option} '{text}': give such as {example}") from error
    return frozenset(numbers)


def title(when: When) -> str:
    """Return a choice of time in words."""
    words = []
    if math.isfinite(when.begin):
        words.append(f'from {shown(when.begin, when.zone)}')
    if math.isfinite(when.end):
        words.append(f'to {shown(when.end, when.zone)}')
    if when.hours is not None:
        words.append(f"{','.join(map(str, sorted(when.hours)))} h")
    if when.weekdays is not None:
        words.append(','.join(WEEKDAYS[day] for day in sorted(when.weekdays)))
    return ' '.join(words) or 'all'
