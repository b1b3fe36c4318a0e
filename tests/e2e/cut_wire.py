"""A TCP relay in front of a service whose connections a test can cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class CutWire:
    """Passes bytes on, in both directions, until `cut` or while `open` is true."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.open = True
        """Whether new connections are passed on; refused otherwise."""
        self._target = target
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection there is."""
        for wire in tuple(self._sockets):
            self._close(wire)

    def stop(self) -> None:
        """Break everything and listen no more."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.open:
                    near.close()
                    continue
                far = socket.create_connection(self._target)
                self._sockets |= {near, far}
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._close(source)
        self._close(sink)

    def _close(self, wire: socket.socket) -> None:
        self._sockets.discard(wire)
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
        wire.close()


@contextmanager
def cut_wire(url: str) -> Iterator[CutWire]:
    """Relay to the service at `url`."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    wire = CutWire((parts.hostname, parts.port))
    try:
        yield wire
    finally:
        wire.stop()
