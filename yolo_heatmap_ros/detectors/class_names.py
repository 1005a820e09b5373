"""Which classes of a model users mean."""

from typing import Callable, Dict, List, Optional, Sequence, Union

from yolo_heatmap_ros.errors import ModelError

ClassNames = Sequence[Union[int, str]]
MAX_LISTED = 400
"""Characters of a list of names in a message, at most."""


def find_classes(wanted: ClassNames, names: Dict[int, str],
                 log: Callable[[str], None] = lambda line: None) -> List[int]:
    """
    Return the ids of classes given by id or name, of a model with these `names` by id.

    An integer is an id.  Text is a name as it is written, else one in any case, else an id; a
    name that several ids have means all of them.  `log` gets a line where text could mean both a
    name and an id.  Raises ModelError for unknown classes.
    """
    found: List[int] = []
    for entry in wanted:
        ids = _ids_of(entry, names)
        if not ids:
            known = ', '.join(f'{number} {name}' for number, name in names.items())
            known = known if len(known) < MAX_LISTED else known[:MAX_LISTED] + ', …'
            raise ModelError(f"unknown class '{entry}': this model knows {known}")
        text = str(entry).strip()
        as_name, as_id = _named(text, names), _number(text)
        if as_name and as_id in names and as_name != [as_id]:
            other = [as_id] if ids == as_name else as_name
            log(f'classes: {entry!r} is class {_described(ids, names)}; the other meaning is '
                f'class {_described(other, names)}')
        found.extend(number for number in ids if number not in found)
    return found


def _ids_of(entry: Union[int, str], names: Dict[int, str]) -> List[int]:
    if isinstance(entry, int):
        return [entry] if entry in names else _named(str(entry), names)
    text = entry.strip()
    number = _number(text)
    return _named(text, names) or ([number] if number in names else [])


def _number(text: str) -> Optional[int]:
    return int(text) if text.isdecimal() and len(text) < 12 else None


def _named(text: str, names: Dict[int, str]) -> List[int]:
    exact = [number for number, name in names.items() if name.strip() == text]
    return exact or [number for number, name in names.items()
                     if name.strip().casefold() == text.casefold()]


def _described(ids: List[int], names: Dict[int, str]) -> str:
    return ', '.join(f"{number} '{names[number]}'" for number in ids)
