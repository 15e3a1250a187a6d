#!/usr/bin/env bash
# Records all fixtures again and writes their facts.
#
#   make-fixtures.sh attacks          two minutes: the attacks at every plant
#   make-fixtures.sh benign SECONDS   the four plants in parallel; the committed set is 3600
#   make-fixtures.sh keep-benign DIR  the same from captures that exist already
#   make-fixtures.sh facts            fixtures/facts.json and the table of fixtures/README.md
#
# Needs what record.sh and replay.sh need. WORK keeps the raw captures (default: thrown away).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
fixtures=$repository/fixtures
NODE=${NODE:-$repository/node_modules/.bin/node}
readonly EXCERPT_SECONDS=90
export NODE

if [[ -z ${WORK:-} ]]; then
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
fi

# Records one scenario at one plant and keeps capture and EVE under a name.
keep_attack() {
  local name=$1 scenario=$2 seconds=$3 plant=$4 out=$WORK/$1
  "$here/record.sh" "$scenario" "$out" "$seconds" "$plant"
  "$here/replay.sh" "$out/plant-${plant,,}.pcap" "$out" "$plant"
  cp "$out/plant-${plant,,}.pcap" "$fixtures/attacks/$name.pcap"
  cp "$out/eve.json" "$fixtures/attacks/$name.eve.json"
}

record_attacks() {
  mkdir -p "$fixtures/attacks"
  keep_attack modbus-write modbus-write 20 A
  keep_attack internet-exploit internet-exploit 0 A
  cat "$fixtures/attacks/"{modbus-write,internet-exploit}.eve.json >"$fixtures/attacks/all.eve.json"
  export LEAD_SECONDS=3
  local plant
  for plant in B C D; do keep_attack "modbus-write-${plant,,}" modbus-write 6 "$plant"; done
  keep_attack internet-exploit-b internet-exploit 0 B
}

# Cuts the first seconds out of a capture and replays them.
keep_excerpt() {
  local capture=$1 plant=$2 letter=${2,,} end
  end=$(capinfos -T -r -S -a "$capture" | cut -f2 | cut -d. -f1)
  editcap -F pcap -B "$((end + EXCERPT_SECONDS))" "$capture" "$WORK/excerpt-$letter.pcap"
  "$here/replay.sh" "$WORK/excerpt-$letter.pcap" "$WORK/excerpt-$letter" "$plant"
  gzip -9nc "$WORK/excerpt-$letter.pcap" >"$fixtures/benign/excerpt-$letter.pcap.gz"
  gzip -9nc "$WORK/excerpt-$letter/eve.json" >"$fixtures/benign/excerpt-$letter.eve.json.gz"
}

# Replays the captures of a benign recording and keeps their EVE.
keep_benign() {
  local captures=$1 plant letter
  mkdir -p "$fixtures/benign"
  for plant in A B C D; do
    letter=${plant,,}
    "$here/replay.sh" "$captures/plant-$letter.pcap" "$WORK/eve-$letter" "$plant"
    gzip -9nc "$WORK/eve-$letter/eve.json" >"$fixtures/benign/plant-$letter.eve.json.gz"
  done
  keep_excerpt "$captures/plant-a.pcap" A
}

case ${1:-} in
  attacks) record_attacks ;;
  benign)
    "$here/record.sh" benign "$WORK/benign" "${2:?seconds}" ABCD
    keep_benign "$WORK/benign"
    ;;
  keep-benign) keep_benign "${2:?directory of captures}" ;;
  facts) "$NODE" "$here/facts/write-facts.ts" "$fixtures" "$("$here/replay.sh" --version)" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 64 ;;
esac
