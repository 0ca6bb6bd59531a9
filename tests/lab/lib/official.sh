# shellcheck shell=bash
# The userland of the official docker:dind image over an engine of Debian's: busybox instead of bash,
# coreutils, iproute2, procps and the rest, both kinds of iptables, the official entrypoints and TLS.

OFFICIAL=$LAB_SOURCE/lib/official

# What stays beside busybox. The rootless image has more.
declare -A OFFICIAL_KEEPS=(
	[official]='docker*|containerd*|ctr|runc|tini*|*tables*|openssl'
	[rootless]='docker*|containerd*|ctr|runc|tini*|*tables*|openssl|rootless*|slirp4netns|pasta*|passt*|newuidmap|newgidmap|ip|nsenter|fuse*|nft'
)

# official_layer official|rootless LOWER…: the file of that layer over those layers.
official_layer() {
	local key
	key=$({ echo "${OFFICIAL_KEEPS[$1]}" "$@" && cat "$OFFICIAL"/* && declare -f official_layer_make official_users; } | hash_of -)
	echo "$LAYERS/$1-$key.tar"
}

# official_layer_make official|rootless LOWER…
official_layer_make() {
	local kind=$1 layer work file name
	layer=$(official_layer "$@")
	[ ! -f "$layer" ] || return 0
	shift
	work=$(mktemp -d "$LAYERS/.top.XXXXXX")
	chmod 755 "$work"
	mkdir -p "$work"/usr/{bin,sbin,local/bin,local/sbin/.iptables-legacy} "$work"/certs/client "$work"/etc
	chmod 1777 "$work"/certs "$work"/certs/client
	# A file of this name in a layer takes away the one that it names.
	for file in "$@"; do tar -tf "$file"; done | sed -nE 's,^(\./)?(usr/s?bin/[^/]+)$,\2,p' | sort -u | while read -r file; do
		eval "case \${file##*/} in ${OFFICIAL_KEEPS[$kind]}) ;; *) touch \"\$work/\${file%/*}/.wh.\${file##*/}\" ;; esac"
	done
	install -m 755 /bin/busybox "$work/usr/bin/busybox"
	for name in $(busybox --list); do
		rm -f "$work/usr/bin/.wh.$name"
		# The rootless image keeps iproute2's ip; this busybox's nsenter would still run its own.
		[[ $name == busybox || $kind == rootless && $name =~ ^(ip|nsenter)$ ]] || ln -s busybox "$work/usr/bin/$name"
	done
	for name in iptables ip6tables; do
		for file in '' -save -restore; do
			ln -s "/usr/sbin/$name-legacy$file" "$work/usr/local/sbin/.iptables-legacy/$name$file"
		done
	done
	install -m 755 "$OFFICIAL"/*.sh "$work/usr/local/bin/"
	for name in passwd group; do
		for file in "$@"; do tar -xOf "$file" "./etc/$name" 2>/dev/null || true; done >"$work/etc/$name"
	done
	official_users "$kind" "$work"
	layer_tar "$work" "$layer"
	rm -rf "$work"
}

official_users() {
	local kind=$1 root=$2
	echo 'dockremap:x:991:991::/nonexistent:/bin/false' >>"$root/etc/passwd"
	echo 'dockremap:x:991:' >>"$root/etc/group"
	echo 'dockremap:165536:65536' >"$root/etc/subuid"
	if [ "$kind" = rootless ]; then
		echo 'rootless:x:1000:1000::/home/rootless:/bin/sh' >>"$root/etc/passwd"
		echo 'rootless:x:1000:' >>"$root/etc/group"
		echo 'rootless:100000:65536' >>"$root/etc/subuid"
		mkdir -p "$root/home/rootless/.local/share/docker" "$root/run/user"
		chown -R 1000:1000 "$root/home/rootless"
		chmod 1777 "$root/run/user"
	fi
	cp "$root/etc/subuid" "$root/etc/subgid"
}
