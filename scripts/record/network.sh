# shellcheck shell=bash
# Builds and removes the recorded world: per plant an OT bridge and a DMZ bridge
# behind one router, and one simulated Internet. Nothing leaves these namespaces.
#
#   OT  10.n.2.0/24   plc .10  hmi .20  eng .30  hist .40  laptop .66
#   DMZ 10.n.5.0/24   work .50 (workstation)  access .80 (remote access gateway)
#   Internet          198.51.100.10 vendor, .53 resolver, 203.0.113.7 attacker

NETNS_PREFIX=${NETNS_PREFIX:-anamnesis-$$}
NAMESPACES=()

# Full namespace name of a short one, such as "a-plc" or "internet".
netns() { echo "$NETNS_PREFIX-$1"; }

# Number of a plant letter: A is 1, D is 4.
plant_number() { printf '%d' $(($(printf '%d' "'$1") - 64)); }

add_namespace() {
  ip netns add "$(netns "$1")"
  NAMESPACES+=("$(netns "$1")")
  ip -n "$(netns "$1")" link set lo up
}

# Joins two namespaces by a veth pair with fixed, locally administered MACs and no offloading.
link() {
  local left=$1 left_if=$2 right=$3 right_if=$4 mac=$5
  ip link add "$left_if" netns "$(netns "$left")" address "02:00:$mac:01" \
    type veth peer name "$right_if" netns "$(netns "$right")" address "02:00:$mac:02"
  ip netns exec "$(netns "$left")" ethtool -K "$left_if" tx off tso off gso off >/dev/null
  ip netns exec "$(netns "$right")" ethtool -K "$right_if" tx off tso off gso off >/dev/null
  ip -n "$(netns "$left")" link set "$left_if" up
  ip -n "$(netns "$right")" link set "$right_if" up
}

# Adds a bridge to a plant's router and gives the router its address there.
add_bridge() {
  local router=$1 bridge=$2 address=$3 mac=$4
  ip -n "$(netns "$router")" link add "$bridge" address "02:00:$mac:fe" type bridge
  ip -n "$(netns "$router")" addr add "$address" dev "$bridge"
  ip -n "$(netns "$router")" link set "$bridge" up
}

# Puts a host with one address behind a bridge of its plant's router.
add_host() {
  local plant=$1 name=$2 bridge=$3 net=$4 host=$5 n
  n=$(plant_number "$plant")
  local short="${plant,,}-$name" router="${plant,,}-router"
  add_namespace "$short"
  link "$short" eth0 "$router" "$name" "$(printf '%02d:%02d:%02d' "$n" "$net" "$host")"
  ip -n "$(netns "$router")" link set "$name" master "$bridge"
  ip -n "$(netns "$short")" addr add "10.$n.$net.$host/24" dev eth0
  ip -n "$(netns "$short")" route add default via "10.$n.$net.1"
}

add_internet() {
  add_namespace internet
  local address
  for address in 198.51.100.10 198.51.100.53 203.0.113.7; do
    ip -n "$(netns internet)" addr add "$address/32" dev lo
  done
}

add_plant() {
  local plant=$1 n router
  n=$(plant_number "$plant")
  router="${plant,,}-router"
  add_namespace "$router"
  ip netns exec "$(netns "$router")" sysctl -qw net.ipv4.ip_forward=1
  add_bridge "$router" ot "10.$n.2.1/24" "$(printf '%02d:02:00' "$n")"
  add_bridge "$router" dmz "10.$n.5.1/24" "$(printf '%02d:05:00' "$n")"
  add_host "$plant" plc ot 2 10
  add_host "$plant" hmi ot 2 20
  add_host "$plant" eng ot 2 30
  add_host "$plant" hist ot 2 40
  add_host "$plant" laptop ot 2 66
  add_host "$plant" work dmz 5 50
  add_host "$plant" access dmz 5 80
  link internet "plant-${plant,,}" "$router" uplink "$(printf '%02d:00:00' "$n")"
  ip -n "$(netns internet)" addr add "192.0.2.$((n * 4 + 1))/30" dev "plant-${plant,,}"
  ip -n "$(netns "$router")" addr add "192.0.2.$((n * 4 + 2))/30" dev uplink
  ip -n "$(netns "$router")" route add default via "192.0.2.$((n * 4 + 1))"
  ip -n "$(netns internet)" route add "10.$n.0.0/16" via "192.0.2.$((n * 4 + 2))"
}

# Deletes exactly the namespaces this run has made; their links go with them.
remove_network() {
  local namespace
  for namespace in "${NAMESPACES[@]}"; do
    ip netns delete "$namespace" 2>/dev/null || true
  done
  NAMESPACES=()
}
