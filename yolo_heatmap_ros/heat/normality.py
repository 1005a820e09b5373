"""What is normal at an hour of the week, and what lies far outside."""

from typing import Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

SLOTS = 168
"""Hours of the week: 0 is Monday from 0 to 1 h."""
LEAST_WEEKS = 4
"""Weeks in which an hour of the week must have been watched before it is known."""
PRIOR = 0.25
"""Hours for which the mean of all hours is taken to have been seen at each hour of the week."""
LEAST_PHI = 0.02
"""Variance of sums of what single things add, over the mean, as a share of that."""
LEAST_C = 0.01
"""Variance of rates from week to week: a tenth, squared."""
LEAST_RATIO = 1.5
"""What is unusual is so many times as much as normal, or as little."""


class Unusual(NamedTuple):
    """
    A number that lies far outside.

    `value` was found where `expected` is normal, with a standard deviation of `spread`.  `score`
    is how unlikely that is, as so many standard deviations of a normal distribution, negative for
    too little.
    """

    key: str
    value: float
    expected: float
    spread: float
    score: float


class Normality:
    """
    Rates of numbers by hour of the week, and how much they vary.

    The variance of a number that is expected to be e is modelled as phi e + c e^2: independent
    arrivals (a Poisson process, phi = 1, or one of groups of phi), times a rate that varies from
    week to week: a negative binomial distribution (Hilbe, Negative Binomial Regression, 2nd ed.,
    2011, ch. 8).  phi and c are fitted over all hours.
    """

    def __init__(self, keys: Sequence[str], slots: np.ndarray, weeks: np.ndarray,
                 hours: np.ndarray, values: np.ndarray, whole: Sequence[bool] = ()):
        """
        Take samples of the past; `whole` are the keys, (K,), that count things, none if empty.

        `slots` (N,) int, the hour of the week; `weeks` (N,) int, which week it was; `hours` (N,)
        the time watched, above 0; `values` (N, K), the numbers found in it, by `keys`.
        """
        self.keys = list(keys)
        count = len(self.keys)
        watched = np.bincount(slots, hours, SLOTS)
        # An hour in which nothing was ever seen is not one in which nothing can be: as if the mean
        # of all hours had been seen there for a while.
        overall = values.sum(axis=0) / max(hours.sum(), 1e-9)
        found = np.array([np.bincount(slots, values[:, index], SLOTS)
                          for index in range(count)]).reshape(count, SLOTS).T
        self._rates = (found + overall * PRIOR) / (watched + PRIOR)[:, None]
        pairs = np.unique(np.stack((slots, weeks), axis=1), axis=0) if len(slots) else np.empty(
            (0, 2), int)
        self._weeks = np.bincount(pairs[:, 0], minlength=SLOTS)
        samples = np.bincount(slots, minlength=SLOTS)
        self._phi, self._c = np.ones(count), np.zeros(count)
        for index in range(count):
            # A mean of n samples, itself among them, is too near by (n - 1) / n.
            several = samples[slots] > 1
            expected = (self._rates[slots, index] * hours)[several]
            own = samples[slots][several]
            error = (values[several, index] - expected) ** 2 * own / (own - 1)
            self._phi[index], self._c[index] = _variance_of(expected, error)
        # What has never varied yet may: arrivals are random, and no hour is like another.  Where
        # most windows are empty, the others hold what single visitors add.
        positive = (values > 0.0).sum(axis=0)
        mean = values.sum(axis=0) / np.maximum(positive, 1)
        empty = 1.0 - positive / max(len(values), 1)
        least = np.where(np.array(whole, bool) if len(whole) else np.zeros(count, bool), 1.0,
                         np.maximum(LEAST_PHI, empty) * mean)
        self._phi = np.maximum(self._phi, np.maximum(least, 1e-9))
        self._c = np.maximum(self._c, LEAST_C)

    @property
    def known_hours(self) -> int:
        """Return of how many hours of the week it is known what is normal."""
        return int((self._weeks >= LEAST_WEEKS).sum())

    def weeks(self, slots: Iterable[int]) -> int:
        """Return in how many weeks each of these hours of the week has been watched."""
        return min(int(self._weeks[slot]) for slot in slots)

    def judge(self, hours: Mapping[int, float], values: np.ndarray,
              score: float) -> List[Unusual]:
        """
        Return what is unusual of numbers, (K,), found in so many `hours` by hour of the week.

        That is what is as unlikely as more than `score` standard deviations, and differs by
        `LEAST_RATIO`, most unusual first; nothing where it is not known what is normal.
        """
        expected = self.expected(hours)
        if expected is None:
            return []
        # The mean itself is uncertain, too.
        more = 1.0 + 1.0 / self.weeks(hours)
        phi, c = more * self._phi, more * self._c
        spread = np.sqrt(phi * expected + c * expected ** 2)
        scores = _deviance_scores(values / phi, expected / phi, c)
        far = (np.abs(scores) > score) & ((values > LEAST_RATIO * expected)
                                          | (values * LEAST_RATIO < expected))
        found = [Unusual(self.keys[index], float(values[index]), float(expected[index]),
                         float(spread[index]), float(scores[index]))
                 for index in np.flatnonzero(far)]
        return sorted(found, key=lambda one: -abs(one.score))

    def expected(self, hours: Mapping[int, float]) -> Optional[np.ndarray]:
        """Return what is normal, (K,), in so many hours by hour of the week, None if unknown."""
        if self.weeks(hours) < LEAST_WEEKS:
            return None
        return sum(self._rates[slot] * some for slot, some in hours.items())


def _deviance_scores(values: np.ndarray, expected: np.ndarray, c: np.ndarray) -> np.ndarray:
    """
    Return signed roots of the deviance of a negative binomial distribution, (K,).

    They are about normal, also far from the mean, once `values` are half a step nearer to it
    (McCullagh and Nelder, Generalized Linear Models, 2nd ed., 1989, 2.4 and 4.5).
    """
    mean = np.maximum(expected, 1e-6)
    near = np.where(values > mean, np.maximum(values - 0.5, mean), np.minimum(values + 0.5, mean))
    size = 1.0 / c
    deviance = 2.0 * (near * np.log(np.maximum(near, 1e-12) / mean)
                      - (near + size) * np.log((near + size) / (mean + size)))
    return np.sign(near - mean) * np.sqrt(np.maximum(deviance, 0.0))


def _variance_of(expected: np.ndarray, error: np.ndarray) -> Tuple[float, float]:
    """Return phi and c, both from 0 on, of squared errors of expected values, (N,) each."""
    usable = expected > 0.0
    expected, error = expected[usable], error[usable]
    if len(expected) < 2:
        return 1.0, 0.25
    # Hours of which hardly anything is known must not decide, nor the busiest ones alone.
    terms = np.stack((np.ones(len(expected)), expected), axis=1)
    target = error / expected
    weights = expected / (expected + expected.mean())
    normal = terms.T @ (terms * weights[:, None])
    phi, c = np.linalg.lstsq(normal, terms.T @ (weights * target), rcond=None)[0]
    if phi < 0.0:
        phi, c = 0.0, float((weights * expected * target).sum() / (weights * expected ** 2).sum())
    if c < 0.0:
        phi, c = float((weights * target).sum() / weights.sum()), 0.0
    return max(phi, 0.0), max(c, 0.0)
