# shellcheck shell=bash
# The node's network namespace with the pods' bridge in it, the far end behind
# the node's eth0 of 1500, and the black hole. A namespace of its own gives the
# node the article's interfaces, whatever the machine has, and its pods no way
# out. Only addresses of 198.18.0.0/15 are used (set aside for benchmarks).

LAB_RANGE=198.18.0.0/15
POD_BRIDGE=rdl-pods
POD_SUBNET=198.18.64.0/24
POD_GATEWAY=198.18.64.1
POD_GATEWAY_MAC=02:72:64:00:00:01
POD_MTU=1450
MACHINE_LINK=rdl-node # from the machine to the node, for kubectl
MACHINE_IP=198.18.1.1
MACHINE_GATEWAY=198.18.1.2
NODE_IP=198.18.0.1
FAR_IP=198.18.0.2
USER_MODE_SUBNET=198.18.128.0/24
SERVICE_RANGE=198.18.96.0/24
API_IP=198.18.96.1 # the first of the range, so pods find the API server there
FAR_URL=http://$FAR_IP/download
FAR_SMALL_URL=http://$FAR_IP/small

in_node_net() { nsenter --net="/proc/$(process_id node)/ns/net" -- "$@"; }

in_far_end() { nsenter --net="/proc/$(process_id far-end)/ns/net" -- "$@"; }

# start_in_network NAME COMMAND…: a service with a network namespace of its own.
start_in_network() {
	start "$1" unshare --net "${@:2}"
	wait_for 5 "the network namespace of $1" has_own_network "$1"
}

has_own_network() { [ "$(readlink "/proc/$(process_id "$1")/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

network_up() {
	if [ ! -f "$CACHE/www/download" ]; then
		mkdir -p "$CACHE/www"
		echo reached >"$CACHE/www/small"
		head -c 4194304 /dev/urandom >"$CACHE/www/download.part"
		mv "$CACHE/www/download.part" "$CACHE/www/download"
	fi

	start_in_network node sleep infinity
	in_node_net sysctl -qw net.ipv4.ip_forward=1
	in_node_net ip link set lo up
	node_has_link "$POD_BRIDGE" || in_node_net ip link add "$POD_BRIDGE" mtu "$POD_MTU" type bridge
	# Without one of its own it takes the lowest of its ports, which come and go with pods: every pod
	# then sends to a gateway that is no longer there, until it asks again.
	in_node_net ip link set "$POD_BRIDGE" address "$POD_GATEWAY_MAC"
	in_node_net ip link set "$POD_BRIDGE" up
	in_node_net ip address replace "$POD_GATEWAY/24" dev "$POD_BRIDGE"
	in_node_net ip address replace "$API_IP/32" dev "$POD_BRIDGE"

	start_in_network far-end busybox httpd -f -p 80 -h "$CACHE/www"
	node_has_link eth0 || in_node_net ip link add eth0 mtu 1500 type veth peer name eth0 mtu 1500 netns "$(process_id far-end)"
	in_node_net ip link set eth0 up
	in_node_net ip address replace "$NODE_IP/24" dev eth0
	in_node_net ip route replace default via "$FAR_IP"
	in_far_end sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 # "unreachable", at once, of all else
	# Who has gone from a download that hung is sent to for 6 s more, not 15 minutes: a check that follows
	# would see it dropped.
	in_far_end sysctl -qw net.ipv4.tcp_retries2=4
	in_far_end ip link set lo up
	in_far_end ip link set eth0 up
	in_far_end ip address replace "$FAR_IP/24" dev eth0
	in_far_end ip route replace "$LAB_RANGE" via "$NODE_IP"

	if ! node_has_link machine; then
		[ ! -d "/sys/class/net/$MACHINE_LINK" ] || ip link del "$MACHINE_LINK"
		in_node_net ip link add machine type veth peer name "$MACHINE_LINK" netns $$
	fi
	in_node_net ip link set machine up
	in_node_net ip address replace "$MACHINE_GATEWAY/24" dev machine
	ip link set "$MACHINE_LINK" up
	ip address replace "$MACHINE_IP/24" dev "$MACHINE_LINK"
	ip route replace "$LAB_RANGE" via "$MACHINE_GATEWAY"
	wait_for 5 "the far end" far_answers
}

node_has_link() { in_node_net ip link show "$1" >/dev/null 2>&1; }

far_answers() { timeout 2 bash -c "exec 3<>/dev/tcp/$FAR_IP/80"; }

network_is_up() { node_has_link "$POD_BRIDGE" && far_answers; }

# The rest goes with the last process that is in the namespaces.
network_down() { [ ! -d "/sys/class/net/$MACHINE_LINK" ] || ip link del "$MACHINE_LINK"; }

BLACKHOLE_RULE=(INPUT -p icmp --icmp-type fragmentation-needed -j DROP)

blackhole_state() { in_far_end iptables -C "${BLACKHOLE_RULE[@]}" 2>/dev/null && echo on || echo off; }

blackhole() {
	case ${1:-} in
	on) [ "$(blackhole_state)" = on ] || in_far_end iptables -A "${BLACKHOLE_RULE[@]}" ;;
	off) [ "$(blackhole_state)" = off ] || in_far_end iptables -D "${BLACKHOLE_RULE[@]}" ;;
	*) die "blackhole on|off" ;;
	esac
	# What the far end has learnt about the path so far is forgotten either way.
	in_far_end ip route flush cache
}

# underlay NS/POD SIZE|off: a link beyond the node that loses what is larger on
# its way to the pod, and says nothing of it.
underlay() {
	local ip
	ip=$(kubectl -n "${1%%/*}" get pod "${1#*/}" -o jsonpath='{.status.podIP}')
	[ -n "$ip" ] || die "$1 has no address"
	case ${2:-} in
	off) in_node_net iptables-save -t filter | sed -n "s,^-A \(FORWARD -d $ip/.*\),\1,p" | while read -r rule; do
		# shellcheck disable=SC2086 # a rule is words
		in_node_net iptables -D $rule
	done ;;
	[0-9]*)
		# A segment that the network card is to cut would count as one packet.
		in_far_end ip link set eth0 gso_max_segs 1
		in_node_net iptables -A FORWARD -d "$ip" -m length --length "$(($2 + 1)):65535" -j DROP
		;;
	*) die "underlay NS/POD SIZE|off" ;;
	esac
}
