//! A hostile build: a dozen containers at once that lie to the walk, beside a broken network and an
//! engine inside that is healthy. What is found of those two is the same as without them.

use crate::lab;
use crate::measured::{self, Measured};
use crate::scenario::Scenario;
use crate::stage::Stage;
use anyhow::{Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const POD: &str = r#"
about: One engine whose network is too wide, and one inside it that is healthy.
manifest: dind.yaml
inside:
  - nested load {pod} dind busybox:1
  - nested engine {pod} dind inner docker:20.10.24-dind --mtu=1450
expect: { exit: 1 }
"#;
const LIMIT: Duration = Duration::from_secs(15);
const MOST_MEMORY_KIB: u64 = 256 << 10;

/// Options of `docker run`, and the script.
const BUILDS: [(&str, &str); 12] = [
    // In a root of their own, what looks like the kernel's files of its interfaces …
    ("", "mkdir -p /j/bin /j/sys/class/net/lo /j/sys/class/net/eth0
          for i in lo eth0; do mkfifo /j/sys/class/net/$i/mtu; done
          cp /bin/busybox /j/bin/; exec chroot /j /bin/busybox sleep 9999"),
    ("", "mkdir -p /j/bin /j/sys/class/net/lo /j/sys/class/net/eth0
          for i in lo eth0; do ln -s /run/secrets/kubernetes.io/serviceaccount/token /j/sys/class/net/$i/mtu; done
          cp /bin/busybox /j/bin/; exec chroot /j /bin/busybox sleep 9999"),
    ("", "mkdir -p /j/bin /j/sys/class/net/lo /j/sys/class/net/eth0
          for i in lo eth0; do ln -s /dev/zero /j/sys/class/net/$i/mtu; done
          cp /bin/busybox /j/bin/; exec chroot /j /bin/busybox sleep 9999"),
    ("", "mkdir -p /j/bin /j/sys/class/net; cp /bin/busybox /j/bin/; cd /j/sys/class/net
          i=0; while [ $i -lt 5000 ]; do mkdir $i; echo 1 >$i/iflink; i=$((i + 1)); done
          exec chroot /j /bin/busybox sleep 9999"),
    ("--cap-add=SYS_ADMIN", "umount /etc/resolv.conf; rm -f /etc/resolv.conf; mkfifo /etc/resolv.conf; exec sleep 9999"),
    // … and what looks like an engine.
    ("", "printf dockerd >/proc/self/comm; while :; do sleep 1 & wait; done"),
    ("--cap-add=SYS_ADMIN", "mkdir -p /etc/docker; mkfifo /etc/docker/daemon.json
          printf dockerd >/proc/self/comm; while :; do sleep 1 & wait; done"),
    ("--cap-add=SYS_ADMIN", "mkdir -p /etc/docker; ln -s /dev/zero /etc/docker/daemon.json
          printf dockerd >/proc/self/comm; while :; do sleep 1 & wait; done"),
    ("--cap-add=SYS_ADMIN", "mkdir -p /run; ln -s /proc/1/root/run/docker.sock /run/docker.sock
          printf dockerd >/proc/self/comm; while :; do sleep 1 & wait; done"),
    ("--cap-add=SYS_ADMIN", "nc -l -k -p 2375 -e yes & printf dockerd >/proc/self/comm; while :; do sleep 1 & wait; done"),
    ("", "i=0; while [ $i -lt 300 ]; do sh -c 'printf dockerd >/proc/self/comm; sleep 9999 & wait' & i=$((i + 1)); done; wait"),
    ("", "export A=$(head -c 100000 /dev/zero | tr '\\0' x)
          exec sh -c 'printf containerd >/proc/self/comm; sleep 9999 & wait' \"$(printf '\\033]0;x\\007\\n::error::')\""),
];

pub fn examine() -> Result<()> {
    let scenario: Scenario = serde_saphyr::from_str(POD)?;
    let stage = Stage::set("builds", &scenario)?;
    let pod = stage.pod("")?;
    let (honest, _) = check(&stage)?;
    ensure!(
        honest
            .iter()
            .any(|line| line.starts_with("mtu-inversion dind docker0")),
        "the broken network was not found: {honest:?}"
    );
    for (at, (options, script)) in BUILDS.iter().enumerate() {
        let name = format!("build{at}");
        let mut words = vec![
            "nested", "docker", &pod, "dind", "run", "-d", "--name", &name,
        ];
        words.extend(options.split_whitespace());
        words.extend(["busybox:1", "sh", "-c", script]);
        let output = lab::command().args(&words).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name}: {said}");
    }
    let (
        found,
        Measured {
            took, memory_kib, ..
        },
    ) = check(&stage)?;
    eprintln!("hostile build: {took:.1?}, {memory_kib} KiB");
    let of_builds = |line: &&String| line.contains("build");
    let lost: Vec<&String> = honest.difference(&found).collect();
    let new: Vec<&String> = found.difference(&honest).collect();
    let new: Vec<&String> = new.into_iter().filter(|line| !of_builds(line)).collect();
    ensure!(
        lost.is_empty() && new.is_empty(),
        "lost: {lost:#?}\nnew: {new:#?}"
    );
    let evidence = lab::doctor()
        .args(["collect", "-n", &stage.namespace, "-o", "json"])
        .output()?;
    let evidence = String::from_utf8_lossy(&evidence.stdout);
    ensure!(!evidence.contains("eyJ"), "a token is in the recording");
    Ok(())
}

/// What was found and what is unknown, a line each, and what that took.
fn check(stage: &Stage) -> Result<(BTreeSet<String>, Measured)> {
    let measured = measured::check(&stage.namespace, &[], LIMIT, MOST_MEMORY_KIB)?;
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or("-").to_owned();
    let lines = |list: &str, last: &str| -> Vec<String> {
        let all = measured.report[list].as_array().into_iter().flatten();
        all.map(|one| {
            ["check", "engine", "subject", last]
                .map(|key| text(one, key))
                .join(" ")
        })
        .collect()
    };
    let found = lines("findings", "severity").into_iter();
    let unknown = lines("unknowns", "reason").into_iter();
    let unknown = unknown.map(|line| format!("? {line}"));
    Ok((found.chain(unknown).collect(), measured))
}
