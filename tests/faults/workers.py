"""Workers that race, stand still, meet what they cannot digest, or lose PostgreSQL: P3 and P4."""

import collections
import datetime
import random
import signal
import time
import zoneinfo

from . import postgres
from .load import Load
from .mail import INVITATION, each_once, settles
from .registry import fault, need, need_all
from .server import until

LONDON = zoneinfo.ZoneInfo("Europe/London")


def evening(home):
    """Puts the home's clock at 18:50 in London, ten minutes before the evening's reminder; gives the date."""
    now = datetime.datetime.now(LONDON)
    then = now.replace(hour=18, minute=50, second=0, microsecond=0) + datetime.timedelta(days=1)
    home.shim.page.clock_seconds = int(then.timestamp() - now.timestamp())
    return then.date().isoformat()


def enrolled(home, plans, **settings):
    """Patients whose first reminder is due in ten minutes; gives the server, the owner's client and the addresses."""
    day = evening(home)
    server, clinic, owner = home.scene.clinic(home, shimmed=True, **settings)
    clinic.approve(owner)
    for number in range(plans):
        clinic.enrol(owner, f"p{number}", day, accepted=False)
    clinic.accept()
    return server, clinic, owner, [f"p{number}@patients.example" for number in range(plans)]


@fault("F16", "workers race for reminders on SQLite", quick={"plans": 60}, full={"plans": 2_000})
def race_on_sqlite(scene, plans):
    relay = scene.relay()
    home = scene.home(relay)
    server, _, _, addresses = enrolled(home, plans, worker_in_serve=False)
    home.later(server, 10 * 60 + 5, worker_in_serve=False)
    workers = [home.work(shimmed=True) for _ in range(4)]
    return raced(home, relay, workers, addresses, "reminder")


@fault("F16", "workers race for mails on PostgreSQL", quick={"mails": 100}, full={"mails": 2_000})
def race_on_postgres(scene, mails):
    relay = scene.relay()
    home = scene.home(relay, on_postgres=True)
    _, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses = clinic.invite(owner, mails)
    workers = [home.work() for _ in range(8)]
    return raced(home, relay, workers, addresses, INVITATION)


def raced(home, relay, workers, addresses, kind):
    until(lambda: len(set(relay.copies()) & set(addresses)) == len(addresses), 20 + len(addresses) / 20)
    time.sleep(1)
    each_once(relay, addresses)
    fences = {int(row[0]) for row in home.rows(f"SELECT DISTINCT fence FROM outbox WHERE kind = '{kind}'")}
    ended = [worker.last_words() for worker in workers if worker.code is not None]
    busy = sum("database is locked" in worker.log.read_text(errors="replace") for worker in workers)
    need_all(
        (fences == {1}, f"the fences are {sorted(fences)}"),
        (not busy, f"{busy} workers said 'database is locked'"),
        (not ended, f"{len(ended)} workers ended: {ended[:1]}"),
    )
    return f"{len(workers)} workers, {len(addresses)} mails once each, fence 1"


PAST = "now() - interval '1 minute'"


@fault("F3", "workers are killed", quick={"kills": 4, "mails": 80}, full={"kills": 200, "mails": 2_000})
def killed(scene, kills, mails):
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.02))
    home = scene.home(relay, on_postgres=True)
    _, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses, chance = clinic.invite(owner, mails), random.Random(3)
    workers = [home.work() for _ in range(3)]
    for _ in range(kills):
        time.sleep(chance.uniform(0.3, 0.8))
        workers.pop(0).kill()
        workers.append(home.work())
        let_run_out(home, "leased")
    all_go(home, mails)
    copies, ids = relay.copies(), relay.ids()
    twice = sum(copies[address] == 2 for address in addresses)
    need_all(
        (all(copies[address] in (1, 2) for address in addresses), f"{sum(not copies[a] for a in addresses)} were lost"),
        (twice <= kills, f"{twice} of {mails} mails went twice with {kills} kills"),
        (all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs"),
    )
    return f"{kills} kills, {mails} mails, 0 lost, {twice} twice with one Message-ID"


def all_go(home, mails):
    """What dead workers left goes too: first what they had claimed, then what they had on the wire."""
    until(
        lambda: home.states(INVITATION) <= {"sent", "sending"} or let_run_out(home, "leased"),
        20 + mails / 20,
        every=0.5,
    )
    time.sleep(1)  # whoever lives has heard its 250 by now: what is still on the wire was a dead worker's
    let_run_out(home, "sending")
    until(lambda: home.states(INVITATION) == {"sent"} or let_run_out(home, "leased"), 20, every=0.5)


def let_run_out(home, state):
    """The time of leases in this state is over, and that of every retry."""
    home.change(f"UPDATE outbox SET lease_until = {PAST} WHERE state = '{state}'")
    home.change(f"UPDATE outbox SET available_at = {PAST} WHERE state = 'retry'")


@fault("F17", "a worker that stands still for longer than its lease", quick={"phases": 3}, full={"phases": 100})
def paused(scene, phases):
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.08))
    home = scene.home(relay, on_postgres=True)
    _, clinic, owner = scene.clinic(home, worker_in_serve=False)
    chance, on_the_wire = random.Random(17), 0
    for phase in range(phases):
        addresses = clinic.invite(owner, 12, prefix=f"phase{phase}n")
        first = home.work()
        until(lambda: relay.copies()[addresses[0]], 10, every=0.005)
        time.sleep(chance.uniform(0, 0.4))
        first.signal(signal.SIGSTOP)
        held = {address for address, (state, _) in home.mails(INVITATION).items() if state == "sending"}
        let_run_out(home, "leased")
        let_run_out(home, "sending")
        second = home.work()
        until(lambda: home.states(INVITATION) <= {"sent", "retry"}, 20)
        first.signal(signal.SIGCONT)
        time.sleep(0.7)
        let_run_out(home, "sending")
        settles(home, "sent")
        copies, ids = relay.copies(), relay.ids()
        wrong = {address: copies[address] for address in addresses if not 1 <= copies[address] <= 1 + (address in held)}
        need(not wrong, f"phase {phase}: copies {wrong}, on the wire was {held or 'nothing'}")
        need(all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs")
        on_the_wire += len(held & set(addresses))
        first.kill()
        second.kill()
    return f"{phases} phases, {on_the_wire} stopped with a mail on the wire; no other mail went twice"


# --- poison ----------------------------------------------------------------------------------------------------------


@fault("F25", "one poisoned plan", quick={"plans": 60}, full={"plans": 1_000})
def poisoned_plan(scene, plans):
    relay = scene.relay()
    home = scene.home(relay)
    server, _, _, addresses = enrolled(home, plans, worker_in_serve=False)
    first = "(SELECT id FROM patients WHERE email = 'p0@patients.example')"
    home.change(
        f"UPDATE plans SET parameters = '\"poison\"', next_due_at = next_due_at - 1000000 WHERE patient_id = {first}"
    )
    server = home.later(server, 10 * 60 + 5)
    until(lambda: len(set(relay.copies()) & set(addresses)) >= plans - 1, 5 + plans / 20)
    reminded = set(relay.copies()) & set(addresses)
    need(len(reminded) == plans - 1, f"{len(reminded)} of {plans - 1} others were reminded")
    each_once(relay, addresses[1:])
    need(server.is_ready(), "the API is not ready")
    return f"{plans - 1} of {plans - 1} others reminded"


@fault("F25", "poisoned mails", quick={"mails": 60}, full={"mails": 1_000})
def poisoned_mail(scene, mails):
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner, [reminded] = enrolled(home, 1)
    relay.refuse()
    server = home.later(server, 10 * 60 + 5)
    addresses = clinic.invite(clinic.owner(server, fresh=True), mails, prefix="other")
    need(until(lambda: reminded in home.mails(), 10), "the reminder was not planned")
    home.change("UPDATE plans SET parameters = '\"poison\"'")
    home.change(f"UPDATE outbox SET context = '\"poison\"' WHERE to_address = '{addresses[0]}'")
    home.change(f"UPDATE outbox SET available_at = 0 WHERE to_address IN ('{addresses[0]}', '{reminded}')")
    relay.listen()
    server = home.later(server, 200)
    until(lambda: len(relay.copies()) >= mails - 1, 5 + mails / 20)
    sent = set(relay.copies()) & set(addresses[1:])
    need(len(sent) == mails - 1, f"{mails - 1 - len(sent)} of {mails - 1} others were held")
    each_once(relay, addresses[1:])
    need(server.is_ready(), "the API is not ready")
    return f"{mails - 1} of {mails - 1} others sent"


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


@fault(
    "F14",
    "PostgreSQL restarts while mail is sent",
    quick={"restarts": 4, "mails": 60},
    full={"restarts": 20, "mails": 150},
)
def postgres_restarts(scene, restarts, mails):
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.04))
    home = scene.home(relay, on_postgres=True)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses = clinic.invite(owner, mails)
    worker, slowest = home.work(), 0.0
    with Load(clinic, [server], clients=8, pause=0.15) as load:
        for _ in range(restarts):
            time.sleep(0.8)
            postgres.cluster().control("restart", "-m", "immediate")
            slowest = max(slowest, load.goes_on(time.monotonic()))
    until(lambda: home.states(INVITATION) <= {"sent", "retry"}, 10)
    worker.stop()
    mails_now, copies = home.mails(INVITATION), relay.copies()
    states = collections.Counter(state for state, _ in mails_now.values())
    untrue = [address for address in addresses if copies[address] != (mails_now[address][0] == "sent")]
    bare = [answer for _, _, answer in load.answers if answer.status == 503 and "retry-after" not in answer.headers]
    found = load.check(home)
    need_all(
        (
            set(load.statuses()) <= {200, 201, 503} and not bare,
            f"answers: {dict(load.statuses())}, {len(bare)} bare 503",
        ),
        (not load.unheard, f"{len(load.unheard)} requests had no answer"),
        (slowest <= 5, f"answered again only after {slowest:.1f} s"),
        (not untrue, f"{len(untrue)} of {mails} mails went and are not recorded so, or the reverse: {dict(states)}"),
        (set(states) <= {"sent", "retry"}, f"mails ended as {dict(states)}"),
    )
    return f"{restarts} restarts, {found}, {load.statuses()[503]} times 503, mails {dict(states)}, each as recorded"


@fault("F23", "a pool that is all in use", quick={"clients": 200}, full={"clients": 200})
def pool_in_use(scene, clients):
    home = scene.home(on_postgres=True, pool_size=5)
    server, clinic, _ = scene.clinic(home)
    with Load(clinic, [server], clients=clients, pause=0.05) as load:
        time.sleep(1)
        locked_at = time.monotonic()
        home.change("BEGIN; LOCK TABLE patients IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT")
        free_at = time.monotonic()
        time.sleep(2)
    refused = [took for began, took, answer in load.answers if answer.status == 503 and began > locked_at]
    first = min(
        (began + took for began, took, answer in load.answers if answer.status == 201 and began > free_at), default=0
    )
    found = load.check(home)
    need_all(
        (set(load.statuses()) <= {200, 201, 503}, f"answers: {dict(load.statuses())}"),
        (refused, "nobody was refused"),
        (max(refused, default=0) <= 2, f"a 503 took up to {max(refused, default=0):.1f} s (aim 2)"),
        (first and first - free_at <= 1, f"the first write was taken {first - free_at:.1f} s after the lock (aim 1)"),
    )
    return f"{len(refused)} times 503 in {max(refused):.1f} s or less, {found}"
