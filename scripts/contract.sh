#!/usr/bin/env bash
# The contract, from outside: the document passes a linter, a client generated from it walks the story, schemathesis finds
# nothing, and the reference page works in a browser that may reach nobody else. contract/README.md says more.
#
#   scripts/contract.sh             everything
#   scripts/contract.sh document    without a server: the committed document is the one that is served, and is in order
#   scripts/contract.sh client      ... and the generated client walks the story
#
# AFTERCARE_BIN names a built server; without it, one is built. CHROMIUM names the browser. REFERENCE_PICTURE=FILE takes a
# picture of the reference page.
set -euo pipefail
cd "$(dirname "$0")/.."

part="${1:-all}"
case "$part" in all | document | client) ;; *) echo "unknown part $part: all, document or client" >&2; exit 2 ;; esac
say() { printf '\n== %s\n' "$*"; }
stop_with() { echo "MISS  $*" >&2; exit 1; }

command -v node >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || stop_with "Node.js 20 or newer is needed"
if [ -z "${AFTERCARE_BIN:-}" ]; then
  cargo build --locked
  AFTERCARE_BIN=target/debug/aftercare
fi
server="$(realpath "$AFTERCARE_BIN")"
for name in "${!AFTERCARE_@}"; do unset "$name"; done # the server takes every variable of this prefix for a setting
[ -z "${REFERENCE_PICTURE:-}" ] || REFERENCE_PICTURE="$(realpath "$REFERENCE_PICTURE")"
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true SCHEMATHESIS_TELEMETRY=false

say "tools, each at its locked version"
(cd contract && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
tools="$PWD/contract/node_modules/.bin"

scratch="$PWD/target/contract"
rm -rf "$scratch"
mkdir -p "$scratch"

misses=0
try() { "$@" || misses=$((misses + 1)); }

say "the document"
"$server" openapi >"$scratch/aftercare.json"
if cmp -s openapi/aftercare.json "$scratch/aftercare.json"; then
  echo "ok    openapi/aftercare.json is what the server makes"
else
  echo "MISS  openapi/aftercare.json is not what the server makes: run 'aftercare openapi > openapi/aftercare.json'"
  misses=$((misses + 1))
fi
cd contract
document=../openapi/aftercare.json
lint() {
  local counts
  if counts="$("$tools/redocly" lint "$document" --format=json 2>/dev/null | node -e '
    const { totals, problems } = JSON.parse(require("fs").readFileSync(0, "utf8"));
    for (const one of problems) console.error(`      ${one.severity} ${one.ruleId} ${one.location?.[0]?.pointer}: ${one.message}`);
    console.log(`${totals.errors} errors, ${totals.warnings} warnings, ${totals.ignored} ignored`);
    process.exitCode = totals.errors + totals.warnings + totals.ignored > 0 ? 1 : 0;')"; then
    echo "ok    redocly lint: $counts"
  else
    echo "MISS  redocly lint: ${counts:-it did not run}"
    return 1
  fi
}
try lint
try "$tools/tsx" src/document.ts "$document"
try "$tools/tsx" src/pages.ts ../src/pages ../tests/numbers.json

say "the client"
client() {
  if "$tools/openapi-typescript" "$document" --output src/api.d.ts >"$scratch/generate.log" 2>&1 && "$tools/tsc" --project .; then
    echo "ok    the generated client and its users type-check, strictly"
  else
    cat "$scratch/generate.log"
    echo "MISS  the generated client or a user of it does not type-check"
    return 1
  fi
}
try client

if [ "$part" != document ]; then
  say "the demo"
  running=""
  trap 'if [ -n "$running" ]; then kill "$running" 2>/dev/null || true; wait "$running" 2>/dev/null || true; fi' EXIT
  # A free port: the demo says which address it got.
  port="$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')"
  "$server" demo --data "$scratch/demo" --fresh --listen "127.0.0.1:$port" >"$scratch/demo.log" 2>&1 &
  running=$!
  demo="$scratch/demo/demo.json"
  for _ in $(seq 300); do
    kill -0 "$running" 2>/dev/null || { cat "$scratch/demo.log"; stop_with "the demo did not start"; }
    if [ -f "$demo" ] && node -e "fetch('http://127.0.0.1:$port/readyz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; then break; fi
    sleep 0.2
  done
  echo "ok    the demo answers"

  say "the story, by the generated client"
  try "$tools/tsx" src/story.ts "$demo"
fi

if [ "$part" = all ]; then
  say "the reference page and the built-in pages, in a browser"
  CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
  if [ -x "$CHROMIUM" ]; then
    CHROMIUM="$CHROMIUM" try "$tools/tsx" src/reference.ts "$demo" "$document" "${REFERENCE_PICTURE:-}"
    CHROMIUM="$CHROMIUM" try "$tools/tsx" src/browser.ts "$demo"
  else
    echo "MISS  no browser: 'apt-get install chromium', or name one in CHROMIUM"
    misses=$((misses + 1))
  fi

  say "schemathesis"
  venv="$PWD/../target/contract-venv"
  [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt
  try "$tools/tsx" src/fuzz.ts "$demo" "$venv/bin/st" "$document"
fi

echo
if [ "$misses" -eq 0 ]; then echo "ok    the contract"; else echo "MISS  the contract: $misses of its checks, see above"; fi
exit "$((misses > 0))"
