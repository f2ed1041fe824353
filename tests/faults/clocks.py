"""Clocks that are wrong, or jump under way: P5. Only the shimmed process sees the wrong time."""

import datetime
import re
import time

from .mail import settles
from .registry import fault, need, need_all
from .server import until
from .workers import enrolled

HOUR, DAY = 3_600, 86_400
REMINDED_AT = 10
"""The face plan's reminder of day 1, by the patient's clock."""


def reminder_that_is_near():
    """A zone where it is ten o'clock in five minutes to an hour and five; its date a day earlier, and the seconds."""
    now = datetime.datetime.now(datetime.UTC)
    due = (now + datetime.timedelta(minutes=65)).replace(minute=0, second=0, microsecond=0)
    ahead = (REMINDED_AT - due.hour + 12) % 24 - 12
    day_zero = (due + datetime.timedelta(hours=ahead - 24)).date().isoformat()
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT", day_zero, (due - now).total_seconds()


@fault(
    "F18",
    "a node whose clock is off, on PostgreSQL",
    quick={"offsets": (HOUR, DAY)},
    full={"offsets": (HOUR, DAY, 3 * DAY, -HOUR, -DAY)},
)
def clock_off(scene, offsets):
    relay = scene.relay()
    home = scene.home(relay, on_postgres=True)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    clinic.approve(owner)
    zone, day_zero, seconds = reminder_that_is_near()
    early = [f"early{number}@patients.example" for number in range(5)]
    for number in range(len(early)):
        clinic.enrol(owner, f"early{number}", day_zero, zone)
    [address], worker = clinic.invite(owner, 1), home.work()
    settles(home, "sent")
    worker.stop()
    [letter] = [letter for letter in relay.taken if letter.to == address]
    token = re.search(r"invitation#([\w-]+)", letter.text.replace("=\r\n", "")).group(1)
    server.client().must(200, "POST", "/v1/auth/invitations/accept", {"token": token})
    found = []
    for offset in offsets:
        # An hour's offset is made to reach past the reminder.
        offset = max(HOUR, int(seconds) + 120) if offset == HOUR else offset
        home.shim.page.clock_seconds = offset
        found += [f"{offset:+,} s: {why}" for why in with_clock_off(home, relay, server, address, early)]
    need(not found, "; ".join(found))
    return f"{len(offsets)} offsets: no mail of such a node, readiness 503, doctor says so; the others' mails go"


def with_clock_off(home, relay, server, address, early):
    """What went wrong while one node's clock was off."""
    links = relay.copies()[address]
    wrong_worker, wrong_server = home.work(shimmed=True), home.serve(shimmed=True, ready=False)
    server.client().must(202, "POST", "/v1/auth/sign-in-links", {"email": address})
    time.sleep(3)
    sent = sum(relay.copies()[to] for to in early)
    if sent:
        yield f"{sent} reminders were sent before their time"
    if wrong_server.code is None and wrong_server.is_ready():
        yield "readiness says 200"
    told = home.run("doctor", shimmed=True)
    if told.returncode == 0 or not re.search(r"(?m)^WRONG.*clock", told.stdout):
        yield "doctor does not say so"
    right_worker = home.work()
    if not until(lambda: relay.copies()[address] > links, 5):
        yield "a sign-in link was not sent"
    for process in (wrong_worker, wrong_server, right_worker):
        process.stop()


@fault(
    "F18",
    "a clock that jumps under way, on SQLite",
    quick={"jumps": (HOUR, -HOUR)},
    full={"jumps": (HOUR, -HOUR, DAY, -DAY, 30 * DAY)},
)
def clock_jumps(scene, jumps):
    relay = scene.relay()
    home = scene.home(relay)
    server, _, _, addresses = enrolled(home, 10)
    page, wrong = home.shim.page, []
    for jump in jumps:
        page.clock_seconds += jump
        refused = until(lambda: not server.is_ready(), 3)
        time.sleep(2)
        page.clock_seconds -= jump
        if not refused:
            wrong.append(f"readiness stays 200 after {jump:+,} s")
        if not until(server.is_ready, 5):
            wrong.append(f"it does not work again after {jump:+,} s and back")
        if early := sum(relay.copies()[address] for address in addresses):
            wrong.append(f"{early} reminders were sent early at {jump:+,} s")
            break
    need(not wrong, "; ".join(wrong))
    server = home.later(server, 10 * 60 + 5)
    until(lambda: len(set(relay.copies()) & set(addresses)) == len(addresses), 10)
    copies = relay.copies()
    need_all(
        (all(copies[address] == 1 for address in addresses), f"reminders in their time: {dict(copies)}"),
        (server.is_ready(), "it is not ready afterwards"),
    )
    return f"{len(jumps)} jumps: it refused to work, and went on when the clock was right; 0 early, 0 lost, 0 twice"
