"""Masks for Nav2's filters: `~/speed_mask` and `~/keepout_mask`, and what describes them."""

from typing import Optional, Tuple

from builtin_interfaces.msg import Time
from nav_msgs.msg import OccupancyGrid
import numpy as np
from rclpy.clock import Clock, ClockType
from std_msgs.msg import Header

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.heat.ground import GroundPlane
from yolo_heatmap_ros.heat.navigation_masks import (
    FilterRule, keepout_mask, KEEPOUT_RULE, margin_cells, speed_mask, SPEED_RULE, with_margin)
from yolo_heatmap_ros.ros.managed_node import ManagedNode
from yolo_heatmap_ros.ros.messages.navigation import (
    CostmapFilterInfo, filter_info_message, mask_message, MISSING_NAV2)
from yolo_heatmap_ros.ros.publishers import publisher_of


class _LatchedMask:
    """A mask and its filter's info, each published only if it is not what was published last."""

    def __init__(self, node: ManagedNode, name: str, rule: FilterRule):
        """Create the lifecycle publishers, active ones in an active node."""
        self._node = node
        self._rule = rule
        # Nav2's filters subscribe to nothing but latched topics.
        self._mask = publisher_of(node, OccupancyGrid, f'~/{name}_mask', latched=True)
        self._publishers = [self._mask]
        self._info = None
        if CostmapFilterInfo is not None:
            self._info = publisher_of(node, CostmapFilterInfo, f'~/{name}_filter_info',
                                      latched=True)
            self._publishers.append(self._info)
        if node.state_label == 'active':
            for publisher in self._publishers:
                publisher.on_activate(None)
        self._last: Optional[Tuple] = None

    def publish(self, mask: np.ndarray, origin: Tuple[float, float], resolution: float,
                header: Header) -> None:
        """Publish a mask, see `mask_message`, unless it differs by its stamp alone."""
        content = (header.frame_id, origin, resolution, mask.shape, mask.tobytes())
        if content == self._last or not self._mask.is_activated:
            return
        # Its rule and the topic stay the same: a filter that got it once more would start afresh.
        if self._info is not None and self._last is None:
            self._info.publish(filter_info_message(self._rule, self._mask.topic_name, header))
        self._mask.publish(mask_message(mask, origin, resolution, header))
        self._last = content

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)


class NavigationPublisher:
    """
    Publishes masks for Nav2 of heat on a floor, at most at a fixed rate and only if they change.

    A mask's topics are created once its parameter, `nav.speed_high` or `nav.keepout`, is not 0. If
    it is set to 0 later, the mask becomes one without limits or closed places.
    """

    def __init__(self, node: ManagedNode, configuration: Configuration):
        """Create the lifecycle publishers of the masks that are wanted."""
        self._node = node
        self._speed: Optional[_LatchedMask] = None
        self._keepout: Optional[_LatchedMask] = None
        self._newest: Optional[Tuple[np.ndarray, np.ndarray, GroundPlane, Header]] = None
        self.configuration = configuration
        self._timer = node.create_timer(1.0 / configuration['nav.rate'], self.publish,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def configuration(self) -> Configuration:
        """Return the values of the parameters; new ones hold from the next masks on."""
        return self._configuration

    @configuration.setter
    def configuration(self, configuration: Configuration) -> None:
        self._configuration = configuration
        had_none = not self.wanted
        if self._speed is None and configuration['nav.speed_high']:
            self._speed = _LatchedMask(self._node, 'speed', SPEED_RULE)
        if self._keepout is None and configuration['nav.keepout']:
            self._keepout = _LatchedMask(self._node, 'keepout', KEEPOUT_RULE)
        if had_none and self.wanted and CostmapFilterInfo is None:
            self._node.get_logger().info(f'no info for costmap filters: {MISSING_NAV2}')

    @property
    def wanted(self) -> bool:
        """Return whether there is any mask: else `show` has no effect."""
        return self._speed is not None or self._keepout is not None

    def show(self, heat: np.ndarray, known: np.ndarray, plane: GroundPlane, stamp: Time,
             frame_id: str) -> None:
        """
        Record the newest heat, and publish its masks if they are the first.

        `heat` (rows, columns) float32, in the unit of the parameters, must not change afterwards;
        `known` (rows, columns) bool is what a camera sees; both are on `plane`, in `frame_id`.
        """
        is_first = self._newest is None
        self._newest = heat, known, plane, Header(stamp=stamp, frame_id=frame_id)
        if is_first:
            self.publish()

    def publish(self) -> None:
        """Publish the masks that have changed, now."""
        if self._newest is None:
            return
        heat, known, plane, header = self._newest
        values = self._configuration
        x, y = plane.extent[:2]
        if self._speed is not None:
            mask = speed_mask(heat, known & bool(values['nav.speed_high']),
                              values['nav.speed_low'], values['nav.speed_high'],
                              values['nav.speed_slowest'])
            margin = margin_cells(plane.resolution) * plane.resolution
            self._speed.publish(with_margin(mask, plane.resolution), (x - margin, y - margin),
                                plane.resolution, header)
        if self._keepout is not None:
            mask = keepout_mask(heat, known & bool(values['nav.keepout']),
                                values['nav.keepout_low'], values['nav.keepout'])
            self._keepout.publish(mask, (x, y), plane.resolution, header)

    def close(self) -> None:
        """Destroy the timer and the publishers."""
        self._node.destroy_timer(self._timer)
        for mask in (self._speed, self._keepout):
            if mask is not None:
                mask.close()
