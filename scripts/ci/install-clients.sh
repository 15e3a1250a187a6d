#!/usr/bin/env bash
# Provides other people's clients of STIX, TAXII, MISP and Sigma: a Python environment in DIR, of pinned packages.
#
#   scripts/ci/install-clients.sh DIR
#
# Leaves DIR/bin/python. Exit codes: 0 ready, 64 wrong usage, 75 cannot be had here (one line says why).
set -euo pipefail

unavailable() {
  echo "clients unavailable: $1" >&2
  exit 75
}

ready() {
  "$1/bin/python" -c 'import taxii2client, stix2, stix2validator, pymisp, sigma' >/dev/null 2>&1
}

[[ $# -eq 1 ]] || { echo "usage: install-clients.sh DIR" >&2; exit 64; }
dir=$(realpath -m "$1")
ready "$dir" && exit 0
command -v python3 >/dev/null || unavailable "no python3 on PATH"
mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
python3 -m venv "$dir" 2>/dev/null || unavailable "python3 cannot make an environment (python3-venv is missing)"
for attempt in 1 2 3; do
  "$dir/bin/pip" install --quiet --disable-pip-version-check \
    taxii2-client==2.3.0 stix2==3.0.2 stix2-validator==3.3.2 stix2-patterns==2.1.2 \
    pymisp==2.5.34.4 pysigma==2.0.1 >/dev/null && break
  sleep $((attempt * 2))
done
ready "$dir" || unavailable "pip could not install the packages"
