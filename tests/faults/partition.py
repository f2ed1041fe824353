"""The network between the server and its database, or its relay, breaks and heals: P1, P3 and P4."""

import socket
import threading
import time

from .clients import Healthy
from .load import Load
from .mail import INVITATION, comes_through, each_once, withdraw_the_owners
from .registry import fault, need_all
from .relay import Listener
from .server import until
from .workers import all_go

LINES = 4
"""Letters that one worker can have on the wire."""


class Wire(Listener):
    """Carries bytes to another port of this machine, until the network breaks."""

    def __init__(self, port):
        self._port, self._flows, self._hangs_up = port, threading.Event(), False
        self._flows.set()
        super().__init__()

    def drop(self):
        """Whoever is connected is cut off, and whoever comes."""
        self._hangs_up = True
        self.cut()

    def silence(self):
        """Nothing comes through any more, and nobody is told: connections stay open, and new ones open."""
        self._flows.clear()

    def heal(self):
        """What was connected before is cut off; new connections go through."""
        self.refuse()
        self._hangs_up = False
        self._flows.set()
        self.listen()

    def _converse(self, line):
        self._flows.wait()
        if self._hangs_up:
            return
        with socket.create_connection(("127.0.0.1", self._port)) as other:
            self._open.add(other)
            threading.Thread(target=self._carry, args=(other, line), daemon=True).start()
            self._carry(line, other)

    def _carry(self, source, target):
        """One direction; its end is the end of both."""
        try:
            read = b"-"
            while read:
                read = source.recv(65_536)
                self._flows.wait()
                target.sendall(read)
        except OSError:
            pass
        finally:
            self._open.discard(source)
            self._cut(source)
            self._cut(target)


@fault("F34", "PostgreSQL refuses, or cuts everybody off", quick={"seconds": 2, "mails": 30},
       full={"seconds": 60, "mails": 1_000})  # fmt: skip
def database_away(scene, seconds, mails):
    return from_database(scene, (Wire.refuse, Wire.drop), seconds, mails)


@fault("F34", "PostgreSQL is silent", quick={"seconds": 12, "mails": 30}, full={"seconds": 60, "mails": 1_000})
def database_silent(scene, seconds, mails):
    return from_database(scene, (Wire.silence,), seconds, mails)


AIM = 10
"""Seconds to an answer: the wait for a connection and the longest statement, and some."""


def from_database(scene, ways, seconds, mails):
    """The wire to PostgreSQL breaks under load, in each way, while mails go."""
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.04))
    database = scene.new_database()
    wire = Wire(database.cluster.port)
    scene.ends(wire.stop)
    home = scene.home(relay, database=database, database_url=database.url_by(wire.port))
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses, worker, back, ready = [], home.work(), 0.0, set()
    with Load(clinic, [server], clients=8, pause=0.05, patience=seconds + 30) as load:
        for way in ways:
            addresses += clinic.invite(owner, mails, prefix=way.__name__)
            until(lambda: len(relay.taken) > len(addresses) - mails + 5, 10)
            way(wire)
            time.sleep(seconds)
            ready.add(server.is_ready())
            wire.heal()
            back = max(back, load.goes_on(time.monotonic(), within=40))
    all_go(home, mails)
    each_once(relay, addresses)
    slowest, found = max(took for _, took, _ in load.answers), load.check(home)
    need_all(
        (set(load.statuses()) <= {200, 201, 503}, f"answers: {dict(load.statuses())}"),
        (not load.unheard, f"{len(load.unheard)} requests had no answer: {load.unheard[:1]}"),
        (slowest <= AIM, f"an answer took {slowest:.1f} s (aim {AIM})"),
        (back <= 5, f"a write was taken only {back:.1f} s after it was whole again (aim 5)"),
        (ready == {False}, "readiness said 200 meanwhile"),
        (worker.code is None and server.code is None, "a process ended"),
    )
    refused = load.statuses()[503]
    return f"{seconds} s each: {refused} times 503 in {slowest:.1f} s or less, {found}, {len(addresses)} mails once each"


@fault("F34", "a partition from the relay", quick={"seconds": 1.5, "mails": 15}, full={"seconds": 45, "mails": 1_000})
def from_relay(scene, seconds, mails):
    """The same between the worker and its relay, on SQLite. A letter whose 250 was lost on the way may go twice."""
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.02))
    wire = Wire(relay.port)
    scene.ends(wire.stop)
    home = scene.home(mail=f"smtp://127.0.0.1:{wire.port}")
    server, clinic, owner = scene.clinic(home, shimmed=True)
    withdraw_the_owners(home)
    addresses, took, failed = [], [], []
    for way in (Wire.refuse, Wire.drop, Wire.silence):
        taken = len(relay.taken)
        with Healthy(server, owner) as healthy:
            addresses += clinic.invite(owner, mails, prefix=way.__name__)
            until(lambda: len(relay.taken) > taken + 5, 10)
            way(wire)
            time.sleep(seconds)
            wire.heal()
        took, failed = took + healthy.took, failed + healthy.failed
        until(lambda: "sending" not in home.states(INVITATION), 5)
        server = comes_through(home, server, mails)
        owner = clinic.owner(server, fresh=True)
    copies, ids = relay.copies(), relay.ids()
    doubtful = {row[0] for row in home.rows("SELECT to_address FROM outbox WHERE resent")}
    wrong = {address for address in addresses if not 1 <= copies[address] <= 1 + (address in doubtful)}
    need_all(
        (not wrong, f"copies: { {address: copies[address] for address in wrong} }"),
        (len(doubtful) <= 3 * LINES, f"{len(doubtful)} letters were in doubt with three cuts"),
        (all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs"),
        (not failed, f"{len(failed)} others had no answer: {set(failed)}"),
        (max(took) <= 1, f"others waited up to {max(took):.1f} s"),
    )
    twice = sum(copies[address] == 2 for address in addresses)
    return f"{len(addresses)} mails, 0 lost, {twice} twice; others waited {max(took) * 1000:.0f} ms or less"
