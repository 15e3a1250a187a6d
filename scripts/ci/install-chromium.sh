#!/usr/bin/env bash
# Provides Chromium: the one on PATH, or Debian's package. Exit codes: 0 ready, 75 cannot be had here (one line says why).
set -euo pipefail

command -v chromium >/dev/null && exit 0
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "chromium unavailable: none on PATH and no right to install it" >&2
  exit 75
fi
for attempt in 1 2 3; do
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; then
    exit 0
  fi
  sleep $((attempt * 2))
done
echo "chromium unavailable: apt-get could not install it" >&2
exit 75
