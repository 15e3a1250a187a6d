#!/bin/sh
# Publishes lines of standard input over HTTP, a detection on each.
#   echo '{"anamnesis":"detection/1","rule":{"id":"x"}}' | ANAMNESIS_TOKEN=… sh publish.sh http://127.0.0.1:8801
set -eu
url=${1:-http://127.0.0.1:8801}
lines=$(mktemp)
headers=$(mktemp)
trap 'rm -f "$lines" "$headers"' EXIT
cat > "$lines"

# The same key for every attempt: what arrived twice counts once.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# A file, not an argument: arguments are seen by every user of this machine.
printf 'Authorization: Bearer %s\n' "$ANAMNESIS_TOKEN" > "$headers"

curl --silent --show-error --fail-with-body --max-time 30 \
  --retry 4 --retry-connrefused \
  --header @"$headers" \
  --header 'Content-Type: application/x-ndjson' \
  --header "Idempotency-Key: $key" \
  --data-binary @"$lines" \
  "$url/api/v1/detections"
