#!/usr/bin/env bash
# Runs the README's story, word for word, against a demo: API=http://127.0.0.1:8080 scripts/story.sh
set -euo pipefail
cd "$(dirname "$0")/.."
story=$(awk '/^<!-- story -->/ { seen = 1; next } seen && /^```sh/ { inside = 1; next } inside && /^```/ { exit } inside' README.md)
[ -n "$story" ] || { echo "scripts/story.sh: there is no story in README.md" >&2; exit 1; }
bash -euo pipefail -c "$story"
echo "the story works"
