# The walk: visits every process, network namespace and Docker daemon that can be seen from here,
# and prints framed records. POSIX sh (dash, ash, bash). It creates and changes nothing: no file
# (so no here-documents, which bash may keep in one), no `docker exec`, no process that stays.
#
# It is one function, called on the last line that is sent: a cut stream runs nothing.

# say NAME KEY: opens a record. done_ STATUS: closes it. The marker is random for each run.
say() { printf '\n%s> %s %s\n' "$mark" "$1" "$2"; }
done_() { printf '\n%s< %s\n' "$mark" "$1"; }

# record NAME KEY COMMAND…: what a command prints, bounded.
record() {
	say "$1" "$2"
	shift 2
	"$@" 2>/dev/null | head -c "$bytes"
	done_ -
}

# few COMMAND…: what a command says, bounded, for a variable.
few() { "$@" 2>/dev/null | head -c "$bytes"; }

# Ends the walk when the client is gone: its end of our standard input closes. With it goes all that
# it has begun: its session, which it leads in a container, or else its children. No program is asked
# here, for it may be what hangs; the second time meets what was being begun in the first.
watch_client() {
	(
		while read -r _ <&3; do :; done
		read -r me _ </proc/self/stat
		for round in 1 2; do
			for file in /proc/[0-9]*/stat; do
				read -r line <"$file" || continue
				# shellcheck disable=SC2086 # the process, its state, parent, group and session
				set -- ${line%% *} ${line##*) }
				[ "$1" = "$me" ] && continue
				[ "$3" = $$ ] || [ "$5" = $$ ] && kill -9 "$1"
			done
			kill -9 $$
		done
	) </dev/null >/dev/null 2>&1 &
	watcher=$!
}

out_of_time() { [ "$(date +%s)" -ge "$ends" ]; }

# `timeout` takes its seconds with -t in old busybox; where there is none, the deadline must do.
find_limit() {
	if timeout 1 true 2>/dev/null; then
		limit="timeout -s KILL $step"
	elif timeout -t 1 true 2>/dev/null; then
		limit="timeout -t $step -s KILL"
	else
		limit=
	fi
}

# Where our container sees the whole node's processes, only those of our own pod count: they name
# the pod in their cgroup or, where cgroups are shown from our own, are not outside of it.
find_pod() {
	ours=
	[ "$pod" = - ] && return
	pattern=$pod
	grep -q -E "$pod" /proc/self/cgroup || pattern='^0::/([^.]|$)'
	for file in $(few grep -l -E "$pattern" /proc/[0-9]*/cgroup); do
		file=${file#/proc/}
		ours="$ours ${file%/cgroup}"
	done
}

is_ours() {
	[ "$pod" = - ] && return
	case "$ours " in *" $1 "*) return 0 ;; esac
	return 1
}

# Reads who lives in which namespace; sets `leaders`: the first process of each network namespace.
read_namespaces() {
	links=$(few ls -l /proc/[0-9]*/ns/net /proc/[0-9]*/ns/pid /proc/[0-9]*/ns/mnt)
	say namespaces -
	spaces= pid=
	set -f
	for word in $links; do
		case $word in
		/proc/*)
			pid=${word#/proc/}
			pid=${pid%%/*}
			;;
		net:* | pid:* | mnt:*)
			is_ours "$pid" || continue
			id=${word##*\[}
			id=${id%\]}
			printf '%s %s %s\n' "$pid" "${word%%:*}" "$id"
			case $word in net:*)
				eval "first=\${leader_$id-}"
				[ -n "$first" ] || spaces="$spaces $id"
				[ -n "$first" ] && [ "$first" -lt "$pid" ] || eval "leader_$id=$pid"
				;;
			esac
			;;
		esac
	done
	set +f
	done_ -
	leaders= count=0
	for id in $spaces; do
		count=$((count + 1))
		[ $count -le "$most" ] && eval "leaders=\"\$leaders \$leader_$id\""
	done
	id=$(few ls -l /proc/self/ns/net)
	id=${id##*\[}
	eval "own=\${leader_${id%\]}-}"
}

# sysfs follows the mount, not the process: it counts only where it lists the process's interfaces.
sysfs_fits() {
	seen=0 there=0
	while read -r name _; do
		case $name in *:*)
			[ -e "/proc/$1/root/sys/class/net/${name%%:*}/mtu" ] || return 1
			seen=$((seen + 1))
			;;
		esac
	done <"/proc/$1/net/dev"
	for name in "/proc/$1/root/sys/class/net"/*/mtu; do
		[ -e "$name" ] && there=$((there + 1))
	done
	[ $seen = $there ]
} 2>/dev/null

# in_namespace PID COMMAND…
in_namespace() {
	target=$1
	shift
	$limit nsenter -t "$target" -n "$@"
}

show_routes() {
	echo v4
	in_namespace "$1" ip -o route show default
	echo v6
	in_namespace "$1" ip -6 -o route show default
}

# Whether networks may leave through the namespace of a process: ours, and those with a bridge.
# Where sysfs does not tell, they may.
carries() {
	[ "$1" = "$own" ] && return
	case " $hidden " in *" $1 "*) return 0 ;; esac
	for bridge in "/proc/$1/root/sys/class/net"/*/bridge; do
		[ -e "$bridge" ] && return
	done
	return 1
}

# iptables-save only lists; `iptables -S` may create the tables that it lists. By its plain name it
# is one of the other two.
show_rules() {
	saves='iptables-legacy-save iptables-nft-save'
	for save in $saves; do
		command -v $save >/dev/null || saves='iptables-save iptables-legacy-save iptables-nft-save'
	done
	for save in $saves; do
		command -v $save >/dev/null || continue
		echo "# from $save"
		{ in_namespace "$1" $save && echo '# read'; } |
			grep -E '^# read|^\*|TCPMSS|^:FORWARD |^-A (FORWARD|DOCKER-[^ ]*) '
	done
}

read_networks() {
	files= devices= hidden=
	for pid in $leaders; do
		for file in route ipv6_route dev igmp snmp; do
			files="$files /proc/$pid/net/$file"
		done
		# On a busy node, interfaces come and go while one looks.
		if sysfs_fits "$pid" || sysfs_fits "$pid" || sysfs_fits "$pid"; then
			base=/proc/$pid/root/sys/class/net
			for file in mtu operstate ifindex iflink tun_flags master/ifindex bridge/bridge_id; do
				devices="$devices $base/*/$file"
			done
		else
			hidden="$hidden $pid"
			record link "$pid" in_namespace "$pid" ip -o link
		fi
	done
	# shellcheck disable=SC2086 # words and patterns are meant
	record net - grep -s -H '' $files
	# shellcheck disable=SC2086
	[ -n "$devices" ] && record sysfs - grep -s -H '' $devices
	case $($limit ip -V 2>&1 | head -c 1000) in *iproute2*) shows_mtu=1 ;; *) shows_mtu= ;; esac
	for pid in $leaders; do
		carries "$pid" || continue
		[ -n "$shows_mtu" ] && record routes "$pid" show_routes "$pid"
		record clamps "$pid" show_rules "$pid"
	done
}

# The path of a file as process $1 sees it. `/var/run` is often an absolute link, which would lead
# out of that process's root into ours.
inside() {
	root=/proc/$1/root
	case $2 in /var/run/*)
		link=$(few ls -ld "$root/var/run")
		case $link in
		*'-> /'*) printf '%s%s%s' "$root" "/${link##*-> /}" "${2#/var/run}" ;;
		*) printf '%s%s' "$root" "$2" ;;
		esac
		;;
	*) printf '%s%s' "$root" "$2" ;;
	esac
}

# Several requests over one connection, most wanted first. Paths without a version suit every daemon.
requests() {
	for path in /version /networks /containers/json; do
		printf 'GET %s HTTP/1.1\r\nHost: docker\r\n\r\n' $path
	done
	printf 'GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n'
}

# ask PID ENDPOINT COMMAND…: one conversation with a daemon. The client itself holds the writing end
# of its input open: at the input's end Docker 26 takes the client for gone ("context canceled").
ask() {
	asked=1
	say api "$1 $2"
	shift 2
	{
		requests | $limit "$@" system dial-stdio 5>/proc/self/fd/0
		printf '\n%s= %s\n' "$mark" $?
	} 2>&1 | head -c "$bytes"
	done_ -
}

ask_engine() {
	pid=$1 asked=
	set -f
	for host in $2 unix:///var/run/docker.sock; do
		case $host in
		unix://*)
			socket=$(inside "$pid" "${host#unix://}")
			[ -S "$socket" ] && ask "$pid" "$host" docker -H "unix://$socket"
			;;
		tcp://*)
			certificates=/proc/$pid/root/certs/client
			address=${host#tcp://}
			case $address in 0.0.0.0:* | :* | '[::]:'*) address=127.0.0.1:${address##*:} ;; esac
			if [ -e "$certificates/key.pem" ] && [ "${address##*:}" != 2375 ]; then
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
	[ -n "$asked" ] || [ -e "/proc/$pid/root/" ] || record closed "$pid" true
}

# The options of a dockerd that the walk itself needs: where it listens, where its file and its data
# lie.
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

# A daemon that does not answer may still be known by the containerd beside it; only by our own
# container's, for a nested one's program is not to be run out here.
read_programs() {
	here=$(few ls -l /proc/self/ns/mnt) there=$(few ls -l "/proc/$1/ns/mnt")
	if [ "${here##*-> }" = "${there##*-> }" ]; then
		record containerd "$1" $limit containerd --version
	else
		record opts "$1" show_opts "$1"
	fi
}

# The variables of our own container stand in the pod's specification.
show_opts() {
	[ -r "/proc/$1/environ" ] && echo '# read' &&
		tr '\0' '\n' <"/proc/$1/environ" | grep '^DOCKER_OPTS='
}

# Where an engine keeps its data, to be looked at with those of the others: their paths as they are
# seen from here, without words that would make two of one.
note_data() {
	case $2 in /*[![:graph:]]*) ;; /*) roots="$roots $(inside "$1" "$2")" ;; esac
}

# Which file systems the engines' data lie on, and what is left there.
read_data() {
	[ -n "$roots" ] || return
	set -f
	# shellcheck disable=SC2086 # words are meant
	record places - $limit stat -L -c '%d %i %n' $roots
	# shellcheck disable=SC2086
	record room - $limit stat -f -c '%t %S %b %a %c %d %n' $roots
	set +f
}

read_engine() {
	arguments=$($limit tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | head -c 65536)
	record arguments "$1" printf '%s' "$arguments"
	read_options "$arguments"
	file=$(inside "$1" "$config")
	if [ -e "$file" ]; then
		record config "$1" $limit head -c 65536 "$file"
		set -f
		for word in $($limit grep -o -E '"(unix|tcp)://[^"]*"|"(data-root|graph)" *: *"[^"]*"' "$file" 2>/dev/null | tr -d '" '); do
			case $word in
			data-root:* | graph:*) data=${word#*:} ;;
			*) hosts="$hosts $word" ;;
			esac
		done
		set +f
	fi
	note_data "$1" "${data:-/var/lib/docker}"
	if command -v docker >/dev/null; then
		ask_engine "$1" "$hosts"
	else
		record no-client "$1" true
	fi
	read_programs "$1"
}

read_engines() {
	count=0 roots=
	for file in $(few grep -l -x dockerd /proc/[0-9]*/comm); do
		pid=${file#/proc/}
		pid=${pid%/comm}
		is_ours "$pid" || continue
		count=$((count + 1))
		if [ $count -gt "$most" ] || out_of_time; then
			record skipped "$pid" true
		else
			read_engine "$pid"
		fi
	done
	read_data
}

# How to fetch a URL to standard output, with the agent's name and the URL to follow. The way itself
# is to be known, so no proxy is asked and no certificate is looked at.
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

# fetch PID: a download in the namespace of a process. What comes is counted and dropped; enough of
# it is enough.
fetch() {
	said=$(
		{
			{
				$limit nsenter -t "$1" -n $fetcher "$agent-$1" "$url" 2>&4
				echo "status $?" >&4
			} | head -c 65536 | wc -c | sed 's/^ */bytes /' >&4
		} 4>&1
	)
	printf '%s\n' "$said" | head -c 1000 | sed "s/^/$1 /"
}

# Whether a process, or a child that speaks TLS for it, has a TCP connection that stands.
stands() {
	for file in /proc/$1/status $(grep -l -s "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status); do
		file=${file%/status}
		for inode in $(ls -l "$file/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'); do
			grep -q -s -E "^ *[0-9]+: [^ ]+ [^ ]+ 0[18] .* $inode " "$file/net/tcp" "$file/net/tcp6" && return
		done
	done
	return 1
}

# Downloads from every namespace that has a way out, all at once: which come through, and whether
# the connection stands where nothing came by the end.
confirm() {
	find_fetcher
	agent=runner-doctor-$$
	jobs=
	say fetched -
	for pid in $leaders; do
		[ -n "$fetcher" ] && [ -n "$limit" ] || break
		grep -q -s '^[^[:space:]]*[[:space:]]00000000[[:space:]]' "/proc/$pid/net/route" || continue
		fetch "$pid" &
		jobs="$jobs $!"
	done
	last=$(($(date +%s) + step - 1))
	sleep 1
	while left=$(grep -l -s -a "[r]${agent#r}-" /proc/[0-9]*/cmdline) && [ "$(date +%s)" -lt $last ]; do
		sleep 1
	done
	for client in $left; do
		pid=${client#/proc/}
		stands "${pid%/cmdline}" && { tr '\0' ' ' <"$client" && echo; } | sed -n "s/.*$agent-\([0-9]*\) .*/\1 stands/p"
	done
	# shellcheck disable=SC2086
	[ -n "$jobs" ] && wait $jobs
	done_ -
	[ -n "$fetcher" ] || record no-fetcher - true
}

# Last, so that what changed meanwhile shows: the counters of dropped packets. Beside them the name
# servers and, where one is an address of the asker's own, who waits for names there (port 53).
read_again() {
	files= sockets=
	for pid in $leaders; do
		files="$files /proc/$pid/net/snmp /proc/$pid/root/etc/resolv.conf"
		sockets="$sockets /proc/$pid/net/udp /proc/$pid/net/udp6"
	done
	# shellcheck disable=SC2086
	again=$($limit grep -s -H -E '^Ip:|^nameserver' $files | head -c "$bytes")
	record again - printf '%s\n' "$again"
	case $again in
	*nameserver[[:space:]]127.* | *nameserver[[:space:]]::1*)
		# shellcheck disable=SC2086
		record sockets - $limit grep -s -H -E '^ *[0-9]+: [0-9A-F]+:0035 ' $sockets
		;;
	esac
}

# The counters of dropped packets, once more.
count_again() {
	files=
	for pid in $leaders; do files="$files /proc/$pid/net/snmp"; done
	# shellcheck disable=SC2086
	record after - grep -s -H '^Ip:' $files
}

# The first engine inside another one; a daemon's own helpers carry its name.
nested_engine() {
	find_pod
	here=$(few ls -l /proc/self/ns/mnt)
	for file in $(few grep -l -x dockerd /proc/[0-9]*/comm); do
		pid=${file#/proc/}
		pid=${pid%/comm}
		there=$(few ls -l "/proc/$pid/ns/mnt")
		[ -n "$there" ] && [ "${here##*-> }" != "${there##*-> }" ] && is_ours "$pid" && return
	done
	return 1
}

# Waits until an engine runs inside another one, and a little longer until it answers.
await_nested() {
	until nested_engine || out_of_time; do sleep 1; done
	tries=20
	until grep -q docker0 "/proc/$pid/net/dev" || [ $tries = 0 ] || out_of_time; do
		tries=$((tries - 1))
		sleep 1
	done 2>/dev/null
	sleep 1
}

# The engine that commands here talk to, which may run out of our sight.
ask_told() {
	host=${told_host:-unix:///var/run/docker.sock}
	command -v docker >/dev/null || { record no-client 0 true; return; }
	case $host in unix://*) [ -S "${host#unix://}" ] || return 0 ;; esac
	ask 0 "$host" env ${told_verify:+"DOCKER_TLS_VERIFY=$told_verify"} \
		${told_certificates:+"DOCKER_CERT_PATH=$told_certificates"} docker -H "$host"
}

# walk MARK STEP_SECONDS SECONDS BYTES MOST MODE POD WAIT_SECONDS CONFIRM_SECONDS URL
walk() {
	mark=$1 step=$2 bytes=$4 most=$5 mode=$6 pod=$7 url=${10}
	told_host=${DOCKER_HOST-} told_verify=${DOCKER_TLS_VERIFY-} told_certificates=${DOCKER_CERT_PATH-}
	unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_TLS DOCKER_CERT_PATH DOCKER_API_VERSION
	exec 3<&0 </dev/null
	watch_client
	exec 3<&-
	say self -
	echo "pid $$"
	echo "uid $(id -u)"
	echo "kernel $(uname -r)"
	now=$(date +%s)
	echo "clock $now"
	done_ -
	if [ "$8" != 0 ]; then
		ends=$((now + $8))
		await_nested
		now=$(date +%s)
	fi
	ends=$((now + $3))
	find_limit
	if [ "$mode" = node ]; then
		leaders=$$ own=$$
		read_networks
		read_again
		[ "$9" != 0 ] && sleep "$9"
	else
		record status - grep -s -H -E '^(Name|PPid):|^Max open files' /proc/[0-9]*/status /proc/[0-9]*/limits
		record cgroup - grep -s -H -E '^0::|:pids:' /proc/[0-9]*/cgroup
		record oom - grep -s -H '' /proc/[0-9]*/oom_score_adj
		find_pod
		read_namespaces
		read_networks
		read_engines
		[ "$mode" = here ] && ask_told
		command -v run_probes >/dev/null && run_probes
		read_again
		if [ "$9" != 0 ]; then
			step=$9
			find_limit
			confirm
		fi
	fi
	[ "$9" != 0 ] && count_again
	kill "$watcher" 2>/dev/null
	say end -
	done_ 0
}
