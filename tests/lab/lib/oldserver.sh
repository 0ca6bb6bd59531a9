# shellcheck shell=bash
# kube-apiserver 1.28.15 from Go modules beside the lab's own, on the same etcd: it serves the same pods, and
# reaches the same kubelets.

OLD_SERVER_MODULE=$LAB_SOURCE/oldserver
OLD_SERVER_PORT=8443

old_server_build() {
	local key version flags='-s -w'
	key=$({ cat "$OLD_SERVER_MODULE"/{go.mod,go.sum,main.go} && declare -f old_server_build; } | hash_of -)
	OLD_SERVER=$CACHE/old-server-$key
	[ ! -x "$OLD_SERVER" ] || return 0
	version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$OLD_SERVER_MODULE/go.mod")
	say "building kube-apiserver $version (once; some minutes)"
	flags+=" -X k8s.io/component-base/version.gitVersion=$version"
	flags+=" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$(echo "$version" | cut -d. -f2)"
	(
		cd "$OLD_SERVER_MODULE" || exit
		CGO_ENABLED=0 nice go build -p 2 -mod=readonly -trimpath -buildvcs=false -ldflags "$flags" -o "$CACHE/old-server.part" .
	)
	rm -f "$CACHE"/old-server-*
	mv "$CACHE/old-server.part" "$OLD_SERVER"
}

# old_server: prints its kubeconfig. Both servers would hold one identity lease; each has versions of flow control
# that the other cannot read; and a server that starts removes groups that it does not know from those that are served.
old_server() {
	local config=$RUN/old-server.kubeconfig groups
	require_root
	locked
	is_running etcd || die "the lab is not up"
	old_server_build
	sed "s|\(server: .*\)|\1:$OLD_SERVER_PORT|" "$KUBECONFIG" >"$config"
	if ! is_running old-server; then
		groups=$(kubectl get apiservices -o json)
		apiserver_arguments
		start old-server nsenter --net="/proc/$(process_id node)/ns/net" -- "$OLD_SERVER" "${APISERVER[@]}" \
			--bind-address "$API_IP" --secure-port "$OLD_SERVER_PORT" --endpoint-reconciler-type none \
			--feature-gates APIServerIdentity=false --enable-priority-and-fairness=false \
			--runtime-config "$(printf 'flowcontrol.apiserver.k8s.io/v1beta%d=false,' 2 3)"
		wait_for 180 "the old API server" kubectl --kubeconfig "$config" get --raw /readyz
		jq 'del(.items[].metadata["resourceVersion", "uid"])' <<<"$groups" | kubectl create -f - >/dev/null 2>&1 || true
	fi
	echo "$config"
}
