# shellcheck shell=bash
# containerd and kubelet: the node on which the pods run.

NODE_NAME=lab-node
CONTAINERD_SUITE=sid # Debian's stable containerd is older than this Kubernetes accepts

containerd_install() {
	local work=$CACHE/containerd.part
	[ ! -x "$BIN/containerd" ] || return 0
	say "fetching containerd from $CONTAINERD_SUITE"
	mkdir -p "$BIN"
	deb_unpack "$work" "$CONTAINERD_SUITE" containerd
	install "$work/root/usr/bin/ctr" "$work/root/usr/bin/containerd-shim-runc-v2" "$work/root/usr/bin/containerd" "$BIN"
	rm -rf "$work"
}

# cni_configuration SUBNET VERSION MTU: the first three numbers of a /24; the version of the format.
cni_configuration() {
	cat <<JSON
{
  "cniVersion": "$2",
  "name": "pods",
  "plugins": [{
    "type": "bridge", "bridge": "$POD_BRIDGE", "mtu": $3,
    "isGateway": true, "ipMasq": false, "hairpinMode": true,
    "ipam": {
      "type": "host-local",
      "ranges": [[{"subnet": "$1.0/24", "gateway": "$1.1"}]],
      "routes": [{"dst": "0.0.0.0/0"}]
    }
  }]
}
JSON
}

# kubelet_configuration ADDRESS CERTIFICATE SOCKET CGROUP
kubelet_configuration() {
	cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $1
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $PKI/ca.crt}
authorization: {mode: Webhook}
tlsCertFile: $PKI/$2.crt
tlsPrivateKeyFile: $PKI/$2.key
healthzPort: 0
containerRuntimeEndpoint: unix://$3
cgroupDriver: cgroupfs
cgroupRoot: /$4
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
evictionHard: {}
imageGCHighThresholdPercent: 100
oomScoreAdj: 0
maxPods: 200
kubeAPIQPS: 100
kubeAPIBurst: 200
makeIPTablesUtilChains: false
resolvConf: $RUN/resolv.conf
clusterDomain: cluster.local
volumePluginDir: /var/lib/kubelet/volume-plugins
YAML
}

node_configuration() {
	mkdir -p "$RUN/cni"
	cni_configuration "${POD_SUBNET%.*}" 1.0.0 "$POD_MTU" >"$RUN/cni/10-pods.conflist"
	cat >"$RUN/containerd.toml" <<TOML
version = 3

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = '$PAUSE_IMAGE'

[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ['/usr/lib/cni']
    conf_dir = '$RUN/cni'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = 'io.containerd.runc.v2'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = '$(command -v runc)'
      SystemdCgroup = false
TOML
	# No name server answers in the lab, and a query for one ends at once.
	echo "nameserver $FAR_IP" >"$RUN/resolv.conf"
	kubelet_configuration "$NODE_IP" kubelet-server /run/containerd/containerd.sock "$CGROUP" >"$RUN/kubelet.yaml"
}

node_up() {
	containerd_install
	node_configuration
	start containerd nsenter --mount="/proc/$(process_id mounts)/ns/mnt" --net="/proc/$(process_id node)/ns/net" -- \
		env PATH="$BIN:$PATH" "$BIN/containerd" --config "$RUN/containerd.toml"
	wait_for 20 containerd on_node ctr version
	image_load pause
	start kubelet nsenter --mount="/proc/$(process_id mounts)/ns/mnt" --net="/proc/$(process_id node)/ns/net" -- \
		env PATH="$BIN:$PATH" "$BIN/kubelet" --config "$RUN/kubelet.yaml" --kubeconfig "$RUN/node.kubeconfig" \
		--hostname-override "$NODE_NAME" --node-ip "$NODE_IP"
}

node_is_ready() {
	[ "$(kubectl get node "${1:-$NODE_NAME}" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' 2>&1)" = True ]
}

node_wait_ready() {
	wait_for 60 "the node" node_is_ready
	wait_for 30 "the default service account" kubectl get serviceaccount default
}

# node_plays_calico NODE: what Calico does to a cluster, as far as the API shows it.
node_plays_calico() {
	local now
	kubectl apply -f "$LAB_SOURCE/manifests/calico-node.yaml" >/dev/null
	now=$(date -u +%FT%TZ)
	kubectl patch node "$1" --subresource=status --patch "{\"status\": {\"conditions\": [{
		\"type\": \"NetworkUnavailable\", \"status\": \"False\", \"reason\": \"CalicoIsUp\",
		\"message\": \"Calico is running on this node\", \"lastHeartbeatTime\": \"$now\", \"lastTransitionTime\": \"$now\"
	}]}}" >/dev/null
}

# pod_mtu NS/POD DEVICE [ROUTE]: as other pod networks set it (a device of 1500
# with 1450 on the route, for one).
pod_mtu() {
	local pid route
	pid=$(pod_process "$1")
	in_pod() { nsenter --net="/proc/$pid/ns/net" -- "$@"; }
	in_node_net ip link set "$(node_port "$1")" mtu "$2"
	in_pod ip link set eth0 mtu "$2"
	if [ -n "${3:-}" ]; then
		route=$(in_pod ip route show default)
		# shellcheck disable=SC2086
		in_pod ip route replace $route mtu "$3"
	fi
}

# node_end NS/POD MTU: of the pod's veth, the end on the node. The bridge takes the smallest MTU of its ports,
# which narrows the path of every pod, until it is given another.
node_end() {
	in_node_net ip link set "$(node_port "$1")" mtu "$2"
	in_node_net ip link set "$POD_BRIDGE" mtu "$POD_MTU"
}

node_port() {
	local pid port
	pid=$(pod_process "$1")
	port=$(nsenter --net="/proc/$pid/ns/net" -- ip -o link show eth0 | sed 's/.*eth0@if\([0-9]*\):.*/\1/')
	in_node_net ip -o link | sed -n "s/^$port: \([^@:]*\).*/\1/p"
}
