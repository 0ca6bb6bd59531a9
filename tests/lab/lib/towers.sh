# shellcheck shell=bash
# What stands in the article's pod, in each of its states, and in the pod of a
# Bitbucket step.

# article_job NAMESPACE IMAGE DOCKERD-ARGUMENT [NODE]: the Job, started afresh.
article_job() {
	local namespace=$1 image=$2 argument=$3 node=${4:-} end
	kubectl -n "$namespace" delete job runner --ignore-not-found >&2
	kubectl -n "$namespace" delete pod -l job-name=runner --grace-period=1 >/dev/null 2>&1
	end=${argument:+\\n          args:\\n            - "\"$argument\""}
	sed -e "s|bitbucket-runner$|$namespace|" -e "s|\(image: \)docker:.*|\1$image$end|" \
		-e "${node:+s|^      containers:|      nodeName: $node\n&|}" \
		"$LAB_SOURCE/manifests/article-job.yaml" | kubectl apply -f - >&2
	wait_for 60 "the runner's pod" kubectl -n "$namespace" wait --for=condition=Ready pod -l job-name=runner --timeout=0
	kubectl -n "$namespace" get pod -l job-name=runner -o jsonpath='{.items[0].metadata.namespace}/{.items[0].metadata.name}'
}

# article STATE: the Job as the article has it at that point of its story; in it
# what Bitbucket's runner starts: an engine of its own, and a build in that.
article() {
	local node='' state pod image=docker:20.10.24-dind outer='' inner=()
	if [ "${1:-}" = --node ]; then
		[ "${2:-}" = docker ] || die "article [--node docker] [STATE]"
		node=$DOCKER_NODE_NAME
		shift 2
	fi
	state=${1:-as-written}
	case $state in
	as-written) image=docker:20.10.5-dind ;;
	hanging) ;;
	half) outer=--mtu=1300 ;;
	cured) outer=--mtu=1300 inner=(--mtu=1300) ;;
	*) die "article [--node docker] as-written|hanging|half|cured" ;;
	esac
	pod=$(article_job bitbucket-runner "$image" "$outer" "$node")
	# As written no container starts at all. The article met the two faults one
	# after the other; so that one pod shows both, its engine is out of the
	# fault's reach (OOM score 500) while the tower is built, and at BestEffort's
	# 1000 ever after. Only the shims of the tower are thus older than the fault.
	[ "$state" != as-written ] || engine_oom_score "$pod" 500
	nested engine "$pod" docker-in-docker bb_docker docker:20.10.24-dind "${inner[@]}"
	nested build "$pod" docker-in-docker/bb_docker build
	if [ "$state" = as-written ]; then
		engine_oom_score "$pod" 1000
		no_container_starts "$pod"
	fi
	echo "$pod"
}

# engine_oom_score NS/POD SCORE: of the processes of the outer engine, not of
# what runs in its containers.
engine_oom_score() {
	local pid namespace process
	pid=$(pod_process "$1" docker-in-docker)
	namespace=$(readlink "/proc/$pid/ns/pid")
	nested wait "$1" docker-in-docker
	for process in /proc/[0-9]*; do
		[ "$(readlink "$process/ns/pid")" = "$namespace" ] || continue
		case $(cat "$process/comm") in
		dockerd | containerd | containerd-shim*) echo "$2" >"$process/oom_score_adj" ;;
		esac
	done
}

no_container_starts() {
	local answer
	answer=$(nested docker "$1" docker-in-docker run --rm docker:20.10.24-dind true 2>&1) && die "a container starts in $1"
	[[ $answer == *"set shim OOM score: write /proc/"*"/oom_score_adj: invalid argument"* ]] || die "not the article's error: $answer"
	say "docker run in it fails: ${answer%%$'\n'*}"
}

# What Bitbucket's runner starts for one step: a container that holds the
# network, and with it the docker service and the build container.
STEP=3f1c9c55-0a3d-4d0e-9a53-4cf0a3c0f6b1_b8d5c1de-44f0-4c3b-8a3f-6f1f5c0d2a77

bitbucket() {
	local namespace=bitbucket-step image=docker:20.10.24-dind outer='' service=() pod
	while [ $# -gt 0 ]; do
		case $1 in
		--namespace=*) namespace=${1#*=} ;;
		--image=*) image=${1#*=} ;;
		--mtu=*) outer=$1 ;;
		--service-mtu=*) service+=("--mtu=${1#*=}") ;;
		*) die "bitbucket [--namespace=NAME] [--image=TAG] [--mtu=N] [--service-mtu=N]" ;;
		esac
		shift
	done
	pod=$(article_job "$namespace" "$image" "$outer")
	nested build "$pod" docker-in-docker "${STEP}_pause"
	nested engine "$pod" docker-in-docker "${STEP}_docker" --network "container:${STEP}_pause" \
		docker:20.10.24-dind dockerd --host=tcp://0.0.0.0:2375 --tls=false "${service[@]}"
	nested build "$pod" docker-in-docker "${STEP}_build" --network "container:${STEP}_pause" -e DOCKER_HOST=tcp://localhost:2375
	nested build "$pod" "docker-in-docker/${STEP}_docker" image-build
	say "in docker-in-docker: ${STEP}_pause, ${STEP}_docker, ${STEP}_build; in ${STEP}_docker: image-build"
	echo "$pod"
}
