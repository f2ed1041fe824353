"""SIGTERM: whoever is told to stop, ends what it has begun, hands the rest back, and cuts nobody off."""

import collections
import signal
import time

from .client import free_port
from .load import Load
from .mail import INVITATION, each_once, settles
from .registry import fault, need, need_all
from .relay import SILENCE
from .server import until

AIM = 10


def terminate(server):
    """Gives how many seconds it took to end, or `None`."""
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    code = server.ended(within=AIM + 2)
    need(code in (None, 0), f"it ended with {code}")
    return None if code is None else time.monotonic() - began


@fault("F32", "SIGTERM with mails waiting", quick={"mails": 120}, full={"mails": 400})
def mails_waiting(scene, mails):
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses = clinic.invite(owner, mails)
    server.stop()
    server = home.serve(mails_per_minute=600)
    until(lambda: len(relay.taken) > 5, 10)
    took = terminate(server)
    need(took is not None and took <= AIM, f"it goes on after {AIM + 2} s")
    states = home.states(INVITATION)
    home.serve()
    settles(home, "sent", within=30)
    each_once(relay, addresses)
    need(states <= {"sent", "pending"}, f"mails were left {sorted(states)}: leases were not handed back")
    return f"{mails} waiting: ended in {took:.1f} s, all sent once by the next"


@fault("F32", "SIGTERM with a relay that hangs", quick={}, full={})
def hanging_relay(scene):
    relay = scene.relay(dot=lambda to, copies: SILENCE)
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home)
    clinic.invite(owner, 5)
    until(lambda: "DATA" in relay.commands, 10)
    took = terminate(server)
    need(took is not None and took <= AIM, f"it goes on after {AIM + 2} s")
    return f"ended in {took:.1f} s"


@fault(
    "F32", "rolling restarts on a quiet line", quick={"restarts": 2, "clients": 1}, full={"restarts": 40, "clients": 1}
)
@fault(
    "F32", "rolling restarts under load", quick={"restarts": 4, "clients": 12}, full={"restarts": 100, "clients": 12}
)
def rolling(scene, restarts, clients):
    home = scene.home(on_postgres=True)
    ports = [free_port(), free_port()]
    first, clinic, _ = scene.clinic(home, port=ports[0])
    servers, slowest, stuck = [first, home.serve(port=ports[1])], 0.0, 0
    with Load(clinic, servers, clients, pause=clients * 0.02) as load:
        for number in range(restarts):
            which = number % 2
            took = terminate(servers[which])
            stuck += took is None
            slowest = max(slowest, took or 0)
            servers[which].kill()
            servers[which] = home.serve(port=ports[which])
            time.sleep(0.3)
    cut = collections.Counter(why for _, why in load.unheard if why != "ConnectionRefusedError")
    failed = [write for write in load.journal if write.acknowledged and len(write.statuses) > 2]
    found = load.check(home)
    need_all(
        (not cut, f"connections were cut in {restarts} restarts: {dict(cut)}"),
        (not failed, f"{len(failed)} writes failed after one retry"),
        (set(load.statuses()) <= {200, 201}, f"answers: {dict(load.statuses())}"),
        (not stuck, f"{stuck} did not end in {AIM + 2} s"),
        (slowest <= AIM, f"one took {slowest:.1f} s to end (aim {AIM})"),
    )
    return f"{restarts} restarts, {found}, no connection cut, ended in {slowest:.1f} s or less"
