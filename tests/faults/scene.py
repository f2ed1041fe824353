"""What one fault works with; all of it ends with the fault."""

import contextlib
import pathlib
import shutil
import tempfile

from . import postgres
from .clinic import Clinic
from .relay import Relay
from .server import Home


class Scene:
    """Homes, relays and databases of one fault."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
        self.ends(shutil.rmtree, self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()

    def ends(self, end, *words, **named):
        """Something to be done at the end, the last first."""
        self._stack.callback(end, *words, **named)

    def new_folder(self):
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    def relay(self, **hooks):
        relay = Relay(**hooks)
        self.ends(relay.stop)
        return relay

    @staticmethod
    def new_database():
        return postgres.cluster().new_database()

    def home(self, relay=None, folder=None, on_postgres=False, database=None, **settings):
        """An installation whose schema is there."""
        if relay:
            settings.setdefault("mail", relay.url)
        database = self.new_database() if on_postgres else database
        home = Home(self, folder or self.new_folder(), database, **settings)
        home.must_run("migrate", "--create")
        return home

    def clinic(self, home, shimmed=False, **settings):
        """A server, its clinic, and the owner's client there."""
        server = home.serve(shimmed, **settings)
        clinic = Clinic(home, server)
        return server, clinic, clinic.owner(server)
