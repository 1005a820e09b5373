"""What errors and messages say, for lines of this package."""

OWN_LENGTH = 1000
"""Characters of a line of this package's own: what it quotes may be a long text."""


def one_line(error: BaseException, length: int = 200) -> str:
    """Return what an error says, in one line of bounded length; by default another's."""
    text = ' '.join(str(error).split()) or type(error).__name__
    text = _printable(text)
    # Interpreters of models put the reason last.
    return text if len(text) <= length else f'{text[:length // 2]} … {text[-length // 2:]}'


def printable(text: str) -> str:
    """Return what a message calls something, for a log line of bounded length."""
    return _printable(text[:40]) + '…' * (len(text) > 40)


def _printable(text: str) -> str:
    return ''.join(char if char.isprintable() else '?' for char in text)
