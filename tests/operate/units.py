"""The units of systemd: read by systemd itself, and what they start, started."""

import os
import re
import shlex
import signal
import subprocess

from faults.client import Client, free_port
from faults.registry import fault, need
from faults.server import SECRET, Process, until

from .parts import CONTRIB, program, sample


def values(unit, name):
    """What stands behind `name=`, in order."""
    return re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)


@fault("N7", "the units of systemd", quick={}, full={})
def units(scene):
    """`systemd-analyze verify` finds nothing, and each service starts, answers and ends as its unit says."""
    analyze = program("systemd-analyze", "systemd")
    folder = scene.new_folder()
    names = sorted(path.name for path in (CONTRIB / "systemd").iterdir() if path.suffix)
    for name in names:
        text = (CONTRIB / "systemd" / name).read_text().replace("/usr/bin/aftercare", os.environ["AFTERCARE_BIN"])
        (folder / name).write_text(text)
    checked = [str(folder / name.replace("@.", "@8081.")) for name in names]
    (folder / "aftercare@8081.service").symlink_to(folder / "aftercare@.service")
    done = subprocess.run([analyze, "verify", *checked], capture_output=True, text=True)
    ours = [line for line in (done.stdout + done.stderr).splitlines() if "aftercare" in line]
    need(not ours, f"systemd says: {ours[:3]}")
    return f"{len(names)} files without a remark; {starts(scene)}; {runs_a_command(scene)}"


def runs_a_command(scene):
    """`aftercare-run` with the page's files, in folders of the test and as whoever runs it."""
    folder = scene.new_folder()
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "mail").write_text(f"folder:{folder}/mails\n")
    (folder / "aftercare.toml").write_text(f'database_url = "sqlite:{folder}/aftercare.db"\nmail_from = "A clinic <a@clinic.example>"\n')
    script = sample(
        "systemd/aftercare-run",
        (r"/var/lib/aftercare", str(folder)),
        (r"/etc/aftercare", str(folder)),
        (r"setpriv .*\\\n *", ""),
        (r"/usr/bin/aftercare", os.environ["AFTERCARE_BIN"]),
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERCARE_", "DATABASE_"))}
    for words in (["migrate", "--create"], ["keys", "list"], ["doctor"]):
        done = subprocess.run(["sh", "-c", script, "aftercare-run", *words], capture_output=True, text=True, env=clean)
        need(done.returncode == 0, f"aftercare-run {' '.join(words)}: {done.stdout[-200:]}{done.stderr[-200:]}")
    mode = (folder / "aftercare.db").stat().st_mode & 0o777
    need(mode == 0o600, f"the database's mode is {mode:o}")
    return "aftercare-run migrates and looks"


def starts(scene):
    """What `aftercare@PORT` and the worker run, with their environment."""
    home = scene.home(on_postgres=True, worker_in_serve=False)
    secrets, port = scene.new_folder(), free_port()
    (secrets / "secret").write_text(f"{SECRET}\n")
    (secrets / "mail").write_text(f"{home.settings['mail']}\n")
    (secrets / "database_url").write_text(f"{home.settings['database_url']}\n")
    home.settings = {name: value for name, value in home.settings.items() if name not in ("secret", "mail", "database_url")}
    settings = home.command()[2]

    def command(words):
        return shlex.split(words.replace("/usr/bin/aftercare", home.program).replace("/etc/aftercare/aftercare.toml", settings))

    ended = []
    for name in ("aftercare@.service", "aftercare-worker.service"):
        unit = sample(f"systemd/{name}")
        pairs = [value.replace("%d", str(secrets)).replace("%i", str(port)) for value in values(unit, "Environment")]
        environment = {**home.environment(), **dict(pair.split("=", 1) for pair in pairs)}
        [start] = values(unit, "ExecStart")
        process = Process(command(start), home.notes / f"{name}.log", environment)
        scene.ends(process.kill)
        for after in values(unit, "ExecStartPost"):
            done = subprocess.run(command(after), env=environment, capture_output=True, text=True)
            need(done.returncode == 0, f"{name}: {after}: {done.stderr}")
            need(Client(port).ask("GET", "/readyz").status == 200, f"{name}: it is not ready after {after}")
        until(lambda: process.code is not None, 0.5)
        need(process.code is None, f"{name} ended with {process.code}: {process.last_words()}")
        process.signal(signal.SIGTERM)
        [patience] = values(unit, "TimeoutStopSec")
        ended.append(process.ended(within=int(patience)))
    need(ended == [0, 0], f"they ended with {ended}")
    return "a node and the worker start, are ready and end as their units say"
