"""A lifecycle node that survives errors in its transitions."""

import functools
from typing import Callable

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from yolo_heatmap_ros.ros.barrier import GuardedNode

Transition = Callable[['ManagedNode', LifecycleState], TransitionCallbackReturn]


def guarded(transition: Transition) -> Transition:
    """Run a transition callback inside the node's barrier: rclpy would swallow its exception."""
    @functools.wraps(transition)
    def call(node: 'ManagedNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception as error:
            node.barrier.report(transition.__name__, error)
            return TransitionCallbackReturn.ERROR
    return call


class ManagedNode(GuardedNode, LifecycleNode):
    """A lifecycle node that refuses impossible transitions; rclpy's would terminate."""

    def __init__(self, name: str, **kwargs):
        """Create the node in state `unconfigured`."""
        super().__init__(name, **kwargs)
        self._answer_change_state = self._service_change_state.callback
        self._service_change_state.callback = self.barrier.guard(
            self._change_state, lambda request, response: response)

    @property
    def state_label(self) -> str:
        """Return the name of the lifecycle state, such as `active`."""
        return self._state_machine.current_state[1]

    def bring_up(self) -> bool:
        """Configure and activate; return whether both succeeded."""
        return (self.trigger_configure() == TransitionCallbackReturn.SUCCESS
                and self.trigger_activate() == TransitionCallbackReturn.SUCCESS)

    def destroy_node(self) -> None:
        """Leave the graph now: rclpy's state machine keeps the node until garbage collection."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _leave(self) -> None:
        ManagedNode.destroy_node(self)

    def _change_state(self, request: ChangeState.Request,
                      response: ChangeState.Response) -> ChangeState.Response:
        try:
            return self._answer_change_state(request, response)
        except RuntimeError:  # RCLError of rclpy
            transition = request.transition.label or request.transition.id
            state = self._state_machine.current_state[1]
            self.get_logger().error(f"transition {transition} is impossible in state '{state}'")
            response.success = False
            return response
