"""Shapes that were drawn on a running node, on disk: written whole or not at all, and read."""

from contextlib import suppress
import os
from pathlib import Path
import tempfile
from typing import Any, Dict, Mapping, NamedTuple

import yaml

from yolo_heatmap_ros.errors import ShapesError
from yolo_heatmap_ros.storage.snapshots import sync_folder
from yolo_heatmap_ros.yaml_text import load_yaml

FORMAT = 1
"""Version of what `write` writes; others are refused."""
MAX_SIZE = 1 << 20
"""Bytes of a file, at most: more takes minutes to read, and so does the node's start."""
_HEADING = """\
# What was drawn on a running node: it takes effect at the node's next start, in place of the
# parameters 'given', as long as those are the same.  Delete this file to use the parameters given.
"""


class DrawnShapes(NamedTuple):
    """
    Parameters by name, as users give them.

    `drawn` are the values that were drawn, `given` those with which the node was started then.
    `node` is its full name.
    """

    node: str
    given: Dict[str, Any]
    drawn: Dict[str, Any]


def write(path: Path, shapes: DrawnShapes) -> None:
    """Write shapes in place of those of before; raises ShapesError, and leaves those then."""
    text = _HEADING + yaml.safe_dump({'format': FORMAT, **shapes._asdict()}, sort_keys=False,
                                     allow_unicode=True, width=float('inf'))
    if len(text.encode()) > MAX_SIZE:
        raise ShapesError(f"cannot write '{path}': shapes take more than {MAX_SIZE >> 20} MiB; "
                          'draw fewer points')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix='.writing-', dir=path.parent)
        try:
            with os.fdopen(descriptor, 'w', encoding='utf-8') as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise ShapesError(f"cannot write '{path}': {error.strerror or error}; check the folder's "
                          'permissions and the space on its disk') from error


def read(path: Path) -> DrawnShapes:
    """Return what `write` wrote; raises FileNotFoundError, and ShapesError for damaged ones."""
    try:
        with path.open('rb') as file:
            content = file.read(MAX_SIZE + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ShapesError(f"'{path}' cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_SIZE:
        raise ShapesError(f"'{path}' has more than {MAX_SIZE >> 20} MiB")
    try:
        return _checked(load_yaml(content.decode()))
    except ValueError as error:
        raise ShapesError(f"'{path}' {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    return 'is not UTF-8' if isinstance(error, UnicodeDecodeError) else str(error)


def _checked(content: Any) -> DrawnShapes:
    """Return shapes from the content of a file; raises ValueError, to follow the file's name."""
    if not isinstance(content, Mapping) or content.get('format') != FORMAT:
        raise ValueError(f'is damaged, or of another version: it has no format {FORMAT}')
    for name, kind in (('node', str), ('given', dict), ('drawn', dict)):
        if not isinstance(content.get(name), kind):
            raise ValueError(f"is damaged: '{name}' is missing, or of the wrong kind")
    return DrawnShapes(content['node'], content['given'], content['drawn'])
