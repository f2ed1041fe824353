"""A worker that is killed at named points of a mail's way: P3 and P4."""

import sqlite3

from .mail import INVITATION, MINUTE, settles, withdraw_the_owners
from .registry import fault, need_all
from .server import until

HEARD = ("connect", "hello", "mail", "rcpt", "data", "dot", "said", "quit")
"""By the relay's hooks: it has heard this and says nothing yet; `said`: its 250 to the dot is out."""
SENT = {"body": (b"Message-ID:", 1), "before-dot": (b"\r\n.\r\n", 0)}
"""The shim's words in a packet that does not go out any more, or by half."""
COMMITS = {"claim": "pending", "sending": "leased", "sent": "sending"}
"""One mail's commits in their order, and what it still is where the worker dies in front of the commit's sync."""
POINTS = (*HEARD, *SENT, *COMMITS)
AFTER_THE_DOT = {"dot", "said", "sent"}
"""Where nobody can know whether it went: a second copy is right here, and nowhere else."""


@fault("F2", "a worker is killed at named points", quick={"rounds": 1}, full={"rounds": 20})
def killed_at_points(scene, rounds):
    """One mail and one worker a point; then the leases run out and a last worker puts it right."""
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, _ = scene.clinic(home, worker_in_serve=False)
    withdraw_the_owners(home)
    database = sqlite3.connect(home.path, timeout=10, isolation_level=None)
    scene.ends(database.close)
    addresses = {}
    for number in range(rounds):
        for point in POINTS:
            [address] = clinic.invite(clinic.owner(server), 1, prefix=f"{point}-{number}-")
            addresses[address] = point
            # Events that wait for their place would be commits of the worker too: only the mail's are counted.
            database.execute("DELETE FROM events WHERE number IS NULL")
            killed_at(point, home, relay, address)
        for minutes in (2, 16):
            comes_back(home, minutes)
        settles(home, "sent", within=0)
    copies, ids = relay.copies(), relay.ids()
    lost = [point for address, point in addresses.items() if not copies[address]]
    more = [point for address, point in addresses.items() if copies[address] > 1 + (point in AFTER_THE_DOT)]
    twice = sum(copies[address] == 2 for address in addresses)
    need_all(
        (not lost, f"{len(lost)} were lost: killed at {sorted(set(lost))}"),
        (not more, f"{len(more)} went too often: killed at {sorted(set(more))}"),
        (all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs"),
    )
    return f"{len(addresses)} kills at {len(POINTS)} points: 0 lost, {twice} twice with one Message-ID, all after the dot"


def killed_at(point, home, relay, address):
    """Starts a worker that dies when it has come so far with the one mail that waits."""
    page, worker = home.shim.page, None
    page.ending, page.syncs = b"aftercare.db-wal", 0

    def heard(*_):
        until(lambda: worker, 5, every=0.001)
        worker.kill()

    if point in HEARD:
        # Only a mail that is refused ends its line: QUIT is heard after a "not now".
        later = {"rcpt": lambda *_: "451 4.7.1 come back later"} if point == "quit" else {}
        relay.change(**{**later, point: heard})
    elif point in SENT:
        page.die_at_send, page.die_half_way = SENT[point]
    else:
        page.die_at_sync = list(COMMITS).index(point) + 1
    worker = home.work(shimmed=True)
    code = worker.ended(within=10)
    relay.change()
    page.die_at_send, page.die_half_way, page.die_at_sync = b"", 0, 0
    state, wanted = home.mails()[address][0], {COMMITS.get(point, "sending")}
    if point == "said":
        wanted.add("sent")  # it may have been faster than the kill
    if code != -9 or state not in wanted:
        raise RuntimeError(f"{point}: the worker ended with {code} and left the mail {state}, not {wanted}")


def comes_back(home, minutes):
    """So much later a worker goes through the queue."""
    home.shim.page.clock_seconds += minutes * MINUTE
    worker = home.work(shimmed=True)
    until(lambda: home.states(INVITATION) <= {"sent", "retry"}, 10)
    until(lambda: home.states(INVITATION) == {"sent"}, 1.5)
    worker.kill()
