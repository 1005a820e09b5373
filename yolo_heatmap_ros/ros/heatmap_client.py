"""A client of the heatmap node, for viewers: save, reset, pause, colormap."""

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
"""Called with whether a request succeeded, and a message."""


class HeatmapClient:
    """Calls the services of one heatmap node; responses arrive while the caller's node spins."""

    def __init__(self, node: GuardedNode, name: str):
        """
        Take the calling node, and the name of the heatmap node.

        Raises ParameterError, about the parameter `heatmap_node`, for an invalid name.
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
            raise ParameterError(f"parameter 'heatmap_node': '{name}' is not a valid node name "
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
        """Reset the heat."""
        self._call('reset', Trigger.Request(),
                   lambda result: answer(result.success, result.message), answer)

    def enable(self, enabled: bool, answer: Answer) -> None:
        """Pause or resume."""
        self._call('enable', SetBool.Request(data=enabled),
                   lambda result: answer(result.success, result.message), answer)

    def get_colormap(self, answer: Answer) -> None:
        """Request the colormap; the message is its name in OpenCV."""
        def done(result: GetParameters.Response) -> None:
            if not result.values:
                answer(False, f"'{self._name}' has no colormap: it is not a heatmap node")
                return
            answer(True, result.values[0].string_value.upper().removeprefix('COLORMAP_'))
        if self._asked is not None:
            # A node that hangs does not respond: requests to it must not pile up here.
            self._services['get_parameters'].remove_pending_request(self._asked)
        self._asked = self._call('get_parameters', GetParameters.Request(names=['colormap']), done,
                                 answer)

    def set_colormap(self, name: str, answer: Answer) -> None:
        """Set the colormap by name."""
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=name)
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name='colormap', value=value)])
        self._call('set_parameters_atomically', request,
                   lambda result: answer(result.result.successful,
                                         result.result.reason or f'colormap {name}'), answer)
