"""A relay that misbehaves as a fault says, and remembers every letter that it took and everything that was tried."""

import collections
import re
import socket
import threading
import time
from dataclasses import dataclass

HANG_UP = object()
"""A hook's answer: the connection is closed instead of an answer."""
TAKE_AND_HANG_UP = object()
"""The same after the letter was taken."""
SILENCE = object()
"""A hook's answer: nothing is ever said."""


@dataclass(frozen=True)
class Taken:
    """A letter that the relay took."""

    at: float
    to: str
    message_id: str
    began: float
    text: str


class Gone(Exception):
    """The connection is over."""


class Listener:
    """Listens on a port of 127.0.0.1; what is said on a line is `_converse`'s business, in a thread of its own."""

    def __init__(self):
        self._open, self._listener, self.connections = set(), None, 0
        self.listen()

    def listen(self):
        """Answers, at the same port as before."""
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", getattr(self, "port", 0)))
        self._listener.listen(100)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """Nobody listens any more, and open connections are cut."""
        self._cut(self._listener)
        self.cut()

    def cut(self):
        """Open connections are cut."""
        for line in list(self._open):
            self._cut(line)

    stop = refuse

    @staticmethod
    def _cut(line):
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        line.close()

    def _accept(self, listener):
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(line)
            self.connections += 1
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line):
        try:
            self._converse(line)
        except (OSError, Gone, ValueError):
            pass
        finally:
            self._open.discard(line)
            self._cut(line)


class Relay(Listener):
    """An SMTP server.

    Each hook is asked before its command is answered and gives the answer, one of the words above, or `None` for the
    usual one. It may sleep. `connect()`, `hello()`, `mail(sender)`, `rcpt(to, tries)`, `data(to)`, `dot(to, copies)`,
    `quit()`; and `said(to)`, when the answer to the dot is out.
    """

    USUAL = {"connect": "220 relay.example", "hello": "250-relay.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
             "mail": "250 2.1.0 ok", "rcpt": "250 2.1.5 ok", "data": "354 go on", "dot": "250 2.0.0 taken", "said": None,
             "quit": "221 bye"}  # fmt: skip

    def __init__(self, **hooks):
        super().__init__()
        self._hooks, self.commands = hooks, []
        self.keeps_letters = True  # fifty thousand would be too many
        self.tries, self.taken = collections.Counter(), []
        self.url = f"smtp://127.0.0.1:{self.port}"

    def change(self, **hooks):
        """From now on it misbehaves so, and only so."""
        self._hooks = hooks

    def copies(self):
        """How often each address's letter was taken."""
        return collections.Counter(letter.to for letter in self.taken)

    def ids(self):
        """The Message-IDs of each address."""
        found = collections.defaultdict(set)
        for letter in self.taken:
            found[letter.to].add(letter.message_id)
        return found

    def _converse(self, line):
        with line.makefile("rwb") as talk:
            self._speak(talk)

    def _speak(self, talk):
        self._answer(talk, "connect")
        to = ""
        while heard := talk.readline().decode("utf-8", "replace").strip():
            self.commands.append(heard)
            word = heard.upper().split(" ")[0].split(":")[0]
            if word in ("EHLO", "HELO"):
                self._answer(talk, "hello")
            elif word == "MAIL":
                self._answer(talk, "mail", heard)
            elif word == "RCPT":
                to = re.search(r"<(.*)>", heard).group(1)
                self.tries[to] += 1
                self._answer(talk, "rcpt", to, self.tries[to])
            elif word == "DATA":
                if self._answer(talk, "data", to).startswith("354"):
                    self._take(talk, to)
            elif word == "QUIT":
                self._answer(talk, "quit")
                return
            else:
                self._say(talk, "250 ok")

    def _take(self, talk, to):
        began, lines = time.time(), []
        while (read := talk.readline()) != b".\r\n":
            if not read:
                raise Gone
            lines.append(read)
        letter = b"".join(lines).decode("utf-8", "replace")
        message_id = re.search(r"(?im)^message-id:\s*(\S+)", letter).group(1)
        said = self._hook("dot", to, self.copies()[to])
        taken = said is TAKE_AND_HANG_UP or isinstance(said, str) and said.startswith("250")
        if taken:
            self.taken.append(Taken(time.time(), to, message_id, began, letter if self.keeps_letters else ""))
        self._say(talk, HANG_UP if said is TAKE_AND_HANG_UP else said)
        self._hook("said", to)

    def _hook(self, name, *words):
        hook = self._hooks.get(name)
        said = hook(*words) if hook else None
        return self.USUAL[name] if said is None else said

    def _answer(self, talk, name, *words):
        return self._say(talk, self._hook(name, *words))

    @staticmethod
    def _say(talk, said):
        if said is SILENCE:
            talk.read()
        if not isinstance(said, str):
            raise Gone
        talk.write(f"{said}\r\n".encode())
        talk.flush()
        return said
