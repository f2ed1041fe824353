"""Somebody who reads a page again and again, in a process of their own: what the test itself does meanwhile does not slow them down."""

import json
import os
import signal
import subprocess
import sys
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


def main(port, every):
    goes_on = True

    def stop(*_):
        nonlocal goes_on
        goes_on = False

    signal.signal(signal.SIGTERM, stop)
    token, took, failed = os.environ["READER_TOKEN"], [], []
    while goes_on:
        began, client = time.monotonic(), Client(port, token, timeout=5)
        try:
            answer = client.ask("GET", "/v1/clinic/patients?limit=1")
            if answer.status != 200:
                failed.append(answer.status)
        except NO_ANSWER as why:
            failed.append(type(why).__name__)
        took.append(time.monotonic() - began)
        client.close()
        time.sleep(every)
    print(json.dumps([took, failed]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
