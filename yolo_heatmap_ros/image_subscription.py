"""A subscription to a camera that adapts its QoS to what the camera offers."""

from typing import Callable, Optional

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

CHECK_PERIOD = 0.5
"""Seconds between looks at the publishers."""


class ImageSubscription:
    """
    Subscribes to images, reliably where every publisher of the topic offers it.

    A best-effort reader of large pictures loses many of them, and a reliable one gets nothing
    from a best-effort camera: neither is right for all.
    """

    def __init__(self, node: Node, message_type: type, topic: str, callback: Callable,
                 reliability: str = 'auto', depth: int = 1):
        """
        Subscribe to a topic of `message_type` with keep-last `depth`.

        `reliability` is `auto`, `reliable` or `best_effort`.  Reliable is what `auto` begins
        with: a change costs frames, and a best-effort publisher's would not have come anyway.
        `skipped` counts frames that were published but not received, in the publisher's numbers.
        """
        self._node = node
        self._type = message_type
        self._topic = topic
        self._callback = callback
        self._sequence: Optional[int] = None
        self.skipped = 0
        self._depth = depth
        self._subscribe(ReliabilityPolicy.BEST_EFFORT if reliability == 'best_effort'
                        else ReliabilityPolicy.RELIABLE)
        self._timer = None
        if reliability == 'auto':
            self._timer = node.create_timer(CHECK_PERIOD, self._adapt,
                                            clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def topic(self) -> str:
        """Return the topic's name after remapping."""
        return self._subscription.topic_name

    @property
    def reliable(self) -> bool:
        """Tell whether the subscription is a reliable one now."""
        return self._reliability == ReliabilityPolicy.RELIABLE

    def _subscribe(self, reliability: ReliabilityPolicy) -> None:
        self._reliability = reliability
        self._subscription = self._node.create_subscription(
            self._type, self._topic, self._receive,
            QoSProfile(depth=self._depth, reliability=reliability))

    def _receive(self, message, info: dict) -> None:
        sequence = info.get('publication_sequence_number')
        # Not every RMW numbers messages, and two publishers number theirs apart.
        if sequence is not None and self._sequence is not None and sequence > self._sequence:
            self.skipped += sequence - self._sequence - 1
        self._sequence = sequence
        self._callback(message)

    def _adapt(self) -> None:
        offers = {publisher.qos_profile.reliability
                  for publisher in self._node.get_publishers_info_by_topic(self.topic)}
        if not offers:
            return
        wanted = (ReliabilityPolicy.RELIABLE if offers == {ReliabilityPolicy.RELIABLE}
                  else ReliabilityPolicy.BEST_EFFORT)
        if wanted != self._reliability:
            self._node.destroy_subscription(self._subscription)
            self._subscribe(wanted)
            self._node.get_logger().info(f"subscribed to '{self.topic}' with QoS reliability "
                                         f'{wanted.name.lower()}, as it is published')

    def destroy(self) -> None:
        """End the subscription."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)
