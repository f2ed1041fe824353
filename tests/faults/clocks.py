"""Clocks that are wrong, or jump under way: P5. Only the shimmed process sees the wrong time."""

import datetime
import re
import time
import zoneinfo

from .mail import settles
from .registry import fault, need, need_all
from .server import until
from .workers import enrolled, evening

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


# --- patients who travel -----------------------------------------------------------------------------------------------

AUCKLAND, LOS_ANGELES = "Pacific/Auckland", "America/Los_Angeles"
TRAVELS = {
    "stays": (AUCKLAND, None, 0),
    "westbefore": (AUCKLAND, LOS_ANGELES, 9),
    "westafter": (AUCKLAND, LOS_ANGELES, 11),
    "eastbefore": (LOS_ANGELES, AUCKLAND, 9),
    "eastafter": (LOS_ANGELES, AUCKLAND, 11),
}
"""From where, where to, and at which hour of day 1 by the clock that they leave: before that day's reminder, or after."""


def at(zone, date, hour, minute=0):
    """When it is that hour there."""
    return datetime.datetime.combine(date, datetime.time(hour, minute), zoneinfo.ZoneInfo(zone)).timestamp()


@fault("F20", "patients who change their zone", quick={"days": 3}, full={"days": 28})
def travels(scene, days):
    """Each day has its reminder once: in the one zone or in the other, or a reason why it is too late for it."""
    relay = scene.relay()
    home = scene.home(relay)
    zero = datetime.date.fromisoformat(evening(home))
    server, clinic, owner = scene.clinic(home, shimmed=True)
    clinic.approve(owner)
    plans = {name: clinic.enrol(owner, name, zero.isoformat(), zone) for name, (zone, *_) in TRAVELS.items()}
    later = [zero + datetime.timedelta(days=day) for day in range(1, days + 1)]
    reminded = [at(zone, zero, 19, 5) for zone in (AUCKLAND, LOS_ANGELES)]
    reminded += [at(zone, date, REMINDED_AT, 5) for zone in (AUCKLAND, LOS_ANGELES) for date in later]
    stops = [(moment, None) for moment in reminded if moment > home.now()]
    stops += [(at(zone, later[0], hour), name) for name, (zone, to, hour) in TRAVELS.items() if to]
    for moment, name in sorted(stops, key=lambda stop: stop[0]):
        server = home.later(server, round(moment - home.now()))
        if name:
            owner = clinic.owner(server, fresh=True)
            patient = owner.must(200, "GET", f"/v1/clinic/plans/{plans[name]}")["patient_id"]
            path = f"/v1/clinic/patients/{patient}"
            owner.must(200, "PATCH", path, {"zone": TRAVELS[name][1]}, if_match='"v1"')
        need(until(lambda: is_done(home), 10), f"not everything that was due is done: {home.states()}")
    found = {name: list(decisions(home, name)) for name in TRAVELS}
    wrong = [f"{name}: {why}" for name in TRAVELS for why in not_by_the_rule(name, found[name], relay, days)]
    [(audited,)] = home.rows("SELECT count(*) FROM events WHERE kind = 'patient.changed'")
    need_all((not wrong, "; ".join(wrong)), (audited == 4, f"{audited} of 4 journeys are in the audit"))
    late = sum(reason == "too_late" for rows in found.values() for *_, reason in rows)
    return f"{len(TRAVELS)} patients, {days} days: each day reminded of once, {late} too late with its reason, 0 twice"


def is_done(home):
    """Nothing is due any more, and nothing waits."""
    plans = f"SELECT id FROM plans WHERE next_due_at <= {int(home.now() * 1e6)}"
    mails = "SELECT id FROM outbox WHERE state IN ('pending', 'leased', 'sending', 'retry')"
    return not home.rows(f"{plans} UNION ALL {mails}")


def decisions(home, name):
    return home.rows(
        "SELECT day, slot_key, decision, reason FROM reminders JOIN patients ON patients.id = patient_id "
        f"WHERE email = '{name}@patients.example' ORDER BY day, slot_key"
    )


def not_by_the_rule(name, rows, relay, days):
    """What is wrong with the decisions about one patient; who flies east over a reminder's hour is too late for it."""
    mailed = [day for day, _, decision, _ in rows if decision == "mailed"]
    letters = relay.copies()[f"{name}@patients.example"]
    too_late = {1} if name == "eastbefore" else set()
    wanted = {day for day in (1, 2, 3, 5, 7, 10, 14, 28) if day <= days}
    if len({(day, slot) for day, slot, *_ in rows}) != len(rows):
        yield f"a day was decided about twice: {rows}"
    if len(mailed) != letters:
        yield f"{letters} letters for {len(mailed)} reminders"
    if set(mailed) - {0} != wanted - too_late:
        yield f"reminded of days {mailed}, not of {sorted(wanted - too_late)}"
    if {day for day, *_, reason in rows if reason != "missing"} - {0} != too_late:
        yield f"not mailed: {[row for row in rows if row[3] != 'missing']}"
