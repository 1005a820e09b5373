"""A client of the heatmap node, for viewers: save, reset, pause, colormap."""

from collections import deque
import threading
import time
from typing import Callable, Deque, Tuple

from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.exceptions import NameValidationException
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.text import one_line

Answer = Callable[[bool, str], None]
"""Called with whether a request succeeded, and a message."""
PATIENCE = 10.0
"""Seconds after which a response is no longer expected."""


class HeatmapClient:
    """Calls the services of one heatmap node; responses arrive while the caller's node spins."""

    def __init__(self, node: GuardedNode, name: str):
        """
        Take the calling node, and the name of the heatmap node.

        Raises ParameterError, about the parameter `heatmap_node`, for an invalid name.
        """
        self._node = node
        self._name = name
        self._lock = threading.Lock()
        self._waiting: Deque[Tuple[float, Client, Future]] = deque()
        try:
            self._services = {service: node.create_client(kind, f'{name}/{service}')
                              for service, kind in (
                                  ('save', Trigger), ('reset', Trigger), ('enable', SetBool),
                                  ('get_parameters', GetParameters),
                                  ('set_parameters_atomically', SetParametersAtomically))}
        except NameValidationException as error:
            raise ParameterError(f"parameter 'heatmap_node': '{name}' is not a valid node name "
                                 f'({one_line(error)})') from error

    def _call(self, service: str, request, done: Callable, answer: Answer) -> None:
        client = self._services[service]
        self._forget_unanswered()
        if not client.service_is_ready():
            name = self._node.resolve_service_name(client.srv_name)
            answer(False, f'no service {name}: is the heatmap node running?')
            return
        call = client.call_async(request)
        self._waiting.append((time.monotonic(), client, call))
        call.add_done_callback(self._node.barrier.guard(lambda future: done(future.result())))

    def _forget_unanswered(self) -> None:
        """Keep requests to a node that hangs from piling up."""
        with self._lock:  # a web server calls this from a thread of its own
            while self._waiting and self._waiting[0][0] < time.monotonic() - PATIENCE:
                _, client, call = self._waiting.popleft()
                client.remove_pending_request(call)

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
        self._call('get_parameters', GetParameters.Request(names=['colormap']), done, answer)

    def set_colormap(self, name: str, answer: Answer) -> None:
        """Set the colormap by name."""
        value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=name)
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name='colormap', value=value)])
        self._call('set_parameters_atomically', request,
                   lambda result: answer(result.result.successful,
                                         result.result.reason or f'colormap {name}'), answer)
