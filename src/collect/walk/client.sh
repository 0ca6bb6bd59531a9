# How docker commands in this container find their engine: sent with the walk only on request. It
# prints only the context's name from config.json, a context's host, and the names of proxy variables,
# with the address only if it is a loopback one.
show_client() {
	folder=${DOCKER_CONFIG:-${HOME-}/.docker}
	host=$told_host by=DOCKER_HOST context= ports=
	if [ -z "$host" ]; then
		context=$told_context by=DOCKER_CONTEXT
		[ -n "$context" ] || context=$(text_of currentContext "$folder/config.json") by=$folder/config.json
		case $context in
		'' | default) context='' by='' host=unix:///var/run/docker.sock ;;
		*)
			meta=$(printf %s "$context" | sha256sum)
			host=$(text_of Host "$folder/contexts/meta/${meta%% *}/meta.json")
			;;
		esac
	fi
	echo "uses $host"
	echo "by $by"
	echo "context $context"
	echo "version $told_version"
	# A context has its own certificates.
	certificates=${told_certificates:-$folder}
	[ -z "$context" ] && [ -n "$told_verify" ] && [ ! -e "$certificates/ca.pem" ] && echo "lacks $certificates/ca.pem"
	case $host in
	unix://*)
		socket=${host#unix://}
		[ -S "$socket" ] && echo there && [ ! -w "$socket" ] &&
			echo "denied $(stat -L -c %g "$socket") $(id -u) $(id -G)"
		;;
	tcp://*)
		name=${host#tcp://}
		grep -s -F -w -e "${name%:*}" /etc/hosts | head -n 20 | sed 's/^/hosts /'
		ports=1
		;;
	esac
	for name in HTTP_PROXY HTTPS_PROXY http_proxy https_proxy; do
		eval "proxy=\${$name-}"
		[ -n "$proxy" ] || continue
		proxy=${proxy##*@}
		proxy=${proxy#*://}
		case $proxy in localhost:* | 127.*:* | '[::1]:'*) ports=1 ;; *) proxy= ;; esac
		echo "proxy $name ${proxy%%/*}"
	done
	case ,${NO_PROXY-},${no_proxy-}, in *,'*',*) echo direct ;; esac
	[ -z "$ports" ] || open_ports self
	grep -s -h -E '^(nr_(periods|throttled)|oom_kill) ' /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat \
		/sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control
	echo '# read'
}

# text_of KEY FILE: the first string value of a key in a JSON file.
text_of() {
	[ -f "$2" ] && head -c 65536 "$2" | tr '\n' ' ' |
		grep -o "\"$1\"[[:space:]]*:[[:space:]]*\"[^\"]*\"" | head -n 1 | sed 's/"$//; s/.*"//'
}
