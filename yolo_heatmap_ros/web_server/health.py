"""How a camera's node is, in plain words."""

from dataclasses import dataclass
from typing import Dict

GONE_AFTER = 5.0
"""Seconds without a word from a node that reports each second."""


@dataclass(frozen=True)
class Health:
    """The `level` is ok, warn, error, stale or gone; the message is for people."""

    level: str
    message: str

    def plain(self) -> Dict[str, str]:
        """Return it as the page gets it."""
        return {'level': self.level, 'message': self.message}


def health_of(name: str, ready: bool, silent: float, level: str, message: str) -> Health:
    """
    Return how the node called `name` is.

    `ready` is whether its services are there, `silent` for how many seconds it has said nothing;
    `level` and `message` are what it said last.
    """
    if silent <= GONE_AFTER:
        return Health(level, message)
    if not ready:
        since = '' if silent == float('inf') else f' since {silent:.0f} s ago'
        return Health('gone', f"'{name}' is not there{since}: is it running?")
    if silent == float('inf'):
        return Health('stale', f"'{name}' has not reported yet")
    return Health('stale', f"'{name}' has said nothing for {silent:.0f} s: it may be loading a "
                           'model, or hang; see its log')
