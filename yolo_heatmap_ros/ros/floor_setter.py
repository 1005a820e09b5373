"""Sets the ground points of a running heatmap node, which keeps its heat and its counts."""

import threading
from typing import Any, Dict, List, Sequence, Tuple

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
from rclpy.client import Client
from rclpy.exceptions import NameValidationException
from rclpy.parameter import Parameter, parameter_value_to_python
from std_srvs.srv import Trigger

from yolo_heatmap_ros.build_pipeline import ground_from, ground_plane
from yolo_heatmap_ros.choices import GroundFrom
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.errors import FloorError, HeatmapError, ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.snapshot_keeper import NO_HEAT
from yolo_heatmap_ros.text import one_line

Points = Sequence[Sequence[float]]
POINTS = ('ground.points_px', 'ground.points_m')
PATIENCE = 20.0
"""Seconds to wait for an answer: the node may be busy with a frame, or write to a slow disk."""
DISCOVERY = 5.0
"""Seconds to wait until the services of a node are known, which takes some on a busy machine."""
LOADING = 180.0
"""Seconds to wait for `configure`: it loads the model."""
_GROUND = {spec.name: spec for spec in HEATMAP_PARAMETERS if spec.name.startswith('ground.')}
_SERVICES = {'get_state': GetState, 'change_state': ChangeState, 'get_parameters': GetParameters,
             'set_parameters_atomically': SetParametersAtomically, 'save': Trigger,
             'load': Trigger, 'keep_shapes': Trigger}


class FloorSetter:
    """
    Gives one heatmap node other ground points, by way of its unconfigured state.

    Its calls wait for answers that arrive while the caller's node spins: they must come from a
    thread that does not spin it.
    """

    def __init__(self, node: GuardedNode, name: str):
        """
        Take the calling node, and the name of the heatmap node.

        Raises ParameterError, about the parameter `heatmap_node`, for an invalid name.
        """
        self._node = node
        self._name = name
        self._one_at_a_time = threading.Lock()
        try:
            self._clients: Dict[str, Client] = {
                service: node.create_client(kind, f'{name}/{service}')
                for service, kind in _SERVICES.items()}
        except NameValidationException as error:
            raise ParameterError(f"parameter 'heatmap_node': '{name}' is not a valid node name "
                                 f'({one_line(error)})') from error

    def close(self) -> None:
        """Release the clients."""
        for client in self._clients.values():
            self._node.destroy_client(client)

    def set_points(self, points_px: Points, points_m: Points) -> Tuple[bool, str]:
        """
        Set the ground points, (N, 2) px of the picture and (N, 2) m, or remove them: both empty.

        The heat of the picture, counts and history stay, and what is in view is a new track; the
        heat of the floor begins empty.  The points are kept for the node's next start.  Returns
        whether that succeeded, and a line that says so or why not; then the node has the points
        of before, if it can be reached.
        """
        if not self._one_at_a_time.acquire(blocking=False):
            return False, 'the floor is being set already: wait until that is done'
        try:
            return self._set_points(points_px, points_m)
        except FloorError as error:
            return False, str(error)
        finally:
            self._one_at_a_time.release()

    def _set_points(self, points_px: Points, points_m: Points) -> Tuple[bool, str]:
        wanted = dict(zip(POINTS, map(_as_text, (points_px, points_m))))
        before = self._checked(wanted)
        state = self._state()
        if state == State.PRIMARY_STATE_UNCONFIGURED:
            self._set(wanted)
            return True, f'the floor is set for when the node is configured; {self._keep()}'
        if state not in (State.PRIMARY_STATE_ACTIVE, State.PRIMARY_STATE_INACTIVE):
            raise FloorError(f"'{self._name}' is between two states: try again")
        active = state == State.PRIMARY_STATE_ACTIVE
        try:
            # Not saved before it is inactive: what is seen in between would be lost.
            if active:
                self._change(Transition.TRANSITION_DEACTIVATE)
            with_heat = self._save()
            self._change(Transition.TRANSITION_CLEANUP)
        except FloorError as error:
            raise FloorError(f'{error}{self._as_before(state)}') from error
        refused = self._try(wanted)
        if refused:
            self._go_back(before, refused)
        lost = self._resume(with_heat, active)
        if refused:
            raise FloorError(f'{refused}; the floor is that of before{lost}')
        done = 'the floor is set' if len(points_px) else 'the floor is removed'
        return not lost, f'{done}{lost}; {self._keep()}'

    def _checked(self, wanted: Dict[str, str]) -> Dict[str, Any]:
        """Return the present points; raises FloorError if the wanted ones make no floor."""
        names = list(_GROUND)
        answer = self._call('get_parameters', GetParameters.Request(names=names))
        present = dict(zip(names, map(parameter_value_to_python, answer.values)))
        if present.get('ground.image') is None:
            raise FloorError(f"'{self._name}' has no ground points: it is not the heatmap node of "
                             'a camera')
        try:
            checked = {name: spec.checked({**present, **wanted}[name])
                       for name, spec in _GROUND.items()}
            ground_plane(checked)
            source = ground_from(checked)
        except HeatmapError as error:
            raise FloorError(f'{error}; nothing has changed') from error
        if wanted[POINTS[0]] and source != GroundFrom.POINTS:
            raise FloorError(f"parameter 'ground.from': is '{source}', so that points have no "
                             "effect: start the node with 'points'; nothing has changed")
        return {name: present[name] or '' for name in POINTS}

    def _save(self) -> bool:
        """Save the heat and return whether there is any; raises FloorError if it is not saved."""
        answer = self._call('save', Trigger.Request())
        if not answer.success and answer.message != NO_HEAT:
            raise FloorError(f'the heat cannot be saved: {answer.message}; nothing has changed')
        return answer.success

    def _as_before(self, state: int) -> str:
        """Bring the node back to the state that it had; return a part of a line if that fails."""
        if state != State.PRIMARY_STATE_ACTIVE:
            return ''
        try:
            # Asked for even if it seems active: a transition that was not answered in time may
            # still be waiting, and this request is handled after it.
            self._change(Transition.TRANSITION_ACTIVATE)
        except FloorError as error:
            if not self._is(state):
                return f'; nor does it go on: {error}'
        return ''

    def _is(self, state: int) -> bool:
        try:
            return self._state() == state
        except FloorError:
            return False

    def _state(self) -> int:
        return self._call('get_state', GetState.Request()).current_state.id

    def _try(self, points: Dict[str, Any]) -> str:
        """Configure the node with these points; return why not, nothing if it is configured."""
        try:
            self._set(points)
            self._change(Transition.TRANSITION_CONFIGURE, LOADING)
        except FloorError as error:
            return str(error)
        return ''

    def _go_back(self, before: Dict[str, Any], reason: str) -> None:
        again = self._try(before)
        if again:
            raise FloorError(f"{reason}; nor can '{self._name}' be configured as before: see its "
                             'log, then configure it; its heat is in its newest snapshot')

    def _resume(self, with_heat: bool, active: bool) -> str:
        """Load the heat and go on as before; return a part of a line on what is lost."""
        lost = ''
        if with_heat:
            answer = self._call('load', Trigger.Request())
            lost = '' if answer.success else f', but its heat is not loaded: {answer.message}'
        if active:
            self._change(Transition.TRANSITION_ACTIVATE)
        return lost

    def _keep(self) -> str:
        return self._call('keep_shapes', Trigger.Request()).message

    def _set(self, points: Dict[str, Any]) -> None:
        parameters: List[ParameterMessage] = [
            Parameter(name, value=value).to_parameter_msg() for name, value in points.items()]
        result = self._call('set_parameters_atomically',
                            SetParametersAtomically.Request(parameters=parameters)).result
        if not result.successful:
            raise FloorError(result.reason)

    def _change(self, transition: int, patience: float = PATIENCE) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self._call('change_state', request, patience).success:
            raise FloorError(f"'{self._name}' refuses to {_VERBS[transition]}: see its log")

    def _call(self, service: str, request: Any, patience: float = PATIENCE) -> Any:
        """Return the response of a service; raises FloorError if none comes."""
        client = self._clients[service]
        name = self._node.resolve_service_name(client.srv_name)
        if not client.wait_for_service(timeout_sec=min(patience, DISCOVERY)):
            raise FloorError(f'no service {name}: is the heatmap node running?')
        answered = threading.Event()
        call = client.call_async(request)
        call.add_done_callback(lambda future: answered.set())
        if not answered.wait(patience):
            client.remove_pending_request(call)
            raise FloorError(f'no answer from {name} within {patience:.0f} s: see the log of the '
                             'node')
        return call.result()


_VERBS = {Transition.TRANSITION_CONFIGURE: 'configure', Transition.TRANSITION_CLEANUP: 'clean up',
          Transition.TRANSITION_ACTIVATE: 'activate',
          Transition.TRANSITION_DEACTIVATE: 'deactivate'}


def _as_text(points: Points) -> str:
    """Return points as the parameters take them; raises FloorError for what are none."""
    try:
        return str([[float(x), float(y)] for x, y in points]) if len(points) else ''
    except (TypeError, ValueError) as error:
        raise FloorError('the points are no pairs of numbers; nothing has changed') from error
