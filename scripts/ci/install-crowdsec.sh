#!/usr/bin/env bash
# Provides CrowdSec: Debian's package unpacked into DIR, never installed, since installing it starts a
# service and registers this machine online.
#
#   scripts/ci/install-crowdsec.sh DIR
#
# Leaves DIR/usr/bin/crowdsec, DIR/usr/bin/cscli and the hub that the package brings.
# Exit codes: 0 ready, 64 wrong usage, 75 cannot be had here (one line says why).
set -euo pipefail

unavailable() {
  echo "crowdsec unavailable: $1" >&2
  exit 75
}

runs() {
  "$1/usr/bin/crowdsec" -version >/dev/null 2>&1 && "$1/usr/bin/cscli" version >/dev/null 2>&1
}

# Fetches the package into a folder of its own and unpacks it; apt checks its signature.
fetch() {
  local dir=$1 folder
  folder=$(mktemp -d)
  if (cd "$folder" && { apt-get download -qq crowdsec || { apt-get update -qq && apt-get download -qq crowdsec; }; }) 2>/dev/null; then
    rm -rf "$dir"
    mkdir -p "$dir"
    dpkg-deb -x "$folder"/crowdsec_*.deb "$dir" && rm -rf "$folder" && return 0
  fi
  rm -rf "$folder"
  return 1
}

[[ $# -eq 1 ]] || { echo "usage: install-crowdsec.sh DIR" >&2; exit 64; }
dir=$(realpath -m "$1")
runs "$dir" && exit 0
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || unavailable "no apt-get here"
mkdir -p "$(dirname "$dir")"
for attempt in 1 2 3; do
  fetch "$dir" && break
  sleep $((attempt * 2))
done
[[ -x $dir/usr/bin/crowdsec ]] || unavailable "apt-get could not download it"
# It is linked against SQLite, which a small machine may not have.
if ! runs "$dir" && [[ $(id -u) -eq 0 ]]; then
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libsqlite3-0 >/dev/null || true
fi
runs "$dir" || unavailable "it does not run here"
