"""A warning where simulated time is asked for, and nobody publishes it."""

from rclpy.clock import Clock, ClockType

from yolo_heatmap_ros.ros.barrier import GuardedNode

CHECK_PERIOD = 5.0
"""Seconds that /clock has to arrive before the warning, and between checks."""


def watch_clock(node: GuardedNode) -> None:
    """Log one warning if `use_sim_time` is set and the node's clock stands at 0."""
    warned = False

    def check() -> None:
        nonlocal warned
        if warned or not node.get_parameter('use_sim_time').value or (
                node.get_clock().now().nanoseconds):
            return
        warned = True
        node.get_logger().warning(
            f'use_sim_time is true, but nothing has come on /clock in {CHECK_PERIOD:.0f} s: the '
            "node's time stands at 0; start the simulator or 'ros2 bag play --clock', or set "
            'use_sim_time to false')
    node.create_timer(CHECK_PERIOD, check, clock=Clock(clock_type=ClockType.STEADY_TIME))
