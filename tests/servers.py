"""An HTTP server for what tests play themselves."""

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class HangUpServer(ThreadingHTTPServer):
    """Takes it from clients that hang up in the middle: tests do so on purpose, and a traceback tells nothing of it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
