"""Relays that are away, slow, or of another opinion: P3, P4 and P5, on SQLite."""

import re
import time

from .registry import fault, need, need_all
from .relay import HANG_UP, SILENCE, TAKE_AND_HANG_UP
from .server import until

MINUTE = 60
INVITATION = "patient_invitation"


def number(address):
    """`p7@patients.example`: 7."""
    return int(re.search(r"\d+", address).group())


def each_once(relay, addresses):
    """Every letter went, once, and nothing else did."""
    copies = relay.copies()
    wrong = {address: copies[address] for address in addresses if copies[address] != 1}
    lost = sum(count == 0 for count in wrong.values())
    need(not wrong, f"{lost} of {len(addresses)} mails were not sent, {len(wrong) - lost} more than once")


def settles(home, *states, within=20):
    """Waits until every invitation is in one of these states."""
    until(lambda: home.states(INVITATION) <= set(states), within)
    found = home.states(INVITATION)
    need(found <= set(states), f"mails are {sorted(found)} after {within} s, not {sorted(states)}")


def comes_through(home, server, mails):
    """Time passes, by the server's clock, until every invitation was sent: a retry may wait a quarter of an hour."""
    for _ in range(5 + mails // 20):
        server = home.later(server, 20 * MINUTE)
        if until(lambda: home.states(INVITATION) == {"sent"}, 3 + mails / 20):
            break
    settles(home, "sent", within=0)
    return server


def withdraw_the_owners(home):
    """The owner's own invitation is of no interest."""
    home.change("UPDATE outbox SET state = 'withdrawn' WHERE kind = 'member_invitation'")


@fault("F8", "a relay that is away", quick={"mails": 60}, full={"mails": 1_000})
def relay_away(scene, mails):
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, shimmed=True)
    relay.refuse()
    addresses, slowest = clinic.invite(owner, mails), 0.0
    for _ in range(50):
        began = time.monotonic()
        owner.must(200, "GET", "/v1/clinic/patients?limit=1")
        slowest = max(slowest, time.monotonic() - began)
    time.sleep(2)
    mails_now = home.mails(INVITATION).values()
    relay.change(connect=lambda: SILENCE)
    relay.listen()
    server = home.later(server, 2 * MINUTE)
    need(until(lambda: relay.connections, 5), "nobody came back to the relay")
    server.kill()
    relay.change()
    comes_through(home, server, mails)
    each_once(relay, addresses)
    need_all(
        (
            {state for state, _ in mails_now} <= {"pending", "leased", "retry"},
            f"while it was away, mails were {mails_now}",
        ),
        (max(attempt for _, attempt in mails_now) == 1, "a mail was tried again at once"),
        (slowest < 1, f"a read took {slowest:.1f} s meanwhile"),
    )
    return f"{mails} mails once each; a read took {slowest * 1000:.0f} ms or less meanwhile"


@fault("F9", "a slow relay and two workers", quick={"banner": 1, "dot": 2}, full={"banner": 30, "dot": 120})
def relay_slow(scene, banner, dot):
    relay = scene.relay(connect=lambda: time.sleep(banner), dot=lambda to, copies: time.sleep(dot))
    home = scene.home(relay)
    _, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses = clinic.invite(owner, 2)
    workers = [home.work(), home.work()]
    settles(home, "sent", within=4 * (banner + dot) + 10)
    each_once(relay, addresses)
    need({worker.code for worker in workers} == {None}, "a worker ended")
    # What is on the wire keeps its lease. A mail that only waits behind it is another worker's after 90 seconds.
    fences = dict(home.rows(f"SELECT to_address, fence FROM outbox WHERE kind = '{INVITATION}'"))
    first = relay.taken[0].to
    need(fences[first] == 1, f"the fences are {fences}: the mail on the wire lost its lease")
    return f"banner {banner} s, 250 after {dot} s: once each, the mail on the wire kept its lease"


@fault("F9", "links that run out while the relay is slow", quick={"links": 8}, full={"links": 10})
def links_run_out(scene, links):
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    addresses, worker = clinic.invite(owner, links), home.work()
    settles(home, "sent")
    worker.stop()
    for letter in list(relay.taken):
        token = re.search(r"invitation#([\w-]+)", letter.text.replace("=\r\n", ""))
        if letter.to in addresses:
            server.client().must(200, "POST", "/v1/auth/invitations/accept", {"token": token.group(1)})
    for address in addresses:
        server.client().must(202, "POST", "/v1/auth/sign-in-links", {"email": address})
    relay.change(dot=lambda to, copies: time.sleep(1))
    run_out_at = time.time() + 3.5
    home.change(f"UPDATE outbox SET expires_at = {int(run_out_at * 1e6)} WHERE kind = 'sign_in_link'")
    before = len(relay.taken)
    home.work()
    until(
        lambda: time.time() > run_out_at + 3 and home.states("sign_in_link") <= {"sent", "expired", "leased"}, links + 8
    )
    sent = relay.taken[before:]
    late = [letter for letter in sent if letter.began > run_out_at]
    need_all(
        (len(sent) > len(late), "no link was sent in time"),
        (not late, f"{len(late)} of {links} links were sent after they had run out"),
    )
    return f"{len(sent)} of {links} links sent, all in time"


@fault("F10", "a greylist", quick={"mails": 20}, full={"mails": 500})
def greylist(scene, mails):
    relay = scene.relay(rcpt=lambda to, tries: "451 4.7.1 come back later" if tries < 3 else None)
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, shimmed=True)
    addresses, gaps = clinic.invite(owner, mails), []
    for wait in (7 * MINUTE, 13 * MINUTE):
        settles(home, "retry", within=20 + mails / 20)
        rows = home.rows(f"SELECT available_at FROM outbox WHERE kind = '{INVITATION}'")
        gaps.append([row[0] / 1e6 - home.now() for row in rows])
        server = home.later(server, wait)
        need(until(lambda: min(relay.tries.values()) > len(gaps), 20), "not every mail was tried again")
    settles(home, "sent", within=20 + mails / 20)
    each_once(relay, addresses)
    need_all(
        (set(relay.tries.values()) == {3}, f"tries: {sorted(set(relay.tries.values()))}, not 3"),
        (min(gaps[0]) > 4 * MINUTE and min(gaps[1]) > max(gaps[0]), "the gaps do not grow from five minutes on"),
    )
    return f"{mails} mails, 3 tries each, once each; gaps from {min(gaps[0]):.0f} s, then {min(gaps[1]):.0f} s"


REFUSALS = {1: "550 5.1.1 no such user", 3: "552 5.2.2 mailbox full", 5: "554 5.6.0 refused"}
"""By the address's number modulo six: the first at RCPT, the others at the dot; the even ones are taken."""


@fault("F11", "a relay that refuses some for good", quick={"mails": 18}, full={"mails": 180})
def refused(scene, mails):
    relay = scene.relay(
        rcpt=lambda to, tries: REFUSALS[1] if number(to) % 6 == 1 else None,
        dot=lambda to, copies: REFUSALS.get(number(to) % 6),
    )
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, shimmed=True, worker_in_serve=False)
    withdraw_the_owners(home)
    addresses = clinic.invite(owner, mails)
    server = home.later(server, 1)
    settles(home, "dead", "sent", within=20 + mails / 10)
    home.later(server, 60 * MINUTE)
    time.sleep(2.5)
    tries = {relay.tries[address] for address in addresses}
    dead = {address for address, (state, _) in home.mails().items() if state == "dead"}
    held = {row[0] for row in home.rows("SELECT email FROM patients WHERE address_refused_at IS NOT NULL")}
    need_all(
        (tries == {1}, f"tries: {sorted(tries)}, not 1"),
        (dead == {address for address in addresses if number(address) % 2}, f"{len(dead)} of {mails} are dead"),
        (
            held == {address for address in addresses if number(address) % 6 == 1},
            f"{len(held)} addresses are held for wrong",
        ),
    )
    return f"{mails} mails, 1 try each, {len(dead)} dead; {len(held)} addresses held for wrong"


@fault("F12", "a relay that is gone after the final dot", quick={"mails": 20}, full={"mails": 200})
def gone_after_dot(scene, mails):
    for share in (1, 10):
        relay = scene.relay(dot=lambda to, copies, share=share: None if number(to) % share else TAKE_AND_HANG_UP)
        home = scene.home(relay)
        server, clinic, owner = scene.clinic(home, shimmed=True, worker_in_serve=False)
        withdraw_the_owners(home)
        addresses = clinic.invite(owner, mails)
        server = home.later(server, 1)
        settles(home, "retry", "sent", within=20 + mails / 10)
        for _ in range(2):
            server = home.later(server, 20 * MINUTE)
            settles(home, "sent", "unknown")
        copies, ids = relay.copies(), relay.ids()
        server.stop()
        need_all(
            (
                all(copies[address] == 1 + (number(address) % share == 0) for address in addresses),
                f"copies: {dict(copies)}",
            ),
            (all(len(of) == 1 for of in ids.values()), "copies of one mail have different Message-IDs"),
        )
    return f"{mails} mails: 2 copies with one Message-ID where the answer was lost, 1 elsewhere"


@fault("F13", "a session that breaks", quick={"mails": 20}, full={"mails": 300})
def session_breaks(scene, mails):
    calls = {"mail": 0}

    def pooled_line_is_dead(sender):
        calls["mail"] += 1
        return HANG_UP if calls["mail"] % 3 == 0 else None

    relay = scene.relay(
        mail=pooled_line_is_dead,
        rcpt=lambda to, tries: "421 4.3.2 closing" if tries == 1 and "4" in to else None,
        data=lambda to: HANG_UP if relay.tries[to] == 1 and "7" in to else None,
    )
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, shimmed=True)
    addresses = clinic.invite(owner, mails)
    until(lambda: len(relay.taken) > mails / 2, 3)
    comes_through(home, server, mails)
    each_once(relay, addresses)
    return f"{mails} mails once each"


@fault("F13", "a relay without STARTTLS where TLS must be", quick={}, full={})
def stripped(scene):
    relay = scene.relay()
    home = scene.home(relay, mail=f"{relay.url}?tls=required")
    _, clinic, owner = scene.clinic(home)
    clinic.invite(owner, 3)
    need(until(lambda: relay.connections, 5), "nobody came to the relay")
    time.sleep(1)
    said = [command for command in relay.commands if not command.upper().startswith(("EHLO", "QUIT"))]
    need(not said, f"it was said in the clear: {said[:3]}")
    return "nothing was said in the clear"
