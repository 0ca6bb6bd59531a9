# shellcheck shell=bash
# etcd, API server, controller manager and scheduler: one program built from
# the Go module in controlplane/, with certificates made for this run.

MODULE=$LAB_SOURCE/controlplane
PROGRAMS=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl)
ETCD_URL=http://127.0.0.1:23790
PKI=$RUN/pki
AUDIT_LOG=$RUN/audit.log

kubernetes_version() { awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$MODULE/go.mod"; }

controlplane_build() {
	local version key program package flags='-s -w'
	version=$(kubernetes_version)
	key=$({ cat "$MODULE"/{go.mod,go.sum,main.go} && declare -f controlplane_build; } | hash_of -)
	mkdir -p "$BIN"
	if [ ! -x "$CACHE/kubernetes-$key" ]; then
		say "building Kubernetes $version (once; some minutes)"
		# What it calls itself, as a server and in a client's user agent.
		for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
			flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$(echo "$version" | cut -d. -f2)"
		done
		(
			cd "$MODULE" || exit
			CGO_ENABLED=0 nice go build -mod=readonly -trimpath -buildvcs=false -ldflags "$flags" -o "$CACHE/kubernetes.part" .
		)
		rm -f "$CACHE"/kubernetes-*
		mv "$CACHE/kubernetes.part" "$CACHE/kubernetes-$key"
	fi
	for program in "${PROGRAMS[@]}"; do
		ln -sf "../kubernetes-$key" "$BIN/$program"
	done
}

# certificate NAME SUBJECT [SUBJECT-ALTERNATIVE-NAMES]
certificate() {
	local name=$1 subject=$2 names=${3:-}
	[ ! -f "$PKI/$name.crt" ] || return 0
	new_key "$PKI/$name.key"
	openssl req -new -key "$PKI/$name.key" -subj "$subject" |
		openssl x509 -req -days 3650 -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial \
			-extfile <(printf 'extendedKeyUsage=clientAuth,serverAuth\n%s' "${names:+subjectAltName=$names}") \
			-out "$PKI/$name.part" 2>/dev/null
	mv "$PKI/$name.part" "$PKI/$name.crt"
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

# kubeconfig FILE CERTIFICATE
kubeconfig() {
	cat >"$1" <<YAML
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster:
    server: https://$API_IP
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$2.crt")
    client-key-data: $(base64 -w0 "$PKI/$2.key")
contexts:
- name: lab
  context: {cluster: lab, user: $2}
YAML
}

pki_up() {
	mkdir -p "$PKI"
	if [ ! -f "$PKI/ca.crt" ]; then
		new_key "$PKI/ca.key"
		openssl req -x509 -new -key "$PKI/ca.key" -subj /CN=lab -days 3650 -out "$PKI/ca.part"
		mv "$PKI/ca.part" "$PKI/ca.crt"
	fi
	if [ ! -f "$PKI/service-account.pub" ]; then
		new_key "$PKI/service-account.key"
		openssl pkey -in "$PKI/service-account.key" -pubout -out "$PKI/service-account.pub"
	fi
	certificate apiserver /CN=kube-apiserver "IP:$API_IP,IP:127.0.0.1,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
	certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
	certificate kubelet-server "/O=system:nodes/CN=system:node:$NODE_NAME" "IP:$NODE_IP,DNS:$NODE_NAME"
	certificate admin /O=system:masters/CN=admin
	certificate node "/O=system:nodes/CN=system:node:$NODE_NAME"
	certificate controller-manager /CN=system:kube-controller-manager
	certificate scheduler /CN=system:kube-scheduler
	kubeconfig "$RUN/kubeconfig" admin
	kubeconfig "$RUN/node.kubeconfig" node
	kubeconfig "$RUN/controller-manager.kubeconfig" controller-manager
	kubeconfig "$RUN/scheduler.kubeconfig" scheduler
}

# In the node's network, as a cluster of one node has it; from the machine the
# API server is reached through the link between them.
start_on_node() { start "$1" nsenter --net="/proc/$(process_id node)/ns/net" -- "$BIN/$1" "${@:2}"; }

# What every API server of the lab has in common, in APISERVER.
apiserver_arguments() {
	APISERVER=(
		--etcd-servers "$ETCD_URL" --advertise-address "$API_IP"
		--client-ca-file "$PKI/ca.crt" --tls-cert-file "$PKI/apiserver.crt" --tls-private-key-file "$PKI/apiserver.key"
		--service-account-key-file "$PKI/service-account.pub"
		--service-account-signing-key-file "$PKI/service-account.key"
		--service-account-issuer https://kubernetes.default.svc
		--service-cluster-ip-range "$SERVICE_RANGE"
		--authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --allow-privileged=true
		--kubelet-client-certificate "$PKI/apiserver-kubelet-client.crt"
		--kubelet-client-key "$PKI/apiserver-kubelet-client.key"
		--kubelet-certificate-authority "$PKI/ca.crt" --kubelet-preferred-address-types InternalIP
	)
}

controlplane_up() {
	pki_up
	start_on_node etcd --data-dir "$RUN/etcd" --unsafe-no-fsync --log-level warn \
		--listen-client-urls "$ETCD_URL" --advertise-client-urls "$ETCD_URL" \
		--listen-peer-urls http://127.0.0.1:23800 --initial-advertise-peer-urls http://127.0.0.1:23800 \
		--initial-cluster default=http://127.0.0.1:23800
	apiserver_arguments
	start_on_node kube-apiserver "${APISERVER[@]}" --bind-address "$API_IP" --secure-port 443 \
		--audit-policy-file "$LAB_SOURCE/lib/audit-policy.yaml" --audit-log-path "$AUDIT_LOG"
	wait_for 180 "the API server" apiserver_is_ready
	start_on_node kube-controller-manager \
		--kubeconfig "$RUN/controller-manager.kubeconfig" --use-service-account-credentials=true \
		--service-account-private-key-file "$PKI/service-account.key" --root-ca-file "$PKI/ca.crt" \
		--leader-elect=false --secure-port 0 --flex-volume-plugin-dir "$RUN/flex"
	start_on_node kube-scheduler \
		--kubeconfig "$RUN/scheduler.kubeconfig" --leader-elect=false --secure-port 0
}

kubectl() { "$BIN/kubectl" "$@"; }

apiserver_is_ready() { [ "$(kubectl get --raw /readyz 2>&1)" = ok ]; }
