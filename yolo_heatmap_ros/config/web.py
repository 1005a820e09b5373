"""The parameters of `web_viewer`."""

from typing import Any, List, Tuple

from yolo_heatmap_ros.choices import TokenUse
from yolo_heatmap_ros.config.specs import (
    as_text, choice, filled_text, number, ParameterSpec, Settable)

ALL = 'all'
"""Instead of names: every heatmap node that is found."""
MAX_CAMERAS = 64


def _as_hosts(value: Any) -> List[str]:
    """Accept a list of host names, or such a list as text."""
    if isinstance(value, str):
        value = value.strip().removeprefix('[').removesuffix(']').replace(',', ' ').split()
    names = [] if value is None else list(value) if not isinstance(value, (int, float)) else [0]
    if any(not isinstance(name, str) for name in names):
        raise ValueError(f'{value!r} is not a list of host names')
    return [name.strip('\'"').lower() for name in names]


def _as_nodes(value: Any) -> Tuple[str, ...]:
    """Accept a name, a list of names, or such a list as text; nothing stands for all nodes."""
    if isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value):
        entries = value
    else:
        text = filled_text(value)
        entries = text.removeprefix('[').removesuffix(']').split(',')
    names = [name for entry in entries if (name := entry.strip().strip('\'"'))]
    if names == [ALL]:
        return ()
    if not names:
        raise ValueError(f"must be the name of a node, a list of names, or '{ALL}'")
    if len(names) > MAX_CAMERAS:
        raise ValueError(f'has {len(names)} names, and the page shows at most {MAX_CAMERAS}')
    return tuple(dict.fromkeys(names))


WEB_PARAMETERS = (
    ParameterSpec(
        'heatmap_node', 'yolo_heatmap',
        "The heatmap and floor nodes to show: a name, a list as '[/front/yolo_heatmap, "
        f"/back/yolo_heatmap]', or '{ALL}': every one that is found.", _as_nodes,
        Settable.AT_START),
    ParameterSpec(
        'host', '127.0.0.1',
        "The address to listen on: '127.0.0.1': this machine only; '0.0.0.0': all networks, "
        'for those who have the token.', filled_text, Settable.AT_START),
    number('port', 8080, 'The port to listen on; 0: a free one, see the log.', 0, 65535,
           Settable.AT_START),
    ParameterSpec(
        'allowed_hosts', '',
        "Further host names under which browsers may reach the page, as '[robot1.example]', for "
        "instance behind a proxy. IP addresses, 'localhost' and this machine's own name are "
        'always allowed.', _as_hosts, Settable.AT_START),
    choice('token', TokenUse,
           "Who needs the token: 'auto': all who come from elsewhere, or through a proxy, and on "
           "this machine programs that change something; 'always': everybody.",
           Settable.AT_START),
    ParameterSpec(
        'web_token_file', '',
        'The file with the token, made at the first start; empty: '
        '$ROS_HOME/yolo_heatmap_ros/web_token.', as_text, Settable.AT_START),
    number('request_rate', 50.0, 'Requests per second that one address may send in the long run, '
           'and four times as many at once.', 1.0, 1e6, Settable.AT_START),
    ParameterSpec(
        'history_dir', '',
        "The folder of the histories, as of the heatmap nodes; empty: the nodes' default.",
        as_text, Settable.AT_START),
)
