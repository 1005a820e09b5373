"""What a request asks a history: the query of its address, checked."""

from functools import lru_cache
from pathlib import Path
from typing import Dict, FrozenSet, List, NamedTuple, Optional

from multidict import MultiMapping

from yolo_heatmap_ros.errors import QuestionError
from yolo_heatmap_ros.questions.times import compares, OTHER, other_of, PARTS, when_of, zone_of
from yolo_heatmap_ros.storage.history import When
from yolo_heatmap_ros.time_zones import zone_names

AGAINST = 'against_'
ALWAYS = (*PARTS, 'timezone', 'view', 'classes', 'region')
COMPARED = tuple(f'{AGAINST}{part}' for part in PARTS)
SEVERAL = ('classes', 'kind', 'place')
"""What may be given more than once."""


class Question(NamedTuple):
    """A question to a history; `other` is the time to compare with, `given` the rest."""

    when: When
    timezone: str
    other: Optional[When]
    view: Optional[int]
    classes: List[str]
    region: Optional[str]
    given: Dict[str, List[str]]

    def one(self, name: str, *choices: str) -> str:
        """Return one of `choices`, the first if none is given; raises QuestionError."""
        value = self.given.get(name, [choices[0]])[0]
        if value not in choices:
            raise QuestionError(f"{name} '{value}': give one of {', '.join(choices)}")
        return value


def question_of(query: 'MultiMapping[str]', *more: str) -> Question:
    """
    Return the question of a query, which may have `more` than what all have.

    Raises QuestionError, in the words of the command `history`: see `as_queries`.
    """
    given: Dict[str, List[str]] = {}
    for name, value in query.items():
        if name not in ALWAYS and name not in more:
            raise QuestionError(f"there is no query '{name}' here; there are "
                                f"{', '.join((*ALWAYS, *more))}")
        if value:
            given.setdefault(name, []).append(value)
        if len(given.get(name, ())) > 1 and name not in SEVERAL:
            raise QuestionError(f'{name} is given twice')
    single = {name: values[0] for name, values in given.items()}
    times = {name.replace(AGAINST, OTHER): value for name, value in single.items()}
    timezone = single.get('timezone', 'UTC')
    if timezone not in _zones():
        raise QuestionError(f"timezone '{timezone}' is unknown; give a name such as Europe/Berlin "
                            'or UTC')
    when = when_of(times, zone_of(timezone))
    return Question(when, timezone, other_of(times, when) if compares(times) else None,
                    _view(single.get('view')), given.get('classes', []), single.get('region'),
                    {name: given[name] for name in more if name in given})


def whole_number(name: str, text: str, least: int, most: int) -> int:
    """Return a whole number; raises QuestionError for any other text."""
    if text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most:
        return int(text)
    raise QuestionError(f"{name} '{text}': give a whole number from {least} to {most}")


def as_queries(text: str, path: Path) -> str:
    """
    Return an error of the command `history` as one of the API.

    Its options are called as the queries here, and where the file lies is not the browser's
    business.
    """
    text = text.replace(f"'{path}': ", '').replace(f"'{path}'", 'the history')
    return text.replace(f"--{OTHER.replace('_', '-')}", AGAINST).replace('--', '')


def _view(text: Optional[str]) -> Optional[int]:
    return None if text is None else whole_number('view', text, 1, 999_999_999)


@lru_cache(maxsize=1)
def _zones() -> FrozenSet[str]:
    # ZoneInfo looks for a file of the name that it is given.
    return zone_names()
