"""Somebody who reads a page again and again, in a process of their own: what the test itself does meanwhile does not slow them down."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from .client import NO_ANSWER, Client


class Reader:
    """Reads so often until it is told to stop; then `took` and `failed` say how that went."""

    def __init__(self, server, owner, every):
        self._command = [sys.executable, "-m", "faults.reader", str(server.port), str(every)]
        self._token, self.took, self.failed = owner.token, [], []

    def __enter__(self):
        environment = {**os.environ, "READER_TOKEN": self._token}
        self._process = subprocess.Popen(self._command, env=environment, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate(timeout=30)
        self.took, self.failed = json.loads(said)


def read(new_client, took, failed, goes_on):
    """Reads on a connection of its own each time, for as long as it goes on."""
    while goes_on():
        began, client = time.monotonic(), new_client()
        try:
            answer = client.ask("GET", "/v1/clinic/patients?limit=1")
            if answer.status != 200:
                failed.append(answer.status)
        except NO_ANSWER as why:
            failed.append(type(why).__name__)
        took.append(time.monotonic() - began)
        client.close()


def main(port, every):
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    token, took, failed = os.environ["READER_TOKEN"], [], []
    read(lambda: Client(port, token, timeout=5), took, failed, lambda: not told.wait(every))
    print(json.dumps([took, failed]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
