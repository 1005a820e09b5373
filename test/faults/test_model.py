"""Models that raise, return nonsense, or whose files are taken away while they run."""

import shutil

from fault_bench import FaultBench, NAME
from faulty_model import GREY, save_faulty_model, SIZE
import numpy as np
import pytest
from ros_processes import change_state, image_message, set_parameters

pytestmark = pytest.mark.faults


@pytest.fixture(scope='module')
def faulty(street, tmp_path_factory):
    return save_faulty_model(street / 'street.pt', tmp_path_factory.mktemp('faulty'))


@pytest.mark.parametrize('tracker, unit', [
    ('none', 'frames'), ('', 'frames'), ('', 'seconds'), ('bytetrack', 'seconds')])
def test_a_model_that_fails_on_some_frames(node, street, street_frames, faulty, tracker, unit):
    """Each fault costs its own frame; the tracker recovers, and the heat stays finite."""
    bench = FaultBench(node, street, street_frames, weights=str(faulty), tracker=tracker,
                       heat_unit=unit, max_gap=3600.0, imgsz=SIZE)
    try:
        for _ in range(2):
            for grey in GREY.values():
                for _ in range(3):
                    bench.camera.publish(image_message(
                        np.full((480, 640, 3), grey, np.uint8), 500))
                for _ in range(8):
                    heat = bench.good_frame()
                    assert np.isfinite(heat).all() and (heat >= 0).all()
                    assert (heat >= bench.heat).all()
                assert heat.sum() > bench.heat.sum()
                bench.heat = heat
        counted = bench.counted()
        assert 'out of memory' in bench.process.output()
        assert 'have corners that are NaN' in bench.process.output()
        print(counted, bench.status()[1]['last error'])
        assert counted['unusable'] >= 6
        assert sum(counted.values()) == 2 * len(GREY) * 11
        assert bench.process.output().count('frame skipped') < 30
        bench.stop()
    finally:
        bench.close()


def test_weights_taken_away_and_replaced_while_they_run(node, street, street_frames, tmp_path):
    weights = tmp_path / 'mine.pt'
    shutil.copy(street / 'street.pt', weights)
    bench = FaultBench(node, street, street_frames, weights=str(weights))
    try:
        weights.unlink()
        bench.assert_survived()
        weights.write_bytes(b'no model any more')
        bench.assert_survived()
        assert set_parameters(node, NAME, conf=0.3).successful
        bench.assert_survived()
        for transition in ('deactivate', 'cleanup'):
            assert change_state(node, NAME, transition)
        assert not change_state(node, NAME, 'configure')
        assert 'not a model that Ultralytics can load' in bench.process.output()
        shutil.copy(street / 'street.pt', weights)
        for transition in ('configure', 'activate'):
            assert change_state(node, NAME, transition)
        bench.wait_for_connection()
        assert bench.good_frame().any()
        bench.stop()
    finally:
        bench.close()
