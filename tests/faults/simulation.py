"""Faults that need no process: the outbox as a simulation, and the promises of what this release does not have."""

import os
import re
import subprocess
from pathlib import Path

from .registry import Skip, fault, need

ROOT = Path(__file__).resolve().parents[2]


@fault("F35", "the outbox as a simulation", quick={"seeds": 10_000}, full={"seeds": 1_000_000, "profile": "release"})
def simulated(scene, seeds, profile="dev"):
    command = ["cargo", "test", "--profile", profile, "--locked", "--no-default-features", "--test", "mail", "simulation"]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "SIMULATION_SEEDS": str(seeds)}, capture_output=True, text=True
    )
    broken = re.search(r"left: (\[.*\])", ran.stdout)
    need(ran.returncode == 0, broken.group(1)[:400] if broken else (ran.stdout + ran.stderr)[-400:])
    need("2 passed" in ran.stdout, "the two tests of the simulation were not found")
    return f"{seeds} stories of two workers, 0 broken promises; all three mutants caught"


@fault("F31", "a photo's file and its row", quick={}, full={})
def photos(scene):
    raise Skip("this release keeps no photos")


@fault("F33", "a webhook's receiver that fails", quick={}, full={})
def webhooks(scene):
    raise Skip("this release sends no webhooks")
