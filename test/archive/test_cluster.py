"""Workers that die while they are started."""

import os
import signal

import pytest
from yolo_heatmap_ros.archive import cluster

pytest.importorskip('distributed')


def test_a_worker_that_is_killed_while_it_is_set_up(tmp_path, monkeypatch):
    """The one that takes its place does the work."""
    died = str(tmp_path / 'died')

    def die_once(dask_worker):
        try:
            os.close(os.open(died, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
    monkeypatch.setattr(cluster, '_pin_to_core', die_once)
    workers = cluster.Cluster(1)
    try:
        assert dict(workers.each(abs, [-1, -2])) == {-1: 1, -2: 2}
        assert os.path.exists(died)
    finally:
        workers.close()
