"""What a node has saved after all that may happen while it saves."""

import threading

import numpy as np
from yolo_heatmap_ros.build_pipeline import make_pipeline
from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.ros import snapshot_keeper
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.storage.snapshots import newest, read


def test_a_reset_while_an_autosave_is_written(node, street, street_frames, tmp_path, monkeypatch):
    """The newest snapshot is one of the reset heat: a crash does not bring the old one back."""
    given = {'weights': str(street / 'street.pt'), 'snapshot_dir': str(tmp_path),
             'autosave_period': 1000.0, 'tracker': 'none'}
    configuration = Configuration({spec.name: spec.checked(given.get(spec.name, spec.default))
                                   for spec in HEATMAP_PARAMETERS})
    pipeline = make_pipeline(configuration, print)
    writing, goes_on = threading.Event(), threading.Event()
    write = snapshot_keeper.write

    def slow(*arguments):
        writing.set()
        assert goes_on.wait(10.0)
        return write(*arguments)
    monkeypatch.setattr(snapshot_keeper, 'write', slow)
    own = GuardedNode('saving')
    keeper = snapshot_keeper.SnapshotKeeper(own, pipeline, configuration, dict, lambda: None)
    pipeline.update(street_frames[0], 1.0)
    keeper.save_soon()
    assert writing.wait(10.0)
    pipeline.reset()
    keeper.after_reset()
    goes_on.set()
    keeper._writer.shutdown()
    first, last = (read(folder).state.arrays['heat'] for folder in reversed(newest(tmp_path)))
    assert first.max() > 0 and not np.any(last)
    own.destroy_node()
