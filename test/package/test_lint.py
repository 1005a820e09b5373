"""Ament's linters, as `colcon test` runs them."""

from pathlib import Path

from ament_flake8.main import main_with_errors
from ament_pep257.main import main as pep257

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [str(ROOT / place) for place in ('yolo_heatmap_ros', 'launch', 'tools', 'setup.py')]


def test_flake8():
    code, errors = main_with_errors(argv=[*PRODUCT, str(ROOT / 'test')])
    assert code == 0, '\n'.join(errors)


def test_pep257():
    assert pep257(argv=PRODUCT) == 0
