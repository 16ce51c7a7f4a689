"""An HTTP proxy that refuses every connection and records where it was to go."""

import contextlib
import socketserver
import threading


class RefusingProxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Refuse)
        # The first line of each request, such as `CONNECT example.com:443 HTTP/1.1`.
        self.refused: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class Refuse(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline(1000).decode("latin-1").strip()
        self.server.refused.append(line)
        with contextlib.suppress(OSError):
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
