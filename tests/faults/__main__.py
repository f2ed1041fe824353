"""The command of `scripts/faults.sh`."""

from . import (backups, clients, clocks, crowds, failover, logs, mail, migrating, partition, points, replica, simulation,
               soak, stopping, storage, workers, zones)  # fmt: skip
from .runner import main

GROUPS = (storage, mail, workers, points, clocks, zones, clients, stopping, migrating, partition, failover, replica, backups,
          crowds, logs, soak, simulation)  # fmt: skip
"""Each module registers its faults."""

main("scripts/faults.sh", "The faults of the reliability promises, put on a real server.", "faults")
