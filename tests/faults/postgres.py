"""A throw-away PostgreSQL cluster, started at the first fault that wants one."""

import atexit
import functools
import glob
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

from .client import free_port
from .registry import Skip

ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}


@functools.cache
def cluster():
    """The cluster of this run."""
    return Cluster()


def _programs():
    found = shutil.which("initdb")
    folders = [os.path.dirname(found)] if found else []
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(re.search(r"\d+", path).group()))
    for folder in reversed(folders):
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "pg_ctl", "psql")):
            return folder
    raise Skip("there is no PostgreSQL (Debian: postgresql)")


class Cluster:
    """`initdb` in a folder of its own, as the user postgres if this is root."""

    def __init__(self):
        self.bin, self.port, self._databases = _programs(), free_port(), 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-postgres-"))
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            try:
                shutil.chown(self.folder, pwd.getpwnam("postgres").pw_uid)
            except KeyError:
                raise Skip("there is no user postgres, and root may not run PostgreSQL") from None
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.control("start")
        atexit.register(self.remove)

    @property
    def data(self):
        return str(self.folder / "data")

    def _run(self, program, *words):
        with open(self.folder / "said", "w+") as said:
            done = subprocess.run(
                [f"{self.bin}/{program}", *words], user=self._user, cwd="/", env=ENVIRONMENT, timeout=60,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {(self.folder / 'said').read_text()[-600:]}")

    def control(self, word, *words):
        """`pg_ctl start`, `stop` or `restart`, and waits for it."""
        settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "max_connections=400")
        options = " -c ".join([f"-p {self.port}", *settings])
        starts = () if word == "stop" else ("-l", str(self.folder / "log"), "-o", options)
        self._run("pg_ctl", word, "-D", self.data, "-w", *starts, *words)

    def remove(self):
        self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self):
        self._databases += 1
        name = f"faults_{self._databases}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return Database(self, name)

    def psql(self, database, sql):
        done = subprocess.run(
            [f"{self.bin}/psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database)],
            capture_output=True, text=True, timeout=60, env=ENVIRONMENT,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}"


class Database:
    """One database of the cluster."""

    def __init__(self, cluster_, name):
        self.cluster, self.name, self.url = cluster_, name, cluster_.url(name)

    def rows(self, sql):
        """Every value comes as text."""
        return [tuple(line.split("\t")) for line in self.cluster.psql(self.name, sql).splitlines()]
