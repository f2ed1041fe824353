"""Two nodes, a worker, a primary and its replica, a proxy and a relay: restarted one after the other under load, and nobody notices."""

import collections
import os
import signal
import time

from faults.client import free_port
from faults.clients import Healthy
from faults.load import Inviter, Load
from faults.mail import each_once
from faults.registry import Skip, fault, need, need_all
from faults.replica import Pair, figure
from faults.server import until

from .parts import Nginx, Postfix


class Installation:
    """Everything that an operator has, from the samples."""

    def __init__(self, scene, program=None):
        self.scene, self.sink = scene, scene.relay()
        self.postfix = Postfix(scene, self.sink.port)
        self.pair = Pair(scene)
        self.ports, self.metrics = [free_port(), free_port()], free_port()
        self.home = scene.home(
            database=self.pair.database, database_read_url=self.pair.url, mail=f"smtp://127.0.0.1:{self.postfix.port}",
            worker_in_serve=False, trusted_proxies=1, pool_size=20,
        )  # fmt: skip
        newest, self.home.program = self.home.program, program or self.home.program
        first, self.clinic, self.owner = scene.clinic(self.home, port=self.ports[0])
        self.servers = [first, self.home.serve(port=self.ports[1])]
        self.worker = self.home.work()
        self.home.program = newest
        self.proxy = Nginx(scene, self.ports)

    def restart(self, which):
        """As `systemctl restart` does: told to end, waited for, started, and back when it is ready."""
        old = self.servers[which]
        old.signal(signal.SIGTERM)
        need(old.ended(within=12) == 0, f"a node ended with {old.code}")
        self.servers[which] = self.home.serve(port=self.ports[which])

    def restart_worker(self):
        """The new one gives its figures at `metrics`."""
        self.worker.signal(signal.SIGTERM)
        need(self.worker.ended(within=12) == 0, f"the worker ended with {self.worker.code}")
        self.worker = self.home.work(metrics_listen=f"127.0.0.1:{self.metrics}")


def under_load(installation, clients, deed):
    """Does it while people write, read and are invited through the proxy; nobody may see a failure. Gives the sentence."""
    proxy, inviter = installation.proxy, Inviter()
    with Healthy(proxy, installation.owner, every=0.02) as readers:
        with Load(installation.clinic, [proxy], clients, pause=0.05, then=inviter) as load:
            time.sleep(0.5)
            deed()
            time.sleep(0.5)
    failed = [write for write in load.journal if write.acknowledged and len(write.statuses) > 1]
    asked = len(load.answers) + len(readers.took) + 2 * len(inviter.invited)
    found = load.check(installation.home)
    arrived = until(lambda: len(installation.sink.taken) >= len(inviter.invited), 60)
    each_once(installation.sink, sorted(inviter.invited))
    need_all(
        (not load.unheard, f"no answer: {dict(collections.Counter(why for _, why in load.unheard))}"),
        (set(load.statuses()) <= {200, 201}, f"writers were answered {dict(load.statuses())}"),
        (inviter.statuses <= {200, 201}, f"those who invite were answered {sorted(inviter.statuses)}"),
        (not readers.failed, f"readers: {dict(collections.Counter(readers.failed))} of {len(readers.took)}"),
        (not failed, f"{len(failed)} writes had to be sent again"),
        (arrived, f"{len(installation.sink.taken)} of {len(inviter.invited)} mails arrived"),
    )
    return f"{asked:,} requests, 0 failed; {found}; {len(inviter.invited):,} mails, each once"


@fault("N1", "a rolling restart behind nginx", quick={"rounds": 1, "clients": 8}, full={"rounds": 10, "clients": 16})
def rolling_restart(scene, rounds, clients):
    """`contrib/nginx`, `contrib/postfix`, and a replica."""
    installation = Installation(scene)

    def restarts():
        for _ in range(rounds):
            installation.restart(0)
            installation.restart(1)
            installation.restart_worker()

    found = under_load(installation, clients, restarts)
    sent = figure(installation.metrics, 'aftercare_mails_total{outcome="sent"}')
    return f"{3 * rounds} restarts, {found}; the worker's own figures: {sent:.0f} mails sent since its last start"


@fault("N2", "an upgrade from the release before", quick={"clients": 8}, full={"clients": 16})
def upgrade(scene, clients):
    """The order of `docs/OPERATIONS.md`: migrate, then the workers, then one node after the other."""
    old = os.environ.get("AFTERCARE_OLD_BIN", "")
    if not os.access(old, os.X_OK):
        raise Skip("AFTERCARE_OLD_BIN does not name a binary of the release before")
    installation = Installation(scene, program=os.path.realpath(old))

    def replaced():
        installation.home.must_run("migrate")
        installation.restart_worker()
        installation.restart(0)
        installation.restart(1)

    return under_load(installation, clients, replaced)
