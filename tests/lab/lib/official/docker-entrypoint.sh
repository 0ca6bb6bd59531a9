#!/bin/sh
# What the entrypoint of the official docker image does, in the lab's own words: a command of docker's
# needs no `docker` before it, and DOCKER_HOST is the socket, or the engine called `docker`.
set -eu

if [ "${1#-}" != "$1" ] || docker help "$1" >/dev/null 2>&1; then
	set -- docker "$@"
fi
certificates=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
[ -n "$certificates" ] && [ -s "$certificates/key.pem" ] || certificates=
if [ -z "${DOCKER_HOST:-}" ]; then
	if [ -S /var/run/docker.sock ]; then
		export DOCKER_HOST=unix:///var/run/docker.sock
	elif [ -n "$certificates${DOCKER_TLS_VERIFY:-}" ]; then
		export DOCKER_HOST=tcp://docker:2376
	else
		export DOCKER_HOST=tcp://docker:2375
	fi
fi
if [ "${DOCKER_HOST#tcp:}" != "$DOCKER_HOST" ] && [ -n "$certificates" ] &&
	[ -z "${DOCKER_TLS_VERIFY:-}${DOCKER_CERT_PATH:-}" ]; then
	export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certificates"
fi
exec "$@"
