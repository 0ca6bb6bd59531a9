# Two samples of the connections and counters of every network namespace, some seconds apart, and what
# the processes that hold those connections wait for. Sent only with --sample.

# show_sockets MOST FILE…: established and listening sockets, at most MOST per file, so that one
# namespace cannot use up the room of the others.
show_sockets() {
	most_lines=$1
	shift
	grep -s -H -m "$most_lines" -E '^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} (01|0A) ' "$@"
	[ $? -le 128 ]
}

# Our own namespace first, with a higher limit: it may be a node's.
show_all_sockets() {
	show_sockets 500 "/proc/$own/net/tcp" "/proc/$own/net/tcp6" &&
		{ [ $# = 0 ] || show_sockets 50 "$@"; } && echo '# read'
}

# Traffic counters: only the lines of the kernel's counters that are needed.
show_counters() {
	grep -s -H -E '^(Tcp|TcpExt|IpExt):' "$@"
	[ $? -gt 128 ] || echo '# read'
}

# The kernel's counters per connection, if `ss` is available.
show_details() {
	for pid in $1; do
		out_of_time && return
		in_namespace "$pid" ss -H -t -i -e -m -n -O state established | head -n 200 | sed "s/^/$pid /"
	done
}

# sample NUMBER: sets `sockets`, the lines of all namespaces.
sample() {
	files=
	for pid in $leaders; do files="$files /proc/$pid/net/snmp /proc/$pid/net/netstat"; done
	# shellcheck disable=SC2086 # words are meant
	record counters "$1" show_counters $files
	files=
	for pid in $leaders; do
		[ "$pid" = "$own" ] || files="$files /proc/$pid/net/tcp /proc/$pid/net/tcp6"
	done
	# shellcheck disable=SC2086
	record connections "$1" show_all_sockets $files
	sockets=$printed
	busy=$(printf '%s\n' "$sockets" | sed -n 's|^/proc/\([0-9]*\)/net/tcp6\{0,1\}:.* 01 [0-9A-F]*:.*|\1|p' | uniq | head -n 32)
	[ -z "$busy" ] || ! command -v ss >/dev/null || record details "$1" show_details "$busy"
}

# The processes that hold the connections: each PID, then a line per connection.
show_holders() {
	over '/proc/[0-9]*/fd' ls -l | grep -F -e '/fd:' -e "$1" |
		sed -n 's|^/proc/\([0-9]*\)/fd:$|\1|p; s|.* \([0-9]*\) -> \(socket:\[[0-9]*\]\)$|= \1 \2|p'
}

# The command of a process, and what its threads wait for in the kernel.
show_wait() {
	line=$(tr '\0\n' '  ' <"/proc/$1/cmdline" | head -c 1000)
	calls=$(cat "/proc/$1/task"/[0-9]*/syscall | cut -d ' ' -f 1-4 | sort -u | head -n 40 | sed "s/^/waits $1 /")
	printf 'command %s %s\n%s\n' "$1" "$line" "$calls"
}

show_waits() {
	echo "machine $(uname -m)"
	count=0
	for pid in $1; do
		show_wait "$pid" &
		count=$((count + 1))
		[ $((count % 16)) != 0 ] || wait
	done
	wait
}

take_samples() {
	ends=$((ends + seconds * 100))
	sample 1
	now
	began=$now naps=0
	while [ $naps -lt "$seconds" ]; do
		sleep 1
		naps=$((naps + 1))
	done
	now
	printed=$((now - began)) && write_record slept -
	sample 2
	held=$(printf '%s\n' "$sockets" | sed -n 's|.* 01 [0-9A-F]*:[0-9A-F]* [0-9A-F]*:[0-9A-F]* [0-9A-F]* *[0-9]* *[0-9]* \([1-9][0-9]*\) .*|socket:[\1]|p' | head -n 5000)
	[ -n "$held" ] || return
	record holders - show_holders "$held"
	owners=$(printf '%s\n' "$printed" | sed -n '/^[0-9]/h; /^=/{x;p;x;}' | sort -u | head -n 256)
	record waits - show_waits "$owners"
}
