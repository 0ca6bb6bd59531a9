# shellcheck shell=bash
# A second node, for `up --node docker`: Docker 20.10.24 with its docker0 of 1500, cri-dockerd and a kubelet; for
# `up --node dockershim`, the last kubelet that needs no cri-dockerd. It has a network, mounts and a part of the
# lab's control group of its own, and a taint: pods get there by nodeName.

DOCKER_NODE_NAME=lab-docker
DOCKER_NODE_IP=198.18.2.1
DOCKER_NODE_FAR_IP=198.18.2.2
DOCKER_NODE_PODS=198.18.65
DOCKER_NODE_CGROUP=$CGROUP/docker-node
DOCKER_NODE_DOCKER=20.10.24
DOCKER_NODE_IMAGES=(pause busybox runner docker-20.10.5 docker-20.10.24)
CRI_DOCKERD_MODULE=$LAB_SOURCE/cri-dockerd
DOCKERSHIM_MODULE=$LAB_SOURCE/dockershim

# In the order they start.
DOCKER_NODE_SERVICES=(docker-mounts docker-network dockerd docker-kubelet)

on_docker_node() {
	nsenter --mount="/proc/$(process_id docker-mounts)/ns/mnt" --net="/proc/$(process_id docker-network)/ns/net" -- \
		env PATH="$CACHE/docker-node:$BIN:$PATH" "$@"
}

start_on_docker_node() {
	start "$1" nsenter --mount="/proc/$(process_id docker-mounts)/ns/mnt" --net="/proc/$(process_id docker-network)/ns/net" -- \
		env PATH="$CACHE/docker-node:$BIN:$PATH" "${@:2}"
}

cri_dockerd_build() {
	local key program package=github.com/Mirantis/cri-dockerd version
	key=$({ cat "$CRI_DOCKERD_MODULE"/{go.mod,go.sum,main.go} && declare -f cri_dockerd_build; } | hash_of -)
	program=$CACHE/cri-dockerd-$key
	if [ ! -x "$program" ]; then
		version=$(awk -v name="$package" '$2 == name { print $3 }' "$CRI_DOCKERD_MODULE/go.mod")
		say "building cri-dockerd $version (once; some minutes)"
		(
			cd "$CRI_DOCKERD_MODULE" || exit
			CGO_ENABLED=0 nice go build -mod=readonly -trimpath -buildvcs=false \
				-ldflags "-s -w -X $package/cmd/version.Version=${version#v}" -o "$CACHE/cri-dockerd.part" .
		)
		rm -f "$CACHE"/cri-dockerd-*
		mv "$CACHE/cri-dockerd.part" "$program"
	fi
	ln -sf "../${program##*/}" "$BIN/cri-dockerd"
}

dockershim_build() {
	local key flags='-s -w' version package
	key=$({ cat "$DOCKERSHIM_MODULE"/{go.mod,go.sum,main.go} && declare -f dockershim_build; } | hash_of -)
	DOCKERSHIM=$CACHE/dockershim-$key
	[ ! -x "$DOCKERSHIM" ] || return 0
	version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$DOCKERSHIM_MODULE/go.mod")
	say "building kubelet $version (once; some minutes)"
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(echo "$version" | cut -d. -f2)"
	done
	(
		cd "$DOCKERSHIM_MODULE" || exit
		GOTOOLCHAIN=go1.21.13 CGO_ENABLED=0 nice go build -p 2 -mod=readonly -trimpath -buildvcs=false \
			-ldflags "$flags" -o "$CACHE/dockershim.part" .
	)
	rm -f "$CACHE"/dockershim-*
	mv "$CACHE/dockershim.part" "$DOCKERSHIM"
}

# Docker's programs, from the layer of the engine images.
docker_node_install() {
	local layer
	# shellcheck disable=SC2046 # a line of the table is words
	layer=$(engine_layer $(engine_line "$DOCKER_NODE_DOCKER" | cut -d' ' -f2- | awk '{ print $1, $2, $3 }'))
	[ "$layer" -nt "$CACHE/docker-node/dockerd" ] || return 0
	rm -rf "$CACHE/docker-node"
	mkdir -p "$CACHE/docker-node"
	tar -C "$CACHE/docker-node" -xf "$layer" --transform 's,.*/,,' \
		./usr/bin/{containerd,containerd-shim-runc-v2,docker,tini-static} ./usr/sbin/{dockerd,docker-proxy}
	mv "$CACHE/docker-node/tini-static" "$CACHE/docker-node/docker-init"
	touch "$CACHE/docker-node"/*
}

in_docker_net() { nsenter --net="/proc/$(process_id docker-network)/ns/net" -- "$@"; }

# docker_node_mtu UPLINK PODS: of its eth0, and of pods to come, until the next `up`. dockershim reads no CNI format
# newer than 0.4.0; it and cri-dockerd read the file every five seconds.
docker_node_mtu() {
	in_docker_net ip link set eth0 mtu "$1"
	in_far_end ip link set eth1 mtu "$1"
	in_docker_net ip link set "$POD_BRIDGE" mtu "$2"
	mkdir -p "$RUN/docker-cni"
	cni_configuration "$DOCKER_NODE_PODS" 0.4.0 "$2" >"$RUN/docker-cni/10-pods.conflist"
}

# Its eth0 ends at the far end, which routes between the nodes.
docker_node_network_up() {
	start_in_network docker-network sleep infinity
	in_docker_net sysctl -qw net.ipv4.ip_forward=1
	in_docker_net ip link set lo up
	in_docker_net ip link show eth0 >/dev/null 2>&1 ||
		in_docker_net ip link add eth0 mtu 1500 type veth peer name eth1 mtu 1500 netns "$(process_id far-end)"
	in_docker_net ip link show "$POD_BRIDGE" >/dev/null 2>&1 || in_docker_net ip link add "$POD_BRIDGE" type bridge
	docker_node_mtu 1500 "$POD_MTU"
	in_docker_net ip link set eth0 up
	in_docker_net ip address replace "$DOCKER_NODE_IP/24" dev eth0
	in_docker_net ip route replace default via "$DOCKER_NODE_FAR_IP"
	in_docker_net ip link set "$POD_BRIDGE" address "$POD_GATEWAY_MAC"
	in_docker_net ip link set "$POD_BRIDGE" up
	in_docker_net ip address replace "$DOCKER_NODE_PODS.1/24" dev "$POD_BRIDGE"
	in_far_end ip link set eth1 up
	in_far_end ip address replace "$DOCKER_NODE_FAR_IP/24" dev eth1
	in_far_end ip route replace "$DOCKER_NODE_PODS.0/24" via "$DOCKER_NODE_IP"
}

docker_node_cgroup_up() {
	local root name group
	for root in $(cgroup_hierarchies); do
		group=$root/$DOCKER_NODE_CGROUP
		mkdir -p "$group"
		for name in cpuset.cpus cpuset.mems; do
			[ ! -e "$group/$name" ] || [ -n "$(cat "$group/$name")" ] || cat "$root/$CGROUP/$name" >"$group/$name"
		done
	done
}

# No iptables of Docker's on the node: it would drop what is forwarded for pods.
docker_node_configuration() {
	jq -n --arg parent "/$DOCKER_NODE_CGROUP" --arg runtime "$LAB_SOURCE/lib/runc-without" '{
		hosts: ["unix:///run/docker.sock"], iptables: false, "ip-masq": false, "storage-driver": "overlay2",
		"exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": $parent,
		runtimes: {without: {path: $runtime}}, "default-runtime": "without"
	}' >"$RUN/docker-node.json"
	certificate docker-kubelet-server "/O=system:nodes/CN=system:node:$DOCKER_NODE_NAME" "IP:$DOCKER_NODE_IP,DNS:$DOCKER_NODE_NAME"
	certificate docker-node "/O=system:nodes/CN=system:node:$DOCKER_NODE_NAME"
	kubeconfig "$RUN/docker-node.kubeconfig" docker-node
	{
		kubelet_configuration "$DOCKER_NODE_IP" docker-kubelet-server /run/cri-dockerd.sock "$DOCKER_NODE_CGROUP"
		echo 'registerWithTaints: [{key: runner-doctor.lab/docker, effect: NoSchedule}]'
		case $1 in
		# cri-dockerd gives an address without a scheme, which only the older way to it understands.
		docker) echo 'featureGates: {ExtendWebSocketsToKubelet: false}' ;;
		# localStorageCapacityIsolation was called so.
		dockershim) echo 'featureGates: {LocalStorageCapacityIsolation: false}' ;;
		esac
	} >"$RUN/docker-kubelet.yaml"
}

docker_image_load() {
	local mark=$RUN/docker-loaded-$1
	[ "$IMAGES/$1.tar" -nt "$mark" ] || return 0
	on_docker_node docker load -q <"$IMAGES/$1.tar" >/dev/null
	touch "$mark"
}

# Away with the kubelet that is there, and its pods.
docker_node_clear() {
	local name
	for name in docker-kubelet cri-dockerd; do
		! is_running "$name" || kill -KILL "$(process_id "$name")"
		rm -f "$PIDS/$name"
	done
	kubectl delete pod -A --field-selector "spec.nodeName=$DOCKER_NODE_NAME" --force >/dev/null 2>&1
	on_docker_node sh -c 'docker ps -aq | xargs -r docker rm -f; rm -rf /var/lib/cni/networks' >/dev/null
}

# docker_node_up docker|dockershim
docker_node_up() {
	local name kubelet=() cni=(
		--network-plugin cni --cni-conf-dir "$RUN/docker-cni" --cni-bin-dir /usr/lib/cni --cni-cache-dir /var/lib/cni/cache
		--pod-infra-container-image "$PAUSE_IMAGE"
	)
	[ "$(cat "$RUN/docker-node" 2>/dev/null || echo "$1")" = "$1" ] || docker_node_clear
	echo "$1" >"$RUN/docker-node"
	case $1 in
	docker) cri_dockerd_build ;;
	dockershim) dockershim_build ;;
	esac
	docker_node_install
	start_mounts docker-mounts docker-host "${BORROWED_DIRS[@]}" /var/lib/docker /var/lib/cri-dockerd /var/lib/dockershim
	docker_node_network_up
	docker_node_cgroup_up
	docker_node_configuration "$1"
	start_on_docker_node dockerd dockerd --config-file "$RUN/docker-node.json"
	wait_for 60 "the node's Docker" on_docker_node docker version
	for name in "${DOCKER_NODE_IMAGES[@]}"; do docker_image_load "$name"; done
	case $1 in
	docker)
		start_on_docker_node cri-dockerd "$BIN/cri-dockerd" --container-runtime-endpoint unix:///run/cri-dockerd.sock \
			--docker-endpoint unix:///run/docker.sock --cri-dockerd-root-directory /var/lib/cri-dockerd "${cni[@]}" \
			--hairpin-mode none --streaming-bind-addr 127.0.0.1:0
		wait_for 30 cri-dockerd test -S "/proc/$(process_id docker-mounts)/root/run/cri-dockerd.sock"
		kubelet=("$BIN/kubelet")
		;;
	dockershim)
		kubelet=("$DOCKERSHIM" --container-runtime docker --docker-endpoint unix:///run/docker.sock "${cni[@]}")
		;;
	esac
	start_on_docker_node docker-kubelet "${kubelet[@]}" --config "$RUN/docker-kubelet.yaml" \
		--kubeconfig "$RUN/docker-node.kubeconfig" --hostname-override "$DOCKER_NODE_NAME" --node-ip "$DOCKER_NODE_IP"
	wait_for 90 "the Docker node" node_is_ready "$DOCKER_NODE_NAME"
	node_plays_calico "$DOCKER_NODE_NAME"
}
