"""Error messages in one line, and enums whose members are strings."""

from enum import Enum

OWN_LENGTH = 1000
"""Characters that a line of this package may have: it may quote a long text."""


class StrEnum(str, Enum):
    """Members are strings and print as such: `enum.StrEnum`, which Python 3.10 lacks."""

    def __str__(self) -> str:
        """Return the member's value."""
        return self.value

    def __format__(self, spec: str) -> str:
        """Format the member's value; Python 3.12 would format its name."""
        return format(self.value, spec)


def one_line(error: BaseException, length: int = 200) -> str:
    """Return an error's message as one printable line of at most about `length` characters."""
    text = ' '.join(str(error).split()) or type(error).__name__
    text = _printable(text)
    # Model runtimes put the reason last.
    return text if len(text) <= length else f'{text[:length // 2]} … {text[-length // 2:]}'


def printable(text: str) -> str:
    """Return a name out of a message, shortened and printable, for a log line."""
    return _printable(text[:40]) + '…' * (len(text) > 40)


def _printable(text: str) -> str:
    return ''.join(char if char.isprintable() else '?' for char in text)
