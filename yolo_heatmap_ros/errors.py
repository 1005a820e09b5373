"""What errors of other libraries say, for messages of this package."""


def one_line(error: BaseException) -> str:
    """Return what an error of another library says, in one line of bounded length."""
    text = ' '.join(str(error).split()) or type(error).__name__
    # Interpreters of models put the reason last.
    return text if len(text) <= 200 else f'{text[:100]} … {text[-100:]}'
