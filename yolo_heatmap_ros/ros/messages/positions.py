"""Places of objects on the floor as sensor_msgs/PointCloud2, to and from arrays."""

from geometry_msgs.msg import Point32, Polygon, PolygonStamped
import numpy as np
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import Header

from yolo_heatmap_ros.errors import HeatError
from yolo_heatmap_ros.heat.positions import Positions
from yolo_heatmap_ros.text import printable

NAME_LENGTH = 32
"""Bytes of a class name, in UTF-8; longer ones are cut off."""
_ROW = np.dtype([
    *((name, '<f4') for name in ('x', 'y', 'z', 'vx', 'vy', 'xx', 'xy', 'yy', 'confidence')),
    ('track', '<f8'), ('class', 'u1', (NAME_LENGTH,))])
_TYPES = {'<f4': PointField.FLOAT32, '<f8': PointField.FLOAT64, '|u1': PointField.UINT8}
MAX_ROWS = 10_000
"""Largest number of objects in a message that is read."""


def positions_message(positions: Positions, header: Header) -> PointCloud2:
    """Return objects as a cloud; those without a place are left out."""
    rows = np.zeros(len(positions.places), _ROW)
    rows['x'], rows['y'] = positions.places.T
    rows['vx'], rows['vy'] = positions.velocities.T
    rows['xx'], rows['xy'], rows['yy'] = positions.covariances.reshape(-1, 4).T[[0, 1, 3]]
    rows['confidence'], rows['track'] = positions.confidences, positions.track_ids
    for row, name in zip(rows, positions.class_names):
        encoded = name.encode()[:NAME_LENGTH]
        row['class'][:len(encoded)] = np.frombuffer(encoded, np.uint8)
    rows = rows[np.isfinite(positions.places).all(axis=1)]
    fields = [PointField(
        name=name, offset=offset, datatype=_TYPES[kind.base.str],
        count=int(np.prod(kind.shape, dtype=int))) for name, (kind, offset) in _ROW.fields.items()]
    return PointCloud2(
        header=header, height=1, width=len(rows), fields=fields, is_bigendian=False,
        point_step=_ROW.itemsize, row_step=rows.nbytes, is_dense=False, data=rows.tobytes())


def positions_of(message: PointCloud2) -> Positions:
    """
    Return the objects of a cloud, of any order of fields; raises HeatError for another message.

    Only x and y must be there.  What is not finite is left to the caller.
    """
    if message.height * message.width > MAX_ROWS:
        raise HeatError(f'{message.height * message.width} objects, and at most {MAX_ROWS} are '
                        'read')
    rows = _rows_of(message)

    def column(name: str, default: float) -> np.ndarray:
        return (rows[name].astype(np.float64) if name in rows.dtype.names
                else np.full(len(rows), default))
    cells = [column(name, np.nan) for name in ('xx', 'xy', 'xy', 'yy')]
    names = [''] * len(rows)
    if 'class' in rows.dtype.names:
        names = [bytes(row).split(b'\0')[0].decode(errors='replace') for row in rows['class']]
    track_ids = column('track', -1.0)
    return Positions(
        np.stack((column('x', np.nan), column('y', np.nan)), axis=1),
        np.stack(cells, axis=1).reshape(-1, 2, 2),
        np.stack((column('vx', np.nan), column('vy', np.nan)), axis=1),
        np.where(np.abs(track_ids) < 2.0 ** 53, track_ids, -1.0).astype(np.int64),
        [printable(name) for name in names], column('confidence', 1.0))


def _rows_of(message: PointCloud2) -> np.ndarray:
    """Return the points as a structured array; raises HeatError."""
    order = '>' if message.is_bigendian else '<'
    types = {code: (order if kind != '|u1' else '|') + kind[1:] for kind, code in _TYPES.items()}
    fields = {}
    for field in message.fields:
        kind = types.get(field.datatype)
        if field.name == 'class':
            fields[field.name] = (('u1', (field.count,)), field.offset)
        elif kind is not None and field.count == 1 and field.name in _ROW.names:
            fields[field.name] = (kind, field.offset)
    if not {'x', 'y'} <= set(fields):
        raise HeatError('no fields x and y of float32 or float64: this is no cloud of positions')
    count = message.height * message.width
    if message.height > 1 and message.row_step != message.width * message.point_step:
        raise HeatError(f'rows of {message.row_step} bytes for {message.width} points of '
                        f'{message.point_step} bytes: only rows without padding are read')
    try:
        row = np.dtype({'names': list(fields), 'formats': [kind for kind, _ in fields.values()],
                        'offsets': [offset for _, offset in fields.values()],
                        'itemsize': message.point_step})
        return np.frombuffer(message.data, row, count)
    except (ValueError, TypeError, OverflowError) as error:
        raise HeatError(f'{len(message.data)} bytes are not {count} points of '
                        f'{message.point_step} bytes with these fields') from error


def view_message(corners: np.ndarray, header: Header) -> PolygonStamped:
    """Return the border of what a camera sees of the floor, (M, 2) m."""
    return PolygonStamped(header=header, polygon=Polygon(points=[
        Point32(x=x, y=y) for x, y in corners.tolist()]))


def view_of(message: PolygonStamped) -> np.ndarray:
    """Return the border, (M, 2) float64 m; empty if a corner is not finite."""
    corners = np.array([(point.x, point.y) for point in message.polygon.points],
                       np.float64).reshape(-1, 2)
    return corners if np.isfinite(corners).all() else np.empty((0, 2))
