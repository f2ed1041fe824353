"""Backup and restore as an operator drills them, by the units and the page."""

import shlex
import subprocess
import time

from faults.load import Load
from faults.registry import fault, need
from faults.server import Home

from .parts import sample
from .units import values


@fault("N5", "backup and restore on SQLite", quick={"seconds": 1}, full={"seconds": 30})
def sqlite(scene, seconds):
    """What `aftercare-backup.service` runs, beside a loaded server; restored onto a machine without a database."""
    home = scene.home()
    server, clinic, _ = scene.clinic(home)
    backups = scene.new_folder()
    unit = sample("systemd/aftercare-backup.service", ("/var/backups/aftercare", str(backups)))
    settings = home.command()[2]
    with Load(clinic, [server], clients=8) as load:
        time.sleep(seconds)
        before = load.acknowledged()
        for command in [*values(unit, "ExecStart"), *values(unit, "ExecStartPost")]:
            ours = command.replace("/usr/bin/aftercare --config /etc/aftercare/aftercare.toml", f"{home.program} --config {settings}")
            done = subprocess.run(shlex.split(ours.replace("%%", "%")), capture_output=True, text=True, env=home.environment())
            need(done.returncode == 0, f"{command}: {done.stderr}")
    files = list(backups.glob("*.db"))
    need(len(files) == 1, f"{len(files)} backups were made")
    other = Home(scene, scene.new_folder())
    other.must_run("restore", str(files[0]))
    other.must_be_sound()
    lost = before - {row[0] for row in other.rows("SELECT email FROM patients")}
    need(not lost, f"{len(lost)} of {len(before)} acknowledged writes are not in the backup")
    other.serve()
    return f"{len(before):,} acknowledged before the backup, 0 lost; the restored one serves; {load.check(home)}"


@fault("N6", "backup and restore on PostgreSQL", quick={"seconds": 1}, full={"seconds": 30})
def postgresql(scene, seconds):
    """`pg_dump`, `pg_restore`, `aftercare restore --guard`."""
    home = scene.home(on_postgres=True)
    server, clinic, _ = scene.clinic(home)
    file = scene.new_folder() / "aftercare.dump"
    with Load(clinic, [server], clients=8) as load:
        time.sleep(seconds)
        before = load.acknowledged()
        home.postgres.dump(file)
    other = Home(scene, scene.new_folder(), scene.new_database())
    other.postgres.restore(file)
    other.must_run("restore", "--guard")
    lost = before - {row[0] for row in other.rows("SELECT email FROM patients")}
    need(not lost, f"{len(lost)} of {len(before)} acknowledged writes are not in the backup")
    other.serve()
    return f"{len(before):,} acknowledged before the dump, 0 lost; the restored one serves; {load.check(home)}"
