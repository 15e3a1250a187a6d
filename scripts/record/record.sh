#!/usr/bin/env bash
# Records one scenario in network namespaces of its own and leaves one capture per plant.
#
#   record.sh benign           OUT SECONDS PLANTS   e.g. benign /tmp/hour 3600 ABCD
#   record.sh modbus-write     OUT SECONDS PLANTS   the laptop writes for SECONDS
#   record.sh internet-exploit OUT SECONDS PLANTS   the Internet attack, once per plant
#
# Writes OUT/plant-a.pcap … and needs root, iproute2, ethtool, tcpdump, dnsmasq, openssl,
# mergecap, and modbus-serial in node_modules. NODE names a Node of 22.18 or newer.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
NODE=${NODE:-$repository/node_modules/.bin/node}
readonly LEAD_SECONDS=${LEAD_SECONDS:-5}
CHILDREN=()
CHILD_NAMES=()

# shellcheck source=scripts/record/network.sh
source "$here/network.sh"

# Starts a command in a namespace and remembers its pid; its log is OUT/NAME.log.
start() {
  local short=$1 log=$2
  shift 2
  ip netns exec "$(netns "$short")" "$@" >"$out/$log.log" 2>&1 &
  CHILDREN+=("$!")
  CHILD_NAMES+=("$log")
}

# Waits, and lets a signal interrupt the wait.
pause() {
  sleep "$1" &
  pause_pid=$!
  wait "$pause_pid"
  pause_pid=
}

# Fails when a program of the scenario has died; tells how many steps failed (a slow machine times out).
check_children() {
  local index
  for index in "${!CHILDREN[@]}"; do
    kill -0 "${CHILDREN[$index]}" 2>/dev/null ||
      { echo "${CHILD_NAMES[$index]} died, see its log" >&2; return 1; }
  done
  echo "failed steps: $(cat "$out"/*.log | grep -c "step failed" || true)"
}

# Starts an actor by the name of its file.
actor() {
  local short=$1 name=$2
  shift 2
  start "$short" "$short-$name" "$NODE" "$here/actors/$name.ts" "$@"
}

stop_children() {
  local pid
  for pid in "${CHILDREN[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${CHILDREN[@]}"; do wait "$pid" 2>/dev/null || true; done
  CHILDREN=()
  CHILD_NAMES=()
}

clean_up() {
  [[ -z ${pause_pid:-} ]] || kill "$pause_pid" 2>/dev/null || true
  stop_children
  remove_network
  [[ -z ${certificates:-} ]] || rm -rf "$certificates"
}

# Self-signed certificates of the two TLS sites, thrown away afterwards.
make_certificates() {
  certificates=$(mktemp -d)
  local name
  for name in vendor:support.vendor.example attacker:update.turbine-fw.example; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
      -subj "/CN=${name#*:}" -addext "subjectAltName=DNS:${name#*:}" \
      -keyout "$certificates/${name%%:*}.key" -out "$certificates/${name%%:*}.crt" 2>/dev/null
  done
}

# Captures both bridges of a plant; they carry disjoint traffic.
start_capture() {
  local plant=${1,,} bridge
  for bridge in ot dmz; do
    start "$plant-router" "$plant-tcpdump-$bridge" \
      tcpdump -i "$bridge" -s 0 -n -U -w "$out/plant-$plant.$bridge.pcap" ip
  done
}

start_internet() {
  start internet dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
    --user=root --pid-file= --bind-interfaces --listen-address=198.51.100.53 --local-ttl=60 \
    --address=/time.example/198.51.100.20 --address=/support.vendor.example/198.51.100.10 \
    --address=/update.turbine-fw.example/203.0.113.7
  local gateways=() plant
  for plant in "${plants[@]}"; do gateways+=("10.$(plant_number "$plant").5.80"); done
  actor internet vendor "$certificates" "${gateways[@]}"
}

start_servers() {
  local plant=${1,,} n
  n=$(plant_number "$1")
  actor "$plant-plc" plc "10.$n.2.10"
  actor "$plant-access" access-gateway "10.$n.5.80"
}

start_clients() {
  local plant=${1,,} n
  n=$(plant_number "$1")
  actor "$plant-hmi" hmi "10.$n.2.10"
  actor "$plant-eng" engineering "10.$n.2.10"
  actor "$plant-hist" historian "10.$n.2.10"
  actor "$plant-work" workstation "10.$n.5.50"
}

run_scenario() {
  local plant n
  case $scenario in
    benign) pause "$seconds" ;;
    modbus-write)
      pause "$LEAD_SECONDS"
      for plant in "${plants[@]}"; do
        n=$(plant_number "$plant")
        ip netns exec "$(netns "${plant,,}-laptop")" \
          "$NODE" "$here/actors/modbus-attacker.ts" "10.$n.2.10" "$seconds"
      done
      pause "$LEAD_SECONDS"
      ;;
    internet-exploit)
      actor internet attacker-site "$certificates"
      pause "$LEAD_SECONDS"
      for plant in "${plants[@]}"; do
        n=$(plant_number "$plant")
        ip netns exec "$(netns internet)" "$NODE" "$here/actors/exploit.ts" "10.$n.5.80"
        sleep 1
        ip netns exec "$(netns "${plant,,}-work")" "$NODE" "$here/actors/implant.ts"
        ip netns exec "$(netns "${plant,,}-work")" \
          openssl s_client -connect 203.0.113.7:443 -servername update.turbine-fw.example \
          -tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384 </dev/null >/dev/null 2>&1
      done
      pause "$LEAD_SECONDS"
      ;;
    *) echo "unknown scenario $scenario" >&2; exit 64 ;;
  esac
}

merge_captures() {
  local plant=${1,,}
  mergecap -F pcap -w "$out/plant-$plant.pcap" "$out/plant-$plant.ot.pcap" "$out/plant-$plant.dmz.pcap"
  rm "$out/plant-$plant.ot.pcap" "$out/plant-$plant.dmz.pcap"
}

[[ $# -eq 4 ]] || { sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 64; }
scenario=$1 out=$(realpath -m "$2") seconds=$3
mapfile -t plants < <(grep -o . <<<"$4")
mkdir -p "$out"
trap clean_up EXIT
trap 'exit 130' INT TERM

add_internet
for plant in "${plants[@]}"; do add_plant "$plant"; done
make_certificates
for plant in "${plants[@]}"; do start_capture "$plant"; done
sleep 1
start_internet
for plant in "${plants[@]}"; do start_servers "$plant"; done
sleep 2
for plant in "${plants[@]}"; do start_clients "$plant"; done
run_scenario
check_children
stop_children
for plant in "${plants[@]}"; do merge_captures "$plant"; done
echo "recorded $scenario at ${#plants[@]} plant(s)"
