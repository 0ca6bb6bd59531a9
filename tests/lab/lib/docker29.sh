# shellcheck shell=bash
# dockerd, docker-proxy and the docker command of Docker 29, from the Go module
# in docker29/, over Debian's 28 (whose containerd, runc and nft they use).

DOCKER29_MODULE=$LAB_SOURCE/docker29

# docker29_layer VERSION: what its programs call themselves.
docker29_layer() {
	local key
	key=$({ find "$DOCKER29_MODULE" -type f | sort | xargs cat && declare -f docker29_layer_make; } | hash_of -)
	echo "$LAYERS/docker29-$1-$key.tar"
}

docker29_layer_make() {
	local version=$1 layer work cli=github.com/docker/cli moby=github.com/moby/moby/v2
	layer=$(docker29_layer "$version")
	[ ! -f "$layer" ] || return 0
	work=$(mktemp -d "$LAYERS/.top.XXXXXX")
	chmod 755 "$work"
	mkdir -p "$work"/usr/{bin,sbin}
	(
		cd "$DOCKER29_MODULE" || exit
		build() { CGO_ENABLED=0 nice go build -mod=readonly -trimpath -buildvcs=false "$@"; }
		build -ldflags "-s -w -X $moby/dockerversion.Version=$version" -o "$work/usr/sbin/" \
			$moby/cmd/dockerd $moby/cmd/docker-proxy
		# The module of the command has no go.mod, so Go takes it for one of 1.16.
		build -gcflags "$cli/...=-lang=go1.25" -ldflags "-s -w -X $cli/cli/version.Version=$version" -o "$work/usr/bin/" $cli/cmd/docker
	)
	rm -f "$LAYERS"/docker29-*.tar
	layer_tar "$work" "$layer"
	rm -rf "$work"
}
