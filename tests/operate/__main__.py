"""The command of `scripts/operate.sh`."""

from faults.runner import main

from . import databases, drills, restarts, units

GROUPS = (restarts, databases, drills, units)
"""Each module registers its samples."""

main("scripts/operate.sh", "The operator's samples, run with real parts.", "operate")
