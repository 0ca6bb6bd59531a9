# shellcheck shell=bash
# Inside a pod's engine: engines in engines, the containers in those, and what
# becomes of a download there. Nothing here goes through the API server but the
# look-up of a container's id, and nothing is run by `docker exec`.

# What `--privileged` means, less the one capability that build machines lack. Newer engines leave that out
# of ALL by themselves, and refuse to drop what they do not have.
PRIVILEGED=(
	--cap-add ALL --security-opt seccomp=unconfined --security-opt apparmor=unconfined
	--security-opt systempaths=unconfined --device-cgroup-rule 'a *:* rwm' -v /sys/fs/cgroup:/sys/fs/cgroup:rw
	-v /var/lib/docker
)

# pod_process NS/POD [CONTAINER]: the first process of a running container.
pod_process() {
	local id
	id=$(kubectl -n "${1%%/*}" get pod "${1#*/}" -o json | jq -r --arg name "${2:-}" '
		[.status | .containerStatuses, .initContainerStatuses, .ephemeralContainerStatuses | .[]?
		 | select(.state.running and ($name == "" or .name == $name)) | .containerID][0] // empty')
	case $id in
	docker://*) on_docker_node docker inspect --format '{{.State.Pid}}' "${id#*//}" ;;
	?*) on_node ctr -n k8s.io task ls | awk -v id="${id#*//}" '$1 == id { print $2 }' ;;
	*) die "$1 has no running container ${2:-}" ;;
	esac
}

# The prefix that runs a command in the namespaces of a container, by hops.
# Leaves it in ENTER.
enter() {
	local pod=$1 names name pid
	IFS=/ read -r -a names <<<"$2"
	pid=$(pod_process "$pod" "${names[0]}")
	ENTER=(nsenter --target "$pid" --mount --uts --ipc --net --pid -- env "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	for name in "${names[@]:1}"; do
		pid=$(engine inspect --format '{{.State.Pid}}' "$name") || die "$pod $2: no container $name"
		ENTER+=(nsenter --target "$pid" --mount --uts --ipc --net --pid --)
	done
}

inside() {
	local ENTER
	enter "$1" "$2"
	"${ENTER[@]}" "${@:3}"
}

# The docker command of the engine that was entered; some listen on TCP only, rootless ones elsewhere.
engine() {
	# shellcheck disable=SC2016 # for the shell in there
	"${ENTER[@]}" sh -c '
		if [ -S /run/user/1000/docker.sock ]; then
			export DOCKER_HOST=unix:///run/user/1000/docker.sock
		elif [ ! -S /var/run/docker.sock ]; then
			export DOCKER_HOST=tcp://127.0.0.1:2375
		fi
		exec docker "$@"' docker "$@"
}

# The tar that holds an image, by tag; nothing if the lab makes no such image.
tar_of_tag() {
	case $1 in
	busybox:1) echo "$IMAGES/busybox.tar" ;;
	docker:*) awk -v tag="$1" -v dir="$IMAGES" '{ for (i = 7; i <= NF; i++) if ($i == tag) print dir "/docker-" $1 ".tar" }' <<<"$ENGINES" ;;
	esac
}

# load_into_entered ARGUMENT…: every argument that is a tag of the lab's.
load_into_entered() {
	local tag tar
	for tag in "$@"; do
		tar=$(tar_of_tag "$tag")
		[ -n "$tar" ] || continue
		engine image inspect "$tag" >/dev/null 2>&1 || engine load -q <"$tar" >/dev/null
	done
}

nested_usage() {
	cat >&2 <<'TEXT'
lab nested engine NS/POD PATH NAME [DOCKER RUN OPTIONS…] IMAGE [DOCKERD ARGUMENTS…]
    run an engine called NAME in the engine at PATH, wait until it answers, and
    load busybox:1 into it
lab nested build NS/POD PATH NAME [DOCKER RUN OPTIONS…]
    run an idle busybox called NAME in the engine at PATH
lab nested docker NS/POD PATH ARGUMENTS…
    the docker command of the engine at PATH
lab nested load NS/POD PATH TAG…
    load images of the lab's into the engine at PATH
lab nested wait NS/POD PATH
    wait until the engine at PATH answers
TEXT
	exit 2
}

nested() {
	local ENTER action=${1:-} pod=${2:-} path=${3:-} name=${4:-} version drop=()
	[ $# -ge 3 ] || nested_usage
	enter "$pod" "$path"
	wait_for 60 "the engine at $pod $path" engine version
	case $action in
	engine)
		[ $# -ge 5 ] || nested_usage
		load_into_entered "${@:5}"
		version=$(engine version --format '{{.Server.Version}}')
		[ "${version%%.*}" -ge 28 ] || drop=(--cap-drop SYS_RESOURCE)
		engine run -d --name "$name" "${PRIVILEGED[@]}" "${drop[@]}" "${@:5}" >/dev/null
		enter "$pod" "$path/$name"
		wait_for 60 "the engine at $pod $path/$name" engine version
		load_into_entered busybox:1
		;;
	build)
		[ $# -ge 4 ] || nested_usage
		load_into_entered busybox:1
		engine run -d --name "$name" "${@:5}" busybox:1 sh -c 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done' >/dev/null
		;;
	docker) engine "${@:4}" ;;
	load) load_into_entered "${@:4}" ;;
	wait) ;;
	*) nested_usage ;;
	esac
}

# download NS/POD PATH [SECONDS]: the truth that a verdict is held against. Why
# there was no connection goes to standard error.
download() {
	local ENTER limit=${3:-5} said
	[ $# -ge 2 ] || die "download NS/POD PATH [SECONDS]"
	enter "$1" "$2"
	# A few bytes fit through anything: they tell "hangs" from "no connection".
	if ! said=$(fetch_from_entered "$limit" "$FAR_SMALL_URL" 2>&1); then
		echo "no connection"
		echo "${said:-no answer within $limit s}" >&2
	elif fetch_from_entered "$limit" "$FAR_URL" 2>/dev/null; then
		echo completes
	else
		echo hangs
	fi
}

# shellcheck disable=SC2016 # for the shell in there
fetch_from_entered() {
	"${ENTER[@]}" sh -c 'timeout "$1" wget -q -O /dev/null "$2" || exit 1' fetch "$@"
}

# doctor NS/POD PATH PROGRAM ARGUMENTS…: this machine's program in a container,
# with its libraries, so that any image will do; with the variables of the
# container's first process, as a step has them.
doctor() {
	local ENTER program=$3
	[ $# -ge 3 ] || die "doctor NS/POD PATH PROGRAM [ARGUMENTS…]"
	enter "$1" "$2"
	# shellcheck disable=SC2046 # paths of libraries are words
	tar -chf - -C / "${program#/}" $(ldd "$program" | grep -o '/[^ ]*' | sed 's,^/,,') |
		"${ENTER[@]}" sh -c 'mkdir -p /tmp/doctor && tar -xf - -C /tmp/doctor'
	# shellcheck disable=SC2016 # for the shell in there
	"${ENTER[@]}" sh -c '
		program=/tmp/doctor$1
		shift
		libraries=$(find /tmp/doctor -name "*.so*" -exec dirname {} \; | sort -u | tr "\n" :)
		loader=$(find /tmp/doctor -name "ld-linux*" | head -n 1)
		for variable in $(tr "\0" "\n" </proc/1/environ | grep -E "^(DOCKER_|BITBUCKET_|GITLAB_|GITHUB_)"); do
			export "$variable"
		done
		exec "$loader" --library-path "$libraries" "$program" "$@"
	' doctor "$program" "${@:4}"
}

# user_mode NS/POD CONTAINER OTHER|off
user_mode() {
	local name=user-mode-${1//\//-} inside outside
	if [ "${3:-}" = off ]; then
		! is_running "$name" || kill "$(process_id "$name")"
		return
	fi
	inside=$(pod_process "$1" "$2")
	outside=$(pod_process "$1" "$3")
	start "$name" nsenter --net="/proc/$outside/ns/net" -- \
		slirp4netns --configure --mtu=65520 --cidr="$USER_MODE_SUBNET" "$inside" tap0
	wait_for 10 "the user-mode network of $1" nsenter --net="/proc/$inside/ns/net" -- ip route get "$FAR_IP" >/dev/null
}
