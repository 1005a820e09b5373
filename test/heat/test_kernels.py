"""What shape each kernel leaves, pixel by pixel, against the definition written out."""

import cv2
import numpy as np
import pytest
from yolo_heatmap_ros.heat.kernels import KERNELS

HEIGHT, WIDTH = 60, 80
BOXES = [(10.4, 12.9, 31.2, 50.0), (20.0, 20.0, 21.0, 21.0), (-8.0, 5.0, 15.5, 30.0),
         (60.0, 40.0, 95.0, 90.0), (-5.0, -5.0, 100.0, 100.0), (3.0, 3.0, 10.0, 8.0),
         # Ground contacts in the corners, and a pixel beyond them.
         (-10.0, 0.0, 10.0, 60.0), (70.0, 40.0, 88.0, 60.0), (70.0, 40.0, 90.0, 60.0),
         (-12.0, 40.0, 10.0, 50.0), (30.0, -20.0, 50.0, 1.0), (30.0, -20.0, 50.0, 0.0)]
OUTLINE = np.array([[12.0, 14.0], [28.0, 14.0], [28.0, 40.0], [20.0, 30.0], [12.0, 40.0]],
                   np.float32)


def field_of(kernel, box, outline=None):
    """Return a whole field, (HEIGHT, WIDTH), with one stamp on it."""
    field = np.zeros((HEIGHT, WIDTH), np.float32)
    stamp = KERNELS[kernel](np.array(box, np.float32), outline, HEIGHT, WIDTH)
    if stamp is not None:
        assert stamp.heat.dtype == np.float32
        assert stamp.heat.size
        # Nothing beyond the border, and the field as large as the heat.
        assert field[stamp.rows, stamp.columns].shape == stamp.heat.shape
        field[stamp.rows, stamp.columns] = stamp.heat
    return field


def cut(box):
    x1, y1, x2, y2 = (int(value) for value in box)
    return max(x1, 0), max(y1, 0), min(x2, WIDTH), min(y2, HEIGHT)


@pytest.mark.parametrize('box', BOXES)
@pytest.mark.parametrize('kernel', ['box', 'ellipse', 'gaussian'])
def test_kernels_that_fill_the_box(kernel, box):
    x1, y1, x2, y2 = cut(box)
    expected = np.zeros((HEIGHT, WIDTH))
    for y in range(y1, y2):
        for x in range(x1, x2):
            across = (x + 0.5 - (x1 + x2) / 2) / ((x2 - x1) / 2)
            along = (y + 0.5 - (y1 + y2) / 2) / ((y2 - y1) / 2)
            expected[y, x] = {'box': 1.0,
                              'ellipse': float(across ** 2 + along ** 2 <= 1.0 + 1e-6),
                              'gaussian': np.exp(-2 * (across ** 2 + along ** 2))}[kernel]
    difference = np.abs(field_of(kernel, box) - expected)
    # A pixel exactly on the ellipse may fall to either side.
    assert np.count_nonzero(difference > 1e-5) <= (4 if kernel == 'ellipse' else 0)


@pytest.mark.parametrize('box', BOXES)
def test_disc_is_inscribed_in_the_box(box):
    x1, y1, x2, y2 = cut(box)
    radius, x, y = min(x2 - x1, y2 - y1) // 2, (x1 + x2) // 2, (y1 + y2) // 2
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    expected = (rows - y) ** 2 + (columns - x) ** 2 <= radius ** 2
    expected &= (rows >= y1) & (rows < y2) & (columns >= x1) & (columns < x2)
    assert np.array_equal(field_of('disc', box), expected)


@pytest.mark.parametrize('box', BOXES)
def test_foot_is_a_disc_at_the_ground_contact(box):
    x, y = (box[0] + box[2]) / 2, box[3]
    radius = max(1, round((min(box[2], WIDTH) - max(box[0], 0)) / 4))
    field = field_of('foot', box)
    if not (0 <= x < WIDTH and 0 < y <= HEIGHT):
        assert not field.any()
        return
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    expected = (rows - (np.ceil(y) - 1)) ** 2 + (columns - int(x)) ** 2 <= radius ** 2
    assert np.array_equal(field, expected)


def test_mask_is_the_outline():
    expected = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.float32), [OUTLINE.astype(np.int32)], 1.0)
    assert np.array_equal(field_of('mask', BOXES[0], OUTLINE), expected)
    assert expected.sum() > 300
    moved = field_of('mask', BOXES[0], OUTLINE + (60, 30))
    assert np.array_equal(moved[30:, 60:], expected[:-30, :-60])
    triangle = field_of('mask', BOXES[0], OUTLINE[:3])
    assert triangle[15, 26] == 1.0 and triangle[35, 14] == 0.0
    # A corner at 12.6 is drawn in the pixel 13, and that pixel is in the patch.
    corner = field_of('mask', BOXES[0], OUTLINE[:3] + np.float32(0.6))
    assert corner[41, 29] == 1.0


@pytest.mark.parametrize('outline', [None, OUTLINE[:0], OUTLINE[:2], OUTLINE * np.nan,
                                     OUTLINE + 500])
def test_no_outline_no_heat(outline):
    assert not field_of('mask', BOXES[0], outline).any()


@pytest.mark.parametrize('kernel', KERNELS)
@pytest.mark.parametrize('box', [(-30.0, 5.0, -2.0, 20.0), (10.0, 70.0, 20.0, 90.0),
                                 (30.0, 30.0, 20.0, 20.0), (1e9, 1e9, 2e9, 2e9),
                                 (-1e9, -1e9, 1e9, 1e9), (5.0, 5.0, 5.4, 5.4),
                                 (5.0, 5.0, 5.4, 20.0), (5.0, 5.0, 20.0, 5.4)])
def test_boxes_outside_empty_and_absurd(kernel, box):
    """Nothing breaks; what is on the field is 0 to 1."""
    field = field_of(kernel, box, OUTLINE)
    assert field.min() >= 0.0 and field.max() <= 1.0


@pytest.mark.parametrize('kernel', sorted(KERNELS))
def test_kernels_are_not_changed_by_use(kernel):
    first = field_of(kernel, BOXES[0], OUTLINE)
    assert first.any()
    assert np.array_equal(field_of(kernel, BOXES[0], OUTLINE), first)
    shape = KERNELS[kernel](np.array(BOXES[0], np.float32), OUTLINE, HEIGHT, WIDTH).heat
    # What the next object gets again cannot be written to.
    assert kernel == 'mask' or not shape.flags.writeable
