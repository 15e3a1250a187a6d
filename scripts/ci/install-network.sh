#!/usr/bin/env bash
# Provides what a network of namespaces needs: ip, ethtool, nft, unshare, nsenter; tries whether this machine lets us make one.
# Exit codes: 0 ready, 75 cannot be had here (one line says why).
set -euo pipefail

readonly COMMANDS=(ip ethtool nft unshare nsenter)
readonly PACKAGES=(iproute2 ethtool nftables util-linux)

unavailable() {
  echo "network namespaces unavailable: $1" >&2
  exit 75
}

missing() {
  local command
  for command in "${COMMANDS[@]}"; do
    command -v "$command" >/dev/null || echo "$command"
  done
}

[[ $(id -u) -eq 0 ]] || unavailable "needs root"
if [[ -n $(missing) ]]; then
  command -v apt-get >/dev/null || unavailable "no $(missing | paste -sd' ') and no apt-get"
  for attempt in 1 2 3; do
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${PACKAGES[@]}" >/dev/null && break
    sleep $((attempt * 2))
  done
  [[ -z $(missing) ]] || unavailable "apt-get could not install $(missing | paste -sd' ')"
fi
unshare --net --pid --fork --kill-child --mount-proc bash -c '
  set -e
  ip link add try0 type veth peer name try1
  ip link add try2 type bridge
  ip link set try0 master try2
  ethtool -K try0 tx off >/dev/null
  nft add table inet tried
  echo 1 >/proc/sys/net/ipv4/ip_forward
' 2>/dev/null || unavailable "this machine does not let us make cables, bridges, or packet filters in one"
