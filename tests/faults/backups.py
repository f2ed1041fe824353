"""Backups beside a loaded server, and what a restored file does: P7."""

import collections
import re
import shutil
import subprocess
import time

from .clinic import OWNER, create
from .crowds import NOTICE
from .load import Load
from .mail import each_once
from .registry import Skip, fault, need, need_all
from .server import Home, until
from .workers import enrolled


def beside(scene, times, deed, on_postgres=False):
    """Does the deed so often beside a loaded server, which must lose nothing by it, now or at the next start."""
    home = scene.home(on_postgres=on_postgres)
    server, clinic, _ = scene.clinic(home, worker_in_serve=False)
    with Load(clinic, [server], clients=8) as load:
        for number in range(times):
            time.sleep(0.3)
            deed(home, number, load.acknowledged())
        time.sleep(0.3)
        goes_on = server.code is None
    need(goes_on, f"the server ended with {server.code}: {server.last_words()}")
    server.kill()
    home.serve()
    return load.check(home)


def holds(copy, acknowledged):
    """A copy is sound, and has all that was acknowledged before it was begun."""
    copy.must_be_sound()
    lost = acknowledged - {row[0] for row in copy.rows("SELECT email FROM patients")}
    need(not lost, f"{len(lost)} of {len(acknowledged)} acknowledged writes are not in the copy")


def back_up(home):
    """The way of `docs/OPERATIONS.md`; gives the file."""
    file = home.scene.new_folder() / "backup"
    if home.postgres:
        home.postgres.dump(file)
        return file
    done = home.run("backup", str(file), within=600)
    need(done.returncode == 0, f"aftercare backup: {done.stderr.strip().splitlines()[:1]}")
    need(file.stat().st_mode & 0o077 == 0, f"the backup's mode is {file.stat().st_mode & 0o777:o}")
    return file


def restore(home, file, relay):
    """Restores it elsewhere, at the same time of day; gives the home that it makes."""
    scene = home.scene
    other = Home(scene, scene.new_folder(), scene.new_database() if home.postgres else None, mail=relay.url)
    other.shim.page.clock_seconds = home.shim.page.clock_seconds
    if home.postgres:
        other.postgres.restore(file)
    done = other.run("restore", *(["--guard"] if home.postgres else [str(file)]), within=600, shimmed=True)
    need(done.returncode == 0, f"aftercare restore: {done.stderr.strip().splitlines()[:1]}")
    need(re.search(r"(?m)^[1-9]\d* mails are held", done.stdout), "no mail waited in the backup: nothing was shown")
    return other


@fault("FB", "sqlite3 VACUUM INTO beside a loaded server", quick={"times": 4}, full={"times": 50})
def vacuum(scene, times):
    if shutil.which("sqlite3") is None:
        raise Skip("there is no sqlite3 (Debian: sqlite3)")

    def deed(home, number, acknowledged):
        copy = Home(scene, scene.new_folder())
        subprocess.run(["sqlite3", home.path, f"VACUUM INTO '{copy.path}'"], check=True, timeout=60)
        holds(copy, acknowledged)

    return f"{times} copies, each sound and whole; {beside(scene, times, deed)}"


@fault("FB", "clinic create beside a loaded server", quick={"times": 4}, full={"times": 50})
def commands(scene, times):
    found = beside(scene, times, lambda home, number, _: create(home, f"owner{number}@other.example"))
    return f"{times} clinics made; {found}"


@fault("F29", "pg_dump under load, each dump restored elsewhere", quick={"times": 2, "on_postgres": True},
       full={"times": 50, "on_postgres": True})  # fmt: skip
@fault("F29", "aftercare backup under load, each restored elsewhere", quick={"times": 3}, full={"times": 50})
def backups(scene, times, on_postgres=False):
    """The owner's invitation waits in each of them; whoever works on a restored one sends it to a relay of its own."""
    relay = scene.relay()

    def deed(home, number, acknowledged):
        other = restore(home, back_up(home), relay)
        holds(other, acknowledged)
        worker = other.work()
        time.sleep(1.2)
        need(worker.code is None, f"the restored one is of no use: {worker.last_words()}")
        worker.kill()
        need(not relay.taken, f"{len(relay.taken)} mails of backup {number} were sent again")

    return f"{times} of them, each sound and whole, 0 old mails sent; {beside(scene, times, deed, on_postgres)}"


@fault("F29", "a restored file sends nothing old", quick={"people": 6}, full={"people": 200})
def restored(scene, people):
    """Invitations wait and reminders come due soon; they go out after the backup, and then it is restored elsewhere."""
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner, reminded = enrolled(home, people, worker_in_serve=False)
    invited = clinic.invite(owner, people, prefix="new")
    file = back_up(home)
    home.shim.page.clock_seconds += 10 * 60 + 5
    worker = home.work(shimmed=True)
    until(lambda: set(invited + reminded) <= set(relay.copies()), 10 + people / 10)
    worker.stop()
    each_once(relay, invited + reminded)
    refused = home.run("restore", "--replace", str(file))
    need(refused.returncode != 0, "restore replaced the file under a running server")
    server.stop()
    sent = len(relay.taken)
    other = restore(home, file, relay)
    server = other.serve(shimmed=True)
    time.sleep(3)
    again = len(relay.taken) - sent
    other.must_be_sound()
    [(patients,)] = other.rows("SELECT count(*) FROM patients")
    other.later(server, 15 * 3_600 + 60)
    until(lambda: len(relay.taken) >= sent + people, 10 + people / 10)
    morning = relay.copies() - collections.Counter(reminded)
    need_all(
        (not again, f"{again} mails were sent a second time after the restore"),
        (patients == 2 * people, f"{patients} of {2 * people} patients are there"),
        (all(morning[address] == 1 for address in reminded), f"the next reminders went to {len(relay.taken) - sent}"),
        (len(relay.taken) == sent + people, f"{len(relay.taken) - sent} mails went afterwards, not {people}"),
    )
    return f"0 of {sent} old mails sent again, {people} of {people} reminders of the next day sent"


@fault("F29", "the time of a large file", quick={"megabytes": 64}, full={"megabytes": 1_024})
def large(scene, megabytes):
    """Settled notices make it large; the server is under load."""
    home, relay = scene.home(), scene.relay()
    server, clinic, _ = scene.clinic(home, worker_in_serve=False)
    server.stop()
    home.change(NOTICE.format(count=megabytes << 8, to=OWNER, now=int(time.time() * 1e6)))
    home.change("UPDATE outbox SET state = 'sent', context = hex(randomblob(1800)) WHERE kind = 'alert_notice'")
    with Load(clinic, [home.serve(worker_in_serve=False)], clients=2, pause=0.05) as load:
        began = time.monotonic()
        file = back_up(home)
        backed_up = time.monotonic()
        restore(home, file, relay)
        restored_ = time.monotonic()
    size, found = file.stat().st_size / 1e9, load.check(home)
    backup, back = (backed_up - began) / size, (restored_ - backed_up) / size
    need(max(backup, back) <= 60, f"a GB takes {backup:.0f} s to back up and {back:.0f} s to restore (aim 60)")
    return f"{size * 1000:,.0f} MB: {backup:.0f} s per GB, and {back:.0f} s per GB back; {found}"
