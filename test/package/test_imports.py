"""Which room of the package may import which: the contracts in .importlinter."""

from configparser import ConfigParser
import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

pytest.importorskip('importlinter', reason='import-linter is not installed')

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = 'yolo_heatmap_ros'


def lint(root):
    """Return what import-linter says of the package in a folder."""
    return subprocess.run(
        [sys.executable, '-c', 'import sys; from importlinter.cli import lint_imports; '
         "sys.exit(lint_imports(config_filename='.importlinter', no_cache=True))"],
        cwd=root, env={**os.environ, 'PYTHONPATH': os.pathsep.join(
            [str(root), *sys.path[1:]])}, capture_output=True, text=True, timeout=120)


def test_the_contracts_hold():
    run = lint(ROOT)
    assert run.returncode == 0, run.stdout + run.stderr
    assert '0 broken' in run.stdout


@pytest.mark.parametrize('module, line, contract', [
    ('heat/regions.py', 'import yolo_heatmap_ros.yaml_text', 'Heat and pictures'),
    ('heat/field.py', 'import yolo_heatmap_ros.drawing.legend', 'Imports go downwards'),
    ('storage/snapshots.py', 'import yolo_heatmap_ros.media.sources', 'Imports go downwards'),
    ('config/specs.py', 'import yolo_heatmap_ros.detectors.weights', 'config imports no'),
    ('pipeline.py', 'import torch', 'Ultralytics and PyTorch'),
    ('nodes/heatmap_node.py', 'from ultralytics import YOLO', 'Ultralytics and PyTorch'),
    ('media/sources.py', 'from cv_bridge import CvBridge', 'ROS only in'),
    ('build_pipeline.py', 'import rclpy', 'ROS only in'),
    ('apps/render.py', 'import yolo_heatmap_ros.ros.package_share',
     'archive, render and history need no ROS'),
    ('media/source.py', 'import yolo_heatmap_ros.heat.field', 'media imports no heat'),
    ('text.py', 'import yolo_heatmap_ros.errors', 'Imports go downwards'),
])
def test_a_forbidden_import_is_found(tmp_path, module, line, contract):
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE,
                    ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / '.importlinter', tmp_path)
    path = tmp_path / PACKAGE / module
    path.write_text(f'{path.read_text()}\n\ndef _late():\n    {line}\n')
    run = lint(tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    broken = [name for name in run.stdout.splitlines() if name.endswith('BROKEN')]
    assert any(name.startswith(contract) for name in broken), run.stdout


def test_every_room_is_in_the_contracts_or_exempt():
    """A room that has got its place in the layers cannot slip past the others."""
    contracts = ConfigParser()
    contracts.read(ROOT / '.importlinter')
    rooms = {path.stem for path in (ROOT / PACKAGE).iterdir()
             if path.suffix == '.py' or (path / '__init__.py').is_file()} - {'__init__'}
    for name, exempt in (('models', {'detectors'}),
                         ('ros', {'ros', 'nodes', 'apps', 'web_server'})):
        listed = contracts[f'importlinter:contract:{name}']['source_modules'].split()
        assert {one.removeprefix(f'{PACKAGE}.') for one in listed} == rooms - exempt


def test_a_new_room_needs_a_place(tmp_path):
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE,
                    ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copy(ROOT / '.importlinter', tmp_path)
    (tmp_path / PACKAGE / 'utils.py').write_text('"""A room that nobody has planned."""\n')
    run = lint(tmp_path)
    assert run.returncode == 1 and 'utils' in run.stdout, run.stdout
