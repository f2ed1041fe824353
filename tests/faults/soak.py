"""A long day on which one thing after another goes wrong: whatever was promised holds at its end."""

import itertools
import os
import random
import signal
import time

from .load import Inviter, Load, check
from .mail import INVITATION, MINUTE, withdraw_the_owners
from .partition import Wire
from .registry import fault, need_all
from .server import until
from .workers import all_go


class Day:
    """An installation under load: a server that stays, one that does not (on SQLite there is only that), and a worker."""

    def __init__(self, scene, on_postgres):
        self.relay = scene.relay(dot=lambda to, copies: time.sleep(0.01))
        self.relay.keeps_letters = False
        database = scene.new_database() if on_postgres else None
        self.home, settings = scene.home(self.relay, database=database), {"worker_in_serve": False}
        self.wire = None
        if database:
            self.wire = Wire(database.cluster.port)
            scene.ends(self.wire.stop)
            settings["database_url"] = database.url_by(self.wire.port)
        self.settings, self.loads, self.inviter = settings, [], Inviter()
        server, self.clinic, _ = scene.clinic(self.home, shimmed=not on_postgres, **settings)
        withdraw_the_owners(self.home)
        self.servers = [server, self.home.serve(**settings)] if on_postgres else [server]
        self.worker, self.memory, self.files = self.work(), [], []

    def work(self):
        return self.home.work(shimmed=not self.wire, **self.settings)

    def spell(self, wrong, seconds):
        """So long under load; something goes wrong in its first third and is well again after its second."""
        with Load(self.clinic, self.servers, clients=6, pause=0.15, then=self.inviter) as load:
            time.sleep(seconds / 3)
            well = wrong(self)
            time.sleep(seconds / 3)
            if well:
                well()
            time.sleep(seconds / 3)
        self.loads.append(load)
        stays = self.servers[0]
        self.memory.append((time.monotonic(), stays.memory()))
        self.files.append(len(os.listdir(f"/proc/{stays.pid}/fd")))

    def slope(self):
        """Megabytes an hour, of the first server since it was started last; the line of least squares."""
        middle = [sum(values) / len(self.memory) for values in zip(*self.memory)]
        over = sum((at - middle[0]) ** 2 for at, _ in self.memory)
        return 3_600 * sum((at - middle[0]) * (grown - middle[1]) for at, grown in self.memory) / (over or 1)


# --- what goes wrong: each gives what makes it well again, or nothing --------------------------------------------------


def server_killed(day):
    day.servers[-1].kill()
    day.servers[-1] = day.home.serve(shimmed=not day.wire, **day.settings)
    if len(day.servers) == 1:
        day.memory.clear()


def worker_killed(day):
    day.worker.kill()
    day.worker = day.work()


def server_stands_still(day):
    day.servers[-1].signal(signal.SIGSTOP)
    return lambda: day.servers[-1].signal(signal.SIGCONT)


def worker_stands_still(day):
    day.worker.signal(signal.SIGSTOP)
    return lambda: day.worker.signal(signal.SIGCONT)


def relay_away(day):
    day.relay.refuse()
    return day.relay.listen


def postgres_restarts(day):
    day.home.postgres.cluster.control("restart", "-m", "immediate")


def postgres_away(day):
    day.wire.drop()
    return day.wire.heal


WRONG = (server_killed, relay_away, worker_killed, server_stands_still, worker_stands_still)
WRONG_ON_POSTGRES = (postgres_restarts, postgres_away)


@fault("F36", "a long day on PostgreSQL", quick={"spells": 7, "seconds": 2.4, "on_postgres": True},
       full={"spells": 120, "seconds": 30, "on_postgres": True})  # fmt: skip
@fault("F36", "a long day on SQLite", quick={"spells": 5, "seconds": 2.4}, full={"spells": 120, "seconds": 30})
def soak(scene, spells, seconds, on_postgres=False):
    day, chance = Day(scene, on_postgres), random.Random(36)
    deck = list(WRONG + on_postgres * WRONG_ON_POSTGRES)
    shuffled = itertools.chain.from_iterable(chance.sample(deck, len(deck)) for _ in itertools.count())
    for wrong in itertools.islice(shuffled, spells):
        day.spell(wrong, seconds)
    ended = [process.last_words() for process in (*day.servers, day.worker) if process.code is not None]
    everything_goes(day)
    found = check(day.home, set().union(*(load.acknowledged() for load in day.loads)))
    statuses = set().union(*(load.statuses() for load in day.loads)) | day.inviter.statuses
    need_all(
        (statuses <= {200, 201, 503}, f"answers: {sorted(statuses)}"),
        (not ended, f"{len(ended)} processes ended: {ended[:1]}"),
        *mails_as_promised(day),
        (spells < 100 or not on_postgres or day.slope() < 1, f"memory grew by {day.slope():.1f} MB an hour (aim 1)"),
        (max(day.files) - min(day.files) < 40, f"open files: {min(day.files)} to {max(day.files)}"),
    )
    grown = f"{day.memory[0][1]:.0f} to {day.memory[-1][1]:.0f} MB" + f" ({day.slope():+.1f} an hour)" * (spells >= 100)
    return f"{spells} faults, {found}, {len(day.inviter.invited):,} mails; {grown}, {min(day.files)} to {max(day.files)} files open"


def everything_goes(day):
    """Everything is well for so long that retries and leases run out."""
    if day.wire:
        return all_go(day.home, len(day.inviter.invited))
    day.worker.kill()
    for _ in range(3):
        day.servers[0] = day.home.later(day.servers[0], 20 * MINUTE)
        waiting = sum(state != "sent" for state, _ in day.home.mails(INVITATION).values())
        until(lambda: day.home.states(INVITATION) <= {"sent", "unknown"}, 3 + waiting / 20)


def mails_as_promised(day):
    """P3 and P4. In doubt twice is in doubt for good: nobody sends it a third time."""
    copies, ids = day.relay.copies(), day.relay.ids()
    resent = "CASE WHEN resent THEN 1 ELSE 0 END"
    rows = day.home.rows(f"SELECT to_address, state, {resent} FROM outbox WHERE kind = '{INVITATION}'")
    again, states = {to: int(resent) for to, _, resent in rows}, {to: state for to, state, _ in rows}
    lost = {to for to in day.inviter.invited if not copies[to] and states.get(to) != "unknown"}
    more = {to for to in copies if copies[to] > 1 + again.get(to, 0)}
    yield not lost, f"{len(lost)} of {len(day.inviter.invited)} mails were lost"
    yield not more, f"{len(more)} mails went more often than their fate allows"
    yield set(states.values()) <= {"sent", "unknown"}, f"mails ended as {sorted(set(states.values()))}"
    yield all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs"
