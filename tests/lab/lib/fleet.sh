# shellcheck shell=bash
# Many runners that do not exist, behind a kubelet that stands in for theirs:
# for what one node cannot show (thousands of pods, a kubelet that misbehaves).

fleet_build() {
	local source=$LAB_SOURCE/fleet key
	key=$(hash_of "$source"/{go.mod,go.sum,main.go,fleet.go,kubelet.go})
	FLEET=$CACHE/fleet-$key
	[ ! -x "$FLEET" ] || return 0
	say "building the fleet (once)"
	(
		cd "$source" || exit
		CGO_ENABLED=0 nice go build -mod=readonly -trimpath -buildvcs=false -ldflags '-s -w' -o "$CACHE/fleet.part" .
	)
	rm -f "$CACHE"/fleet-*
	mv "$CACHE/fleet.part" "$FLEET"
}

# fleet OPTIONS…: says `ready` when all is there, stands until it is told to
# end (SIGTERM), and takes everything away. `fleet -help` lists its options.
fleet() {
	fleet_build
	exec nsenter --net="/proc/$(process_id node)/ns/net" -- "$FLEET" -kubeconfig "$KUBECONFIG" -address "$NODE_IP" \
		-certificate "$PKI/kubelet-server.crt" -key "$PKI/kubelet-server.key" \
		-recording "$REPO/tests/recordings/walks/dash.txt" "$@"
}
