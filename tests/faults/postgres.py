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
    started = Cluster()
    atexit.register(started.remove)
    return started


def _programs():
    found = shutil.which("initdb")
    folders = [os.path.dirname(found)] if found else []
    folders += sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(re.search(r"\d+", path).group()))
    for folder in reversed(folders):
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "pg_ctl", "psql")):
            return folder
    raise Skip("there is no PostgreSQL (Debian: postgresql)")


class Cluster:
    """One in a folder of its own, as the user postgres if this is root: a new one, or the standby of another."""

    def __init__(self, standby_of=None, port=None):
        self.bin, self.port, self._databases = _programs(), port or free_port(), 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-postgres-"))
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            try:
                shutil.chown(self.folder, pwd.getpwnam("postgres").pw_uid)
            except KeyError:
                raise Skip("there is no user postgres, and root may not run PostgreSQL") from None
        if standby_of:
            self._run("pg_basebackup", "-D", self.data, "-d", standby_of.url("postgres"), "-R", "-c", "fast")
        else:
            self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.control("start")

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
        """`pg_ctl start`, `stop`, `restart` or `promote`, and waits for it."""
        settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "max_connections=400")
        options = " -c ".join([f"-p {self.port}", *settings])
        starts = () if word in ("stop", "promote") else ("-l", str(self.folder / "log"), "-o", options)
        self._run("pg_ctl", word, "-D", self.data, "-w", *starts, *words)

    def commits_with(self, standbys):
        """Commits wait from now on for these: `*` for any, nothing for none."""
        self.psql("postgres", f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'")
        self.psql("postgres", "SELECT pg_reload_conf()")

    def remove(self):
        """Stops at once, as a machine that is gone; nothing is left of it."""
        if self.folder.exists():
            self.control("stop", "-m", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self):
        self._databases += 1
        name = f"faults_{self._databases}"
        self.psql("postgres", f"CREATE DATABASE {name}")
        return self.database(name)

    def database(self, name):
        """One that is there."""
        return Database(self, name)

    def give(self, *files):
        """Files that only the cluster may read."""
        for file in files:
            file.chmod(0o600)
            if self._user:
                shutil.chown(file, self._user)

    def client(self, program, *words):
        """Runs one of the programs that speak with a server; gives what it prints."""
        done = subprocess.run(
            [f"{self.bin}/{program}", *words], capture_output=True, text=True, timeout=60, env=ENVIRONMENT
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout

    def refuses(self, database, sql):
        """Why it refuses that; nothing if it does not."""
        try:
            self.psql(database, sql)
        except RuntimeError as why:
            return str(why)
        return ""

    def psql(self, database, sql):
        return self.client("psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql, self.url(database))

    def url(self, database, port=None):
        return f"postgres://postgres@127.0.0.1:{port or self.port}/{database}"


class Database:
    """One database of the cluster."""

    def __init__(self, cluster_, name):
        self.cluster, self.name, self.url = cluster_, name, cluster_.url(name)

    def url_by(self, port):
        """Its address by way of something that stands between."""
        return self.cluster.url(self.name, port)

    def rows(self, sql):
        """Every value comes as text."""
        return [tuple(line.split("\t")) for line in self.cluster.psql(self.name, sql).splitlines()]

    def dump(self, file):
        self.cluster.client("pg_dump", "--format=custom", f"--file={file}", self.url)

    def restore(self, file):
        self.cluster.client("pg_restore", "--exit-on-error", f"--dbname={self.url}", str(file))
