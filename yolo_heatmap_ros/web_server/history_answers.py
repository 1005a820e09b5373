"""Answers of a history as JSON, CSV and PNG; all of it runs in the threads that read."""

import csv
from datetime import datetime
import io
from itertools import islice
import math
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from aiohttp import web
import cv2
import numpy as np

from yolo_heatmap_ros.drawing.colormaps import colormap_code
from yolo_heatmap_ros.errors import QuestionError
from yolo_heatmap_ros.questions.pictures import picture_of, rate_of, unit_of
from yolo_heatmap_ros.questions.sums import (
    BY, check_same_view, choose, days_without_hours, groups, known_classes)
from yolo_heatmap_ros.questions.times import title
from yolo_heatmap_ros.storage.history import Bin, History, HistorySum
from yolo_heatmap_ros.storage.history_export import COLUMNS, rows_of
from yolo_heatmap_ros.web_server.history_query import Question, whole_number

MAX_EVENTS = 10_000
EVENTS = 500
"""Events where nothing else is asked for."""
MAX_ROWS = 200_000
MAX_CELLS = 1 << 20
DIGITS = 6
"""Of the largest value of heat in JSON."""
AS_FILE = {'Content-Disposition': 'attachment'}
"""Without a name, which would be taken before that of the page's link."""
EVENT_COLUMNS = ('stamp_s', 'kind', 'place', 'track', 'class', 'x', 'y', 'seconds')


def overview(history: History, question: Question) -> web.Response:
    """Return which days were watched, and what can be asked for."""
    bins, zone = history.bins(), question.when.zone
    by_day: Dict[str, List[Bin]] = {}
    by_view: Dict[int, List[Bin]] = {}
    for one in bins:
        day = datetime.fromtimestamp(one.begin, zone).date().isoformat()
        by_day.setdefault(day, []).append(one)
        by_view.setdefault(one.view, []).append(one)
    return web.json_response({
        'camera': history.camera, 'timezone': question.timezone, **_range(bins),
        'days': [{'date': day, 'watched_s': round(sum(one.watched for one in several), 3),
                  'frames': sum(one.frames for one in several)}
                 for day, several in sorted(by_day.items())],
        'views': [{'view': view, **_range(several), **_described(history.facts(view))}
                  for view, several in sorted(by_view.items())],
        'classes': sorted(history.classes() - {''})})


def _range(bins: Sequence[Bin]) -> Dict[str, Optional[float]]:
    return {'begin_s': bins[0].begin if bins else None,
            'end_s': max((one.begin + one.period for one in bins), default=None)}


def _described(facts: Mapping[str, Any]) -> Dict[str, Any]:
    return {'epoch': facts['epoch'], 'width': facts['width'], 'height': facts['height'],
            'unit': facts['unit'], 'regions': list(facts['regions']),
            'lines': list(facts['lines'])}


def counts(history: History, question: Question) -> web.Response:
    """Return counts, by parts of the time as `by` says."""
    by, kind = question.one('by', 'total', *BY), _format(question, 'csv')
    if by == 'total':
        parts = {title(question.when): history.total(question.when, question.view, False)}
    else:
        parts = groups(history, by, question.when, question.view)
    _choose(history, question, parts.values())
    rows = list(islice(_rows(parts), MAX_ROWS + 1))
    if len(rows) > MAX_ROWS:
        raise QuestionError(f'more than {MAX_ROWS} rows: ask about a shorter time, or one region')
    if kind == 'csv':
        return _csv(COLUMNS, rows)
    return _json({'rows': rows,
                  'days_without_hours': days_without_hours(history, question.when, by)},
                 question)


def _rows(parts: Mapping[str, HistorySum]) -> Iterator[Dict[str, Any]]:
    """Yield the rows of counts; one without a place for a part in which nothing was counted."""
    for part, summed in parts.items():
        empty = True
        for row in rows_of({part: summed}):
            empty = False
            yield {**row, 'per_hour': row['per_hour'] if math.isfinite(row['per_hour']) else None}
        if empty:
            yield {'part': part, 'place': '', 'class': '', 'what': '', 'value': None,
                   'per_hour': None, 'watched_s': round(summed.watched, 3),
                   'frames': summed.frames}


def heat_picture(history: History, question: Question,
                 background: Optional[np.ndarray]) -> web.Response:
    """Return heat per hour watched as a PNG, or the difference of two times."""
    colormap = question.given.get('colormap', ['JET'])[0]
    try:
        colormap_code(colormap)
    except ValueError as error:
        raise QuestionError(f'colormap: {error}') from error
    sums = _sums(history, question)
    drawn = picture_of(sums, colormap, background)
    return web.Response(
        body=cv2.imencode('.png', drawn.pixels)[1].tobytes(), content_type='image/png',
        headers={'X-Heat-Top': f'{drawn.top:.6g}', 'X-Heat-Unit': unit_of(sums[0])})


def heat_cells(history: History, question: Question) -> web.Response:
    """Return heat per hour watched and px, as in the picture, as JSON."""
    _format(question)
    sums = _sums(history, question)
    facts = sums[0].facts
    rates = [rate_of(summed) / facts['cell'] ** 2 for summed in sums]
    cells = rates[0] - rates[1] if len(rates) == 2 else rates[0]
    if cells.size > MAX_CELLS:
        raise QuestionError(f'{cells.size} cells are more than {MAX_CELLS}: use the command '
                            'history with -o heat.npz')
    top = float(np.abs(cells).max())
    decimals = DIGITS - math.ceil(math.log10(top)) if top else 0
    return _json({
        'cell_px': facts['cell'], 'unit_per_hour': unit_of(sums[0]), 'rows': cells.shape[0],
        'columns': cells.shape[1], 'watched_s': [round(one.watched, 3) for one in sums],
        'values': np.round(cells, decimals).tolist()}, question)


def events(history: History, question: Question) -> web.Response:
    """Return the newest events."""
    kind, given = _format(question, 'csv'), question.given
    most = whole_number('limit', given.get('limit', [str(EVENTS)])[0], 1, MAX_EVENTS)
    before = _before(given['before_s'][0]) if 'before_s' in given else math.inf
    when = question.when._replace(end=min(question.when.end, before))
    places = given.get('place') or ([question.region] if question.region else [])
    found, more = history.newest_events(
        when, most, question.view, kind=given.get('kind', []), place=places,
        **{'class': question.classes})
    rows = [dict(zip(EVENT_COLUMNS, event)) for event in found]
    if kind == 'csv':
        zone = question.when.zone
        rows = [{'time': datetime.fromtimestamp(row['stamp_s'], zone).isoformat(), **row}
                for row in rows]
        return _csv(('time', *EVENT_COLUMNS), rows)
    return _json({'events': rows, 'more': more}, question)


def _before(text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise QuestionError(f"before_s '{text}': not a number of seconds since 1970") from error
    if not math.isfinite(value):
        raise QuestionError(f"before_s '{text}': not a number of seconds since 1970")
    return value


def _sums(history: History, question: Question) -> List[HistorySum]:
    sums = [history.total(when, question.view) for when in (question.when, question.other)
            if when is not None]
    if len(sums) == 2:
        check_same_view(dict(enumerate(sums)), history.path)
    _choose(history, question, sums)
    return sums


def _choose(history: History, question: Question, sums: Sequence[HistorySum]) -> None:
    known = known_classes(history, sums) if question.classes else set()
    for summed in sums:
        choose(summed, question.classes, question.region, known, history.path)


def _format(question: Question, *others: str) -> str:
    return question.one('format', 'json', *others)


def _json(content: Dict[str, Any], question: Question) -> web.Response:
    """Return JSON, as a file where the format was asked for."""
    return web.json_response(content, headers=AS_FILE if 'format' in question.given else {})


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> web.Response:
    file = io.StringIO(newline='')
    table = csv.DictWriter(file, columns)
    table.writeheader()
    table.writerows(rows)
    return web.Response(text=file.getvalue(), content_type='text/csv', charset='utf-8',
                        headers=AS_FILE)
