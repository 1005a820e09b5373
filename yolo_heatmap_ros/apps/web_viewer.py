"""The web page: heatmaps live, drawing of regions and lines, and the history."""

import socket
import sys
from typing import List, Optional

import rclpy

from yolo_heatmap_ros.config.web import WEB_PARAMETERS
from yolo_heatmap_ros.errors import ParameterError
from yolo_heatmap_ros.ros.barrier import GuardedNode
from yolo_heatmap_ros.ros.camera_finder import CameraFinder
from yolo_heatmap_ros.ros.executable import run_node
from yolo_heatmap_ros.ros.parameters import NodeParameters

try:
    import aiohttp
except ImportError:
    aiohttp = None
else:
    from yolo_heatmap_ros.web_server.server import WebServer


class WebViewer(GuardedNode):
    """Finds heatmap and floor nodes, and serves the page that shows them."""

    def __init__(self):
        """Start the server; raises ParameterError without aiohttp, or if it cannot serve."""
        # Before rclpy's constructor: if that raises, it destroys the node.
        self._server: 'Optional[WebServer]' = None
        super().__init__('web_viewer')
        if aiohttp is None:
            raise ParameterError("the page needs the package aiohttp: 'pip install aiohttp', or "
                                 "'sudo apt install python3-aiohttp'")
        configuration = NodeParameters(self, WEB_PARAMETERS, lambda changes: None).configuration()
        self._server = server = WebServer(configuration, self.barrier.report)
        self._finder = CameraFinder(
            self, configuration['heatmap_node'], server.add, server.remove,
            lambda name, picture: server.announce(name))
        self._log_start(server.start())

    def _log_start(self, address: str) -> None:
        server, log = self._server, self.get_logger()
        log.info(f'the page is at {address}')
        if server.new_token:
            if '://0.0.0.0:' in address or '://[::]:' in address:
                address = f"http://{socket.gethostname()}:{address.rpartition(':')[2]}"
            # Not by the logger: that writes files that others can read, and tells the ROS graph.
            print(f"a token has been made, in '{server.token_file}', and is shown only here: "
                  f'{address}/?token={server.token}', flush=True)
        else:
            log.info(f"the token is in '{server.token_file}'")
        if server.token_is_readable:
            log.warning(f"'{server.token_file}': other users of this machine can read the token: "
                        'chmod 600')

    def destroy_node(self) -> None:
        """Stop the server, then destroy the node."""
        if self._server is not None:
            self._server.close()
        super().destroy_node()


def _work(viewer: WebViewer) -> int:
    rclpy.spin(viewer)
    return 0


def main(args: Optional[List[str]] = None) -> int:
    """Serve the page until told to end; return the exit code."""
    return run_node(WebViewer, _work, args, __doc__, WEB_PARAMETERS)


if __name__ == '__main__':
    sys.exit(main())
