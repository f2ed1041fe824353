"""Migrations that are killed or start several at once: whole or not at all, and one applier. Two releases on one database."""

import os
import random
import subprocess
import time

from .load import Inviter, Load, check
from .mail import INVITATION, each_once
from .registry import Skip, fault, need, need_all
from .server import Home, until


def start(home, *words):
    return subprocess.Popen(
        home.command(*words), env=home.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def empty(scene, database=None):
    """A home without a schema."""
    return Home(scene, scene.new_folder(), database)


@fault("F27", "kill -9 during migrate on SQLite", quick={"points": 24}, full={"points": 200})
def killed(scene, points):
    whole = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    began = time.monotonic()
    wanted = scene.home().rows(whole)
    longest = time.monotonic() - began
    refused = []
    for point in range(points):
        home = empty(scene)
        migrating = start(home, "migrate", "--create")
        time.sleep(longest * point / points)
        migrating.kill()
        migrating.communicate()
        again = home.run("migrate", "--create")
        if again.returncode != 0:
            refused.append(again.stderr.strip().splitlines()[-1])
        else:
            need(home.rows(whole) == wanted, f"point {point}: the schema is not whole")
    need(not refused, f"{len(refused)} of {points} files were refused afterwards: {refused[:1]}")
    return f"{points} points, the next migrate made each whole"


@fault("F27", "eight migrate at once, some are killed", quick={"rounds": 20}, full={"rounds": 200})
def at_once(scene, rounds):
    chance, failed = random.Random(27), []
    for number in range(rounds):
        home = empty(scene, scene.new_database() if number % 10 == 0 else None)
        migrating = [start(home, "migrate", "--create") for _ in range(8)]
        time.sleep(chance.uniform(0, 0.15))
        killed = chance.sample(migrating, chance.choice((0, 1, 4)))
        for one in killed:
            one.kill()
        said = [one.communicate(timeout=60)[1] for one in migrating]
        failed += [words for one, words in zip(migrating, said) if one not in killed and one.returncode != 0]
        failed += [done.stderr for done in [home.run("migrate", "--create")] if done.returncode != 0]
    need(not failed, f"{len(failed)} failed in {rounds} rounds: {failed[:1]}")
    return f"{rounds} rounds, everybody else was well, and so was the next"


@fault("F27", "five serve at once make one key", quick={"rounds": 2}, full={"rounds": 20})
def one_key(scene, rounds):
    made = {"SQLite": [], "PostgreSQL": []}
    for _ in range(rounds):
        for kind, counts in made.items():
            home = scene.home(on_postgres=kind == "PostgreSQL")
            servers = [home.serve(ready=False, worker_in_serve=False) for _ in range(5)]
            for server in servers:
                server.wait_ready()
            counts.append(int(home.rows("SELECT count(*) FROM signing_keys")[0][0]))
            for server in servers:
                server.kill()
    need_all(*[(set(counts) == {1}, f"keys on {kind}: {counts}") for kind, counts in made.items()])
    return f"{rounds} rounds on each database, one key each time"


@fault("F28", "the release before and this one together", quick={"seconds": 2}, full={"seconds": 120})
def two_releases(scene, seconds):
    """First the old one alone, then both serve and work on one queue, then the old one is alone again."""
    if not os.access(os.environ.get("AFTERCARE_OLD_BIN", ""), os.X_OK):
        raise Skip("AFTERCARE_OLD_BIN does not name a binary of the release before")
    relay = scene.relay()
    new = Home(scene, scene.new_folder(), scene.new_database(), mail=relay.url)
    old = Home(scene, scene.new_folder(), new.postgres, mail=relay.url)
    old.program = os.path.realpath(os.environ["AFTERCARE_OLD_BIN"])
    old.must_run("migrate")
    server, clinic, _ = scene.clinic(old, worker_in_serve=False)
    inviter, loads, workers = Inviter(), [], [old.work()]

    def under_load(servers):
        with Load(clinic, servers, clients=8, pause=0.1, then=inviter) as load:
            time.sleep(seconds)
        loads.append(load)

    under_load([server])
    new.must_run("migrate")
    newer, workers = new.serve(worker_in_serve=False), [*workers, new.work()]
    under_load([server, newer])
    newer.stop()
    workers.pop().stop()
    under_load([server])
    until(lambda: old.states(INVITATION) == {"sent"}, 10 + len(inviter.invited) / 20)
    each_once(relay, inviter.invited)
    statuses = set().union(*(load.statuses() for load in loads)) | inviter.statuses
    bare = [letter for letter in relay.taken if "invitation#" not in letter.text.replace("=\r\n", "")]
    found = check(old, set().union(*(load.acknowledged() for load in loads)))
    need_all(
        (statuses <= {200, 201}, f"answers: {sorted(statuses)}"),
        (not any(load.unheard for load in loads), "requests had no answer"),
        (not bare, f"{len(bare)} of {len(relay.taken)} invitations have no link in them"),
        (server.code is None and workers[0].code is None, "a process of the old release ended"),
    )
    return f"{seconds} s each alone, together, alone: {found}, {len(inviter.invited):,} mails once each, each with its link"
