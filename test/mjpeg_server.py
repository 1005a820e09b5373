"""A camera that streams MJPEG over HTTP on loopback, and drops the connection now and then."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading
import time

import cv2


class MjpegServer:
    """Serves `frames` at `rate` Hz once per connection, then closes it."""

    def __init__(self, frames, rate=20.0):
        pictures = [cv2.imencode('.jpg', frame)[1].tobytes() for frame in frames]
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):

            def do_GET(self):  # noqa: N802
                server.connections += 1
                self.send_response(200)
                self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
                self.end_headers()
                for picture in pictures:
                    self.wfile.write(b'--frame\r\nContent-Type: image/jpeg\r\nContent-Length: '
                                     + str(len(picture)).encode() + b'\r\n\r\n' + picture
                                     + b'\r\n')
                    time.sleep(1.0 / rate)

            def log_message(self, *_):
                pass
        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        """Return the address of the stream, with credentials that no log may show."""
        return f'http://user:secret@127.0.0.1:{self._server.server_port}/stream.mjpg'

    def close(self):
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
