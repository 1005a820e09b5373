"""What is normal at an hour of the week, and how often it is wrong about it."""

import numpy as np
import pytest
from yolo_heatmap_ros.heat.normality import LEAST_WEEKS, Normality, SLOTS

KEYS = ['hall/entries', 'hall/occupancy']


def weeks_of(count, mean, varies=0.1, seed=0, hours=0.25):
    """Return samples of the quarters of so many weeks: arrivals at a rate that varies."""
    rng = np.random.default_rng(seed)
    slots = np.tile(np.repeat(np.arange(SLOTS), 4), count)
    weeks = np.repeat(np.arange(count), 4 * SLOTS)
    busy = mean * (0.1 + np.sin(np.pi * (slots % 24) / 24) ** 2)
    rates = busy * rng.gamma(1 / varies ** 2, varies ** 2, len(slots))
    arrivals = rng.poisson(rates)
    # Each stays for 20 s in the mean.
    stays = np.array([rng.exponential(20.0, number).sum() for number in arrivals])
    return slots, weeks, np.full(len(slots), hours), np.column_stack((arrivals, stays)), busy


@pytest.mark.parametrize('mean, varies', [(2.0, 0.05), (40.0, 0.1), (400.0, 0.3)])
def test_normal_weeks_are_normal_and_others_are_not(mean, varies):
    *past, _ = weeks_of(6, mean, varies)
    normal = Normality(KEYS, *past, [True, False])
    assert normal.known_hours == SLOTS
    slots, _, hours, values, busy = weeks_of(10, mean, varies, seed=1)
    alarms = sum(bool(normal.judge({slot: some}, value, 4.0))
                 for slot, some, value in zip(slots.tolist(), hours.tolist(), values))
    assert alarms <= 5  # of 6720, in ten weeks
    found = {0.0: 0, 3.0: 0}
    noons = np.flatnonzero(slots % 24 == 12)
    for factor in found:
        for index in noons:
            judged = normal.judge({int(slots[index]): hours[index]}, factor * values[index], 4.0)
            found[factor] += any(one.key == 'hall/entries' for one in judged)
            assert all((one.score > 0) == (factor > 1) for one in judged)
    if mean >= 40.0:  # of two people nobody is missed
        assert found[0.0] == len(noons)
        assert found[3.0] >= (0.9 if varies <= 0.1 else 0.3) * len(noons)


@pytest.mark.parametrize('rate', [0.02, 0.1, 0.5])
def test_a_quiet_place(rate):
    """A few visitors a day, at any hour: one more is not unusual."""
    slots, weeks = np.tile(np.repeat(np.arange(SLOTS), 4), 4), np.repeat(np.arange(4), 4 * SLOTS)
    rng = np.random.default_rng(3)

    def windows():
        visits = rng.poisson(rate / 4, len(slots))
        return np.column_stack((visits, [rng.exponential(20.0, one).sum() for one in visits]))
    normal = Normality(KEYS, slots, weeks, np.full(len(slots), 0.25), windows(), [True, False])
    alarms = sum(bool(normal.judge({slot: 0.25}, value, 4.0))
                 for slot, value in zip(slots.tolist(), windows()))
    assert alarms <= 4  # in four weeks


def test_nothing_is_said_before_there_are_enough_weeks():
    for count in (1, LEAST_WEEKS - 1, LEAST_WEEKS):
        *past, _ = weeks_of(count, 40.0)
        normal = Normality(KEYS, *past, [True, False])
        judged = normal.judge({12: 0.25}, np.array([4000.0, 9e9]), 4.0)
        assert bool(judged) == (count >= LEAST_WEEKS)
        assert (normal.expected({12: 0.25}) is None) == (count < LEAST_WEEKS)
        assert normal.weeks({12: 0.25}) == count
    empty = Normality(KEYS, *(np.empty(0, int),) * 2, np.empty(0), np.empty((0, 2)))
    assert empty.known_hours == 0 and not empty.judge({12: 0.25}, np.ones(2), 4.0)


def test_a_window_over_two_hours():
    slots = np.repeat([10, 11], 5)
    normal = Normality(['a'], slots, np.tile(np.arange(5), 2), np.ones(10),
                       np.where(slots == 10, 100.0, 300.0)[:, None])
    assert normal.expected({10: 0.1, 11: 0.2}) == pytest.approx([70.0], rel=0.01)


@pytest.mark.filterwarnings('error')
def test_what_never_varies_or_never_happens():
    slots, weeks = np.repeat(np.arange(SLOTS), 5), np.tile(np.arange(5), SLOTS)
    values = np.column_stack((np.full(len(slots), 7.0), np.zeros(len(slots))))
    normal = Normality(KEYS, slots, weeks, np.ones(len(slots)), values)
    assert normal.judge({5: 1.0}, np.array([7.0, 0.0]), 4.0) == []
    one, = normal.judge({5: 1.0}, np.array([70.0, 0.0]), 4.0)
    assert one.key == KEYS[0] and np.isfinite(one.score)
    assert normal.judge({5: 1.0}, np.array([7.0, 500.0]), 4.0)[0].key == KEYS[1]
