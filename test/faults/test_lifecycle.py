"""Lifecycle transitions at every moment, possible and impossible ones."""

import random
import time

from fault_bench import bench_of, BusyCamera, NAME
from lifecycle_msgs.srv import ChangeState
import pytest
from ros_processes import call, change_state, spin_until, state, TRANSITIONS
from std_srvs.srv import SetBool, Trigger

pytestmark = pytest.mark.faults


@pytest.fixture(scope='module')
def bench(street, street_frames):
    yield from bench_of(street, street_frames, frame_policy='latest')


def test_transitions_at_every_moment(bench, street_frames):
    """Possible and impossible ones, while frames come and services are called."""
    rng = random.Random(0)
    places = {'unconfigured': {'configure': 'inactive'},
              'inactive': {'activate': 'active', 'cleanup': 'unconfigured'},
              'active': {'deactivate': 'inactive'}}
    where = 'active'
    with BusyCamera(street_frames):
        for _ in range(60):
            transition = rng.choice(sorted(TRANSITIONS))
            wanted = places[where].get(transition)
            time.sleep(rng.random() * 0.1)
            assert change_state(bench.node, NAME, transition) == (wanted is not None)
            where = wanted or where
            assert state(bench.node, NAME) == where
            if rng.random() < 0.3:
                call(bench.node, Trigger, f'{NAME}/{rng.choice(["reset", "load"])}',
                     Trigger.Request())
                call(bench.node, SetBool, f'{NAME}/enable', SetBool.Request(
                    data=rng.random() < 0.7))
    call(bench.node, SetBool, f'{NAME}/enable', SetBool.Request(data=True))
    for name in ('configure', 'activate'):
        change_state(bench.node, NAME, name)
    assert state(bench.node, NAME) == 'active'
    bench.wait_for_connection()
    bench.heat = bench.good_frame()
    bench.assert_survived()


def test_transitions_without_waiting_for_the_answer(bench, street_frames):
    """A manager that does not wait is answered each time, in order."""
    client = bench.node.create_client(ChangeState, f'{NAME}/change_state')
    assert client.wait_for_service(10)
    # Services of ROS 2 queue ten requests.
    names = ['deactivate', 'activate', 'configure', 'deactivate', 'activate'] * 2
    with BusyCamera(street_frames):
        for _ in range(5):
            answers = []
            for name in names:
                request = ChangeState.Request()
                request.transition.id = TRANSITIONS[name]
                answers.append(client.call_async(request))
            assert spin_until(bench.node, lambda: all(answer.done() for answer in answers))
            assert [answer.result().success for answer in answers] == [
                name != 'configure' for name in names]
    bench.wait_for_connection()
    bench.assert_survived()
    bench.stop()
