# The probe commands of checks. Each runs with this container's programs, because a nested container's
# must not run with our privileges; in the network namespace of the target process; and with `root` as
# that process's file system and `pid` as its PID. It is sent only if a check has such a command,
# together with `ask_in LAYER TARGET PID`, which runs those of a layer.

# ask_by CHECK TARGET PID COMMAND
ask_by() {
	out_of_time && return
	record probe "$1 $2" answer "$@"
}

# A command's output and exit status. If one of its programs timed out and was killed, the shell may
# still have run the rest, so the status becomes 137.
answer() {
	{
		now
		late=$((now + step * 100 - 10))
		if [ "$2" = - ]; then
			env "root=/proc/$3/root" "pid=$3" sh -c "$4"
		else
			in_namespace "$3" env "root=/proc/$3/root" "pid=$3" sh -c "$4"
		fi
		status=$?
		now
		[ "$now" -lt $late ] || status=137
		printf '\n%s= %s\n' "$mark" $status
	} | head -c 16384
}

# The first process of each mount namespace but ours: containers, and anything else that has its own.
find_containers() {
	systems= containers= pid=
	here=$(ls -l /proc/self/ns/mnt 2>/dev/null)
	here=${here##*\[}
	set -f
	for word in $links; do
		case $word in
		/proc/*)
			pid=${word#/proc/}
			pid=${pid%%/*}
			;;
		mnt:*)
			id=${word##*\[}
			[ "$id" != "$here" ] && is_ours "$pid" || continue
			id=${id%\]}
			eval "first=\${system_$id-}"
			[ -n "$first" ] || systems="$systems $id"
			[ -n "$first" ] && [ "$first" -lt "$pid" ] || eval "system_$id=$pid"
			;;
		esac
	done
	set +f
	count=0
	for id in $systems; do
		count=$((count + 1))
		[ $count -le "$most" ] && eval "containers=\"\$containers \$system_$id\""
	done
}

run_probes() {
	ask_in pod - $$
	for pid in $engines; do ask_in engine "$pid" "$pid"; done
	find_containers
	for pid in $containers; do ask_in container "$pid" "$pid"; done
}
