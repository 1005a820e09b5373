"""The file of drawn shapes: whole or not at all, and what a damaged one says."""

import pytest
from yolo_heatmap_ros.errors import ShapesError
from yolo_heatmap_ros.storage.drawn_shapes import DrawnShapes, read, write

SHAPES = DrawnShapes(
    '/hall/yolo_heatmap', {'regions': '', 'ground.points_px': [1.5, 0.1 + 0.2]},
    {'regions': '[Tür: [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9]]]', 'ground.points_px': ''})


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / 'drawn' / 'hall' / 'yolo_heatmap.yaml'
    with pytest.raises(FileNotFoundError):
        read(path)
    for shapes in (SHAPES._replace(drawn={}), SHAPES):
        write(path, shapes)
        assert read(path) == shapes
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert 'Tür' in path.read_text() and path.read_text().startswith('# What was drawn')


def test_a_disk_that_is_full_leaves_those_of_before(tmp_path, monkeypatch):
    path = tmp_path / 'yolo_heatmap.yaml'
    write(path, SHAPES)

    def full(descriptor):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr('os.fsync', full)
    with pytest.raises(ShapesError) as caught:
        write(path, SHAPES._replace(drawn={}))
    assert str(caught.value) == (f"cannot write '{path}': No space left on device; check the "
                                 "folder's permissions and the space on its disk")
    assert read(path) == SHAPES and len(list(tmp_path.iterdir())) == 1


def test_more_than_can_be_read_again(tmp_path):
    """It is refused at once, and what was kept before stays."""
    path = tmp_path / 'yolo_heatmap.yaml'
    write(path, SHAPES)
    with pytest.raises(ShapesError, match='take more than 1 MiB; draw fewer points'):
        write(path, SHAPES._replace(drawn={'regions': 'x' * (1 << 20)}))
    assert read(path) == SHAPES


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / 'drawn').write_text('')
    with pytest.raises(ShapesError, match="cannot write '.*': File exists"):
        write(tmp_path / 'drawn' / 'yolo_heatmap.yaml', SHAPES)


@pytest.mark.parametrize('content, reason', [
    (b'', "' is damaged, or of another version: it has no format 1"),
    (b'[1', "' is not YAML"), (b'\xff\xfe\x80', "' is not UTF-8"), (b'7', 'it has no format 1'),
    (b'{format: 2, node: a, given: {}, drawn: {}}', 'it has no format 1'),
    (b'{format: 1, node: a, given: {}}', "is damaged: 'drawn' is missing"),
    (b'{format: 1, node: a, given: 7, drawn: {}}', "is damaged: 'given' is missing"),
    (b'{format: 1, node: [], given: {}, drawn: {}}', "is damaged: 'node' is missing"),
    (b'a' * ((1 << 20) + 1), "' has more than 1 MiB")])
def test_damage(tmp_path, content, reason):
    path = tmp_path / 'yolo_heatmap.yaml'
    path.write_bytes(content)
    with pytest.raises(ShapesError) as caught:
        read(path)
    assert reason in str(caught.value) and '\n' not in str(caught.value)


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(ShapesError, match='cannot be read: Is a directory'):
        read(tmp_path)
