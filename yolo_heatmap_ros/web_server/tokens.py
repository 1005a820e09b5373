"""The token of the page: a file, made at the first start, and the cookies that stand for it."""

import hashlib
import hmac
import os
from pathlib import Path
import secrets
import stat
from typing import Tuple

from yolo_heatmap_ros.errors import ParameterError

LEAST = 16
"""Characters that a token written by a user must have."""
MOST = 1000


class Token:
    """
    A secret that lets whoever knows it use the page.

    Browsers get a cookie instead, from which the token cannot be found: `everywhere` is as good
    as the token, `here` is good only for requests that come straight from this machine.
    """

    def __init__(self, text: str):
        """Take the token."""
        self._text = text.encode()
        self.everywhere = self._derived(b'everywhere')
        self.here = self._derived(b'here')

    def _derived(self, purpose: bytes) -> str:
        return hmac.new(self._text, purpose, hashlib.sha256).hexdigest()

    def is_token(self, text: str) -> bool:
        """Return whether this is the token."""
        return hmac.compare_digest(text.encode(errors='replace'), self._text)

    @staticmethod
    def is_cookie(text: str, *accepted: str) -> bool:
        """Return whether this is one of the accepted cookies."""
        given = text.encode(errors='replace')
        return sum(hmac.compare_digest(given, cookie.encode()) for cookie in accepted) > 0


def read_or_make(path: Path) -> Tuple[str, bool]:
    """
    Return the token in a file, and whether it has just been made.

    Raises ParameterError, about the parameter `web_token_file`, for a file that cannot be used.
    """
    new = not os.path.lexists(path) and _make(path)
    try:
        with path.open('rb') as file:
            status = os.fstat(file.fileno())
            content = file.read(MOST + 1)
    except OSError as error:
        raise _error(path, f'cannot be read ({error.strerror})') from error
    if status.st_uid not in (0, os.geteuid()):
        raise _error(path, 'belongs to another user, so that the token may be theirs: delete it '
                           'for a new one, or chown it')
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _error(path, 'others can write it, so that the token may be theirs: delete it for a '
                           'new one, or chmod 600')
    try:
        text = content.decode('ascii').strip()
    except UnicodeDecodeError:
        text = ''
    if not LEAST <= len(text) <= MOST or not text.isprintable() or ' ' in text:
        raise _error(path, f'holds no token of {LEAST} to {MOST} characters: delete it for a new '
                           'one')
    return text, new


def readable_by_others(path: Path) -> bool:
    """Return whether other users can read a file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _make(path: Path) -> bool:
    """Write a new token, whole or not at all; return False if another process was faster."""
    draft = path.with_name(f'.{path.name}.{secrets.token_hex(8)}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, 'w') as file:
            file.write(f'{secrets.token_urlsafe(32)}\n')
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
    except OSError as error:
        raise _error(path, f'cannot be written ({error.strerror}): give another path') from error
    return True


def _error(path: Path, reason: str) -> ParameterError:
    return ParameterError(f"parameter 'web_token_file': '{path}': {reason}")
