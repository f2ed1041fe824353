"""Starts and stops the product: a home is a folder with settings and a database; processes of it end by their id."""

import contextlib
import functools
import json
import os
import pathlib
import resource
import signal
import sqlite3
import subprocess
import time
import zlib

from .client import NO_ANSWER, Client, free_port
from .registry import Miss, need
from .shim import Shim

SECRET = "faults: 0123456789 abcdefghij KLMNOPQRST"


def binary():
    return os.environ["AFTERCARE_BIN"]


def until(holds, within, every=0.05):
    """Waits until it holds; gives the last answer."""
    deadline = time.monotonic() + within
    while not (last := holds()) and time.monotonic() < deadline:
        time.sleep(every)
    return last


class Process:
    """One running `aftercare`."""

    def __init__(self, command, log, environment, files=None):
        self.log = log
        limit = None
        if files:
            _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
            limit = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (files, most))
        with open(log, "ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment, preexec_fn=limit
            )
        self.pid = self._process.pid

    @property
    def code(self):
        """`None` while it runs."""
        return self._process.poll()

    def signal(self, number):
        if self.code is None:
            self._process.send_signal(number)

    def ended(self, within):
        """Waits for the end; gives the exit code, or `None` if it goes on."""
        until(lambda: self.code is not None, within, every=0.01)
        return self.code

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait()

    def stop(self):
        """SIGTERM, and SIGKILL for one that does not obey: how long that takes is F32's business alone."""
        self.signal(signal.SIGTERM)
        if self.ended(15) is None:
            self.kill()

    def status(self):
        return pathlib.Path(f"/proc/{self.pid}/status").read_text()

    def memory(self, field="VmRSS"):
        """Megabytes."""
        return next(int(line.split()[1]) / 1024 for line in self.status().splitlines() if line.startswith(field))

    def last_words(self):
        """What it said to people, rather than to its log."""
        lines = pathlib.Path(self.log).read_text(errors="replace").splitlines()
        return [line for line in lines if line.startswith("aftercare: ")]


class Server(Process):
    """One `serve`."""

    def __init__(self, port, *how):
        super().__init__(*how)
        self.port = port

    def client(self, token=None, timeout=15):
        return Client(self.port, token, timeout)

    def is_ready(self):
        try:
            return self.client(timeout=3).ask("GET", "/readyz").status == 200
        except NO_ANSWER:
            return False

    def wait_ready(self, within=15):
        """Gives how long it took."""
        began = time.monotonic()
        if not until(lambda: self.is_ready() or self.code is not None, within, 0.02) or self.code is not None:
            tail = pathlib.Path(self.log).read_text(errors="replace")[-600:]
            raise RuntimeError(f"the server is not ready after {within} s (exit {self.code}): {tail}")
        return time.monotonic() - began


class Home:
    """The data of one installation in `folder`, its settings and logs in `notes`, and its processes."""

    def __init__(self, scene, folder, database=None, **settings):
        self.scene, self.folder, self.program = scene, pathlib.Path(folder), binary()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "aftercare.db"
        self.postgres = database
        self.clinic = None
        self.notes = scene.new_folder()
        self.shim = Shim(self.notes)
        self.settings = {
            "database_url": database.url if database else f"sqlite:{self.path}",
            "secret": SECRET,
            "mail": f"folder:{self.folder / 'mail'}",
            "mail_from": "Invented Clinic <no-reply@clinic.example>",
            "access_token_seconds": 900,
            "mails_per_minute": 60_000,
            **settings,
        }

    def command(self, *words, **settings):
        """The words of a command line, with the settings file that it reads."""
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in {**self.settings, **settings}.items())
        file = self.notes / f"settings-{zlib.crc32(text.encode()):08x}.toml"
        if not file.exists():
            file.write_text(text)
        return [self.program, "--config", str(file), *words]

    def environment(self, shimmed=False):
        ours = ("AFTERCARE_", "DATABASE_", "PG")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, **(self.shim.environment if shimmed else {})}

    def run(self, *words, within=60, shimmed=False):
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*words), env=self.environment(shimmed), timeout=within, capture_output=True, text=True
        )

    def must_run(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise RuntimeError(f"aftercare {' '.join(words)}: {done.stderr[-600:]}")
        return done.stdout

    def serve(self, shimmed=False, ready=True, port=None, files=None, **settings):
        """Starts a server; `files` is how many it may have open, unless it asks for more."""
        port = port or free_port()
        command = self.command("serve", listen=f"127.0.0.1:{port}", **settings)
        server = Server(port, command, self.notes / f"serve-{port}.log", self.environment(shimmed), files)
        self.scene.ends(server.kill)
        if ready:
            server.wait_ready()
        if shimmed and ready:
            self.shim.must_be_attached()
        return server

    def later(self, server, seconds, **settings):
        """Starts the server again so much later by its own clock: a retry waits for minutes. It is killed when idle."""
        server.kill()
        self.shim.page.clock_seconds += seconds
        return self.serve(shimmed=True, **settings)

    def now(self):
        """By the clock that a shimmed server sees."""
        return time.time() + self.shim.page.clock_seconds

    def work(self, shimmed=False, **settings):
        """Starts a worker."""
        log = self.notes / f"worker-{free_port()}.log"
        worker = Process(self.command("worker", **settings), log, self.environment(shimmed))
        self.scene.ends(worker.kill)
        return worker

    # --- the data, past the product ----------------------------------------------------------------------------------

    def rows(self, sql):
        """Reads the database. On SQLite without the right to write, so that closing it cannot tidy the log away."""
        if self.postgres:
            return self.postgres.rows(sql)
        with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql).fetchall()

    def change(self, sql):
        """Changes what is in the database; the connection stays open to the end."""
        if self.postgres:
            self.postgres.rows(sql)
            return
        database = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        self.scene.ends(database.close)
        database.execute(sql)

    def must_be_sound(self):
        """SQLite's own opinion of the file."""
        if self.postgres:
            return
        try:
            found = [row[0] for row in self.rows("PRAGMA integrity_check")]
            dangling = self.rows("PRAGMA foreign_key_check")
        except sqlite3.DatabaseError as why:
            raise Miss(f"the file cannot be read: {why}") from why
        need(found == ["ok"], f"integrity_check: {'; '.join(found)[:200]}")
        need(not dangling, f"foreign_key_check: {len(dangling)} rows")

    def mails(self, kind=None):
        """The outbox: address -> (state, attempt)."""
        where = f"WHERE kind = '{kind}'" if kind else ""
        rows = self.rows(f"SELECT to_address, state, attempt FROM outbox {where}")
        return {address: (state, int(attempt)) for address, state, attempt in rows}

    def states(self, kind=None):
        return {state for state, _ in self.mails(kind).values()}
