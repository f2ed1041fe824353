#!/usr/bin/env bash
# The samples of contrib/ and docs/OPERATIONS.md, run with real parts (nginx, Postfix, PostgreSQL with a replica, PgBouncer, systemd's own
# checker): scripts/operate.sh [--quick] [N1 ..]. One line a sample: PASS, MISS (exit code 1) or SKIP with the package that is missing.
# Installs what it needs where it may (Debian, as root). AFTERCARE_BIN names a built server; without it, one is built.
# AFTERCARE_OLD_BIN names one of the release before, for N2.
set -euo pipefail
cd "$(dirname "$0")/.."

have() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }
missing=()
have nginx || missing+=(nginx-light)
have postfix || missing+=(postfix)
have pgbouncer || missing+=(pgbouncer)
have systemd-analyze || missing+=(systemd)
have openssl || missing+=(openssl)
have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && have apt-get; then
  echo "installing ${missing[*]}"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } \
    || echo "not all of ${missing[*]} could be installed: the samples that need them are skipped"
fi

if [ -z "${AFTERCARE_BIN:-}" ]; then
  cargo build --locked
  AFTERCARE_BIN=target/debug/aftercare
fi
AFTERCARE_BIN="$(realpath "$AFTERCARE_BIN")" PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 exec python3 -m operate "$@"
