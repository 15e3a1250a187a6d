#!/usr/bin/env bash
# Builds GoQuorum 22.7.4 (out of support, so a test fixture and nothing else) into DIR/geth, from the
# Go module proxy with the versions and sums of quorum/go.mod and quorum/go.sum.
#
#   scripts/ci/install-quorum.sh DIR
#
# About two minutes the first time; a second run finds it ready.
# Exit codes: 0 ready, 64 wrong usage, 75 cannot be had here (one line says why).
set -euo pipefail

readonly UNAVAILABLE=75
readonly VERSION=22.7.4
readonly ATTEMPTS=3
readonly PACKAGE=github.com/ethereum/go-ethereum/cmd/geth

unavailable() {
  echo "GoQuorum unavailable: $1" >&2
  exit "$UNAVAILABLE"
}

is_ready() {
  [[ -x $1 ]] && [[ $("$1" version 2>/dev/null) == *"Quorum Version: $VERSION"* ]]
}

# Runs a command until it succeeds, at most ATTEMPTS times.
retry() {
  local attempt
  for ((attempt = 1; attempt <= ATTEMPTS; attempt++)); do
    "$@" && return 0
    sleep $((attempt * 2))
  done
  return 1
}

main() {
  [[ $# -eq 1 ]] || { echo "usage: install-quorum.sh DIR" >&2; exit 64; }
  local dir here
  dir=$(realpath -m "$1")
  here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
  if is_ready "$dir/geth"; then
    echo "GoQuorum $VERSION is at $dir/geth"
    return 0
  fi
  command -v go >/dev/null || unavailable "no Go on PATH; 1.24 or newer builds it"
  mkdir -p "$dir/module"
  cp "$here/quorum/go.mod" "$here/quorum/go.sum" "$dir/module/"
  # The engine's USB and secp256k1 packages are C.
  command -v "${CC:-cc}" >/dev/null || unavailable "no C compiler on PATH"
  export GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off
  cd "$dir/module"
  retry go mod download github.com/ethereum/go-ethereum >"$dir/build.log" 2>&1 ||
    unavailable "the Go module proxy does not give it: $(tail -n 1 "$dir/build.log")"
  # An old x/sys reaches into the runtime by name, which the linker refuses unless told.
  retry go build -trimpath -ldflags="-checklinkname=0 -s -w" -o "$dir/geth.new" "$PACKAGE" >>"$dir/build.log" 2>&1 ||
    unavailable "it does not build: $(grep -v '^go: downloading' "$dir/build.log" | tail -n 1)"
  mv "$dir/geth.new" "$dir/geth"
  is_ready "$dir/geth" || unavailable "what was built is not $VERSION; see $dir/build.log"
  echo "built GoQuorum $VERSION at $dir/geth"
}

main "$@"
