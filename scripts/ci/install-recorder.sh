#!/usr/bin/env bash
# Installs what scripts/record needs beside Node and Suricata, from this machine's own Debian mirror.
# Exit codes: 0 ready, 75 cannot be had here (one line says why).
set -euo pipefail

readonly UNAVAILABLE=75
readonly COMMANDS=(ip ethtool tcpdump dnsmasq openssl mergecap editcap capinfos)
readonly PACKAGES=(iproute2 ethtool tcpdump dnsmasq-base openssl wireshark-common)

missing() {
  local command
  for command in "${COMMANDS[@]}"; do
    command -v "$command" >/dev/null || echo "$command"
  done
}

if [[ -n $(missing) ]]; then
  if ((EUID != 0)); then
    echo "recorder unavailable: installing packages needs root" >&2
    exit "$UNAVAILABLE"
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" >/dev/null || true
fi
if [[ -n $(missing) ]]; then
  echo "recorder unavailable: $(missing | paste -sd' ') could not be installed" >&2
  exit "$UNAVAILABLE"
fi
echo "recorder ready"
