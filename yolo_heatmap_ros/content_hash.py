"""What a file or folder holds, as a hash."""

import hashlib
from pathlib import Path
from typing import Callable


def sha256_of(path: Path, alive: Callable[[], None] = lambda: None) -> str:
    """
    Return the SHA-256, in hex, of a file, or of the names and contents of a folder's files.

    `alive` is called now and then.  Raises OSError where it cannot be read.
    """
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob('*')):
        if file.is_file():
            if file != path:
                digest.update(str(file.relative_to(path)).encode() + b'\0')
            with file.open('rb') as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
                    alive()
    return digest.hexdigest()
