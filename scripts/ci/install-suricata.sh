#!/usr/bin/env bash
# Provides Suricata 7 or newer: the one on PATH, or a Debian trixie chroot in DIR.
#
#   scripts/ci/install-suricata.sh DIR
#
# Debian 12 ships Suricata 6, so a chroot of the next release is made beside it.
# The mirror is the one this machine's own apt uses. Running it twice is harmless.
# Exit codes: 0 ready, 64 wrong usage, 75 cannot be had here (one line says why).
set -euo pipefail

readonly UNAVAILABLE=75
readonly RELEASE=trixie
readonly ATTEMPTS=3

unavailable() {
  echo "suricata unavailable: $1" >&2
  exit "$UNAVAILABLE"
}

# Prints the version of the given suricata command, or nothing.
suricata_version() {
  "$@" -V 2>/dev/null | sed -n 's/.*version \([0-9][0-9.]*\).*/\1/p'
}

is_recent() {
  [[ "${1%%.*}" =~ ^[0-9]+$ ]] && ((${1%%.*} >= 7))
}

# Prints the first Debian mirror in this machine's apt sources, security archives aside.
own_mirror() {
  # shellcheck disable=SC2016 # apt expands these, not the shell
  apt-get indextargets --format '$(SITE) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    awk '$2 ~ /debian\/?$/ && $2 !~ /security/ { print $2; exit }'
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

# Copies what apt needs to reach the mirror the way this machine reaches it.
copy_apt_access() {
  local root=$1 file
  cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  for file in /etc/apt/apt.conf.d/*proxy* /etc/apt/auth.conf.d/*; do
    [[ -f $file ]] && install -D -m 0600 "$file" "$root$file"
  done
  if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
    install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  fi
}

make_base() {
  local root=$1 mirror=$2
  [[ -e $root/.base-complete ]] && return 0
  rm -rf "$root"
  debootstrap --variant=minbase "$RELEASE" "$root" "$mirror" >"$root.log" 2>&1 || return 1
  touch "$root/.base-complete"
}

install_in() {
  local root=$1
  chroot "$root" apt-get update -qq >>"$root.log" 2>&1 &&
    DEBIAN_FRONTEND=noninteractive chroot "$root" \
      apt-get install -y -qq --no-install-recommends suricata >>"$root.log" 2>&1
}

main() {
  [[ $# -eq 1 ]] || { echo "usage: install-suricata.sh DIR" >&2; exit 64; }
  local version root mirror

  version=$(suricata_version suricata || true)
  if is_recent "$version"; then
    echo "suricata $version is on PATH; run: suricata -r FILE.pcap -S RULES -l OUT -k none"
    return 0
  fi

  root=$(realpath -m "$1")
  if [[ -x $root/usr/bin/suricata ]]; then
    version=$(suricata_version chroot "$root" suricata || true)
  fi
  if ! is_recent "$version"; then
    ((EUID == 0)) || unavailable "a chroot needs root"
    mirror=$(own_mirror)
    [[ -n $mirror ]] || unavailable "no Debian mirror in this machine's apt sources"
    if ! command -v debootstrap >/dev/null; then
      { retry apt-get install -y -qq debootstrap >/dev/null 2>&1; } ||
        { apt-get update -qq && retry apt-get install -y -qq debootstrap >/dev/null; } ||
        unavailable "debootstrap cannot be installed"
    fi
    [[ -z $(ls -A "$root" 2>/dev/null) || -e $root/.base-complete || -d $root/debootstrap ]] ||
      unavailable "$1 is not empty and is not a chroot of ours"
    mkdir -p "$(dirname "$root")"
    retry make_base "$root" "$mirror" || unavailable "debootstrap failed, see $1.log"
    copy_apt_access "$root"
    retry install_in "$root" || unavailable "apt could not install suricata in the chroot, see $1.log"
    version=$(suricata_version chroot "$root" suricata || true)
    is_recent "$version" || unavailable "the chroot holds suricata '$version', 7 or newer is needed"
  fi
  echo "suricata $version is in a chroot; run: SURICATA_ROOT=$1 (chroot $1 suricata -r FILE.pcap …)"
}

main "$@"
