"""Ament's linters, as `colcon test` runs them."""

import os

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACES = [os.path.join(ROOT, place)
          for place in ('yolo_heatmap_ros', 'launch', 'test', 'tools', 'setup.py')]


def test_flake8():
    main = pytest.importorskip('ament_flake8.main')
    code, errors = main.main_with_errors(argv=PLACES)
    assert code == 0, '\n'.join(errors)


def test_pep257():
    main = pytest.importorskip('ament_pep257.main')
    assert main.main(argv=[place for place in PLACES if not place.endswith('test')]) == 0
