"""Lifecycle publishers as this package makes them."""

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions


def publisher_of(node: LifecycleNode, kind: type, topic: str, depth: int = 1,
                 latched: bool = False) -> LifecyclePublisher:
    """
    Return a reliable lifecycle publisher, keep-last `depth`, whose QoS parameters can override.

    A `latched` one is transient local: late joiners get the last message, as from a map server.
    """
    durability = DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE
    return node.create_lifecycle_publisher(
        kind, topic, QoSProfile(depth=depth, durability=durability),
        qos_overriding_options=QoSOverridingOptions.with_default_policies())
