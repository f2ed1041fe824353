"""The operator's samples (`contrib/`, `docs/OPERATIONS.md`), run with real parts: `scripts/operate.sh [--quick] [N1 ..]`."""
