# The walk: visits every process, network namespace and Docker daemon that is visible from here, and
# prints framed records. POSIX sh (dash, ash, bash). It creates and changes nothing: no file (so no
# here-documents, for which bash may create one), no `docker exec`, no process left behind.
#
# It is one function, called on the last line sent: a truncated script runs nothing.

# open_record NAME KEY, close_record STATUS. The marker is random for each run.
open_record() { printf '\n%s> %s %s\n' "$mark" "$1" "$2"; }
close_record() { printf '\n%s< %s\n' "$mark" "$1"; }

# record NAME KEY COMMAND…: a command's output. All records share `room`, of which `reserve` is kept for
# later records; output truncated at its bound is marked.
record() {
	name=$1 key=$2
	shift 2
	bound=$((room - reserve))
	[ $bound -le "$bytes" ] || bound=$bytes
	[ $bound -ge 1024 ] || bound=1024
	# The dot preserves trailing newlines.
	printed=$("$@" 2>/dev/null | head -c $bound; echo .)
	printed=${printed%.}
	write_record "$name" "$key"
}

# write_record NAME KEY: a record of `printed`.
write_record() {
	open_record "$1" "$2"
	room=$((room - ${#printed}))
	printf %s "$printed"
	[ ${#printed} -lt "$bound" ] || printf '\n%s! %s\n' "$mark" "$bound"
	close_record -
}

# note NAME KEY: a record without content: its presence is the fact.
note() {
	open_record "$1" "$2"
	close_record -
}

# few COMMAND…: a command's output, bounded, for a variable.
few() { "$@" 2>/dev/null | head -c "$bytes"; }

# over PATTERN COMMAND…: runs a command on all files of a pattern, in its own process; if there are
# many, in batches that fit the limit on arguments.
over() {
	files=$1
	shift
	# shellcheck disable=SC2086 # patterns are meant
	[ "$crowd" -ge 5000 ] || exec "$@" $files
	# shellcheck disable=SC2086
	printf '%s\n' $files | xargs "$@"
}

# The children of a process, from the kernel's list or, in a kernel without it, from every process's
# parent.
children_of() {
	children=
	read -r children <"/proc/$1/task/$1/children"
	[ -e "/proc/$1/task/$1/children" ] && return
	for file in /proc/[0-9]*/stat; do
		read -r line <"$file" || continue
		parent=${line##*) ? }
		[ "${parent%% *}" = "$1" ] && children="$children ${line%% *}"
	done
} 2>/dev/null

# The state of a process, and its start time in ticks.
look_at() {
	state=Z began=
	read -r line <"/proc/$1/stat" || return
	# shellcheck disable=SC2086 # words are meant
	set -- ${line##*) }
	state=$1 began=${20}
} 2>/dev/null

# find_innermost DEPTH PID…: of the processes in these trees that started by `limit`, those without such
# descendants; the deepest are `innermost`. A zombie that is not reaped yet counts as a descendant.
find_innermost() {
	depth=$1 child=
	shift
	while [ $# -gt 0 ]; do
		look_at "$1"
		if [ -n "$began" ] && [ "$began" -le "$limit" ]; then
			if [ "$state" != Z ]; then
				children_of "$1"
				# shellcheck disable=SC2086 # words are meant
				find_innermost $((depth + 1)) $children
				depth=$((depth - 1))
				if [ -z "$child" ]; then
					[ $depth -le $deepest ] || innermost='' deepest=$depth
					[ $depth -lt $deepest ] || innermost="$innermost $1"
				fi
				child=1
			elif [ "$limit" = "$forever" ]; then
				child=1
			fi
		fi
		shift
	done
}

# Kills what runs below our children that started by `moment`, innermost first: each parent reaps its
# child, and no zombie is left to a PID 1 that may not reap. A reader of its output, such as `head`, is
# further out and ends on its own. One that started by `late` keeps forking; it is killed with its children.
end_old() {
	old='' lost=''
	children_of $$
	for child in $children; do
		look_at "$child"
		if [ "$child" = "$me" ] || [ "$state" = Z ] || [ "$began" -gt "$moment" ]; then
			continue
		elif [ "$began" -gt "$late" ]; then
			old="$old $child"
		else
			lost="$lost $child"
		fi
	done
	deepest=0 innermost='' limit=$forever
	# shellcheck disable=SC2086
	find_innermost 1 $old
	ending=$innermost
	deepest=0 innermost='' limit=$late
	# shellcheck disable=SC2086
	find_innermost 1 $lost
	for pid in $innermost; do
		children_of "$pid"
		ending="$ending $pid $children"
	done
	# shellcheck disable=SC2086
	[ -z "$ending" ] || { kill -9 $ending && fired=1; }
}

# Kills processes that a program left behind on purpose: they are in our session, which a walk in a
# container leads.
end_session() {
	for file in /proc/[0-9]*/stat; do
		read -r line <"$file" || continue
		# shellcheck disable=SC2086 # the process, its state, parent, group and session
		set -- ${line%% *} ${line##*) }
		[ "$5" = $$ ] && [ "$1" != $$ ] && [ "$1" != "$me" ] && kill -9 "$1"
	done
}

# Runs beside the walk. It kills every command that takes longer than `step`, and the whole walk when
# the client disconnects and closes our standard input. It runs no program but `sleep`, because any
# other may hang. It does not use `timeout`: busybox's leaves a child to PID 1.
guard() {
	read -r me _ </proc/self/stat
	gone='' fired='' forever=999999999999
	trap 'children_of "$me"; [ -z "$children" ] || kill -9 $children; [ -z "$fired" ] || end_session; wait; exit' TERM
	trap 'gone=1' USR2
	# First for the downloads, then for the measurements.
	trap 'step=$patience patience=$((2 * patience))' USR1
	(
		while read -r _ <&3; do :; done
		kill -USR2 "$me"
	) &
	while [ -z "$gone" ]; do
		sleep 1 &
		nap=$!
		look_at $nap
		if [ -n "$began" ]; then
			moment=$((began - step * 100)) late=$((moment - 200))
			end_old
		fi
		wait $nap
	done
	# The walk itself ends after the command that it is waiting for.
	kill -TERM $$
	moment=$forever late=0
	now
	ends=$((now + 600))
	while kill -0 $$ && ! out_of_time; do end_old; done
	end_session
	kill -9 $$
} </dev/null >/dev/null 2>&1

finish() {
	trap '' HUP INT PIPE TERM
	kill -TERM "$guard"
	wait
} 2>/dev/null

# A clock in hundredths of a second that needs no program.
now() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

out_of_time() {
	now
	[ "$now" -ge "$ends" ]
} 2>/dev/null

# A renamed dockerd: the parent of a containerd that runs with the configuration that dockerd writes.
find_renamed() {
	dockers=' ' files=
	for file in $programs; do
		pid=${file#/proc/}
		case $file in *:dockerd) dockers="$dockers${pid%%/*} " ;; esac
	done
	for file in $programs; do
		case $file in *:containerd) ;; *) continue ;; esac
		pid=${file#/proc/}
		find_parent "${pid%%/*}"
		case $dockers in *" $parent "*) ;; *) files="$files /proc/${pid%%/*}/cmdline" ;; esac
	done
	[ -n "$files" ] || return
	for file in $(few over "$files" grep -l -s -a 'docker/containerd/'); do
		pid=${file#/proc/}
		find_parent "${pid%%/*}"
		case $dockers in *" $parent "*) continue ;; esac
		dockers="$dockers$parent "
		programs="$programs /proc/$parent/comm:dockerd"
	done
}

find_parent() {
	parent=
	read -r line <"/proc/$1/stat" || return
	parent=${line##*) ? }
	parent=${parent%% *}
} 2>/dev/null

# The process table, with the limits of the programs that make up an engine.
read_processes() {
	record status - over '/proc/[0-9]*/status' grep -s -H -E '^(Name:|PPid:|State:.T)'
	record cgroup - over '/proc/[0-9]*/cgroup' grep -s -H -E '^0::|:pids:'
	programs=$(few over '/proc/[0-9]*/comm' grep -s -H -x -E 'dockerd|containerd|containerd-shim|buildkitd|dagger-engine|podman|conmon')
	find_renamed
	limits= scores=
	for file in $programs; do
		limits="$limits ${file%/comm:*}/limits" scores="$scores ${file%/comm:*}/oom_score_adj"
	done
	record status - over "$limits" grep -s -H '^Max open files'
	find_counted
	record oom - over "$scores" grep -s -H ''
	list_certificates
}

# The registries for which our own container has a certificate authority: directory names only, no file
# is opened.
list_certificates() {
	open_record certificates -
	count=0
	for file in /etc/docker/certs.d/*/*.crt; do
		[ -f "$file" ] && [ $((count += 1)) -le 64 ] || continue
		file=${file%/*}
		printf '%s\n' "${file##*/}"
	done
	close_record -
}

# The files in which the kernel counts the processes and OOM kills of our own container, its pod and the
# containers in it. They are at our cgroup path if the whole tree is mounted, else directly under the
# mount.
find_counted() {
	while IFS=: read -r _ name path; do
		case $name in
		'') base=/sys/fs/cgroup files='pids.max pids.current pids.events memory.events' ;;
		pids) base=/sys/fs/cgroup/pids files='pids.max pids.current pids.events' ;;
		memory) base=/sys/fs/cgroup/memory files=memory.oom_control ;;
		*) continue ;;
		esac
		path=${path%/} path=${path%/init}
		case $path in *[!a-zA-Z0-9/._:-]*) path= ;; esac
		for path in "$base" "$base$path" "$base${path%/*}" "$base/docker/*"; do
			case "$scores " in *" $path/${files%% *} "*) continue ;; esac
			for file in $files; do
				scores="$scores $path/$file"
			done
		done
	done </proc/self/cgroup
} 2>/dev/null

# If our container sees all processes of the node, only those of our own pod count: their cgroup path
# contains the pod or, in a cgroup namespace, is not outside of our own.
find_pod() {
	ours=
	[ "$pod" = - ] && return
	pattern=$pod
	grep -q -E "$pod" /proc/self/cgroup || pattern='^0::/([^.]|$)'
	for file in $(few over '/proc/[0-9]*/cgroup' grep -l -E "$pattern"); do
		file=${file#/proc/}
		ours="$ours ${file%/cgroup}"
	done
}

is_ours() {
	[ "$pod" = - ] && return
	case "$ours " in *" $1 "*) return 0 ;; esac
	return 1
}

# Reads the namespaces of each process; sets `leaders`: the first process of each network namespace, our
# own first, then the oldest.
read_namespaces() {
	links=$(few over '/proc/[0-9]*/ns/net /proc/[0-9]*/ns/mnt' ls -l)
	open_record namespaces -
	spaces='' pid='' count=0
	set -f
	for word in $links; do
		case $word in
		/proc/*)
			pid=${word#/proc/}
			pid=${pid%%/*}
			;;
		net:* | mnt:*)
			is_ours "$pid" || continue
			id=${word##*\[}
			id=${id%\]}
			printf '%s %s %s\n' "$pid" "${word%%:*}" "$id"
			case $word in
			mnt:*) eval "mount_$pid=$id" ;;
			*)
				[ "$pid" = $$ ] && own_id=$id
				eval "first=\${leader_$id-}"
				[ -n "$first" ] || { spaces="$spaces $id" count=$((count + 1)); }
				[ -n "$first" ] && [ "$first" -lt "$pid" ] || eval "leader_$id=$pid"
				;;
			esac
			;;
		esac
	done
	set +f
	[ ${#links} -lt "$bytes" ] || printf '\n%s! %s\n' "$mark" "$bytes"
	close_record -
	eval "own=\${leader_$own_id-}"
	leaders=$own read=0
	# shellcheck disable=SC2013 # words are meant
	for pid in $(for id in $spaces; do eval "echo \$leader_$id"; done | sort -n); do
		[ "$pid" = "$own" ] && continue
		read=$((read + 1))
		if [ $read -lt "$most" ]; then
			leaders="$leaders $pid"
		else
			printed=$((count - most - 1)) && write_record beyond "$pid"
			break
		fi
	done
}

# The processes whose /sys is a sysfs with nothing mounted over the files that are read. This comes from
# the kernel; the path itself is under the process's control.
find_sysfs() {
	mounted= covered=
	set -f
	for line in $(few over "$1" grep -s -H -m 4 -o -E '^([0-9:]+ ){3}[^ ]+ /sys( .* - [a-z0-9]+ |/class|/devices( |/virtual |[^ ]*/net))' | tr ' ' '|'); do
		pid=${line#/proc/}
		pid=${pid%%/*}
		case $line in
		*'|/|/sys|'*'|sysfs|') mounted="$mounted $pid" ;;
		*) covered="$covered $pid" ;;
		esac
	done
	set +f
}

# sysfs follows the mount, not the process: it is used only if it lists the process's interfaces.
sysfs_fits() {
	seen=0 there=0
	while read -r name _; do
		case $name in *:*)
			[ -e "$base/${name%%:*}/mtu" ] || return 1
			seen=$((seen + 1))
			;;
		esac
	done <"/proc/$1/net/dev"
	for name in "$base"/*/mtu; do
		[ -e "$name" ] && there=$((there + 1))
	done
	[ $seen = $there ] && [ $seen -le 2000 ]
}

# The kernel's data on a namespace, and its interfaces from sysfs if that is its own. It runs in its own
# process, so that a path in the namespace that hangs holds up nothing else.
look() {
	base=/proc/$1/root/sys/class/net
	files=
	for file in route ipv6_route dev igmp snmp ip_tables_names; do
		files="$files /proc/$1/net/$file"
	done
	# On a busy node, interfaces come and go during the read.
	case "$covered " in *" $1 "*) base= ;; esac
	case "$mounted " in *" $1 "*) ;; *) base= ;; esac
	if [ -n "$base" ] && { sysfs_fits "$1" || sysfs_fits "$1" || sysfs_fits "$1"; }; then
		for file in mtu operstate flags ifindex iflink tun_flags master/ifindex brport/state bridge/bridge_id; do
			files="$files $base/*/$file"
		done
	fi
	# shellcheck disable=SC2086 # words and patterns are meant
	exec grep -s -H '' $files
}

# in_namespace PID COMMAND…
in_namespace() {
	target=$1
	shift
	nsenter -t "$target" -n "$@"
}

# Default routes if `ip` shows their MTU (of IPv6 only if there are any; the kernel's own lead to `lo`),
# the interfaces without forwarding, and policy rules, all with one program.
show_routes() {
	case $sees in
	*"ipv6_route:$zeros 00 "????????????????????????????????" "??" "????????????????????????????????" "[!f]*) routes6=$shows_routes6 ;;
	*) routes6= ;;
	esac
	in_namespace "$1" sh -c "$shows_routes$routes6"'
		echo passing
		all=/proc/sys/net/ipv4/conf
		for file in $all/*/forwarding; do
			value=
			# The kernel gives a shell that reads byte by byte no end of the line.
			read -r value <"$file"
			[ "$value" != 0 ] || echo "$file"
		done
		[ ! -r $all/all/forwarding ] || echo "# read"
		echo rules
		ip rule && echo "# read"'
}

# If there are policy rules besides the three default ones, how the kernel would route a packet from
# each bridge: this is only a lookup, no packet is sent.
show_policies() {
	echo '# read'
	for bridge in $(printf '%s\n' "$sees" | sed -n 's|.*/class/net/\([^/]*\)/bridge/bridge_id:.*|\1|p' | head -n 16); do
		address=$(in_namespace "$1" ip -o -4 addr show dev "$bridge" | sed -n 's|.* inet \([0-9.]*\)/.*|\1|p' | head -n 1)
		[ -n "$address" ] || continue
		inside=${address%.*}.2
		[ "$inside" != "$address" ] || inside=${address%.*}.3
		for mark in '' $(printf '%s\n' "$rules" | sed -n 's|.* fwmark \(0x[0-9a-f]*\).*|\1|p' | head -n 8); do
			# shellcheck disable=SC2086 # nothing, or two words
			echo "$bridge${mark:+ mark $mark} $(in_namespace "$1" ip route get 198.51.100.1 from "$inside" iif "$bridge" ${mark:+mark $mark} 2>&1 | head -n 1)"
		done
	done
}

read_policies() {
	find_more
	case $more in
	unread) note rules "$1" ;;
	'') printed='# read' && write_record rules "$1" ;;
	*) record rules "$1" show_policies "$1" ;;
	esac
}

# The policy rules in `rules` besides the three default ones.
find_more() {
	old=$IFS more=unread
	set -f
	IFS='
'
	for line in $rules; do
		case $line in
		'0:'*' lookup local'* | '32766:'*' lookup main'* | '32767:'*' lookup default'*) ;;
		'# read') [ "$more" = more ] || more= ;;
		*) more=more ;;
		esac
	done
	IFS=$old
	set +f
}

# Whether the namespace of a process may carry traffic of container networks, by its record: ours, and
# those with a bridge. If sysfs does not show it, it may.
carries() {
	[ "$1" = "$own" ] && return
	case $printed in
	*/bridge/bridge_id:*) return 0 ;;
	*/mtu:*) return 1 ;;
	esac
}

# iptables rules, without kube-proxy's chains for single services, of which there may be thousands.
# iptables-save only lists; `iptables -S` may create the tables that it lists. Plain `iptables-save` is
# one of the other two.
show_rules() {
	saves='iptables-legacy-save iptables-nft-save'
	for save in $saves; do
		command -v $save >/dev/null || saves='iptables-save iptables-legacy-save iptables-nft-save'
	done
	for save in $saves; do
		command -v $save >/dev/null || continue
		echo "# from $save"
		if [ $save = iptables-legacy-save ] && has_no_legacy "$1"; then
			echo '# read'
		else
			in_namespace "$1" $save && echo '# read'
		fi
	done | sed -E '/^(:|-A )KUBE-(SVC|SEP|EXT|FW)-[^ ]* /d; /^(# (from|read|Table) ?|[*:]|-A )/!d'
}

# Whether a namespace has no iptables-legacy tables in the kernel.
has_no_legacy() {
	case $sees in *"/proc/$1/net/ip_tables_names:"*) return 1 ;; esac
	[ ! -e "/proc/$1/net/ip_tables_names" ] || [ -r "/proc/$1/net/ip_tables_names" ]
}

# ebtables rules for frames on bridges, unless nft lists them already.
read_bridges() {
	[ -z "$has_nft" ] && command -v ebtables-nft-save >/dev/null || return
	case $sees in */bridge/bridge_id:*) record bridges "$1" in_namespace "$1" ebtables-nft-save ;; esac
}

# The addresses of a namespace, which SNAT may use.
show_addresses() { exec grep -s -B 1 '/32 host LOCAL$' "/proc/$1/net/fib_trie"; }

# All nftables tables, without counters. It only lists.
show_nft() { in_namespace "$1" nft -s -j list ruleset && echo '# read'; }

# Each namespace has its reserved share of the room; all together get half of the time.
read_networks() {
	left=0 patterns=
	for pid in $leaders; do
		left=$((left + 1))
		patterns="$patterns /proc/$pid/mountinfo"
	done
	find_sysfs "$patterns"
	shown=passing shows_routes='' shows_routes6='' zeros=00000000000000000000000000000000
	case $(few ip -V 2>&1) in
	*iproute2*)
		shown=routes
		shows_routes='echo v4
			ip -o route show default'
		shows_routes6='
			echo v6
			ip -6 -o route show default'
		;;
	esac
	command -v nft >/dev/null && has_nft=1 || has_nft=
	half=$((ends - whole * 50))
	for pid in $leaders; do
		left=$((left - 1))
		reserve=$((5 * bytes / 4 + left * 16384))
		now
		if [ "$now" -ge "$half" ] && [ "$pid" != "$own" ]; then
			note unread "$pid"
			continue
		fi
		record net "$pid" look "$pid"
		carried=
		carries "$pid" && carried=1
		sees=$printed
		case $printed in
		*/mtu:*) ;;
		*) record link "$pid" in_namespace "$pid" ip -o link ;;
		esac
		[ -n "$carried" ] || continue
		record $shown "$pid" show_routes "$pid"
		rules=${printed##*rules}
		read_policies "$pid"
		record clamps "$pid" show_rules "$pid"
		sets=$printed
		printed=
		[ -z "$has_nft" ] || record nft "$pid" show_nft "$pid"
		native=$printed
		read_bridges "$pid"
		case $sets$native in *'-j SNAT '* | *'"snat"'*) record local "$pid" show_addresses "$pid" ;; esac
	done
	reserve=0
}

# resolve PID PATH: sets `at`, the path of a file as that process sees it. Symlinks are followed as in
# the process: an absolute one starts at its root, where the kernel would use ours.
resolve() {
	at=/proc/$1/root left=$2 hops=0
	while [ -n "$left" ]; do
		left=${left#/}
		word=${left%%/*}
		case $left in */*) left=${left#*/} ;; *) left= ;; esac
		case $word in
		'' | .) continue ;;
		..)
			[ "$at" = "/proc/$1/root" ] || at=${at%/*}
			continue
			;;
		esac
		at=$at/$word
		[ -h "$at" ] || continue
		hops=$((hops + 1))
		[ $hops -le 16 ] && link=$(readlink "$at") || return 1
		case $link in /*) at=/proc/$1/root ;; *) at=${at%/*} ;; esac
		left=$link/$left
	done
}

# Run these in their own process, so that a path that hangs holds up nothing else: `file PID PATH`
# prints a regular file, `regular PID PATH` and `socket PID PATH` the path of one.
file() {
	resolve "$@" && [ -e "$at" ] || { echo absent && exit; }
	[ -f "$at" ] && exec cat "$at"
}
socket() { resolve "$@" && [ -S "$at" ] && printf %s "$at"; }
regular() { resolve "$@" && [ -f "$at" ] && printf %s "$at"; }

# Several requests over one connection, most important first. Every daemon accepts unversioned paths.
requests() {
	for path in /version /networks /containers/json; do
		printf 'GET %s HTTP/1.1\r\nHost: docker\r\n\r\n' $path
	done
	printf 'GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n'
}

# talk COMMAND…: one connection to a daemon. The client holds the write end of its own input open: at
# EOF, Docker 26 treats the client as disconnected ("context canceled").
talk() {
	requests | "$@" system dial-stdio 5>/proc/self/fd/0 2>&1
	printf '\n%s= %s\n' "$mark" $?
}

# ask PID ENDPOINT COMMAND…
ask() {
	asked=1
	key="$1 $2"
	shift 2
	record api "$key" talk "$@"
	case $printed in *HttpProxy\":\"[!\"]* | *HttpsProxy\":\"[!\"]*) record ports "${key%% *}" open_ports "${key%% *}" ;; esac
}

# open_ports PID: the TCP ports on which a process in its network namespace listens.
open_ports() {
	sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) [0-9A-F:]* 0A .*/port \1/p' "/proc/$1/net/tcp" "/proc/$1/net/tcp6"
}

# The Unix sockets on which a process listens. Those that it does not hold belong to another process.
find_held() {
	held= named= holds=$(few ls -l "/proc/$1/fd/")
	set -f
	for line in $(few sed -n 's|^.* 00010000 0001 01 *\([0-9]*\) /|\1:/|p' "/proc/$1/net/unix"); do
		case $holds in *"socket:[${line%%:*}]"*) ;; *) continue ;; esac
		held="$held ${line#*:}" all_held="$all_held ${line%%:*}"
		case $line in */docker.sock) named="$named unix://${line#*:}" ;; esac
	done
	set +f
}

ask_engine() {
	pid=$1 asked=
	set -f
	for host in $2 unix:///var/run/docker.sock $named; do
		case $host in
		unix://*)
			path=${host#unix://}
			# The path may contain a symlink, such as /var/run.
			case "$held " in *"/${path##*/} "*) ;; *) continue ;; esac
			way=$(socket "$pid" "$path" 2>/dev/null)
			[ -n "$way" ] && ask "$pid" "$host" docker -H "unix://$way"
			;;
		tcp://*)
			certificates=/certs/client
			address=${host#tcp://}
			case $address in 0.0.0.0:* | :* | '[::]:'*) address=127.0.0.1:${address##*:} ;; esac
			if [ "${address##*:}" != 2375 ] && [ -n "$(regular "$pid" $certificates/key.pem 2>/dev/null)" ]; then
				certificates=/proc/$pid/root$certificates
				ask "$pid" "tcp://$address" nsenter -t "$pid" -n \
					docker --tlsverify --tlscacert "$certificates/ca.pem" \
					--tlscert "$certificates/cert.pem" --tlskey "$certificates/key.pem" \
					-H "tcp://$address"
			else
				ask "$pid" "tcp://$address" nsenter -t "$pid" -n docker -H "tcp://$address"
			fi
			;;
		esac
		[ -n "$asked" ] && break
	done
	set +f
	[ -n "$holds" ] || note closed "$pid"
}

# The dockerd options that the walk itself needs: listen addresses, configuration file and data directory.
read_options() {
	hosts= config=/etc/docker/daemon.json data= option=
	old=$IFS
	IFS='
'
	set -f
	for word in $1; do
		case $option in
		host) hosts="$hosts $word" ;;
		config) config=$word ;;
		data) data=$word ;;
		esac
		option=
		case $word in
		-H | --host) option=host ;;
		-H=* | --host=*) hosts="$hosts ${word#*=}" ;;
		-H?*) hosts="$hosts ${word#-H}" ;;
		--config-file) option=config ;;
		--config-file=*) config=${word#*=} ;;
		--data-root | --graph | -g) option=data ;;
		--data-root=* | --graph=* | -g=*) data=${word#*=} ;;
		esac
	done
	set +f
	IFS=$old
}

# The version of containerd identifies a daemon that does not respond. Only our own container's is run:
# a nested container's programs must not run out here.
read_programs() {
	if in_here "$1"; then
		record containerd "$1" containerd --version
	else
		record opts "$1" show_opts "$1"
	fi
}

# Whether a daemon can find runc in its own file system: it starts it by name.
has_runc() {
	finds_runc "$1" /usr/local/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/sbin:/bin && return
	paths=$(tr '\0' '\n' <"/proc/$1/environ" | sed -n 's/^PATH=//p' | head -c 4096) 2>/dev/null
	finds_runc "$1" "$paths"
}

finds_runc() {
	old=$IFS found=
	IFS=:
	set -f
	for path in $2; do
		IFS=$old
		resolve "$1" "$path/runc" && [ -f "$at" ] && [ -x "$at" ] && found=1 && break
	done
	IFS=$old
	set +f
	[ -n "$found" ]
} 2>/dev/null

# The variables of our own container are in the pod's specification.
show_opts() {
	[ -r "/proc/$1/environ" ] && echo '# read' &&
		tr '\0' '\n' <"/proc/$1/environ" | grep '^DOCKER_OPTS='
}

# The file system of an engine's data directory, and its free space. Skips paths with whitespace, which
# would split the record, and with characters that `stat` would expand.
read_data() {
	case $2 in *[![:graph:]]* | *[%\\]*) return ;; /*) record places "$1" show_data "$1" "$2" ;; esac
}

show_data() {
	resolve "$1" "$2" || return
	stat -L -c "%d %i /proc/$1/root$2" "$at"
	close_record -
	open_record room "$1"
	exec stat -L -f -c "%t %S %b %a %c %d /proc/$1/root$2" "$at"
}

show_arguments() { exec tr '\0' '\n' <"/proc/$1/cmdline"; }

read_engine() {
	whole_record=$bytes bytes=65536
	record arguments "$1" show_arguments "$1"
	if is_other "$1"; then
		read_worker "$1" "$printed"
		bytes=$whole_record
		return
	fi
	read_options "$printed"
	record config "$1" file "$1" "$config"
	bytes=$whole_record
	read_config
	find_held "$1"
	if command -v docker >/dev/null; then
		ask_engine "$1" "$hosts"
	else
		note no-client "$1"
	fi
	read_programs "$1"
	has_runc "$1" || note no-runc "$1"
	read_data "$1" "${data:-/var/lib/docker}"
}

# Engines other than Docker, which have no API to ask.
is_other() {
	program=
	read -r program <"/proc/$1/comm"
	case $program in buildkitd | dagger-engine | podman | conmon) return 0 ;; esac
	return 1
} 2>/dev/null

# The BuildKit settings that define how its steps reach the network.
read_worker() {
	[ "$program" = buildkitd ] || return 0
	config=/etc/buildkit/buildkitd.toml cni=/etc/buildkit/cni.json option=
	old=$IFS
	IFS='
'
	set -f
	for word in $2; do
		case $option in
		config) config=$word ;;
		cni) cni=$word ;;
		esac
		option=
		case $word in
		--config) option=config ;;
		--config=*) config=${word#*=} ;;
		--oci-cni-config-path) option=cni ;;
		--oci-cni-config-path=*) cni=${word#*=} ;;
		esac
	done
	set +f
	IFS=$old
	record worker "$1" show_worker "$1" "$config" "$cni"
}

show_worker() {
	(file "$1" "$2") | grep -E '^[[:space:]]*networkMode[[:space:]]*='
	[ -z "$(regular "$1" "$3")" ] || echo cni
	tr '\0' '\n' <"/proc/$1/environ" | grep '^BUILDKIT_NETWORK_BRIDGE_AUTO='
	echo '# read'
}

# The versions of the engines other than Docker that our own container has, running or not.
read_versions() {
	for program in buildkitd podman /usr/lib/podman/netavark /usr/libexec/podman/netavark; do
		[ -z "$(command -v $program)" ] || record version $program $program --version
	done
}

# The daemon.json settings that the walk itself needs.
read_config() {
	case $printed in absent*) return ;; esac
	set -f
	for word in $(printf %s "$printed" | grep -o -E '"(unix|tcp)://[^"]*"|"(data-root|graph)" *: *"[^"]*"' | tr -d '" '); do
		case $word in
		data-root:* | graph:*) data=${word#*:} ;;
		*) hosts="$hosts $word" ;;
		esac
	done
	set +f
}

# `mount`, the ID of a process's mount namespace.
find_mount() { eval "mount=\${mount_$1-}"; }

# Whether a process is in our mount namespace.
in_here() {
	find_mount $$
	mine=$mount
	find_mount "$1"
	[ "$mount" = "$mine" ]
}

# The PID of every dockerd that may be an engine, those that a build can least forge first. One outside
# our own mount namespace must have CAP_SYS_ADMIN (the 21st), which running containers requires; one
# with a containerd beside it comes before one without, then the older. A daemon's helpers have the same
# name.
rank_engines() {
	files=
	for name in $programs; do
		pid=${name#/proc/}
		pid=${pid%%/*}
		case $name in
		*:dockerd | *:buildkitd | *:dagger-engine | *:podman | *:conmon)
			is_ours "$pid" || continue
			eval "docker_$pid=${name##*:}"
			files="$files /proc/$pid/status"
			;;
		*)
			find_mount "$pid"
			eval "runs_$mount=1"
			;;
		esac
	done
	[ -n "$files" ] || return
	for word in $(few over "$files" grep -s -H -E '^(PPid|CapEff):'); do
		case $word in
		*PPid: | *CapEff:) key=$word ;;
		*)
			pid=${key#/proc/}
			pid=${pid%%/*}
			case $key in
			*PPid:)
				find_mount "$pid"
				own_mount=$mount helper=
				find_mount "$word"
				eval "around=\${docker_$word-} kind=\${docker_$pid-}"
				[ "$around" = "$kind" ] && [ "$mount" = "$own_mount" ] && helper=1
				;;
			*)
				[ -z "$helper" ] || continue
				eval "runs=\${runs_$own_mount-}"
				if in_here "$pid"; then
					echo "0 $pid"
				elif [ $((0x$word & 0x200000)) = 0 ]; then
					continue
				elif [ -n "$runs" ]; then
					echo "1 $pid"
				else
					echo "2 $pid"
				fi
				;;
			esac
			;;
		esac
	done
}

# read_engines KEY: reads every engine among `programs`, listed in the record of that key.
read_engines() {
	engines=
	# Alternating ranks and PIDs.
	ranked=$(rank_engines | sort -n -k 1,1 -k 2,2)
	count=0 more=
	open_record engines "$1"
	# shellcheck disable=SC2086 # words are meant
	set -- $ranked
	while [ $# -gt 0 ] && [ -z "$more" ]; do
		printf '%s\n' "$2"
		count=$((count + 1))
		if [ $count -le "$most" ]; then engines="$engines $2"; else more=$2; fi
		shift 2
	done
	close_record -
	printed=$(($# / 2))
	[ -z "$more" ] || write_record more-engines "$more"
	# shellcheck disable=SC2086
	set -- $engines
	while [ $# -gt 0 ]; do
		reserve=$(($# * 16384))
		if out_of_time; then note skipped "$1"; else read_engine "$1"; fi
		shift
	done
	reserve=0
}

# A process that listens on a docker.sock and is not a known engine is an engine, whatever its name.
read_listeners() {
	files= unheld=
	for pid in $leaders; do files="$files /proc/$pid/net/unix"; done
	set -f
	for inode in $(few over "$files" sed -n 's|^.* 00010000 0001 01 *\([0-9]*\) /\(.*/\)\{0,1\}docker\.sock$|\1|p'); do
		case "$all_held$unheld " in *" $inode "*) ;; *) unheld="$unheld $inode" ;; esac
	done
	set +f
	[ -n "$unheld" ] || return
	found= taken=
	for word in $(few over '/proc/[0-9]*/fd' ls -l | sed -n 's|^/proc/\([0-9]*\)/fd:$|\1|p;s|.*socket:\[\([0-9]*\)\]$|=\1|p'); do
		case $word in
		=*)
			case "$taken " in *" ${word#=} "*) continue ;; esac
			case "$unheld " in *" ${word#=} "*) found="$found $pid" taken="$taken ${word#=}" ;; esac
			;;
		*) pid=$word ;;
		esac
	done
	programs=
	for pid in $found; do
		read -r word <"/proc/$pid/comm"
		# systemd holds the sockets of services that it has not started yet.
		[ "$word" = systemd ] || programs="$programs /proc/$pid/comm:dockerd"
	done 2>/dev/null
	[ -z "$programs" ] || read_engines listening
}

# The command that fetches a URL to standard output; the agent's name and the URL follow. It tests the
# path itself, so it uses no proxy and verifies no certificate.
find_fetcher() {
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	fetcher=
	if command -v curl >/dev/null; then
		fetcher='curl -q -sS -f -k -o - -A'
	elif wget --version 2>/dev/null | grep -q GNU; then
		fetcher='wget -nv -t 1 --no-check-certificate -O - -U'
	elif command -v wget >/dev/null; then
		fetcher='wget -q -O - -U'
	fi
}

# fetch PID: a download in the namespace of a process. The bytes are counted and discarded, up to a
# limit.
fetch() {
	printed=$(
		{
			{
				nsenter -t "$1" -n $fetcher "$agent-$1" "$url" 2>&4
				echo "status $?" >&4
			} | head -c 65536 | wc -c | sed 's/^ */bytes /' >&4
		} 4>&1
	)
	printf '%s\n' "$printed" | head -c 1000 | sed "s/^/$1 /"
}

# Whether a process, or a child that does TLS for it, has an established TCP connection.
stands() {
	for file in /proc/$1/status $(grep -l -s "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status); do
		file=${file%/status}
		for inode in $(ls -l "$file/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'); do
			grep -q -s -E "^ *[0-9]+: [^ ]+ [^ ]+ 0[18] .* $inode " "$file/net/tcp" "$file/net/tcp6" && return
		done
	done
	return 1
}

# Whether a network has a default route; one without may be intended.
leads_out() { grep -q -s '^[^[:space:]]*[[:space:]]00000000[[:space:]]' "/proc/$1/net/route"; }

# Downloads from every namespace that has a default route, all at once: which complete, and whether the
# connection is established if they do not.
confirm() {
	find_fetcher
	agent=runner-doctor-$$
	jobs=
	kill -USR1 "$guard"
	open_record fetched -
	for pid in $leaders; do
		[ -n "$fetcher" ] || break
		# A pod always needs a default route: one without has lost it.
		[ "$pid" = "$own" ] || leads_out "$pid" || continue
		fetch "$pid" &
		jobs="$jobs $!"
	done
	now
	ends=$((now + patience * 100 - 100))
	sleep 1
	while left=$(few over '/proc/[0-9]*/cmdline' grep -l -s -a "[r]${agent#r}-") && [ -n "$left" ] && ! out_of_time; do
		sleep 1
	done
	for client in $left; do
		pid=${client#/proc/}
		stands "${pid%/cmdline}" && { tr '\0' ' ' <"$client" && echo; } | sed -n "s/.*$agent-\([0-9]*\) .*/\1 stands/p"
	done
	# shellcheck disable=SC2086
	[ -n "$jobs" ] && wait $jobs
	close_record -
	[ -n "$fetcher" ] || note no-fetcher -
}

# The counters of dropped packets, last, so that changes show. With them the name servers and, if one is
# a loopback address, the sockets on port 53.
read_again() {
	files= sockets= local=
	for pid in $leaders; do
		files="$files /proc/$pid/net/snmp"
		sockets="$sockets /proc/$pid/net/udp /proc/$pid/net/udp6"
	done
	# shellcheck disable=SC2086
	record again - grep -s -H '^Ip:' $files
	for pid in $leaders; do
		out_of_time && break
		printed=$(name_servers "$pid" 2>/dev/null)
		write_record again "$pid"
		case $printed in *nameserver[[:space:]]127.* | *nameserver[[:space:]]::1*) local=1 ;; esac
	done
	# shellcheck disable=SC2086
	[ -z "$local" ] || record sockets - grep -s -H -E '^ *[0-9]+: [0-9A-F]+:0035 ' $sockets
}

name_servers() {
	resolve "$1" /etc/resolv.conf && [ -f "$at" ] || return
	lines=0
	while read -r word address _ && [ $lines -lt 100 ]; do
		lines=$((lines + 1))
		[ "$word" = nameserver ] && [ ${#address} -le 64 ] && echo "nameserver $address"
	done <"$at"
}

# The counters of dropped packets, once more.
count_again() {
	files=
	for pid in $leaders; do files="$files /proc/$pid/net/snmp"; done
	# shellcheck disable=SC2086
	record after - grep -s -H '^Ip:' $files
}

# The first engine inside another one; a daemon's helpers have the same name.
nested_engine() {
	find_pod
	here=$(few ls -l /proc/self/ns/mnt)
	for file in $(few over '/proc/[0-9]*/comm' grep -l -x dockerd); do
		pid=${file#/proc/}
		pid=${pid%/comm}
		there=$(few ls -l "/proc/$pid/ns/mnt")
		[ -n "$there" ] && [ "${here##*-> }" != "${there##*-> }" ] && is_ours "$pid" && return
	done
	return 1
}

# Waits until an engine runs inside another one, and a little longer until it responds.
await_nested() {
	until nested_engine || out_of_time; do sleep 1; done
	tries=20
	until grep -q docker0 "/proc/$pid/net/dev" || [ $tries = 0 ] || out_of_time; do
		tries=$((tries - 1))
		sleep 1
	done 2>/dev/null
	sleep 1
}

# The engine that docker commands here use, which may not be visible from here.
ask_told() {
	host=${told_host:-unix:///var/run/docker.sock}
	command -v docker >/dev/null || { note no-client 0 && return; }
	case $host in unix://*) [ -S "${host#unix://}" ] || return 0 ;; esac
	ask 0 "$host" env ${told_verify:+"DOCKER_TLS_VERIFY=$told_verify"} \
		${told_certificates:+"DOCKER_CERT_PATH=$told_certificates"} docker -H "$host"
}

# walk MARK STEP_SECONDS SECONDS BYTES MOST MODE POD WAIT_SECONDS CONFIRM_SECONDS URL SAMPLE_SECONDS
walk() {
	mark=$1 step=$2 whole=$3 bytes=$4 most=$5 mode=$6 pod=$7 patience=$9 url=${10} seconds=${11}
	room=$((3 * bytes)) reserve=0 bound=$bytes
	set -- "$@" /proc/[0-9]*
	crowd=$#
	told_host=${DOCKER_HOST-} told_verify=${DOCKER_TLS_VERIFY-} told_certificates=${DOCKER_CERT_PATH-}
	told_context=${DOCKER_CONTEXT-} told_version=${DOCKER_API_VERSION-}
	unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_TLS DOCKER_CERT_PATH DOCKER_API_VERSION
	export LC_ALL=C
	exec 3<&0 </dev/null
	guard &
	guard=$!
	exec 3<&-
	trap 'finish; exit 1' HUP INT PIPE TERM
	open_record self -
	echo "pid $$"
	echo "uid $(id -u)"
	echo "kernel $(uname -r)"
	echo "clock $(date +%s)"
	close_record -
	if [ "$8" != 0 ]; then
		now
		ends=$((now + $8 * 100))
		await_nested
	fi
	now
	ends=$((now + whole * 100))
	if [ "$mode" = client ]; then
		record client - show_client
	elif [ "$mode" = node ]; then
		leaders=$$ own=$$
		read_networks
		read_again
		count=0
		while [ $count -lt "$patience" ]; do
			sleep 1
			count=$((count + 1))
		done
	else
		read_processes
		find_pod
		read_namespaces
		read_networks
		all_held=
		read_engines -
		read_versions
		seen=$engines
		read_listeners
		if [ "$mode" = here ]; then
			ask_told
		elif [ -z "$seen$engines" ] && command -v docker >/dev/null; then
			ask_told
		fi
		command -v run_probes >/dev/null && run_probes
		command -v take_samples >/dev/null && take_samples
		read_again
		[ "$patience" = 0 ] || confirm
	fi
	[ "$patience" = 0 ] || count_again
	command -v measure_paths >/dev/null && measure_paths
	finish
	open_record end -
	close_record 0
}
