"""An image subscription that adapts its QoS to what the camera offers."""

import time
from typing import Callable, Dict, FrozenSet, Optional, Set, Tuple

from rclpy.clock import Clock, ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy, qos_check_compatible, QoSCompatibility, QoSProfile, ReliabilityPolicy)
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind

from yolo_heatmap_ros.choices import ImageReliability

NOTHING_AFTER = 5.0
"""Seconds without a message after which the log lists the image topics that exist."""
CHECK_PERIOD = 0.5
"""Seconds between checks of the publishers."""
NAMED_WITHIN = 2.0
"""Seconds within which the name of a publisher's node follows the publisher."""
UNKNOWN = '_NODE_NAME_UNKNOWN_'
"""What rmw calls a node whose name has not arrived, or a publisher that has no node."""


class ImageSubscription:
    """
    Subscribes to images, reliably if every publisher of the topic offers that.

    A best-effort subscription loses many large pictures, and a reliable one receives nothing from
    a best-effort camera: neither suits all cameras.  An image that was latched before the node
    came, as a still one is, reaches only those who ask for it.
    """

    def __init__(self, node: Node, message_type: type, topic: str, callback: Callable,
                 skipped: Callable[[int], None], reliability: str = ImageReliability.AUTO,
                 depth: int = 1, expected: bool = True):
        """
        Subscribe to a topic of `message_type` with keep-last `depth`.

        `reliability` is `auto`, `reliable` or `best_effort`.  `auto` starts reliable: switching
        costs frames, and those of a best-effort publisher would not have arrived anyway.
        `skipped` is called with the number of frames that were published but not received, by the
        publisher's sequence numbers.  Silence is logged only on a topic that is `expected`.
        """
        self._node = node
        self._type = message_type
        self._topic = topic
        self._callback = callback
        self._sequence: Optional[int] = None
        self._publishers: FrozenSet[bytes] = frozenset()
        self._skipped = skipped
        self._adapts = reliability == ImageReliability.AUTO
        self._silent_since: Optional[float] = time.monotonic() if expected else None
        self._reported: Set[Tuple[str, str]] = set()
        self._nameless_since: Dict[bytes, float] = {}
        self._depth = depth
        self._received = self._latched = False
        best_effort = reliability == ImageReliability.BEST_EFFORT
        self._subscribe(ReliabilityPolicy.BEST_EFFORT if best_effort
                        else ReliabilityPolicy.RELIABLE)
        self._timer = node.create_timer(CHECK_PERIOD, self._look_at_publishers,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def topic(self) -> str:
        """Return the topic's name after remapping."""
        return self._subscription.topic_name

    @property
    def reliable(self) -> bool:
        """Return whether the subscription is currently reliable."""
        return self._reliability == ReliabilityPolicy.RELIABLE

    def _subscribe(self, reliability: ReliabilityPolicy) -> None:
        self._reliability = reliability
        # Reliability has its own parameter; an override would freeze its first value.
        kinds = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH)
        self._subscription = self._node.create_subscription(
            self._type, self._topic, self._receive,
            QoSProfile(depth=self._depth, reliability=reliability, durability=(
                DurabilityPolicy.TRANSIENT_LOCAL if self._latched else DurabilityPolicy.VOLATILE)),
            qos_overriding_options=QoSOverridingOptions(
                kinds if self._latched else (*kinds, QoSPolicyKind.DURABILITY)),
            # rclpy's defaults would report a mismatch that is about to be resolved.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False))

    def _receive(self, message, info: dict) -> None:
        self._silent_since, self._received = None, True
        sequence = info.get('publication_sequence_number')
        # Not every RMW provides sequence numbers.
        if sequence is not None:
            if self._sequence is None:
                self._know_publishers()
            elif sequence > self._sequence + 1 and self._know_publishers():
                self._skipped(sequence - self._sequence - 1)
        self._sequence = sequence
        self._callback(message)

    def _know_publishers(self) -> bool:
        """Return whether a single publisher has sent all messages: each has its own numbers."""
        before, self._publishers = self._publishers, frozenset(
            bytes(publisher.endpoint_gid)
            for publisher in self._node.get_publishers_info_by_topic(self.topic))
        return len(self._publishers) == 1 and self._publishers == before

    def _look_at_publishers(self) -> None:
        publishers = self._node.get_publishers_info_by_topic(self.topic)
        if self._silent_since and time.monotonic() - self._silent_since > NOTHING_AFTER:
            self._silent_since = None
            self._report_silence(publishers)
        if not publishers:
            return
        offers = {publisher.qos_profile.reliability for publisher in publishers}
        wanted = (ReliabilityPolicy.RELIABLE if offers == {ReliabilityPolicy.RELIABLE}
                  else ReliabilityPolicy.BEST_EFFORT)
        latched = all(publisher.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
                      for publisher in publishers)
        if self._adapts and wanted != self._reliability:
            self._subscribe_again(wanted, f'reliability {wanted.name.lower()}')
        elif self._latched and not latched:
            self._latched = False
            self._subscribe_again(self._reliability, 'durability volatile')
        elif latched and not self._latched and not self._received:
            self._latched = True
            self._subscribe_again(self._reliability, 'durability transient_local')
        for publisher in publishers:
            self._report_incompatible(publisher)

    def _subscribe_again(self, reliability: ReliabilityPolicy, how: str) -> None:
        self._node.destroy_subscription(self._subscription)
        self._subscribe(reliability)
        self._node.get_logger().info(f"subscribed to '{self.topic}' with QoS {how}, as it is "
                                     'published')

    def _report_silence(self, publishers) -> None:
        """Log the silent topic, and the topics that have images."""
        kind = f'{self._type.__module__.split(".")[0]}/msg/{self._type.__name__}'

        def described(publisher) -> str:
            if publisher.topic_type != kind:
                return f'{_name_of(publisher)} (as {publisher.topic_type}: see input_transport)'
            compatible, _ = qos_check_compatible(publisher.qos_profile,
                                                 self._subscription.qos_profile)
            fits = 'not compatible' if compatible == QoSCompatibility.ERROR else 'compatible'
            return f'{_name_of(publisher)} ({fits})'

        def published_by(found) -> str:
            return ', '.join(sorted({described(publisher) for publisher in found})) or 'no node'
        others = []
        for topic, types in self._node.get_topic_names_and_types():
            found = self._node.get_publishers_info_by_topic(topic)
            # Outputs of this node, or of such a node of another camera, are no cameras.
            if kind in types and topic != self.topic and found and not any(
                    publisher.node_name == self._node.get_name() for publisher in found):
                others.append(f"'{topic}' by {published_by(found)}")
        self._node.get_logger().warning(
            f"nothing on '{self.topic}' in {NOTHING_AFTER:.0f} s (QoS "
            f'{self._reliability.name.lower()}, depth {self._depth}): it is published by '
            f"{published_by(publishers)}; {kind} is on: {', '.join(others) or 'no other topic'}")

    def _report_incompatible(self, publisher) -> None:
        """Log, once for each publisher, why its images cannot arrive."""
        compatible, reason = qos_check_compatible(publisher.qos_profile,
                                                  self._subscription.qos_profile)
        if compatible != QoSCompatibility.ERROR:
            return
        if publisher.node_name == UNKNOWN:
            now = time.monotonic()
            since = self._nameless_since.setdefault(bytes(publisher.endpoint_gid), now)
            if now - since < NAMED_WITHIN:
                return
        name = _name_of(publisher)
        if (name, reason) not in self._reported:
            self._reported.add((name, reason))
            why = reason.strip().rstrip(';').removeprefix('ERROR: ')
            self._node.get_logger().error(
                f"'{self.topic}': the QoS that {self._node.get_fully_qualified_name()} requests "
                f'and that {name} offers are incompatible, no image will arrive: {why} '
                '(image_reliability, qos_overrides)')

    def destroy(self) -> None:
        """Destroy the subscription."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)


def _name_of(endpoint) -> str:
    """Return the full name of the node of a publisher or subscription."""
    if endpoint.node_name == UNKNOWN:
        return 'a publisher without a node name'
    return f'{endpoint.node_namespace}/{endpoint.node_name}'.replace('//', '/')
