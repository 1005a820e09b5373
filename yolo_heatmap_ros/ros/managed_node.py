"""A lifecycle node that survives its own transitions."""

import functools
import traceback
from typing import Callable

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

Transition = Callable[['ManagedNode', LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition) -> Transition:
    """Log the exception of a transition callback, which rclpy would drop silently."""
    @functools.wraps(transition)
    def guarded(node: 'ManagedNode', state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception:
            node.get_logger().error(f'{transition.__name__} broke: {traceback.format_exc()}')
            return TransitionCallbackReturn.ERROR
    return guarded


class ManagedNode(LifecycleNode):
    """A lifecycle node that refuses impossible transitions, where rclpy's would end."""

    def __init__(self, name: str, **kwargs):
        """Create the node in state `unconfigured`."""
        super().__init__(name, **kwargs)
        self._answer_change_state = self._service_change_state.callback
        self._service_change_state.callback = self._change_state

    @property
    def state_label(self) -> str:
        """Return the name of the lifecycle state, such as `active`."""
        return self._state_machine.current_state[1]

    def bring_up(self) -> bool:
        """Configure and activate; tell whether both worked."""
        return (self.trigger_configure() == TransitionCallbackReturn.SUCCESS
                and self.trigger_activate() == TransitionCallbackReturn.SUCCESS)

    def destroy_node(self) -> None:
        """Leave the graph at once: rclpy's state machine would keep the node until collected."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()

    def _change_state(self, request: ChangeState.Request,
                      response: ChangeState.Response) -> ChangeState.Response:
        try:
            return self._answer_change_state(request, response)
        except RuntimeError:  # rclpy's RCLError
            transition = request.transition.label or request.transition.id
            state = self._state_machine.current_state[1]
            self.get_logger().error(f"transition {transition} is impossible in state '{state}'")
            response.success = False
            return response
