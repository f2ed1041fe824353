#!/usr/bin/env bash
# The faults of the reliability promises, put on a real server: scripts/faults.sh [--quick] [F1 F7 ..]
# One line a fault: PASS, MISS (exit code 1) or SKIP with what is missing here. --quick: small numbers, four minutes.
# Installs what it needs where it may (Debian, as root). AFTERCARE_BIN names a built server; without it, one is built.
set -euo pipefail
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }
missing=()
have cc || missing+=(gcc libc6-dev)
have strace || missing+=(strace)
have mkfs.ext4 || [ -x /usr/sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
have sqlite3 || missing+=(sqlite3)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && have apt-get; then
  echo "installing ${missing[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; } \
    || echo "not all of ${missing[*]} could be installed: the faults that need them are skipped"
fi

if [ -z "${AFTERCARE_BIN:-}" ]; then
  cargo build --locked
  AFTERCARE_BIN=target/debug/aftercare
fi
AFTERCARE_BIN="$(realpath "$AFTERCARE_BIN")" PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 exec python3 -m faults "$@"
