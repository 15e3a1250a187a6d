#!/usr/bin/env bash
# Replays a plant's capture through Suricata with our rules; leaves OUT/eve.json.
#
#   replay.sh CAPTURE.pcap OUT PLANT     e.g. replay.sh plant-a.pcap /tmp/eve A
#   replay.sh --version                  prints the version, such as 7.0.10; fails when there is none
#
# Uses SURICATA_ROOT (a chroot, see scripts/ci/install-suricata.sh) or suricata on PATH.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${SURICATA_ROOT:-}
run=(suricata)
[[ -z $root ]] || run=(chroot "$root" suricata)

if [[ ${1:-} == --version ]]; then
  "${run[@]}" -V | sed -n 's/.*version \([0-9][0-9.]*\).*/\1/p'
  exit
fi
[[ $# -eq 3 ]] || { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 64; }
capture=$1 out=$2
n=$(($(printf '%d' "'$3") - 64))

mkdir -p "$out"
work=$(mktemp -d "$root/tmp/anamnesis-replay.XXXXXX")
trap 'rm -rf "$work"' EXIT
inside=${work#"$root"}
cp "$here"/suricata/* "$capture" "$work/"

"${run[@]}" -c "$inside/suricata.yaml" -S "$inside/plant.rules" -l "$inside" -k none --runmode single \
  --set "vars.address-groups.HOME_NET=[10.$n.0.0/16]" \
  --set "vars.address-groups.OT_NET=[10.$n.2.0/24]" \
  --set "vars.address-groups.WRITERS=[10.$n.2.20,10.$n.2.30]" \
  --set "vars.address-groups.PLCS=[10.$n.2.10]" \
  -r "$inside/$(basename "$capture")"
cp "$work/eve.json" "$out/eve.json"
