"""What a file or folder holds, as a hash."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256, in hex, of a file, or of the names and contents of a folder's files."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob('*')):
        if file.is_file():
            if file != path:
                digest.update(str(file.relative_to(path)).encode() + b'\0')
            with file.open('rb') as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
    return digest.hexdigest()
