#!/usr/bin/env bash
# Provides tshark, mergecap and editcap: those on PATH, or Debian's packages.
# Exit codes: 0 ready, 75 cannot be had here (one line says why).
set -euo pipefail

readonly COMMANDS=(tshark mergecap editcap)

missing() {
  local command
  for command in "${COMMANDS[@]}"; do
    command -v "$command" >/dev/null || echo "$command"
  done
}

[[ -z $(missing) ]] && exit 0
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
  echo "tshark unavailable: no $(missing | paste -sd' ') on PATH and no right to install it" >&2
  exit 75
fi
for attempt in 1 2 3; do
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends tshark wireshark-common >/dev/null; then
    [[ -z $(missing) ]] && exit 0
  fi
  sleep $((attempt * 2))
done
echo "tshark unavailable: apt-get could not install it" >&2
exit 75
