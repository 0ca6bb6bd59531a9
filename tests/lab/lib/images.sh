# shellcheck shell=bash
# Container images, made from Debian's packages: there is no registry to pull
# from. Each becomes a tar in `docker save` format, which both containerd and a
# nested Docker load.

IMAGES=$CACHE/images
LAYERS=$CACHE/layers
PAUSE_IMAGE=docker.io/rd-lab/pause:1
RUNNER_REPOSITORY=docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner

# Docker as different Debian suites ship it: name, the suite's version, suite,
# packages, what is put over them (`layer_over`), when it is made (by `up`, or on
# demand by `lab image`), tags. docker:20.10.5-dind is like upstream's, which has containerd
# 1.4.3; the two beside it differ in nothing but containerd. The `official` ones
# have the official image's userland.
SID=docker.io,docker-cli,nftables,rootlesskit,slirp4netns,passt,uidmap,fuse-overlayfs
ENGINES="
20.10.5                 20.10.5  bullseye docker.io            containerd-1.4.3          up     docker:20.10.5-dind
20.10.5-containerd1.4.4 20.10.5  bullseye docker.io            containerd-1.4.4          up     docker:20.10.5-containerd1.4.4-dind
20.10.5-debian          20.10.5  bullseye docker.io            -                         up     docker:20.10.5-debian-dind
20.10.24                20.10.24 bookworm docker.io            -                         up     docker:20.10.24-dind docker:dind
20.10.24-nft            20.10.24 bookworm docker.io            nftables-bookworm         demand docker:20.10.24-nft-dind
26.1.5                  26.1.5   trixie   docker.io,docker-cli -                         demand docker:26.1.5-dind
28.5.2                  28.5.2   sid      $SID -                demand docker:28.5.2-dind
29.8.0                  28.5.2   sid      $SID docker-29.8.0    demand docker:29.8.0-dind
29.8.0-official         28.5.2   sid      $SID docker-29.8.0,official demand docker:29.8.0-official-dind
29.8.0-rootless         28.5.2   sid      $SID docker-29.8.0,rootless demand docker:29.8.0-dind-rootless
20.10.5-official        20.10.5  bullseye docker.io            containerd-1.4.3,official demand docker:20.10.5-official-dind
20.10.24-official       20.10.24 bookworm docker.io            official                  demand docker:20.10.24-official-dind
26.1.5-official         26.1.5   trixie   docker.io,docker-cli official                  demand docker:26.1.5-official-dind
"

# Waits for its children and for the end; a plain `sleep` as the first process
# would ignore the request to end.
IDLE='["/bin/sh","-c","trap \"exit 0\" TERM INT; while :; do sleep 3600 & wait $!; done"]'

layer_tar() { tar -C "$1" --sort=name --mtime=@0 --numeric-owner -cf "$2.part" . && mv "$2.part" "$2"; }

# image_tar FILE "TAGS" CONFIG LAYER…: CONFIG is the image's `config` as JSON.
image_tar() {
	local file=$1 tags=$2 config=$3 work layer id
	shift 3
	work=$(mktemp -d "$IMAGES/.part.XXXXXX")
	for layer in "$@"; do
		id=$(sha256sum <"$layer" | cut -c1-64)
		ln "$layer" "$work/$id.tar"
		echo "$id"
	done | jq -R . | jq -s --argjson config "$config" '{
		architecture: "amd64", os: "linux", created: "2021-09-17T00:00:00Z", config: $config,
		rootfs: {type: "layers", diff_ids: map("sha256:" + .)},
		history: map({created: "2021-09-17T00:00:00Z", created_by: "lab"})
	}' >"$work/config"
	id=$(sha256sum <"$work/config" | cut -c1-64)
	mv "$work/config" "$work/$id.json"
	jq -n --arg tags "$tags" --arg config "$id.json" --slurpfile image "$work/$id.json" '[{
		Config: $config, RepoTags: ($tags | split(" ")),
		Layers: ($image[0].rootfs.diff_ids | map(ltrimstr("sha256:") + ".tar"))
	}]' >"$work/manifest.json"
	(cd "$work" && tar -cf "$file.part" manifest.json "$id.json" ./*.tar --transform 's,^\./,,')
	rm -rf "$work"
	mv "$file.part" "$file"
}

busybox_images() {
	local root=$LAYERS/busybox applet
	[ ! -f "$IMAGES/runner.tar" ] || return 0
	rm -rf "$root"
	mkdir -p "$root"/{bin,etc,tmp,root,var}
	chmod 1777 "$root/tmp"
	cp /bin/busybox "$root/bin/"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
	echo root:x:0: >"$root/etc/group"
	layer_tar "$root" "$LAYERS/busybox.tar"
	rm -rf "$root"
	image_tar "$IMAGES/busybox.tar" busybox:1 '{"Env":["PATH=/bin"],"Cmd":["sh"]}' "$LAYERS/busybox.tar"
	image_tar "$IMAGES/pause.tar" "$PAUSE_IMAGE" "{\"Env\":[\"PATH=/bin\"],\"Entrypoint\":$IDLE}" "$LAYERS/busybox.tar"
	image_tar "$IMAGES/runner.tar" "$RUNNER_REPOSITORY:1 $RUNNER_REPOSITORY:latest" \
		"{\"Env\":[\"PATH=/bin\"],\"Cmd\":$IDLE}" "$LAYERS/busybox.tar"
}

# engine_layer VERSION SUITE PACKAGES: the file of a layer with that suite's
# Docker; its name changes with the way it is made.
engine_layer() { echo "$LAYERS/docker-$1-$({ echo "$*" && declare -f engine_layer_make; } | hash_of -).tar"; }

engine_layer_make() {
	local version=$1 suite=$2 packages=$3 layer root found
	layer=$(engine_layer "$@")
	[ ! -f "$layer" ] || return 0
	rm -f "$LAYERS/docker-$version"-*.tar
	root=$LAYERS/docker-$version
	rm -rf "$root"
	mkdir -p "$root"
	# In a mount namespace of its own: an interrupted debootstrap leaves mounts.
	unshare --mount debootstrap --variant=minbase \
		--include="$packages",iptables,iproute2,ca-certificates,procps,wget "$suite" "$root" "$(debian_mirror)"
	found=$(chroot "$root" dockerd --version)
	[[ $found == *" $version"[+,\ ]* ]] || die "$suite has $found, not $version"
	(
		cd "$root" || exit
		rm -rf var/cache/{apt,debconf}/* var/lib/apt/lists/* var/log/* usr/share/{doc,man,locale,info,lintian,bash-completion,zsh}
		rm -rf dev/* tmp/* var/lib/docker
		rm -f usr/bin/dnet usr/sbin/ovrouter usr/bin/containerd-shim usr/bin/containerd-shim-runc-v1 # large, and not used
		[ -e usr/bin/docker-init ] || ln -s "$(chroot . sh -c 'ls /usr/libexec/docker/docker-init /usr/bin/tini-static /usr/bin/tini 2>/dev/null | head -n 1')" usr/bin/docker-init
	)
	layer_tar "$root" "$layer"
	rm -rf "$root"
}

# layer_over NAME LOWER…: the file of a layer that is put over those; layer_over_make makes it.
layer_over() { layer_over_call "" "$@"; }
layer_over_make() { layer_over_call _make "$@"; }

layer_over_call() {
	case $2 in
	containerd-*) "containerd_layer$1" "${2#*-}" ;;
	docker-*) "docker29_layer$1" "${2#*-}" ;;
	nftables-*) "nftables_layer$1" "${2#*-}" ;;
	official | rootless) "official_layer$1" "${@:2}" ;;
	*) die "nothing is called $2" ;;
	esac
}

# `nft` and the libraries that the engine of a suite lacks.
nftables_layer() { echo "$LAYERS/nftables-$1-$(declare -f nftables_layer_make | hash_of -).tar"; }

nftables_layer_make() {
	local layer work=$LAYERS/.top.nftables
	layer=$(nftables_layer "$1")
	[ ! -f "$layer" ] || return 0
	deb_unpack "$work" "$1" nftables libnftables1 libjansson4 libedit2 libbsd0
	rm -rf "$work/root/usr/share" "$work/root/lib"
	layer_tar "$work/root" "$layer"
	rm -rf "$work"
}

# engine_layers NAME VERSION SUITE PACKAGES OVER…: the files of its layers, from the lowest, in LAYERS_OF;
# made, where the first argument is `make`.
engine_layers() {
	local over
	[ "$1" != make ] || engine_layer_make "${@:3:3}"
	LAYERS_OF=("$(engine_layer "${@:3:3}")")
	for over in ${6//,/ }; do
		[ "$over" != - ] || continue
		[ "$1" != make ] || layer_over_make "$over" "${LAYERS_OF[@]}"
		LAYERS_OF+=("$(layer_over "$over" "${LAYERS_OF[@]}")")
	done
}

# engine_key NAME VERSION SUITE PACKAGES OVER WHEN TAGS…: changes with whatever
# the image is made from.
engine_key() {
	local LAYERS_OF
	engine_layers name "$@"
	{
		echo "$*" "${LAYERS_OF[@]##*/}"
		declare -f image_tar engine_image
		cat "$LAB_SOURCE/lib/dockerd-entrypoint.sh"
	} | hash_of -
}

engine_is_made() { [ "$(cat "$IMAGES/docker-$1.key" 2>/dev/null)" = "$(engine_key "$@")" ]; }

# engine_image NAME VERSION SUITE PACKAGES OVER WHEN TAGS…
engine_image() {
	local name=$1 version=${1%%-*} user='' certificates=() data=/var/lib/docker key top LAYERS_OF
	! engine_is_made "$@" || return 0
	key=$(engine_key "$@")
	engine_layers make "$@"
	if [[ ,$5, =~ ,(official|rootless), ]]; then
		certificates=(DOCKER_TLS_CERTDIR=/certs)
		[ "${BASH_REMATCH[1]}" = official ] || user=rootless data=/home/rootless/.local/share/docker
	else
		top=$(mktemp -d "$LAYERS/.top.XXXXXX")
		chmod 755 "$top"
		install -D -m 755 "$LAB_SOURCE/lib/dockerd-entrypoint.sh" "$top/usr/local/bin/dockerd-entrypoint.sh"
		layer_tar "$top" "$LAYERS/entrypoint-$name.tar"
		rm -rf "$top"
		LAYERS_OF+=("$LAYERS/entrypoint-$name.tar")
	fi
	image_tar "$IMAGES/docker-$name.tar" "${*:7}" "$(jq -nc --arg version "$version" --arg user "$user" --arg data "$data" '{
		Env: (["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DOCKER_VERSION=" + $version] + $ARGS.positional),
		Entrypoint: ["dockerd-entrypoint.sh"], Cmd: [], User: $user,
		Volumes: {($data): {}}, ExposedPorts: {"2375/tcp": {}, "2376/tcp": {}}
	}' --args "${certificates[@]}")" "${LAYERS_OF[@]}"
	echo "$key" >"$IMAGES/docker-$name.key"
}

# The names of those made at one time: up or demand.
engines_of() { awk -v when="$1" '$6 == when { print $1 }' <<<"$ENGINES"; }

engine_line() { awk -v name="$1" '$1 == name' <<<"$ENGINES"; }

# shellcheck disable=SC2046 # a line of the table is words
images_are_made() {
	local name
	[ -f "$IMAGES/runner.tar" ] || return 1
	for name in $(engines_of up); do
		engine_is_made $(engine_line "$name") || return 1
	done
}

images_build() {
	local name
	exec 8>"$IMAGES/lock"
	flock 8
	rm -rf "$IMAGES"/.part.* "$LAYERS"/.top.*
	busybox_images
	for name in $(engines_of up); do
		# shellcheck disable=SC2046
		engine_image $(engine_line "$name")
	done
}

# A build that an interrupted `up` left behind goes on; this one waits for it.
images_build_in_background() {
	IMAGES_BUILD=
	! images_are_made || return 0
	mkdir -p "$IMAGES" "$LAYERS"
	say "making the images (once; log: $IMAGES/log)"
	(host_join_cgroup && images_build) </dev/null >>"$IMAGES/log" 2>&1 9>&- &
	IMAGES_BUILD=$!
}

images_wait() {
	[ -z "$IMAGES_BUILD" ] || wait "$IMAGES_BUILD" || die "an image could not be made: $(tail -n 3 "$IMAGES/log")"
}

# image_load NAME: the image's tar onto the node, unless that very tar is there.
image_load() {
	local mark=$RUN/loaded-$1
	wait_for 60 "the image $1" test -f "$IMAGES/$1.tar"
	[ "$IMAGES/$1.tar" -nt "$mark" ] || return 0
	on_node ctr -n k8s.io images import --local "$IMAGES/$1.tar" >/dev/null
	touch "$mark"
}

images_of_up() {
	printf '%s\n' pause busybox runner
	engines_of up | sed 's/^/docker-/'
}

images_load_all() {
	local name
	for name in $(images_of_up); do image_load "$name"; done
}

images_are_loaded() {
	local name
	for name in $(images_of_up); do
		[ -f "$RUN/loaded-$name" ] || return 1
	done
}

image_on_demand() {
	[ -n "$(engine_line "${1:-}")$(other_engine_line "${1:-}")" ] ||
		die "known engines: $(awk '{ print $1 }' <<<"$ENGINES" | xargs) $(other_engine_names)"
	require_root
	locked
	mkdir -p "$IMAGES" "$LAYERS"
	exec 8>"$IMAGES/lock"
	flock 8
	if [ -n "$(other_engine_line "$1")" ]; then
		# shellcheck disable=SC2046
		other_engine_image $(other_engine_line "$1") >&2
		! is_running containerd || image_load "$1"
		return
	fi
	# shellcheck disable=SC2046
	engine_image $(engine_line "$1") >&2
	! is_running containerd || image_load "docker-$1"
}
