"""Several videos or recordings one after the other, as one source."""

from pathlib import Path
from typing import Callable, List, Optional

import numpy as np

from yolo_heatmap_ros.media.source import Source, STILL_RATE


class Chain(Source):
    """Plays its parts in order; the time of each begins one frame after the end of the last."""

    def __init__(self, paths: List[Path], open_part: Callable[[Path], Source]):
        """Open each part once; raises SourceError for one that cannot be opened."""
        self._paths, self._open_part = paths, open_part
        self._part: Optional[Source] = None
        totals = []
        for path in reversed(paths):
            part = open_part(path)
            totals.append(part.total)
            self.rate, self.mean_rate = part.rate, part.mean_rate  # the first part's in the end
            self.begin, self.topic, self.topics = part.begin, part.topic, part.topics
            part.close()
        self.total = sum(totals) if all(totals) else 0
        self.rewind()

    @property
    def elapsed(self) -> float:
        """Return the seconds from the first frame to the last that was read or skipped."""
        return self._elapsed

    @property
    def coming(self) -> float:
        """Return the seconds from the first frame to the next to be read."""
        return self._offset + (0.0 if self._part is None else self._part.coming)

    @property
    def spacing(self) -> Optional[float]:
        """Return the seconds from the last frame to the next, where they are not even."""
        return None if self._part is None else self._part.spacing

    def read(self) -> Optional[np.ndarray]:
        """Return the next frame, or None at the end of the last part."""
        while self._part is not None:
            frame = self._part.read()
            if frame is not None:
                self._elapsed, self.header = self._offset + self._part.elapsed, self._part.header
                self.original, self.advice = self._part.original, self._part.advice
                if self._part.origin is not None:
                    self.origin = self._part.origin - self._offset
                return frame
            self._next_part()
        return None

    def skip(self) -> bool:
        """Pass over one frame without converting it."""
        while self._part is not None:
            if self._part.skip():
                self._elapsed = self._offset + self._part.elapsed
                return True
            self._next_part()
        return False

    def _next_part(self) -> None:
        if self._part is not None:
            rate = self._part.rate or self._part.mean_rate or STILL_RATE
            self._offset += self._part.elapsed + 1.0 / rate
            self.unusable += self._part.unusable
            self._part.close()
        self._number += 1
        self._part = (self._open_part(self._paths[self._number])
                      if self._number < len(self._paths) else None)

    def rewind(self) -> bool:
        """Begin with the first part again."""
        self.close()
        self._number, self._offset, self._elapsed = -1, 0.0, 0.0
        self._next_part()
        return True

    def close(self) -> None:
        """Release the part that is open."""
        if self._part is not None:
            self._part.close()
            self._part = None
