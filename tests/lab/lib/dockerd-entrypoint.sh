#!/bin/sh
# The rules of the official docker:dind image: no argument, or arguments that
# begin with "-", are added to dockerd's defaults; arguments that begin with
# "dockerd" replace them; anything else is run as it is. DOCKER_OPTS means nothing.
set -eu

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
	set -- dockerd --host=unix:///var/run/docker.sock --host=tcp://0.0.0.0:2375 --tls=false "$@"
fi

if [ "$1" = dockerd ]; then
	# Left by one that was killed, they would keep this one from starting.
	find /run /var/run -iname 'docker*.pid' -delete || :
	find /run /var/run -iname 'containerd*.pid' -delete || :
	iptables --version
	set -- docker-init -- "$@"
fi

exec "$@"
