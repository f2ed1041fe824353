"""Clients that write and remember what was acknowledged; what the database then says about it."""

import collections
import threading
import time
import uuid
from dataclasses import dataclass, field

from .client import NO_ANSWER
from .registry import need
from .server import until


@dataclass
class Write:
    """One patient to be added, under one Idempotency-Key."""

    email: str
    began: float
    acknowledged: float | None = None
    statuses: list = field(default_factory=list)


class Crowd:
    """So many clients at once, each in a thread that does `_work(at)` until `_stop` is set."""

    def __init__(self, clients):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(at,), daemon=True) for at in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


class Load(Crowd):
    """So many clients that add patients, one after the other, each until it is acknowledged.

    `servers` may change meanwhile: a client whose server is gone goes to another one. Whoever has no answer after
    `patience` seconds, asks again. `then(client, answer)` goes on with what was acknowledged.
    """

    def __init__(self, clinic, servers, clients, pause=0.0, patience=15, then=None):
        self.servers, self.pause, self.patience, self._then = servers, pause, patience, then
        self.journal, self.answers, self.unheard = [], [], []
        self._token = clinic.owner(servers[0]).token
        super().__init__(clients)

    def _work(self, at):
        client = None
        while not self._stop.is_set():
            write = Write(f"w{uuid.uuid4().hex}@patients.example", time.monotonic())
            self.journal.append(write)
            while write.acknowledged is None and not self._stop.is_set():
                if client is None:
                    client = self.servers[at % len(self.servers)].client(self._token, self.patience)
                if self._try(client, write) not in (200, 201):
                    client, at = None, at + 1
                    time.sleep(0.02)
            time.sleep(self.pause)

    def _try(self, client, write):
        patient = {"name": "Wanda Invented", "email": write.email, "zone": "Europe/London"}
        began = time.monotonic()
        try:
            answer = client.ask("POST", "/v1/clinic/patients", patient, idempotency_key=write.email)
            status = answer.status
            self.answers.append((began, time.monotonic() - began, answer))
        except NO_ANSWER as why:
            status = type(why).__name__
            self.unheard.append((began, status))
        if status in (200, 201):
            write.acknowledged = time.monotonic()
            self._go_on(client, answer)
        write.statuses.append(status)
        return status

    def _go_on(self, client, answer):
        try:
            if self._then:
                self._then(client, answer)
        except NO_ANSWER as why:
            self.unheard.append((time.monotonic(), type(why).__name__))

    # --- what came of it ---------------------------------------------------------------------------------------------

    def acknowledged(self, before=float("inf")):
        return {write.email for write in self.journal if write.acknowledged and write.acknowledged < before}

    def goes_on(self, since, within=10):
        """Waits until something is acknowledged again; gives how long after `since` that was."""
        until(lambda: any(write.acknowledged and write.acknowledged > since for write in self.journal), within)
        return time.monotonic() - since

    def statuses(self, after=0.0):
        return collections.Counter(answer.status for began, _, answer in self.answers if began >= after)

    def check(self, home):
        """P1 and P2: all that was acknowledged is there, once, and whole. Gives the sentence."""
        return check(home, self.acknowledged())


def check(home, acknowledged):
    """The same for what several loads wrote."""
    need(acknowledged, "nothing was acknowledged: the load did not run")
    home.must_be_sound()
    added = collections.Counter(row[0] for row in home.rows("SELECT email FROM patients WHERE email LIKE 'w%'"))
    lost, twice = acknowledged - set(added), [email for email, count in added.items() if count > 1]
    need(not lost, f"{len(lost)} of {len(acknowledged):,} acknowledged writes were lost")
    need(not twice, f"{len(twice)} writes were done twice")
    keys = {row[0] for row in home.rows("SELECT key FROM idempotency_keys WHERE key LIKE 'w%'")}
    counts = "(SELECT count(*) FROM patients), (SELECT count(*) FROM events WHERE kind = 'patient.added')"
    [(patients, audited)] = home.rows(f"SELECT {counts}")
    half = len(set(added) ^ keys) + abs(int(patients) - int(audited))
    need(half == 0, f"{half} writes were half applied")
    return f"{len(acknowledged):,} acknowledged, 0 lost"


class Inviter:
    """What a load may go on with: each patient is invited, as many as a clinic may invite in an hour, and a page of patients is read."""

    AN_HOUR = 2_900

    def __init__(self):
        self.invited, self.statuses, self._asked, self._since = set(), set(), 0, time.monotonic()

    def __call__(self, client, answer):
        patient = answer.json
        if time.monotonic() - self._since > 3_600:
            self._asked, self._since = 0, time.monotonic()
        self._asked += 1
        if self._asked <= self.AN_HOUR:
            asked = client.ask("POST", f"/v1/clinic/patients/{patient['id']}/invitation", idempotency_key=patient["id"])
            if asked.status == 201:
                self.invited.add(patient["email"])
            self.statuses.add(asked.status)
        self.statuses.add(client.ask("GET", "/v1/clinic/patients?limit=20").status)
