"""Classes as users name them."""

import pytest
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.detectors.class_names import find_classes
from yolo_heatmap_ros.errors import ModelError

CLASSES = next(spec for spec in HEATMAP_PARAMETERS if spec.name == 'classes')


@pytest.mark.parametrize('names, given, ids', [
    ({0: 'Car', 1: 'car'}, 'Car', [0]),
    ({0: 'Car', 1: 'car'}, 'car', [1]),
    ({0: 'Car', 1: 'car'}, 'CAR', [0, 1]),
    ({0: 'vehicle', 1: 'vehicle', 2: 'dog'}, 'vehicle', [0, 1]),
    ({0: '1', 1: '0'}, '0', [1]),
    ({0: '1', 1: '0'}, [0], [0]),
    ({0: '1', 1: '0'}, 0, [0]),
    ({0: 'a', 7: '3'}, [3], [7]),
    ({0: 'light, red', 1: 'light', 2: 'red'}, ['light, red'], [0]),
    ({0: 'light, red', 1: 'light', 2: 'red'}, "['light, red', red]", [0, 2]),
    ({0: 'light, red', 1: 'light', 2: 'red'}, '"light, red"', [0]),
    ({0: 'light, red', 1: 'light', 2: 'red'}, 'light, red', [1, 2]),
    ({0: "driver's car", 1: 'car'}, "driver's car, car", [0, 1]),
    ({0: ' person '}, 'person', [0]),
    ({0: 'person', 1: 'car'}, '[car, 0, car]', [1, 0]),
    ({0: 'straße'}, 'STRASSE', [0]),
    ({0: 'person'}, '', []),
    ({0: 'person'}, '[]', []),
])
def test_what_is_meant(names, given, ids):
    assert find_classes(CLASSES.checked(given), names) == ids


@pytest.mark.parametrize('given', ['dog', '7', [7], '-1', [-1], "'person, car'", '²'])
def test_what_a_model_does_not_know(given):
    with pytest.raises(ModelError, match='unknown class .*: this model knows 0 person, 1 car'):
        find_classes(CLASSES.checked(given), {0: 'person', 1: 'car'})


@pytest.mark.parametrize('given, lines', [
    (['0'], ["classes: '0' is class 1 '0'; the other meaning is class 0 '1'"]),
    ([0], ["classes: 0 is class 0 '1'; the other meaning is class 1 '0'"]),
    (['person'], [])])
def test_what_could_be_a_name_and_an_id_is_said(given, lines):
    said = []
    find_classes(given, {0: '1', 1: '0', 2: 'person'}, said.append)
    assert said == lines
