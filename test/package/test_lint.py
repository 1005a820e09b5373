"""Ament's linters, as `colcon test` runs them."""

from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [str(ROOT / place) for place in ('yolo_heatmap_ros', 'launch', 'tools', 'setup.py')]


@pytest.mark.parametrize('linter, places', [
    ('ament_flake8', [*PRODUCT, str(ROOT / 'test')]), ('ament_pep257', PRODUCT)])
def test_lint(linter, places):
    """In a process of its own: flake8 forks, which one with threads must not."""
    script = f'import sys; from {linter}.main import main; sys.exit(main(sys.argv[1:]))'
    run = subprocess.run([sys.executable, '-c', script, *places], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, timeout=200)
    assert run.returncode == 0, run.stdout
