"""What cameras call the objects on a floor, and which of their names mean the same."""

from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

MAX_CLASSES = 256
"""Largest number of names; what is called otherwise is of no known class."""
MAX_NAME = 64
"""Characters of a name that count."""
SAME_AFTER = 20
"""So often must two cameras call one object differently until their names mean the same."""
UNKNOWN = 0
"""The number of the class of what has none."""


class FloorClasses:
    """
    The classes by number: `names` without regard to case, as they were first written.

    Classes are `different`, (K, K) bool by their numbers, if one camera has reported both at
    once.  They are `unlike`, (K, K) bool, until they are known to mean the same: one camera may
    say `person` where another says `pedestrian`.
    """

    def __init__(self):
        """Begin with the unknown class, which is like any other."""
        self.names: List[str] = ['']
        self.different = np.zeros((MAX_CLASSES, MAX_CLASSES), bool)
        self.unlike = ~np.eye(MAX_CLASSES, dtype=bool)
        self.unlike[UNKNOWN] = self.unlike[:, UNKNOWN] = False
        self._numbers: Dict[str, int] = {'': UNKNOWN}
        self._agreed: Dict[Tuple[int, int], int] = {}

    def numbers(self, names: Sequence[str]) -> np.ndarray:
        """Return the numbers of classes, (N,) int64."""
        return np.array([self._number(name[:MAX_NAME]) for name in names], np.int64)

    def _number(self, name: str) -> int:
        key = name.strip().casefold()
        number = self._numbers.get(key)
        if number is None:
            if len(self.names) == MAX_CLASSES:
                return UNKNOWN
            number = self._numbers[key] = len(self.names)
            self.names.append(name.strip())
        return number

    def take_set(self, classes: np.ndarray) -> None:
        """Take the classes, (N,) int64, that one camera reports at once."""
        some = np.unique(classes[classes != UNKNOWN])
        if len(some) < 2:
            return
        pairs = np.ix_(some, some)
        self.different[pairs] = self.unlike[pairs] = ~np.eye(len(some), dtype=bool)

    def take_same(self, one: int, other: int) -> Optional[Tuple[str, str]]:
        """Take what two cameras call one object; return the names when they are the same now."""
        if not self.unlike[one, other] or self.different[one, other]:
            return None
        pair = min(one, other), max(one, other)
        self._agreed[pair] = count = self._agreed.get(pair, 0) + 1
        if count < SAME_AFTER:
            return None
        self.unlike[one, other] = self.unlike[other, one] = False
        return self.names[one], self.names[other]
