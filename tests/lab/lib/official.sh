# shellcheck shell=bash
# The userland of the official docker:dind image over an engine of Debian's: busybox instead of bash,
# coreutils, iproute2, procps and the rest, both kinds of iptables, the official entrypoints and TLS.

OFFICIAL=$LAB_SOURCE/lib/official
# What stays beside busybox.
OFFICIAL_KEEPS='docker*|containerd*|ctr|runc|tini*|*tables*|openssl|rootless*|slirp4netns|pasta*|newuidmap|newgidmap'

# official_layer LOWER…: the file of that layer over those layers.
official_layer() {
	local key
	key=$({ echo "$OFFICIAL_KEEPS" "$@" && cat "$OFFICIAL"/* && declare -f official_layer_make; } | hash_of -)
	echo "$LAYERS/official-$key.tar"
}

official_layer_make() {
	local layer work root file name
	layer=$(official_layer "$@")
	[ ! -f "$layer" ] || return 0
	work=$(mktemp -d "$LAYERS/.top.XXXXXX")
	chmod 755 "$work"
	mkdir -p "$work"/usr/{bin,sbin,local/bin,local/sbin/.iptables-legacy} "$work"/certs/client "$work"/etc "$work"/home
	chmod 1777 "$work"/certs "$work"/certs/client
	# A file of this name in a layer takes away the one that it names.
	for file in "$@"; do tar -tf "$file"; done | sed -nE 's,^(\./)?(usr/s?bin/[^/]+)$,\2,p' | sort -u | while read -r file; do
		# shellcheck disable=SC2254 # patterns are meant
		eval "case \${file##*/} in $OFFICIAL_KEEPS) ;; *) touch \"\$work/\${file%/*}/.wh.\${file##*/}\" ;; esac"
	done
	install -m 755 /bin/busybox "$work/usr/bin/busybox"
	for name in $(busybox --list); do
		[ "$name" = busybox ] || ln -s busybox "$work/usr/bin/$name"
		rm -f "$work/usr/bin/.wh.$name"
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
	echo 'dockremap:x:991:991::/nonexistent:/bin/false' >>"$work/etc/passwd"
	echo 'dockremap:x:991:' >>"$work/etc/group"
	echo 'dockremap:165536:65536' | tee "$work/etc/subuid" >"$work/etc/subgid"
	layer_tar "$work" "$layer"
	rm -rf "$work"
}
