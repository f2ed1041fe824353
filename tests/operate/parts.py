"""Programs that operators run beside Aftercare, started from the samples in `contrib/` with the test's own ports and paths."""

import os
import pathlib
import pwd
import re
import shutil
import signal
import ssl
import subprocess

from faults.client import Client, free_port
from faults.registry import Skip
from faults.server import until

CONTRIB = pathlib.Path(__file__).parents[2] / "contrib"


def program(name, package):
    """Where it is; without it, the sample is skipped."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        raise Skip(f"there is no {name} (Debian: {package})")
    return found


def sample(name, *changes):
    """The text of a sample with some of it changed; each change must hit something, so that the sample is what is tried."""
    text = (CONTRIB / name).read_text()
    for pattern, by in changes:
        text, hits = re.subn(pattern, by, text, flags=re.MULTILINE)
        if not hits:
            raise RuntimeError(f"contrib/{name} has no {pattern!r}")
    return text


def user(name):
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise Skip(f"there is no user {name}") from None


class Part:
    """A program in the foreground that ends with the scene."""

    def __init__(self, scene, command, as_user=None):
        self.log = scene.new_folder() / "log"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, user=as_user, cwd="/")
        scene.ends(self.stop)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def must_run(self, is_up, what):
        if not until(lambda: is_up() or self.process.poll() is not None, 15) or self.process.poll() is not None:
            raise RuntimeError(f"{what} did not start: {self.log.read_text(errors='replace')[-600:]}")


def listens(port):
    """Whether somebody listens at that port of 127.0.0.1, without connecting to it."""
    wanted = f"0100007F:{port:04X}"
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in lines)


def certificate(folder):
    """A certificate for `care.example` and localhost that nobody else knows; gives its path and that of its key."""
    pem, key = folder / "care.example.pem", folder / "care.example.key"
    subprocess.run(
        [program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2", "-subj", "/CN=care.example", "-addext", "subjectAltName=DNS:care.example,DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(pem)],
        check=True, capture_output=True,
    )  # fmt: skip
    return pem, key


class Nginx(Part):
    """The sample, with two nodes behind it, on a TLS port."""

    def __init__(self, scene, ports):
        folder = scene.new_folder()
        pem, key = certificate(folder)
        self.port, plain = free_port(), free_port()
        site = sample(
            "nginx/aftercare.conf",
            (r"127\.0\.0\.1:8081", f"127.0.0.1:{ports[0]}"),
            (r"127\.0\.0\.1:8082", f"127.0.0.1:{ports[1]}"),
            (r"listen 80;", f"listen 127.0.0.1:{plain};"),
            (r"listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} ssl http2;"),
            (r"/etc/ssl/certs/care\.example\.pem", str(pem)),
            (r"/etc/ssl/private/care\.example\.key", str(key)),
            (r"/var/log/nginx/aftercare\.log", str(folder / "errors")),
        )
        (folder / "site.conf").write_text(site)
        config = folder / "nginx.conf"
        places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(
            f"daemon off; pid {folder}/pid; worker_processes 2; error_log stderr warn; events {{ worker_connections 1024; }}\n"
            f"http {{ {places} include {folder}/site.conf; }}\n"
        )
        folder.chmod(0o755)
        super().__init__(scene, [program("nginx", "nginx"), "-p", str(folder), "-c", str(config)])
        self.must_run(lambda: listens(self.port), "nginx")
        self._trust = ssl.create_default_context(cafile=str(pem))

    def client(self, token=None, timeout=15):
        """Speaks TLS with it, and believes the certificate."""
        return Client(self.port, token, timeout, tls=self._trust)


class Postfix(Part):
    """The sample, which hands everything to a relay of the test."""

    def __init__(self, scene, next_port):
        postfix = program("postfix", "postfix")
        if os.getuid() != 0:
            raise Skip("Postfix starts as root only")
        folder = scene.new_folder()
        for name in ("etc", "queue", "data"):
            (folder / name).mkdir()
        for above in (scene.folder, folder):
            above.chmod(0o755)
        os.chown(folder / "data", user("postfix").pw_uid, -1)
        self.port = free_port()
        main = sample(
            "postfix/main.cf",
            (r"^relayhost = .*", f"relayhost = [127.0.0.1]:{next_port}"),
            (r"^smtp_tls_security_level = .*", "smtp_tls_security_level = none"),
            (r"^smtp_tls_CAfile = .*\n", ""),
            (r"^smtp_sasl_.*\n", ""),
        )
        main += f"queue_directory = {folder}/queue\ndata_directory = {folder}/data\nmaillog_file = {folder}/queue/log\n"
        main += f"maillog_file_prefixes = {folder}\nmyhostname = relay.example\n"
        (folder / "etc" / "main.cf").write_text(main)
        master = pathlib.Path("/etc/postfix/master.cf").read_text()
        master = re.sub(r"^smtp(\s+inet\s)", rf"{self.port}\1", master, count=1, flags=re.MULTILINE)
        # No chroot: the sample's folders are empty.
        master = re.sub(r"^(\S+\s+(?:inet|unix|fifo)\s+\S+\s+\S+\s+)y(\s)", r"\1n\2", master, flags=re.MULTILINE)
        (folder / "etc" / "master.cf").write_text(master)
        self._command = [postfix, "-c", str(folder / "etc")]
        super().__init__(scene, [*self._command, "start-fg"])
        self.must_run(lambda: listens(self.port), "Postfix")

    def stop(self):
        """Its master is a process of its own, which a signal to the program that began it does not reach."""
        subprocess.run([*self._command, "abort"], capture_output=True)
        super().stop()


class PgBouncer(Part):
    """The sample in front of a cluster that trusts everybody on this machine."""

    def __init__(self, scene, cluster, database):
        bouncer = program("pgbouncer", "pgbouncer")
        folder = scene.new_folder()
        self.port = free_port()
        text = sample(
            "pgbouncer/pgbouncer.ini",
            (r"^aftercare = .*", f"aftercare = host=127.0.0.1 port={cluster.port} dbname={database.name} user=postgres"),
            (r"^listen_port = .*", f"listen_port = {self.port}"),
            (r"^auth_type = .*", "auth_type = any"),
            (r"^auth_file = .*\n", ""),
        )
        (folder / "pgbouncer.ini").write_text(text)
        for path in (scene.folder, folder):
            path.chmod(0o755)
        as_user = user("postgres").pw_name if os.getuid() == 0 else None
        super().__init__(scene, [bouncer, str(folder / "pgbouncer.ini")], as_user)
        self.must_run(lambda: listens(self.port), "PgBouncer")
