"""A replica that lags, freezes or is gone: whoever wrote finds it again, and nobody waits for the replica."""

import contextlib
import os
import re
import signal
import time

from .client import Client, free_port
from .load import Crowd
from .postgres import Cluster
from .registry import fault, need_all
from .server import until


class Pair:
    """A primary and the standby that follows it, as slowly as is wanted."""

    def __init__(self, scene):
        self.primary = Cluster()
        scene.ends(self.primary.remove)
        self.database = self.primary.new_database()
        self.standby = Cluster(standby_of=self.primary)
        scene.ends(self.standby.remove)
        scene.ends(self.signal, signal.SIGCONT)
        self.url = self.standby.url(self.database.name)

    def lag(self, milliseconds):
        self.standby.psql("postgres", f"ALTER SYSTEM SET recovery_min_apply_delay = {milliseconds}")
        self.standby.psql("postgres", "SELECT pg_reload_conf()")

    def signal(self, number):
        """To every process of the standby."""
        try:
            first = int(open(f"{self.standby.data}/postmaster.pid").readline())
            children = open(f"/proc/{first}/task/{first}/children").read().split()
        except OSError:
            return
        for pid in (first, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


class Writers(Crowd):
    """Clients that write through one node and read the same through the other, at once."""

    def __init__(self, servers, token, clients):
        self._servers, self._token = servers, token
        self.writes, self.missed, self.wrong, self.slowest = 0, [], [], 0.0
        super().__init__(clients)

    def _work(self, at):
        here, there = (Client(self._servers[(at + side) % 2].port, self._token) for side in (0, 1))
        number = 0
        while not self._stop.is_set():
            number += 1
            patient = {"name": "Wanda Invented", "email": f"w{at}.{number}.{time.monotonic_ns()}@patients.example"}
            made = self._ask(here, 201, "POST", "/v1/clinic/patients", {**patient, "zone": "Europe/London"})
            if made is None:
                continue
            path = f"/v1/clinic/patients/{made.json['id']}"
            read = self._ask(there, 200, "GET", path)
            if read is None:
                continue
            named = self._ask(there, 200, "PATCH", path, {"name": f"Wilma {number} Invented"}, if_match=read.headers["etag"])
            again = named and self._ask(here, 200, "GET", path, if_none_match=read.headers["etag"])
            if again and again.json["name"] != f"Wilma {number} Invented":
                self.missed.append("an old name")
            self.writes += 2

    def _ask(self, client, status, *request, **headers):
        """What was acknowledged is 404 by a node that does not have it yet, 304 if it is the old, and 412 if its tag was old."""
        began = time.monotonic()
        answer = client.ask(*request, **headers)
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status == status:
            return answer
        (self.missed if answer.status in (304, 404, 412) else self.wrong).append(answer.status)
        return None


def figure(port, name):
    """One of the figures that a process gives to Prometheus at that port; 0 if it is not there."""
    text = Client(port).ask("GET", "/metrics").body.decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


@fault("FR", "a replica that lags, freezes and goes", quick={"seconds": 1.5, "clients": 8}, full={"seconds": 30, "clients": 32})
def reads_what_was_written(scene, seconds, clients):
    """Two nodes, one primary, one replica; every client reads through the other node what it has just written."""
    pair = Pair(scene)
    home = scene.home(database=pair.database, database_read_url=pair.url)
    metrics, reads = free_port(), "aftercare_replica_reads_total"
    first, clinic, owner = scene.clinic(home, metrics_listen=f"127.0.0.1:{metrics}", pool_size=32)
    second = home.serve(pool_size=32)
    trouble = [
        ("at its best", lambda: None, lambda: None),
        ("100 ms behind", lambda: pair.lag(100), lambda: None),
        ("2 s behind", lambda: pair.lag(2_000), lambda: pair.lag(0)),
        ("frozen", lambda: pair.signal(signal.SIGSTOP), lambda: pair.signal(signal.SIGCONT)),
        ("gone", lambda: pair.standby.control("stop", "-m", "immediate"), lambda: pair.standby.control("start")),
    ]
    told, checks, writes = [], [], 0
    for name, begin, end in trouble:
        begin()
        before = figure(metrics, reads)
        with Writers((first, second), clinic.owner(first).token, clients) as at_work:
            time.sleep(seconds)
            ready = first.is_ready() and second.is_ready()
        end()
        by_replica = figure(metrics, reads) - before
        writes += at_work.writes
        told.append(f"{name}: {at_work.writes} writes, {by_replica:.0f} reads by the replica")
        checks += [
            (not at_work.missed, f"{name}: {len(at_work.missed)} did not find what they wrote: {set(at_work.missed)}"),
            (not at_work.wrong, f"{name}: answers {sorted(set(at_work.wrong))}"),
            (at_work.writes > clients, f"{name}: only {at_work.writes} writes"),
            (at_work.slowest < 3, f"{name}: an answer took {at_work.slowest:.1f} s"),
            (ready, f"{name}: a node was not ready"),
            # Further behind it may be left aside at any moment, more so on a machine that is busy.
            (by_replica > 0 or name != "at its best", f"{name}: the replica was never read"),
        ]

    def is_read_again():
        before = figure(metrics, reads)
        owner.ask("GET", "/v1/clinic/patients")
        return figure(metrics, reads) > before

    checks.append((until(is_read_again, 10), "the replica was not read again after it came back"))
    need_all(*checks)
    return f"{writes:,} writes, each read at once through the other node; {'; '.join(told)}"
