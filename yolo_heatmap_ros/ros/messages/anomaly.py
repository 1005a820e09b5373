"""What is unusual, as messages."""

from datetime import datetime, timezone
from typing import Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from yolo_heatmap_ros.heat.normality import LEAST_WEEKS, Unusual
from yolo_heatmap_ros.storage.normal_times import Judgement


def anomaly_message(judgement: Judgement, header: Header) -> DiagnosticArray:
    """
    Return a status on the window of time, then one for each unusual number, most unusual first.

    The first one's name is `window`, its values are `begin`, `end` (s since 1970 UTC) and `weeks`,
    for how many weeks this hour of the week is known.  The others are named after the region, the
    line, or `heat/ROW/COLUMN` of a coarse grid; their values are `what`, `value`, `expected`,
    `spread` and `score`, see `heat.normality.Unusual`.
    """
    known = judgement.normal_grid is not None
    summary = (f'{len(judgement.unusual)} unusual' if judgement.unusual else 'as usual' if known
               else f'no judgement: this hour has been watched in {judgement.weeks} weeks, and '
               f'{LEAST_WEEKS} are needed')
    window = DiagnosticStatus(
        level=DiagnosticStatus.WARN if judgement.unusual else DiagnosticStatus.OK,
        name='window', message=summary,
        values=[KeyValue(key=key, value=value) for key, value in (
            ('begin', f'{judgement.begin:.3f}'), ('end', f'{judgement.end:.3f}'),
            ('weeks', str(judgement.weeks)))])
    return DiagnosticArray(header=header, status=[window, *map(_status, judgement.unusual)])


def anomaly_events(unusual: Sequence[Unusual], end: float, header: Header) -> DiagnosticArray:
    """
    Return one status, as those of `~/events`, for each number that has become unusual.

    The kind is `unusual`; `stamp`, in s since 1970 UTC, is the `end` of the window of time.
    """
    message = DiagnosticArray(header=header, status=list(map(_status, unusual)))
    for status in message.status:
        status.message = 'unusual'
        status.values = [KeyValue(key='kind', value='unusual'),
                         KeyValue(key='place', value=status.name),
                         KeyValue(key='stamp', value=f'{end:.3f}'), *status.values]
    return message


def described(one: Unusual, judgement: Judgement) -> str:
    """Return in words what is unusual, with the figures that say why."""
    place, what = _place_and_what(one.key)
    times = [datetime.fromtimestamp(time, timezone.utc).strftime('%H:%M')
             for time in (judgement.begin, judgement.end)]
    return (f'{place}: {what} {one.value:.0f} from {times[0]} to {times[1]} UTC, '
            f'{one.expected:.0f} +- {one.spread:.0f} is normal at this hour of the week')


def _status(one: Unusual) -> DiagnosticStatus:
    place, what = _place_and_what(one.key)
    return DiagnosticStatus(
        level=DiagnosticStatus.WARN, name=place,
        message=f'{what} {one.value:.0f}, normal is {one.expected:.0f} +- {one.spread:.0f}',
        values=[KeyValue(key=key, value=value) for key, value in (
            ('what', what), ('value', f'{one.value:.3f}'), ('expected', f'{one.expected:.3f}'),
            ('spread', f'{one.spread:.3f}'), ('score', f'{one.score:.2f}'))])


def _place_and_what(key: str):
    if key.startswith('heat/'):
        return key, 'heat'
    return key.rsplit('/', 1)
