"""PostgreSQL's primary is gone and its standby takes over: P1 and P7."""

import time

from .load import Load
from .mail import each_once
from .postgres import Cluster
from .registry import fault, need_all
from .server import until
from .workers import all_go


class Pair:
    """A primary whose commits wait for a standby, at two ports that stay the same whoever listens there."""

    def __init__(self, scene):
        self._scene, self.primary = scene, Cluster()
        scene.ends(self.primary.remove)
        self.database = self.primary.new_database()
        self.join(None)
        hosts = ",".join(f"127.0.0.1:{cluster.port}" for cluster in (self.primary, self.standby))
        self.url = f"postgres://postgres@{hosts}/{self.database.name}?target_session_attrs=read-write"

    def join(self, port):
        """A new standby, at the port of the machine that was lost."""
        self.standby = Cluster(standby_of=self.primary, port=port)
        self._scene.ends(self.standby.remove)
        self.primary.commits_with("*")
        if not until(lambda: "sync" in self.primary.psql("postgres", "SELECT sync_state FROM pg_stat_replication"), 20):
            raise RuntimeError("the standby does not follow")

    def fail_over(self):
        """The primary is gone for good: the standby is promoted, and is alone. Gives the port that is free now."""
        port = self.primary.port
        self.primary.remove()
        self.primary = self.database.cluster = self.standby
        self.primary.control("promote")
        self.primary.commits_with("")
        return port


@fault("F15", "PostgreSQL fails over", quick={"times": 1, "mails": 60}, full={"times": 10, "mails": 600})
def fails_over(scene, times, mails):
    """The server knows both addresses and is not told anything."""
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.04))
    pair = Pair(scene)
    home = scene.home(relay, database=pair.database, database_url=pair.url)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses, slowest = clinic.invite(owner, mails), 0.0
    worker = home.work()
    with Load(clinic, [server], clients=8, pause=0.1) as load:
        for number in range(times):
            time.sleep(0.8)
            port = pair.fail_over()
            slowest = max(slowest, load.goes_on(time.monotonic()))
            if number < times - 1:
                pair.join(port)
    all_go(home, mails)
    each_once(relay, addresses)
    found = load.check(home)
    need_all(
        (set(load.statuses()) <= {200, 201, 503}, f"answers: {dict(load.statuses())}"),
        (not load.unheard, f"{len(load.unheard)} requests had no answer"),
        (slowest <= 5, f"a write was taken only {slowest:.1f} s after the promotion (aim 5)"),
        (worker.code is None and server.code is None, "a process ended"),
    )
    return f"{times} failovers, {found}, written again {slowest:.1f} s after the promotion, {mails} mails once each"
