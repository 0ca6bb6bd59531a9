# shellcheck shell=bash
# Debian packages, and Go, which a machine must bring itself.

PACKAGES=(
	busybox-static containernetworking-plugins debian-archive-keyring debootstrap e2fsprogs
	iproute2 iptables jq openssl procps runc slirp4netns util-linux
)

packages_install() {
	local name missing=()
	command -v go >/dev/null || die "GO IS MISSING. The control plane is built from Go modules: install Go (1.26 or later) and call again."
	for name in "${PACKAGES[@]}"; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
	done
	[ ${#missing[@]} -eq 0 ] && return
	say "installing ${missing[*]}"
	apt-get -o DPkg::Lock::Timeout=300 -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
}

# The Debian archive this machine is set up to use.
debian_mirror() {
	local codename mirror
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # $(SITE) is apt's, not the shell's
	mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $codename" 'Component: main' | head -n 1)
	[ -n "$mirror" ] || die "apt knows no Debian archive for $codename"
	echo "$mirror"
}

# deb_unpack FOLDER SUITE PACKAGE…: packages of another suite than the machine's, in FOLDER/root, with an apt
# configuration of its own, so that the machine's stays as it is.
deb_unpack() {
	local work=$1 suite=$2 file options
	rm -rf "$work"
	mkdir -p "$work/lists/partial" "$work/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $suite main" >"$work/sources.list"
	options=(
		-qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User=root
		-o APT::Update::Post-Invoke-Success::= -o Acquire::Languages=none
	)
	apt-get "${options[@]}" update
	(cd "$work" && apt-get "${options[@]}" download "${@:3}")
	for file in "$work"/*.deb; do dpkg -x "$file" "$work/root"; done
}
