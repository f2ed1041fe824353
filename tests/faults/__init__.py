"""The faults of the reliability promises, put on a real server: `scripts/faults.sh [--quick] [F1 F7 ..]`."""
