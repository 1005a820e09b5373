"""More than the heatmap node can take, and subscribers that take less than it gives."""

from pathlib import Path
import subprocess
import sys
import threading
import time

from fault_bench import bench_of, NAME
import numpy as np
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_processes import Elsewhere, image_message, Pictures, spin_until, wait_until_matched
from sensor_msgs.msg import Image

pytestmark = [pytest.mark.alone, pytest.mark.faults]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def bench(street, street_frames):
    yield from bench_of(street, street_frames, fresh=True, frame_policy='latest')


def test_a_slow_reliable_subscriber(bench, street_frames):
    """One that takes nothing from its queue holds neither the node nor the other subscribers."""
    with Elsewhere() as slow:
        asleep = threading.Event()
        sleeper = slow.node.create_subscription(
            Image, f'{NAME}/composite', lambda message: asleep.wait(20),
            QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
        quick = Pictures(bench.node, f'{NAME}/composite')
        for node, subscription in ((slow.node, sleeper), (bench.node, quick.subscription)):
            wait_until_matched(node, NAME, subscription)
        begin = time.monotonic()
        for number in range(40):
            bench.camera.publish(image_message(street_frames[number], number))
            spin_until(bench.node, lambda: time.monotonic() > begin + 0.1 * (number + 1))
        bench.assert_survived()
        asleep.set()
    assert len(quick) > 25
    bench.node.destroy_subscription(quick.subscription)


def test_a_flood(bench, street_frames):
    """1,000 small pictures a second for five seconds: those that are too many are counted."""
    bench.status()
    message = image_message(np.ascontiguousarray(street_frames[0][::8, ::8]))
    memory = bench.process.peak_memory_mb()
    begin = time.monotonic()
    for number in range(5000):
        bench.camera.publish(message)
        time.sleep(max(0.0, begin + number / 1000 - time.monotonic()))
    bench.assert_survived()
    counted = bench.counted()
    print(counted, f'memory {memory:.0f} to {bench.process.peak_memory_mb():.0f} MB')
    assert counted['processed'] > 50
    assert abs(sum(counted.values()) - 5001) <= 2
    assert bench.process.peak_memory_mb() < memory + 60
    assert bench.status()[0].message == 'frames arrive'
    bench.stop()


def test_a_short_soak():
    """The tool itself, for a fifth of a minute: no thread, file or topic more at the end."""
    run = subprocess.run([sys.executable, str(ROOT / 'tools' / 'soak.py'), '--minutes', '0.2',
                          '--row-period', '1'], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert int(run.stdout.splitlines()[-1].split()[0]) > 300
