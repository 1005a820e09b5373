"""A client of the heatmap node, for viewers: save, reset, pause, colormap, parameters, shapes."""

from collections import deque
import threading
import time
from typing import Any, Callable, Deque, Dict, Mapping, Sequence, Tuple

from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.exceptions import NameValidationException
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.text import one_line

Answer = Callable[[bool, str], None]
"""Called with whether a request succeeded, and a message."""
Values = Callable[[Dict[str, Any], str], None]
"""Called with values by name, or with none and a message that says why."""
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
                                  ('keep_shapes', Trigger), ('get_parameters', GetParameters),
                                  ('set_parameters_atomically', SetParametersAtomically))}
        except NameValidationException as error:
            raise ParameterError(f"parameter 'heatmap_node': '{name}' is not a valid node name "
                                 f'({one_line(error)})') from error

    @property
    def ready(self) -> bool:
        """Return whether the node's services have been found."""
        return self._services['save'].service_is_ready()

    def close(self) -> None:
        """Release the clients."""
        for client in self._services.values():
            self._node.destroy_client(client)

    def _call(self, service: str, request, done: Callable, failed: Callable[[str], None]) -> None:
        client = self._services[service]
        self._forget_unanswered()
        if not client.service_is_ready():
            name = self._node.resolve_service_name(client.srv_name)
            failed(f'no service {name}: is the heatmap node running?')
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

    def _ask(self, service: str, request, answer: Answer) -> None:
        """Call a service that answers with `success` and `message`."""
        self._call(service, request, lambda result: answer(result.success, result.message),
                   lambda reason: answer(False, reason))

    def save(self, answer: Answer) -> None:
        """Save the heat."""
        self._ask('save', Trigger.Request(), answer)

    def reset(self, answer: Answer) -> None:
        """Reset the heat."""
        self._ask('reset', Trigger.Request(), answer)

    def enable(self, enabled: bool, answer: Answer) -> None:
        """Pause or resume."""
        self._ask('enable', SetBool.Request(data=enabled), answer)

    def keep_shapes(self, answer: Answer) -> None:
        """Keep what is drawn for the node's next start."""
        self._ask('keep_shapes', Trigger.Request(), answer)

    def get_parameters(self, names: Sequence[str], answer: Values) -> None:
        """Request parameters; a node answers all of them, or none if it lacks one."""
        def done(result: GetParameters.Response) -> None:
            if len(result.values) == len(names):
                answer(dict(zip(names, map(parameter_value_to_python, result.values))), '')
            else:
                answer({}, f"'{self._name}' has not all of {', '.join(names)}: it is not such a "
                       'node')
        self._call('get_parameters', GetParameters.Request(names=names), done,
                   lambda reason: answer({}, reason))

    def set_parameters(self, values: Mapping[str, Any], answer: Answer) -> None:
        """Set parameters by name, all or none; the message says why they are refused."""
        request = SetParametersAtomically.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        self._call('set_parameters_atomically', request,
                   lambda result: answer(result.result.successful, result.result.reason),
                   lambda reason: answer(False, reason))

    def get_colormap(self, answer: Answer) -> None:
        """Request the colormap; the message is its name in OpenCV."""
        def done(values: Dict[str, Any], reason: str) -> None:
            if values:
                answer(True, str(values['colormap']).upper().removeprefix('COLORMAP_'))
            else:
                answer(False, reason)
        self.get_parameters(['colormap'], done)

    def set_colormap(self, name: str, answer: Answer) -> None:
        """Set the colormap by name."""
        self.set_parameters({'colormap': name}, lambda success, reason: answer(
            success, reason or f'colormap {name}'))
