"""What errors say, for messages of this package."""

OWN_LENGTH = 1000
"""Characters of a line of this package's own: what it quotes may be a long text."""


def one_line(error: BaseException, length: int = 200) -> str:
    """Return what an error says, in one line of bounded length; by default another's."""
    text = ' '.join(str(error).split()) or type(error).__name__
    text = ''.join(char if char.isprintable() else '?' for char in text)
    # Interpreters of models put the reason last.
    return text if len(text) <= length else f'{text[:length // 2]} … {text[-length // 2:]}'
