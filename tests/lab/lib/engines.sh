# shellcheck shell=bash
# Engines other than Docker: BuildKit from the Go module in buildkit/, over Debian's Docker (whose runc and
# iptables it uses) with Debian's CNI plugins; Podman with netavark as Debian suites ship them. Each has an
# image of busybox, and BuildKit a Dockerfile, in /images.

BUILDKIT_MODULE=$LAB_SOURCE/buildkit

# The images: name, tag, suite.
OTHER_ENGINES="
buildkit-0.33.0 moby/buildkit:v0.33.0 -
podman-5.4.2    podman:5.4.2          trixie
podman-5.8.6    podman:5.8.6          sid
"

other_engine_line() { awk -v name="$1" '$1 == name' <<<"$OTHER_ENGINES"; }

other_engine_names() { awk '{ print $1 }' <<<"$OTHER_ENGINES" | xargs; }

# other_engine_image NAME TAG SUITE
other_engine_image() {
	local name=$1 tag=$2 key
	key=$({
		echo "$*"
		find "$BUILDKIT_MODULE" -type f | sort | xargs cat
		declare -f image_tar buildkit_root podman_root other_engine_image
	} | hash_of -)
	[ "$(cat "$IMAGES/$name.key" 2>/dev/null)" != "$key" ] || return 0
	local root=$LAYERS/.top.$name layers=() config='{"Cmd": ["sleep", "infinity"]}'
	rm -rf "$root"
	mkdir -p "$root/images"
	case $name in
	buildkit-*)
		buildkit_root "$root" "${name#*-}"
		config='{"Entrypoint": ["buildkitd"]}'
		# shellcheck disable=SC2046 # a line of the table is words
		engine_layers make $(engine_line 20.10.24)
		layers=("${LAYERS_OF[@]}")
		;;
	podman-*) podman_root "$root" "$3" ;;
	esac
	layer_tar "$root" "$LAYERS/$name.tar"
	rm -rf "$root"
	image_tar "$IMAGES/$name.tar" "$tag" \
		"$(jq -c '. + {Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}' <<<"$config")" \
		"${layers[@]}" "$LAYERS/$name.tar"
	echo "$key" >"$IMAGES/$name.key"
}

buildkit_root() {
	local root=$1 version=$2 name context=$1/images/context
	mkdir -p "$root/usr/bin" "$context"
	(
		cd "$BUILDKIT_MODULE" || exit
		CGO_ENABLED=0 nice go build -mod=readonly -trimpath -buildvcs=false \
			-ldflags "-s -w -X github.com/moby/buildkit/version.Version=v$version" -o "$root/usr/bin/" \
			github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl
	)
	for name in bridge loopback host-local firewall; do
		install -m 755 "/usr/lib/cni/$name" "$root/usr/bin/buildkit-cni-$name"
	done
	cp "$LAYERS/busybox.tar" "$context/busybox.tar"
	# shellcheck disable=SC2016 # for the shell of the build
	printf 'FROM scratch\nADD busybox.tar /\nENV PATH=/bin\nARG RUN\nRUN eval "$RUN"\n' >"$context/Dockerfile"
}

podman_root() {
	local root=$1 suite=$2
	unshare --mount debootstrap --variant=minbase \
		--include=podman,netavark,aardvark-dns,crun,iptables,nftables,iproute2,procps,wget "$suite" "$root" "$(debian_mirror)"
	(
		cd "$root" || exit
		rm -rf var/cache/{apt,debconf}/* var/lib/apt/lists/* var/log/* usr/share/{doc,man,locale,info} dev/* tmp/*
	)
	cp "$IMAGES/busybox.tar" "$root/images/"
}
