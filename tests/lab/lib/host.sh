# shellcheck shell=bash
# What the lab borrows from the machine, and how it gives it back: a control
# group that holds every process of the lab, a mount namespace that holds every
# mount, and a few kernel settings.

CGROUP=rd-lab

# Settings that the lab or kubelet changes; `down` puts back what it found.
SYSCTLS=(
	vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
	kernel.keys.root_maxkeys kernel.keys.root_maxbytes fs.inotify.max_user_instances
)

# Directories that kubelet and containerd insist on; each is covered by one of
# ours inside the mount namespace.
BORROWED_DIRS=(/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log/containers /var/log/pods)

cgroup_hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts | sort -u; }

host_cgroups() {
	local root
	for root in $(cgroup_hierarchies); do
		[ ! -d "$root/$CGROUP" ] || echo "$root/$CGROUP"
	done
}

# One hierarchy is enough to find a process again; the others keep to their own.
host_join_cgroup() {
	local group
	for group in $(host_cgroups); do
		case $group in
		*/systemd/* | */unified/* | "/sys/fs/cgroup/$CGROUP") echo "$BASHPID" >"$group/cgroup.procs" ;;
		esac
	done
}

host_processes() {
	local group
	for group in $(host_cgroups); do
		find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null || true
	done | sort -un
}

# Whole: nothing was begun, or what was begun can be continued.
host_is_whole() { [ ! -d "$RUN" ] || is_running mounts; }

host_up() {
	local root name
	mkdir -p "$RUN" "$LOGS" "$PIDS" "$BIN"
	for root in $(cgroup_hierarchies); do
		mkdir -p "$root/$CGROUP"
		for name in cpuset.cpus cpuset.mems; do
			[ ! -e "$root/$name" ] || [ -n "$(cat "$root/$CGROUP/$name")" ] || cat "$root/$name" >"$root/$CGROUP/$name"
		done
	done
	for name in "${SYSCTLS[@]}"; do
		grep -qs "^$name=" "$RUN/sysctls" || ! sysctl -n "$name" >/dev/null 2>&1 || echo "$name=$(sysctl -n "$name")" >>"$RUN/sysctls"
	done
	sysctl -qw fs.inotify.max_user_instances=8192
	start_mounts mounts host "${BORROWED_DIRS[@]}"
	[ ! -e "$RUN/host.shared" ] ||
		say "NO LOOP DEVICE: the node shares this machine's disk, and trials find that full below 15 % free; see $LOGS/mounts.log"
}

# start_mounts SERVICE NAME DIRECTORY…: a mount namespace with a disk of its own over those directories.
start_mounts() {
	local dir
	for dir in "${@:3}"; do
		[ -d "$dir" ] || {
			echo "$dir" >>"$RUN/made-dirs"
			mkdir -p "$dir"
		}
	done
	start "$1" unshare --mount --propagation private "$LAB_SOURCE/lib/mounts" "$RUN/$2" "${@:3}"
	wait_for 10 "the mount namespace" test -e "$RUN/$2.ready"
}

# Runs in the lab's mount namespace, which is what the node's programs see.
on_node() { nsenter --mount="/proc/$(process_id mounts)/ns/mnt" -- env PATH="$BIN:$PATH" "$@"; }

# Ends every process of the lab's control group: the services, the containers
# they started, and whatever those started.
host_kill_all() {
	local tries=50 processes
	# A paused container takes no signal.
	find "/sys/fs/cgroup/freezer/$CGROUP" -name freezer.state 2>/dev/null | while read -r state; do
		echo THAWED >"$state" || true
	done
	while processes=$(host_processes) && [ -n "$processes" ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || die "these processes do not end: ${processes//$'\n'/ }"
		# shellcheck disable=SC2086
		kill -KILL $processes 2>/dev/null || true
		sleep 0.1
	done
}

host_down() {
	local group name
	for group in $(host_cgroups); do
		# The kernel lets go of a group a moment after its last process.
		wait_for 10 "$group to be empty" find "$group" -depth -type d -exec rmdir {} +
	done
	if [ -f "$RUN/sysctls" ]; then
		sysctl -qp "$RUN/sysctls"
	fi
	if [ -f "$RUN/made-dirs" ]; then
		while read -r name; do rmdir "$name"; done <"$RUN/made-dirs"
	fi
}
