# shellcheck shell=bash
# Where things are, how the lab speaks, and the processes it starts.

REPO=$(cd "$LAB_SOURCE/../.." && pwd)
LAB_HOME=$REPO/target/lab
CACHE=$LAB_HOME/cache # survives `down`
RUN=$LAB_HOME/run     # does not
BIN=$LAB_HOME/cache/bin
LOGS=$RUN/logs
PIDS=$RUN/pids
export KUBECONFIG=$RUN/kubeconfig

# Everything the lab starts and keeps running, in the order it starts.
SERVICES=(mounts node far-end etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet)

say() { printf '%s\n' "lab: $*" >&2; }

die() {
	say "$*"
	exit 1
}

require_root() { [ "$(id -u)" -eq 0 ] || die "needs root: it makes namespaces, bridges and control groups"; }

# One up or down at a time. The lock ends with this program.
locked() {
	mkdir -p "$LAB_HOME"
	exec 9>"$LAB_HOME/lock"
	flock -n 9 || {
		say "another up or down is at work; waiting for it"
		flock 9
	}
}

hash_of() { cat "$@" | sha256sum | cut -c1-16; }

# wait_for SECONDS WHAT COMMAND…
wait_for() {
	local tries=$(($1 * 5)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || die "gave up waiting for $what; see $LOGS"
		sleep 0.2
	done
}

# A process is known by its id and the moment it started, so that an id which
# was given to somebody else since is never taken for ours.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

process_id() { cut -d' ' -f1 "$PIDS/$1" 2>/dev/null; }

is_running() {
	local id started
	read -r id started 2>/dev/null <"$PIDS/$1" || return 1
	[ -n "$started" ] && [ "$(start_time "$id")" = "$started" ]
}

# start NAME COMMAND…: a service in the lab's own control group, with a log.
start() {
	local name=$1 id
	shift
	is_running "$name" && return
	mkdir -p "$PIDS" "$LOGS"
	(
		host_join_cgroup
		exec setsid "$@"
	) </dev/null >>"$LOGS/$name.log" 2>&1 9>&- &
	id=$!
	echo "$id $(start_time "$id")" >"$PIDS/$name"
}
