# The largest packet that gets through from each network namespace to the host of the URL, by pings that
# must not be fragmented: both busybox and iputils set "don't fragment" on what fits the link. It is sent
# only with --confirm, and runs after the downloads: where a router answers "fragmentation needed", the
# kernel keeps a smaller path MTU for that host for ten minutes, and announces a smaller MSS.

# Common MTUs, at most 26: then trying every third leaves two between.
common='576 1000 1200 1280 1300 1320 1340 1350 1360 1370 1380 1390 1400 1410 1420 1430 1440 1450 1460 1480 1492 1500 8500 8900'

# link_mtu PID: `link`, the MTU of the interface of a namespace's default route.
link_mtu() {
	link=
	device=$(sed -n 's/^\([^[:space:]]*\)[[:space:]]00000000[[:space:]].*/\1/p' "/proc/$1/net/route" | head -n 1)
	[ -n "$device" ] ||
		device=$(sed -n 's/^0\{32\} 00 .* \([^ ]*\)$/\1/p' "/proc/$1/net/ipv6_route" | grep -v -x lo | head -n 1)
	[ -n "$device" ] || return
	link=$(in_namespace "$1" ip link show "$device" | sed -n 's/.* mtu \([0-9]\{1,5\}\) .*/\1/p' | head -n 1)
} 2>/dev/null

# way_mtu PID: `top`, the smallest MTU of the visible links on the path out. Nothing larger is sent: an
# outer namespace would answer with ICMP, and the kernel would cache that path MTU.
way_mtu() {
	link_mtu "$1"
	top=$link up=$1 hops=0
	from=$(readlink "/proc/$1/ns/net")
	while [ -n "$top" ] && [ $hops -lt 64 ]; do
		hops=$((hops + 1))
		find_parent "$up"
		up=${parent:-0}
		{ [ "$up" -gt 0 ] && is_ours "$up" && there=$(readlink "/proc/$up/ns/net"); } || break
		[ "$there" = "$from" ] && continue
		from=$there
		link_mtu "$up"
		[ -z "$link" ] || [ "$link" -ge "$top" ] || top=$link
	done
	link_mtu "$own"
	[ -z "$link" ] || [ -z "$top" ] || [ "$link" -ge "$top" ] || top=$link
} 2>/dev/null

# tally PID GROUP NAME NAME6: a kernel counter.
tally() {
	case $address in
	*:*) sed -n "s/^$4[[:space:]]*//p" "/proc/$1/net/snmp6" ;;
	*) grep "^$2:" "/proc/$1/net/snmp" | {
		read -r names
		read -r values
		wanted=$3
		# shellcheck disable=SC2086 # words are meant
		set -- $values
		for name in $names; do
			[ "$name" != "$wanted" ] || echo "$1"
			shift
		done
	} ;;
	esac
} 2>/dev/null

# pings PID COUNT SIZE…: sends COUNT packets of each size, all at once. `heard` is the sizes of the
# complete replies, `printed` the whole output.
pings() {
	from=$1
	shift
	# shellcheck disable=SC2016 # for the shell in there
	printed=$(in_namespace "$from" sh -c '
		address=$1 headers=$2 each=$3
		shift 3
		for size in "$@"; do
			count=0
			while [ $count -lt "$each" ]; do
				count=$((count + 1))
				ping -c 1 -W 1 -s $((size - headers)) "$address" 2>&1 &
			done
		done
		wait
	' pings "$address" "$headers" "$@" | head -c 65536)
	heard=$(printf '%s\n' "$printed" | sed -n 's/^\([0-9]\{1,5\}\) bytes from .*/\1/p')
}

# answered SIZE: `count`, the number of replies of that size.
answered() {
	count=0
	for bytes in $heard; do
		[ $((bytes + headers - 8)) != "$1" ] || count=$((count + 1))
	done
}

# first_ping PID: whether the host replies; sets `address`, which later pings use.
first_ping() {
	for way in '' '' -4; do
		out_of_time && break
		sent=$((sent + 1))
		# shellcheck disable=SC2086 # nothing, or an option
		printed=$(few in_namespace "$1" ping $way -c 1 -W 1 "$host")
		address=$(printf '%s\n' "$printed" | sed -n '1s/^PING .*(\([0-9a-fA-F]*[.:][0-9a-fA-F.:]*\)).*/\1/p')
		[ -n "$address" ] || continue
		case $printed in *' bytes from '*) return 0 ;; esac
	done
	return 1
}

# known PID: the path MTU that the kernel has cached for the address, if it can be read.
known() {
	printf '%s\n' "$printed" | sed -n 's/.*[Mm][Tt][Uu] *[=:] *\([0-9]\{1,5\}\).*/\1/p' | head -n 1
	in_namespace "$1" ip -o route get "$address" 2>/dev/null | sed -n 's/.* expires .* mtu \([0-9]\{1,5\}\).*/\1/p'
}

# between: `sizes`, the sizes to try next: up to eight common ones, which leaves at most two between the
# largest that gets through and the smallest that does not. Those are next, with the size after the
# largest and, last, the largest again: a host that answers only some pings looks like a small path MTU.
between() {
	set --
	for size in $common; do
		[ "$size" -le "$lo" ] || [ "$size" -ge "$hi" ] || set -- "$@" "$size"
	done
	part=$(($# / 9 + 1)) count=0 sizes=
	for size in "$@"; do
		count=$((count + 1))
		[ $((count % part)) != 0 ] || sizes="$sizes $size"
	done
	if [ $# -le 2 ] && [ "$lo" != 0 ]; then
		[ $# != 0 ] || [ $((hi - lo)) -le 2 ] || sizes=$(((lo + hi) / 2))
		sizes="$sizes $((lo + 1)) $lo"
	fi
}

# narrow PID SIZE…: tries sizes; updates the largest that gets through and the smallest that does not.
narrow() {
	at=$1
	shift
	sent=$((sent + 3 * $#))
	pings "$at" 3 "$@"
	failed=
	for size in "$@"; do
		answered "$size"
		echo "size $size $count"
		if [ "$count" = 0 ]; then
			failed="$failed $size"
		elif [ "$size" -gt "$lo" ]; then
			lo=$size
		fi
	done
	for size in $failed; do
		[ "$size" -le "$lo" ] || [ "$size" -ge "$hi" ] || hi=$size
	done
}

# begin PID: sets `address` and `top`, the largest packet to send there.
begin() {
	sent=0 lo=0
	first_ping "$1" || { echo silent && return 1; }
	headers=28
	case $address in *:*) headers=48 ;; esac
	way_mtu "$1"
	[ -n "$top" ] && [ "$top" -gt 576 ] || return 1
	hi=$((top + 1))
}

# measure PID: at most 40 packets in three rounds, of a second each unless the machine is busy.
measure() {
	begin "$1" || return
	printed='' kept=$(known "$1")
	[ -z "$kept" ] || { arrived "$1" && return; }
	before=$(tally "$1" Icmp InDestUnreachs Icmp6InPktTooBigs) fragments=$(tally "$1" Ip FragOKs Ip6FragOKs)
	narrow "$1" "$top"
	# Fragments get through if the kernel has already cached a smaller path MTU.
	if [ "$count" != 0 ] && [ "$(tally "$1" Ip FragOKs Ip6FragOKs)" != "$fragments" ]; then
		arrived "$1" && return
	fi
	# The ICMP may be about something else. If not, one packet is lost, and the next gets through in
	# fragments.
	if [ "$count" -lt 3 ] && [ "$(tally "$1" Icmp InDestUnreachs Icmp6InPktTooBigs)" != "$before" ]; then
		[ "$count" != 0 ] || narrow "$1" "$top"
		[ "$count" = 0 ] || { arrived "$1" && return; }
	fi
	while [ $((hi - lo)) -gt 1 ] && [ "$hi" -gt 576 ]; do
		out_of_time && return
		between
		for size in $sizes; do [ $((sent + 3 * $#)) -gt 40 ] || set -- "$@" "$size"; done
		[ $# -gt 1 ] || break
		narrow "$@"
		set -- "$1"
	done
	echo "done"
}

# arrived PID: ICMP arrived, and the kernel may show the path MTU that it has cached.
arrived() {
	echo "icmp $top"
	[ -n "$kept" ] || kept=$(known "$1")
	[ -z "$kept" ] || printf 'known %s\n' "$kept" | head -n 1
	return 0
}

# keeps PID: finds the kernel's cached path MTU for the address if nothing else shows it: larger packets
# leave in fragments, which are counted. No other measurement may run at the same time.
keeps() {
	begin "$1" && lo=576 || return
	while [ $((hi - lo)) -gt 1 ] && [ $sent -lt 36 ] && ! out_of_time; do
		middle=$(((lo + hi) / 2)) sent=$((sent + 2))
		before=$(tally "$1" Ip FragOKs Ip6FragOKs)
		pings "$1" 2 $middle
		answered $middle
		[ $count != 0 ] || return
		if [ "$(tally "$1" Ip FragOKs Ip6FragOKs)" = "$before" ]; then lo=$middle; else hi=$middle; fi
	done
	[ $((hi - lo)) -gt 1 ] || echo "known $lo"
}

# in_lines PID COMMAND: its output, each line prefixed with the PID.
in_lines() { "$2" "$1" 2>/dev/null | head -c 2000 | sed "s/^/$1 /"; }

# All namespaces at once, the pod's own and the next 31.
measure_paths() {
	command -v ping >/dev/null || { note no-ping - && return; }
	host=${url#*://}
	host=${host%%[/?#]*}
	case $host in
	\[*)
		host=${host#\[}
		host=${host%%\]*}
		;;
	*) host=${host%:*} ;;
	esac
	now
	ends=$((now + 800)) count=0
	kill -USR1 "$guard"
	open_record measured -
	measures=$(
		for pid in $leaders; do
			[ "$pid" = "$own" ] || leads_out "$pid" || continue
			count=$((count + 1))
			[ $count -le 32 ] || break
			in_lines "$pid" measure &
		done
		wait
	)
	printf '%s\n' "$measures"
	case $measures in
	*"$own known "*) ;;
	*"$own icmp "*)
		now
		ends=$((now + 200))
		in_lines "$own" keeps
		;;
	esac
	close_record -
}
