"""One client on one connection that stays open, as a phone's or a proxy's does."""

import http.client
import json
import select
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


NO_ANSWER = (OSError, http.client.HTTPException)
"""Whatever a client sees instead of an answer."""


class Client:
    """Asks the server at that port; a broken connection is raised, and the next request opens another. `tls`: what it must trust."""

    def __init__(self, port, token=None, timeout=15, tls=None):
        self.port, self.token, self.timeout, self._tls = port, token, timeout, tls
        self._line = None

    def _is_closed(self):
        """A server closes a connection that stood still: then there is something to read before anything was asked."""
        return select.select([self._line.sock], [], [], 0)[0]

    def _new_line(self):
        if self._tls:
            return http.client.HTTPSConnection("localhost", self.port, timeout=self.timeout, context=self._tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)

    def ask(self, method, path, body=None, **headers):
        if self._line is not None and self._is_closed():
            self.close()
        if self._line is None:
            self._line = self._new_line()
            self._line.connect()
            self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["content-type"], body = "application/json", json.dumps(body)
        try:
            self._line.request(method, path, body, sent)
            reply = self._line.getresponse()
            answer = Answer(reply.status, dict(reply.getheaders()), reply.read())
        except NO_ANSWER:
            self.close()
            raise
        if reply.will_close:
            self.close()
        return answer

    def must(self, status, method, path, body=None, **headers):
        """Asks for what the test itself stands on."""
        answer = self.ask(method, path, body, **headers)
        if answer.status != status:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.body[:300]!r}, not {status}")
        return answer.json if answer.body else None

    def close(self):
        if self._line is not None:
            self._line.close()
            self._line = None


GIVEN: set[int] = set()


def free_port():
    """A port of 127.0.0.1 that nobody listens on and that was not given before."""
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port
