"""What viewers ask of a heatmap node: save, reset, pause, colormap."""

from typing import Callable, Optional

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.exceptions import NameValidationException
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.text import one_line

Answer = Callable[[bool, str], None]
"""Gets whether it worked, and a line on it."""


class HeatmapClient:
    """Calls the services of one heatmap node; answers come while the caller's node is spun."""

    def __init__(self, node: GuardedNode, name: str):
        """
        Take the node that calls, and the name of the heatmap node.

        Raises ParameterError, on `heatmap_node`, for what is not a name.
        """
        self._node = node
        self._name = name
        self._asked: Optional[Future] = None
        try:
            self._services = {service: node.create_client(kind, f'{name}/{service}')
                              for service, kind in (
                                  ('save', Trigger), ('reset', Trigger), ('enable', SetBool),
                                  ('get_parameters', GetParameters),
                                  ('set_parameters_atomically', SetParametersAtomically))}
        except NameValidationException as error:
            raise ParameterError(f"parameter 'heatmap_node': '{name}' is not the name of a node "
                                 f'({one_line(error)})') from error

    def _call(self, service: str, request, done: Callable, answer: Answer) -> Optional[Future]:
        client = self._services[service]
        if not client.service_is_ready():
            name = self._node.resolve_service_name(client.srv_name)
            answer(False, f'no service {name}: is the heatmap node running?')
            return None
        call = client.call_async(request)
        call.add_done_callback(self._node.barrier.guard(lambda future: done(future.result())))
        return call

    def save(self, answer: Answer) -> None:
        """Save the heat."""
        self._call('save', Trigger.Request(),
                   lambda result: answer(result.success, result.message), answer)

    def reset(self, answer: Answer) -> None:
        """Forget all heat."""
        self._call('reset', Trigger.Request(),
                   lambda result: answer(result.success, result.message), answer)

    def enable(self, enabled: bool, answer: Answer) -> None:
        """Pause or resume."""
        self._call('enable', SetBool.Request(data=enabled),
                   lambda result: answer(result.success, result.message), answer)

    def get_colormap(self, answer: Answer) -> None:
        """Ask for the colormap; the line is its name, as OpenCV has it."""
        def done(result: GetParameters.Response) -> None:
            if not result.values:
                answer(False, f"'{self._name}' has no colormap: it is no heatmap node")
                return
            answer(True, result.values[0].string_value.upper().removeprefix('COLORMAP_'))
        if self._asked is not None:
            # A node that hangs does not answer: what it is asked must not heap up here.
            self._services['get_parameters'].remove_pending_request(self._asked)
        self._asked = self._call('get_parameters', GetParameters.Request(names=['colormap']), done,
                                 answer)

    def set_colormap(self, name: str, answer: Answer) -> None:
        """Choose a colormap by its name."""
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=name)
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name='colormap', value=value)])
        self._call('set_parameters_atomically', request,
                   lambda result: answer(result.result.successful,
                                         result.result.reason or f'colormap {name}'), answer)
