"""Clients that are slow, greedy or deaf: the others must not notice."""

import select
import socket
import threading
import time

from .reader import read
from .registry import fault, need_all


def connect(server, receive=None):
    line = socket.socket()
    if receive:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    line.settimeout(10)
    line.connect(("127.0.0.1", server.port))
    return line


def status_of(line, within):
    """The status of what comes within so many seconds; `None`: nothing comes, 0: the end, without an answer."""
    line.settimeout(within)
    try:
        said = line.recv(4096)
    except TimeoutError:
        return None
    except OSError:
        return 0
    return int(said.split(b" ")[1]) if said.startswith(b"HTTP/1.1 ") else 0


def head(server, owner, length):
    return (
        f"POST /v1/clinic/patients HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {owner.token}\r\n{length}\r\n\r\n"
    ).encode()


class Healthy:
    """Somebody who asks ten times a second, or as often as is said, each time on a connection of its own."""

    def __init__(self, server, owner, every=0.1):
        self.took, self.failed, self._every = [], [], every
        self._server, self._token, self._stop = server, owner.token, threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def _ask(self):
        read(lambda: self._server.client(self._token, timeout=5), self.took, self.failed, lambda: not self._stop.wait(self._every))


@fault("F21", "slow heads and bodies", quick={"slow": 1_100, "seconds": 7}, full={"slow": 2_000, "seconds": 36})
def slow(scene, slow, seconds):
    home = scene.home()
    server, _, owner = scene.clinic(home, files=1_024)
    lines = []
    scene.ends(lambda: [line.close() for line in lines])
    with Healthy(server, owner) as healthy:
        time.sleep(0.5)
        began = time.monotonic()
        heads = [connect(server) for _ in range(50)]
        lines += heads
        for line in heads:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        bodies = []
        for _ in range(slow):
            try:
                line = connect(server)
                line.sendall(head(server, owner, "Content-Length: 1000") + b'{"name": "')
            except OSError:
                continue
            bodies.append(line)
        lines += bodies
        late = [line for line in heads if status_of(line, max(0.01, began + 6.5 - time.monotonic())) not in (408, 0)]
        while time.monotonic() < began + seconds:
            trickle(bodies)
            time.sleep(1)
    cut = select_closed(bodies)
    need_all(
        (
            not healthy.failed,
            f"{len(healthy.failed)} of {len(healthy.took)} others had no answer: {set(healthy.failed)}",
        ),
        (max(healthy.took) <= 1, f"others waited up to {max(healthy.took):.1f} s"),
        (not late, f"{len(late)} of 50 slow heads were not ended after 6.5 s"),
        (
            seconds < 32 or cut == len(bodies),
            f"{len(bodies) - cut} of {len(bodies)} slow bodies live after {seconds} s",
        ),
    )
    return f"{slow:,} slow bodies, 50 slow heads: others waited {max(healthy.took) * 1000:.0f} ms or less"


def trickle(lines):
    for line in lines:
        try:
            line.send(b"x")
        except OSError:
            pass


def select_closed(lines):
    """How many have an answer or an end to be read."""
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN)
    return len(poll.poll(0))


@fault("F22", "huge heads and bodies", quick={"megabytes": 64, "clients": 4}, full={"megabytes": 1_024, "clients": 10})
def huge(scene, megabytes, clients):
    home = scene.home()
    server, _, owner = scene.clinic(home)
    owner.must(200, "GET", "/v1/clinic/patients")
    before, heads = server.memory(), {}
    for kilobytes in (12, 20, 64, 100):
        line = connect(server)
        try:
            line.sendall(head(server, owner, "X-Big: " + "x" * (kilobytes << 10)).replace(b"POST", b"GET"))
        except OSError:
            pass
        heads[kilobytes] = status_of(line, 5)
        line.close()
    lines = [connect(server) for _ in range(clients)]
    taken = [send_chunks(line, server, owner, megabytes << 20) for line in lines]
    bodies = {status_of(line, 5) for line in lines}
    grown = server.memory("VmHWM") - before
    need_all(
        (heads[12] == 200, f"12 kB of headers: {heads[12]}, not 200"),
        (
            {heads[20], heads[64], heads[100]} == {431},
            f"headers of 20, 64 and 100 kB: {heads[20]}, {heads[64]}, {heads[100]}, not 431",
        ),
        (bodies <= {413, 0} and max(taken) < megabytes << 20, f"a chunked body of {megabytes} MB: {bodies}"),
        (grown < 16, f"memory grew by {grown:.0f} MB (aim 16)"),
    )
    return f"431 above 16 kB, a body without end was stopped after {max(taken) >> 10} kB; memory grew by {grown:.0f} MB"


def send_chunks(line, server, owner, most):
    """Sends chunks until nobody takes them; gives how many bytes went."""
    chunk, sent = b"10000\r\n" + b" " * 65_536 + b"\r\n", 0
    line.settimeout(3)
    try:
        line.sendall(head(server, owner, "Transfer-Encoding: chunked"))
        while sent < most and not select.select([line], [], [], 0)[0]:
            line.sendall(chunk)
            sent += 65_536
    except OSError:
        pass
    return sent


@fault("F24", "readers that ask again and again and never read", quick={"readers": 2_000}, full={"readers": 2_000})
def deaf(scene, readers):
    home = scene.home()
    server, _, owner = scene.clinic(home)
    lines = []
    scene.ends(lambda: [line.close() for line in lines])
    for _ in range(readers):
        try:
            line = connect(server, receive=4096)
            line.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
            lines.append(line)
        except OSError:
            break
    most = max(server.memory("RssAnon") for _ in range(20) if not time.sleep(0.1))
    for line in lines[: len(lines) // 2]:
        line.close()
    time.sleep(0.5)
    answered = owner.ask("GET", "/v1/clinic/patients?limit=1").status
    need_all(
        (most < 256, f"{len(lines):,} of them filled {most:.0f} MB (aim 256)"),
        (answered == 200, f"others are answered {answered}"),
    )
    return f"{len(lines):,} of them, {most:.0f} MB"
