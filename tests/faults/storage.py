"""Kills, power cuts, full and failing disks, files that change under a server: P1 and P2 on SQLite."""

import collections
import errno
import fcntl
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time

from .client import NO_ANSWER
from .load import Load, check
from .mail import INVITATION
from .registry import Miss, Skip, fault, need, need_all
from .server import until
from .shim import LIES


@fault("F1", "kill -9 under load", quick={"kills": 10}, full={"kills": 200})
def kills(scene, kills):
    home = scene.home()
    server, clinic, _ = scene.clinic(home)
    servers, slowest, chance = [server], 0.0, random.Random(1)
    with Load(clinic, servers, clients=20) as load:
        for _ in range(kills):
            heard = len(load.answers)
            until(lambda: len(load.answers) > heard, 5, every=0.001)
            time.sleep(chance.uniform(0, 0.05))
            servers[0].kill()
            server = home.serve(ready=False)
            slowest = max(slowest, server.wait_ready())
            servers[:] = [server]
    found = load.check(home)
    need(slowest <= 2, f"ready only {slowest:.1f} s after a kill (aim 2)")
    return f"{kills} kills, {found}, ready in {slowest:.2f} s or less"


# --- power cuts ------------------------------------------------------------------------------------------------------

EXT4_SHUTDOWN, WITHOUT_THE_LOG = 0x8004587D, 2


class Disk:
    """A small ext4 of its own on a loop device; `cut` loses what was not flushed."""

    def __init__(self, scene):
        self.image, self.folder = scene.folder / "disk.img", scene.folder / "disk"
        self.folder.mkdir()
        for tool in ("mkfs.ext4", "mount", "losetup"):
            if shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
                raise Skip(f"there is no {tool} for a disk to cut the power of (Debian: e2fsprogs, mount)")
        self.image.write_bytes(b"")
        os.truncate(self.image, 64 << 20)
        self._do("/usr/sbin/mkfs.ext4", "-q", str(self.image))
        self.mount()
        scene.ends(subprocess.run, ["umount", "-l", str(self.folder)], capture_output=True)

    @staticmethod
    def _do(*words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise Skip(f"no loop disk here (it needs root): {words[0]}: {done.stderr.strip()}")

    def mount(self):
        self._do("mount", "-o", "loop", str(self.image), str(self.folder))

    def cut(self):
        handle = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(handle, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_THE_LOG))
        os.close(handle)

    def back(self):
        """The power is back: the file system puts itself right."""
        self._do("umount", str(self.folder))
        self.mount()


def cut_power(scene, cuts, lying=False):
    """Cuts the power under load, again and again; all of the time before each cut must be there in the end."""
    disk = Disk(scene)
    home = scene.home(folder=disk.folder / "home")
    server, clinic, _ = scene.clinic(home, shimmed=True)
    os.sync()
    if lying:
        home.shim.page.ending, home.shim.page.sync_error = b"-wal", LIES
    chance, loads = random.Random(4), []
    for _ in range(cuts):
        with Load(clinic, [server], clients=8) as load:
            time.sleep(chance.uniform(0.3, 0.8))
            loads.append((load, time.monotonic()))
            disk.cut()
            server.kill()
        disk.back()
        server = home.serve(shimmed=True)
        home.must_be_sound()
    found = check(home, set().union(*(load.acknowledged(before=cut_at) for load, cut_at in loads)))
    return f"before them {found}"


@fault("F4", "power cuts", quick={"cuts": 4}, full={"cuts": 200})
def power_cuts(scene, cuts):
    return f"{cuts} cuts, {cut_power(scene, cuts)}"


@fault("F4", "power cuts on a disk that lies must be seen to lose", quick={"cuts": 1}, full={"cuts": 5})
def power_cuts_on_a_lying_disk(scene, cuts):
    try:
        cut_power(scene, cuts, lying=True)
    except (Miss, RuntimeError) as why:
        return f"seen: {str(why).splitlines()[0][:80]}"
    raise Miss(f"{cuts} cuts with syncs that do nothing lost nothing: this test sees no loss")


# --- syncs -----------------------------------------------------------------------------------------------------------


@fault("F5", "the log is synced before the 2xx", quick={"writes": 40}, full={"writes": 500})
def synced_before_answer(scene, writes):
    if shutil.which("strace") is None:
        raise Skip("there is no strace (Debian: strace)")
    home, trace = scene.home(), scene.folder / "strace.out"
    server, clinic, owner = scene.clinic(home, worker_in_serve=False)
    calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg"
    command = ["strace", "-qq", "-f", "-y", "-s", "24", "-e", calls, "-o", trace, "-p", str(server.pid)]
    tracer = subprocess.Popen(command)
    scene.ends(tracer.kill)
    if not until(lambda: trace.exists() and "TracerPid:\t0" not in server.status(), 10):
        raise Skip("strace may not attach to a process here (it needs root, or ptrace_scope 0)")
    for number in range(writes):
        clinic.add_patient(owner, f"p{number}")
    tracer.terminate()
    tracer.wait(10)
    synced, right, pending = False, 0, {}
    for line in trace.read_text(errors="replace").splitlines():
        pid, call = line.split(" ", 1)
        call = call.strip()
        if call.startswith(("fsync(", "fdatasync(")) and "unfinished" in call:
            pending[pid] = call
        elif call.startswith("<...") and "sync resumed" in call:
            call = pending.pop(pid, "") + call
        if "-wal>" in call and call.endswith("= 0"):
            synced = True
        if "HTTP/1.1 201" in call:
            right += synced
            synced = False
    need(right == writes, f"{right} of {writes} answers came after a sync of the log")
    return f"{right} of {writes} answers after a sync of the log"


@fault("F7", "a sync that fails with EIO is the last", quick={"windows": 4}, full={"windows": 12})
def failing_sync(scene, windows):
    total, why_not = 0, []
    for number in range(windows):
        what = ("aftercare.db", "aftercare.db-wal")[number % 2]
        try:
            total += one_failing_sync(scene, what)
        except Miss as why:
            why_not.append(f"{what}: {why}")
    need(not why_not, f"{len(why_not)} of {windows} windows: " + "; ".join(sorted(set(why_not))))
    return f"{windows} windows, {total:,} acknowledged, 0 lost; it ended each time"


def one_failing_sync(scene, what):
    """Writes under load, one window of half a second in which syncs of that file fail, and a restart."""
    home = scene.home()
    page = home.shim.page
    page.ending, page.remember = what.encode(), 1
    server, clinic, _ = scene.clinic(home, shimmed=True)
    with Load(clinic, [server], clients=16) as load:
        time.sleep(0.7)
        page.sync_error = errno.EIO
        if not until(lambda: page.syncs_failed, 10, every=0.005):
            raise RuntimeError(f"no sync of {what} came in 10 s")
        code = server.ended(within=0.5)
        page.sync_error = 0
        code = code if code is not None else server.ended(within=2.5)
    server.kill()
    words = server.last_words()
    page.remember = 0
    home.serve()
    load.check(home)
    need(code is not None, "it went on after a failed sync")
    need(code != 0 and len(words) == 1, f"it ended with {code} and {len(words)} lines, not one")
    return len(load.acknowledged())


# --- full disks ------------------------------------------------------------------------------------------------------


def small_disk(scene, megabytes=16):
    folder = scene.folder / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        raise Skip("no tmpfs can be mounted here (it needs root)")
    scene.ends(subprocess.run, ["umount", "-l", str(folder)])
    return folder


@fault("F6", "a full disk that holds the log too", quick={}, full={})
def full_disk_with_log(scene):
    folder = small_disk(scene)
    home = scene.home(folder=folder / "home")
    home.notes = folder
    server, clinic, owner = scene.clinic(home)
    with Load(clinic, [server], clients=4, pause=0.005) as load:
        time.sleep(0.3)
        fill(folder / "filler")
        time.sleep(1)
        reads = collections.Counter()
        for _ in range(20):
            try:
                reads[owner.ask("GET", "/v1/clinic/patients").status] += 1
            except NO_ANSWER as why:
                reads[type(why).__name__] += 1
        (folder / "filler").unlink()
        back = load.goes_on(time.monotonic(), within=6)
    need_all(
        (server.code is None, f"the process ended with {server.code}"),
        (set(reads) == {200}, f"reads were answered {dict(reads)}"),
        (back <= 5, f"no write was taken {back:.1f} s after there was room"),
    )
    return f"reads went on, {load.check(home)}, back in {back:.1f} s"


@fault("F6", "a full disk", quick={"mails": 30}, full={"mails": 300})
def full_disk(scene, mails):
    folder = small_disk(scene, megabytes=16 + mails // 10)
    relay = scene.relay(dot=lambda to, copies: time.sleep(0.05))
    home = scene.home(relay, folder=folder / "home")
    server, clinic, owner = scene.clinic(home)
    clinic.invite(owner, mails)
    filler = folder / "filler"
    with Load(clinic, [server], clients=4, pause=0.005) as load:
        until(lambda: len(relay.taken) > 3, 10)
        fill(filler)
        full_at = time.monotonic()
        time.sleep(1.5)
        reads = [owner.ask("GET", "/v1/clinic/patients").status for _ in range(20)]
        readiness = collections.Counter()
        for _ in range(20):
            readiness[owner.ask("GET", "/readyz").status] += 1
            time.sleep(0.05)
        statuses = load.statuses(after=full_at + 0.5)
        filler.unlink()
        back = load.goes_on(time.monotonic())
    settled = until(lambda: home.states(INVITATION) <= {"sent", "retry", "leased"}, 8)
    copies = relay.copies()
    home.must_be_sound()
    found = load.check(home)
    untrue = [to for to, (state, _) in home.mails(INVITATION).items() if copies[to] != (state == "sent")]
    need_all(
        (statuses[507] > 0, f"writes were not refused with 507 but {dict(statuses)}"),
        (set(statuses) <= {200, 201, 507}, f"writes were answered {dict(statuses)}"),
        (set(reads) == {200}, f"reads were answered {sorted(set(reads))}"),
        (readiness[503] > readiness[200], f"readiness said {dict(readiness)} on a full disk"),
        (back <= 5, f"writes came back only after {back:.1f} s"),
        (settled and not untrue, f"mails ended as {sorted(home.states(INVITATION))}, {len(untrue)} not as they went"),
    )
    return f"{statuses[507]} times 507, reads went on, {found}, each mail as recorded, back in {back:.1f} s"


def fill(path):
    """Writes until not a byte more fits."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as why:
                if why.errno != errno.ENOSPC:
                    raise


# --- files that change under a server --------------------------------------------------------------------------------


def removed(home):
    home.path.unlink()


def replaced(home):
    copy = home.folder / "copy.db"
    shutil.copy(home.path, copy)
    copy.chmod(0o600)
    copy.rename(home.path)


def mode_read_only(home):
    home.path.chmod(0o400)


def writes_refused(home):
    home.shim.page.ending, home.shim.page.write_error = b"aftercare.db-wal", errno.EROFS


def log_removed(home):
    home.path.with_name("aftercare.db-wal").unlink()


def log_replaced(home):
    log = home.path.with_name("aftercare.db-wal")
    copy = home.folder / "copy-wal"
    shutil.copy(log, copy)
    copy.chmod(0o600)
    copy.rename(log)


def stops_acknowledging(scene, change, must_end):
    """What is acknowledged later than a second after the file was changed, is a miss. The old file must stay sound."""
    home = scene.home()
    server, clinic, owner = scene.clinic(home, shimmed=True)
    with Load(clinic, [server], clients=4, pause=0.002) as load:
        time.sleep(0.3)
        change(home)
        changed_at = time.monotonic()
        time.sleep(1.8)
    late = len(load.acknowledged()) - len(load.acknowledged(changed_at + 1))
    need(not late, f"{change.__name__}: {late} writes were acknowledged later than a second after it")
    code = server.ended(within=2 if must_end else 0)
    ready = code is None and server.is_ready()
    need(not ready, f"{change.__name__}: readiness says 200")
    need(not must_end or code not in (None, 0), f"{change.__name__}: the process goes on (exit {code})")
    need(code is None or len(server.last_words()) == 1, f"{change.__name__}: it ended with {code} and without one line")
    server.kill()


def all_of(scene, changes, must_end):
    missed = []
    for change in changes:
        try:
            stops_acknowledging(scene, change, must_end)
        except Miss as why:
            missed.append(str(why))
    need(not missed, "; ".join(missed))
    return f"{', '.join(change.__name__.replace('_', ' ') for change in changes)}: nothing acknowledged after a second"


@fault("F30", "a file that changes under a server", quick={}, full={})
def file_changes(scene):
    return all_of(scene, (removed, replaced, mode_read_only, writes_refused), must_end=False)


@fault("FB", "a log that is unlinked or replaced", quick={}, full={})
def log_changes(scene):
    return all_of(scene, (log_removed, log_replaced), must_end=True)


@fault("F30", "a file that cannot be served", quick={}, full={})
def file_refused(scene):
    home = scene.home()
    server, clinic, owner = scene.clinic(home)
    for number in range(50):
        clinic.add_patient(owner, f"p{number}")
    server.stop()
    home.change("PRAGMA wal_checkpoint(TRUNCATE)")
    sound = home.path.read_bytes()
    [(page, size)] = home.rows(
        "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = 'patients'"
    )
    for what, bytes_ in (("not a database", b"x" * 8192), ("cut short", sound[: len(sound) // 2])):
        home.path.write_bytes(bytes_)
        server = home.serve(ready=False)
        code = server.ended(within=5)
        need(code not in (None, 0), f"a file that is {what} is served (exit {code})")
        need(len(server.last_words()) == 1, f"a file that is {what}: {len(server.last_words())} lines, not one")
    home.path.write_bytes(sound[: (page - 1) * size] + b"\xff" * size + sound[page * size :])
    server = home.serve(ready=False)
    until(lambda: server.code is not None or server.is_ready(), 5)
    if server.code is None:
        status = clinic.owner(server).ask("GET", "/v1/clinic/patients").status
        need(status >= 500, f"a page of rubbish is answered with {status}")
        server.kill()
    home.path.write_bytes(sound)
    server = home.serve()
    patients = clinic.owner(server).must(200, "GET", "/v1/clinic/patients?limit=100")["items"]
    need(len(patients) == 50, f"{len(patients)} of 50 patients are in the sound file")
    return "refused with one line; a page of rubbish is not served"


@fault("F30", "a file that somebody else holds locked", quick={"seconds": 3}, full={"seconds": 12})
def file_locked(scene, seconds):
    home = scene.home()
    server, clinic, owner = scene.clinic(home)
    other = sqlite3.connect(home.path, isolation_level=None)
    scene.ends(other.close)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with Load(clinic, [server], clients=4) as load:
        time.sleep(seconds)
        reads = owner.ask("GET", "/v1/clinic/patients").status
        early = len(load.acknowledged())
        other.execute("ROLLBACK")
        free_at = time.monotonic()
        until(lambda: load.acknowledged(), 5)
    found = load.check(home)
    need(reads == 200 and not early, f"while locked: reads {reads}, {early} writes acknowledged")
    need(set(load.statuses()) <= {200, 201, 503}, f"writes were answered {dict(load.statuses())}")
    return f"locked for {free_at - began:.0f} s: {load.statuses()[503]} times 503, {found}"
