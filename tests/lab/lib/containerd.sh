# shellcheck shell=bash
# containerd and its shim as upstream's Docker images carry them: Debian's are
# later, and mended. Built from the Go module in containerd/, which says how.

CONTAINERD_MODULE=$LAB_SOURCE/containerd

# The commits of the releases, which a daemon tells with its version.
declare -A CONTAINERD_REVISIONS=(
	[1.4.3]=269548fa27e0089a8b8278fc4fc781d7f65a939b
	[1.4.4]=05f951a3781f4f2c1911b05e61c160e9c30eaa8e
)

# The file of a layer with that version; its name changes with what it is made from.
containerd_layer() {
	local key
	key=$({ find "$CONTAINERD_MODULE" -type f | sort | xargs cat && declare -f containerd_layer_make; } | hash_of -)
	echo "$LAYERS/containerd-$1-$key.tar"
}

containerd_layer_make() {
	local version=$1 layer work package=github.com/containerd/containerd
	layer=$(containerd_layer "$version")
	[ ! -f "$layer" ] || return 0
	work=$(mktemp -d "$LAYERS/.top.XXXXXX")
	chmod 755 "$work"
	mkdir -p "$work/root/usr/bin"
	sed "s,\(=> $package\) .*,\1 v$version," "$CONTAINERD_MODULE/go.mod" >"$work/go.mod"
	cat "$CONTAINERD_MODULE/go.sum" "$CONTAINERD_MODULE"/*.sum | sort -u >"$work/go.sum"
	(
		cd "$CONTAINERD_MODULE" || exit
		CGO_ENABLED=0 nice go build -mod=readonly -modfile="$work/go.mod" -trimpath -buildvcs=false \
			-ldflags "-s -w -X $package/version.Version=v$version -X $package/version.Revision=${CONTAINERD_REVISIONS[$version]}" \
			-o "$work/root/usr/bin/" ./...
	)
	rm -f "$LAYERS/containerd-$version"-*.tar
	chmod 755 "$work/root"
	layer_tar "$work/root" "$layer"
	rm -rf "$work"
}
