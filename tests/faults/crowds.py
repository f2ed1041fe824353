"""Crowds: one clinic that floods the mail, people who guess at passwords, and reminders that come due all at once. Others
must not wait for them."""

import threading
import time

from .client import NO_ANSWER
from .clients import Healthy
from .clinic import OWNER, PASSWORD, create
from .mail import each_once
from .reader import Reader
from .registry import fault, need_all
from .server import until
from .workers import enrolled

NOTICE = """
INSERT INTO outbox (id, clinic_id, kind, dedupe_key, message_id, to_address, locale, context, state, fence, attempt, resent,
  available_at, expires_at, created_at)
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
SELECT randomblob(16), id, 'alert_notice', 'flood:' || n, 'flood' || n || '@clinic.example', '{to}', 'en',
  '{{"link": "http://127.0.0.1/open/clinic", "valid_minutes": null}}', 'pending', 0, 0, 0, {now}, {now} + 3600000000, {now}
FROM counted, (SELECT id FROM clinics LIMIT 1)
"""


@fault("FM", "a clinic that floods the mail", quick={"notices": 600, "links": 4}, full={"notices": 600, "links": 9})
def floods_mail(scene, notices, links):
    """The notices of so many check-ins wait; somebody of another clinic asks for a link."""
    relay = scene.relay()
    home = scene.home(relay, mails_per_minute=600)
    server, _, _ = scene.clinic(home)
    other = "other@clinic.example"
    invitation = create(home, other)
    server.client().must(200, "POST", "/v1/auth/invitations/accept", {"token": invitation, "password": PASSWORD})
    home.change(NOTICE.format(count=notices, to=OWNER, now=int(time.time() * 1e6)))
    until(lambda: any(letter.to == OWNER for letter in relay.taken), 10)
    waits = []
    for _ in range(links):
        known, asked = len([letter for letter in relay.taken if letter.to == other]), time.monotonic()
        server.client().must(202, "POST", "/v1/auth/sign-in-links", {"email": other})
        there = until(lambda: len([letter for letter in relay.taken if letter.to == other]) > known, 10, 0.01)
        waits.append(time.monotonic() - asked if there else 99.0)
    waiting = len(home.rows("SELECT id FROM outbox WHERE state IN ('pending', 'retry', 'leased')"))
    need_all(
        (max(waits) < 3, f"a link waited {max(waits):.1f} s"),
        (waiting > 0, "nothing waited any more, so nothing was shown"),
    )
    return f"{waiting} of {notices} notices still waited; a link waited {max(waits):.2f} s at most"


def percentile(times, part):
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


@fault("FS", "a crowd that guesses at passwords", quick={"crowd": 80, "logins": 40}, full={"crowd": 80, "logins": 200})
def crowd_at_the_door(scene, crowd, logins):
    """Each of the crowd has a source and invented addresses; the owner signs in from elsewhere."""
    home = scene.home()
    server, _, _ = scene.clinic(home, trusted_proxies=1)

    def sign_in(email, password, source):
        began = time.monotonic()
        body = {"email": email, "password": password}
        answer = server.client(timeout=30).ask("POST", "/v1/auth/login", body, x_forwarded_for=source)
        return answer.status, time.monotonic() - began

    def owner_signs_in():
        answers = []
        for _ in range(logins):
            answers.append(sign_in(OWNER, PASSWORD, "198.51.100.4"))
            time.sleep(0.05)
        return answers

    quiet, over = [took for _, took in owner_signs_in()], threading.Event()

    def guess(number):
        tries = 0
        while not over.is_set():
            tries += 1
            try:
                sign_in(f"invented{number}.{tries}@nowhere.example", "not the password at all", f"203.0.{113 + number % 3}.{number}")
            except NO_ANSWER:
                time.sleep(0.05)

    threads = [threading.Thread(target=guess, args=(number,), daemon=True) for number in range(crowd)]
    for thread in threads:
        thread.start()
    time.sleep(3)
    answers = owner_signs_in()
    over.set()
    for thread in threads:
        thread.join(30)
    refused = [status for status, _ in answers if status != 200]
    before, now = percentile(quiet, 0.99), percentile([took for _, took in answers], 0.99)
    need_all(
        (not refused, f"{len(refused)} of {logins} sign-ins were refused: {sorted(set(refused))}"),
        (now < 3 * before, f"p99 was {now / before:.1f} times the quiet one ({now * 1000:.0f} : {before * 1000:.0f} ms)"),
    )
    return f"{logins} sign-ins, p99 {now / before:.1f} times the quiet one ({now * 1000:.0f} : {before * 1000:.0f} ms)"


@fault(
    "F26", "reminders that come due at one moment",
    quick={"plans": 300, "rate": 60_000, "aim": 99}, full={"plans": 50_000, "rate": 12_000, "aim": 2},
)  # fmt: skip
def herd(scene, plans, rate, aim):
    """Somebody reads meanwhile. `rate`: mails a minute, at which they are drained (20 times the default, in full); `aim`: so many times
    the quiet p99 a read may take."""
    relay = scene.relay()
    relay.keeps_letters = False
    home = scene.home(relay)
    server, clinic, owner, addresses = enrolled(home, plans)
    with Reader(server, owner, every=0.01) as quiet:
        time.sleep(2)
    server = home.later(server, 10 * 60 + 5, mails_per_minute=rate)
    began, owner = time.monotonic(), clinic.owner(server, fresh=True)
    with Reader(server, owner, every=0.01) as busy:
        until(lambda: len(relay.taken) >= plans, 20 + plans / 20)
        took = time.monotonic() - began
    time.sleep(1)
    each_once(relay, addresses)
    before, now = percentile(quiet.took, 0.99), percentile(busy.took, 0.99)
    need_all(
        (not busy.failed, f"{len(busy.failed)} of {len(busy.took)} others had no answer: {set(busy.failed)}"),
        (now < aim * before, f"p99 was {now * 1000:.1f} ms, {now / before:.1f} times the quiet one (aim {aim})"),
    )
    return f"{plans:,} once each in {took:.1f} s; p99 {now * 1000:.1f} ms, {now / before:.1f} times the quiet one"
