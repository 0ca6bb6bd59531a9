#!/bin/sh
# What the entrypoint of the official docker:dind and docker:dind-rootless images does, in the lab's own words:
# arguments, TLS certificates, the choice of iptables, docker-init as the first process. Under busybox.
set -eu

private() { [ -s "$1" ] || openssl genrsa -out "$1" 2048; }

# names: what the server's certificate is valid for.
names() {
	{
		ip -oneline address | awk '{ sub(/\/.*/, "", $4); print "IP:" $4 }'
		printf 'DNS:%s\n' docker localhost "$(hostname)"
		[ -z "${DOCKER_TLS_SAN:-}" ] || echo "$DOCKER_TLS_SAN"
	} | sort -u | tr '\n' , | sed 's/,$//'
}

# certificate ROLE USAGE [NAMES]: a key, and a certificate of it by the CA.
certificate() {
	mkdir -p "$certs/$1"
	private "$certs/$1/key.pem"
	openssl req -new -key "$certs/$1/key.pem" -subj "/CN=docker:dind $1" -out "$certs/$1/csr.pem"
	printf '[x]\nextendedKeyUsage = %s\n%s\n' "$2" "${3:+subjectAltName = $3}" >"$certs/$1/openssl.cnf"
	openssl x509 -req -in "$certs/$1/csr.pem" -CA "$certs/ca/cert.pem" -CAkey "$certs/ca/key.pem" -CAcreateserial \
		-days 825 -extfile "$certs/$1/openssl.cnf" -extensions x -out "$certs/$1/cert.pem"
	cp "$certs/ca/cert.pem" "$certs/$1/ca.pem"
}

certificates() {
	# Somebody's own certificates, without the key of their CA, stay.
	[ ! -s "$certs/server/cert.pem" ] || [ -s "$certs/ca/key.pem" ] || return 0
	mkdir -p "$certs/ca"
	private "$certs/ca/key.pem"
	openssl req -new -x509 -key "$certs/ca/key.pem" -subj '/CN=docker:dind CA' -days 825 \
		-addext keyUsage=critical,digitalSignature,keyCertSign -out "$certs/ca/cert.pem"
	certificate server serverAuth "$(names)"
	certificate client clientAuth
	chmod 644 "$certs/client/key.pem"
}

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
	socket=unix:///var/run/docker.sock
	[ "$(id -u)" = 0 ] || socket=unix://${XDG_RUNTIME_DIR:=/run/user/$(id -u)}/docker.sock
	case ${DOCKER_HOST:-} in unix://*) socket=$DOCKER_HOST ;; esac
	certs=${DOCKER_TLS_CERTDIR:-}
	if [ -n "$certs" ]; then
		certificates
		set -- --host=tcp://0.0.0.0:2376 --tlsverify --tlscacert "$certs/server/ca.pem" \
			--tlscert "$certs/server/cert.pem" --tlskey "$certs/server/key.pem" "$@"
	else
		set -- --host=tcp://0.0.0.0:2375 "$@"
	fi
	set -- dockerd --host="$socket" "$@"
fi

[ "$1" = dockerd ] || exec docker-entrypoint.sh "$@"

find /run /var/run -iname 'docker*.pid' -exec rm -f {} + || :
legacy=
if [ -n "${DOCKER_IPTABLES_LEGACY+set}" ]; then
	legacy=$DOCKER_IPTABLES_LEGACY
elif grep -qs . /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/arp_tables_names; then
	# Somebody writes rules with legacy iptables in this network already.
	legacy=1
elif ! iptables -nL >/dev/null 2>&1; then
	! /usr/local/sbin/.iptables-legacy/iptables -nL >/dev/null 2>&1 || legacy=1
fi
[ -z "$legacy" ] || export PATH="/usr/local/sbin/.iptables-legacy:$PATH"
iptables --version
set -- docker-init -- "$@"
if [ "$(id -u)" != 0 ]; then
	export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
	mkdir -p "$XDG_RUNTIME_DIR" "$HOME/.local/share/docker"
	# shellcheck disable=SC2086 # flags are words
	set -- rootlesskit --net="${DOCKERD_ROOTLESS_ROOTLESSKIT_NET:-slirp4netns}" \
		--mtu="${DOCKERD_ROOTLESS_ROOTLESSKIT_MTU:-1500}" --disable-host-loopback --port-driver=builtin \
		--copy-up=/etc --copy-up=/run ${DOCKERD_ROOTLESS_ROOTLESSKIT_FLAGS:-} "$@"
fi
exec "$@"
