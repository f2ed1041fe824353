"""Backups beside a loaded server, and what a restored file does: P7."""

import shutil
import sqlite3
import subprocess
import time

from .clinic import create
from .load import Load
from .mail import settles
from .registry import Skip, fault, need, need_all
from .server import Home, until


def beside(scene, times, deed):
    """Does the deed so often beside a loaded server, which must lose nothing by it, now or at the next start."""
    home = scene.home()
    server, clinic, _ = scene.clinic(home)
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


def holds(path, acknowledged):
    """A copy is sound, and has all that was acknowledged before it was begun."""
    database = sqlite3.connect(path)
    need(database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], f"{path.name} is not sound")
    kept = {row[0] for row in database.execute("SELECT email FROM patients")}
    database.close()
    need(
        acknowledged <= kept,
        f"{len(acknowledged - kept)} of {len(acknowledged)} acknowledged writes are not in {path.name}",
    )


@fault("FB", "sqlite3 VACUUM INTO beside a loaded server", quick={"times": 4}, full={"times": 50})
def vacuum(scene, times):
    if shutil.which("sqlite3") is None:
        raise Skip("there is no sqlite3 (Debian: sqlite3)")

    def deed(home, number, acknowledged):
        copy = home.folder / f"copy-{number}.db"
        subprocess.run(["sqlite3", home.path, f"VACUUM INTO '{copy}'"], check=True, timeout=60)
        holds(copy, acknowledged)

    return f"{times} copies, each sound and whole; {beside(scene, times, deed)}"


@fault("FB", "clinic create beside a loaded server", quick={"times": 4}, full={"times": 50})
def commands(scene, times):
    found = beside(scene, times, lambda home, number, _: create(home, f"owner{number}@other.example"))
    return f"{times} clinics made; {found}"


@fault("FB", "aftercare backup beside a loaded server", quick={"times": 4}, full={"times": 50})
def backup(scene, times):
    def deed(home, number, acknowledged):
        copy = home.folder / f"backup-{number}.db"
        done = home.run("backup", str(copy))
        need(done.returncode == 0, f"aftercare backup: {done.stderr.strip().splitlines()[:1]}")
        need(copy.stat().st_mode & 0o077 == 0, f"the backup's mode is {copy.stat().st_mode & 0o777:o}")
        holds(copy, acknowledged)

    return f"{times} backups, each sound and whole; {beside(scene, times, deed)}"


@fault("FB", "a restored file sends nothing old", quick={"mails": 10}, full={"mails": 200})
def restored(scene, mails):
    relay = scene.relay()
    home = scene.home(relay)
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    clinic.invite(owner, mails)
    copy = home.folder / "backup.db"
    done = home.run("backup", str(copy))
    need(done.returncode == 0, f"aftercare backup: {done.stderr.strip().splitlines()[:1]}")
    worker = home.work()
    settles(home, "sent")
    worker.stop()
    sent = len(relay.taken)
    refused = home.run("restore", "--replace", str(copy))
    need(refused.returncode != 0, "restore replaced the file under a running server")
    server.stop()
    other = Home(scene, scene.new_folder(), mail=relay.url)
    began = time.monotonic()
    done = other.run("restore", str(copy))
    took = time.monotonic() - began
    need(done.returncode == 0, f"aftercare restore: {done.stderr.strip().splitlines()[:1]}")
    server = other.serve()
    time.sleep(3)
    again = len(relay.taken) - sent
    other.must_be_sound()
    [(patients,)] = other.rows("SELECT count(*) FROM patients")
    clinic.home = other
    new = clinic.add_patient(clinic.owner(server, fresh=True), "new")
    clinic.owner(server).must(201, "POST", f"/v1/clinic/patients/{new['id']}/invitation")
    fresh = until(lambda: relay.copies()[new["email"]], 5)
    need_all(
        (not again, f"{again} mails were sent a second time after the restore"),
        (patients == mails, f"{patients} of {mails} patients are there"),
        (fresh, "a mail of after the restore was not sent"),
    )
    return f"restored in {took:.1f} s, {mails} patients there, 0 of {mails} old mails sent again"
