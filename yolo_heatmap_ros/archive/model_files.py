"""A model by its content: the file that is there, or one that is sent."""

from dataclasses import dataclass
import io
import os
from pathlib import Path
import shutil
import tempfile
from typing import Callable
import zipfile

from yolo_heatmap_ros.content_hash import sha256_of
from yolo_heatmap_ros.detectors.export_cache import user_cache
from yolo_heatmap_ros.errors import ModelError


@dataclass(frozen=True)
class ModelFile:
    """The weights of an archive: where they are for those that can read it, and their SHA-256."""

    path: str
    sha256: str


def packed(path: Path) -> bytes:
    """Return a file, or a folder, as a zip archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', zipfile.ZIP_DEFLATED) as archive:
        for file in [path] if path.is_file() else sorted(path.rglob('*')):
            archive.write(file, file.relative_to(path.parent))
    return content.getvalue()


def not_sent() -> bytes:
    """Raise ModelError: on the machine of the client, weights are read where they are."""
    raise ModelError('the weights have changed since the start; start again')


def local_file(model: ModelFile, fetch: Callable[[], bytes]) -> Path:
    """
    Return the weights on this machine; `fetch` gets them, as `packed` does, if they are not there.

    Raises ModelError if they cannot be written, or are not the ones that were asked for.
    """
    path = Path(model.path)
    try:
        if os.path.exists(path) and sha256_of(path) == model.sha256:
            return path
    except OSError:
        pass  # of somebody else's
    folder = user_cache() / 'archive_models' / model.sha256
    kept = folder / path.name
    if not kept.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            arriving = Path(tempfile.mkdtemp(prefix='arriving-', dir=folder.parent))
            try:
                with zipfile.ZipFile(io.BytesIO(fetch())) as archive:
                    archive.extractall(arriving)
                if not folder.exists():
                    arriving.rename(folder)
            finally:
                shutil.rmtree(arriving, ignore_errors=True)
        except FileExistsError:
            pass  # another worker of this host was faster
        except OSError as error:
            if not kept.exists():
                raise ModelError(f"'{folder}': the weights cannot be written there "
                                 f'({error.strerror or error}); see XDG_CACHE_HOME') from error
    if sha256_of(kept) != model.sha256:
        raise ModelError(f"'{kept}': not the weights that were sent; remove that folder")
    return kept
