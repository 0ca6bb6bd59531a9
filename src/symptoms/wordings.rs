//! The same fault in the words of different programs and versions, what looks like one, and what a
//! later line takes back. By all checks; the first is the one that is reported first.

use super::{Symptoms, rank, read};
use crate::checks::Library;
use std::sync::LazyLock;

static SYMPTOMS: LazyLock<Symptoms> = LazyLock::new(|| Library::shared().symptoms());

/// What a log points to first.
fn first(log: &str) -> Option<String> {
    let (known, _) = read(log.as_bytes(), &SYMPTOMS, |_| ()).unwrap();
    let ranked = rank(&known, Library::shared());
    ranked.first().map(|row| row.check.to_owned())
}

#[test]
fn a_fault_is_known_in_the_words_of_each_version() {
    for (check, logs) in [
        (
            "cgroup-nesting-broken",
            &[
                r#"message: 'oci runtime error: container_linux.go:240: starting container process caused
  \"process_linux.go:350: container init caused \\\"rootfs_linux.go:50: mounting \\\\\\\"cgroup\\\\\\\"
  to rootfs \\\\\\\"/var/lib/docker/overlay2/1f/merged\\\\\\\" caused \\\\\\\"no subsystem for mount"#,
                r#"failed to write "a *:* rwm": write /sys/fs/cgroup/devices/docker/1f/devices.allow: operation not permitted"#,
            ][..],
        ),
        (
            "sandboxed-runtime",
            &[
                r#"#5 0.2 mounting "proc" to rootfs at "/proc" caused: mount through procfd: not permitted"#,
            ],
        ),
        (
            "registry-login-missing",
            &[
                r#"time="2026-01-02T03:04:05Z" level=error msg="UNAUTHORIZED: \"authentication required\"""#,
                r#"checking push permission for "r.example/a:1": POST https://r.example/v2/a/blobs/uploads/: UNAUTHORIZED: authentication required; [map[Action:push]]"#,
                "initializing source docker://r.example/a:1: Requesting bearer token: invalid status code from registry 403 (Forbidden)",
                "unable to retrieve auth token: invalid username/password: unauthorized: Invalid Username or Password",
                "denied: User: arn:aws:sts::1:assumed-role/ci is not authorized to perform: ecr:BatchGetImage",
            ],
        ),
        (
            "registry-rate-limit",
            &[
                "GET https://r.example/v2/a/manifests/1: TOOMANYREQUESTS: too many requests",
                "Error fetching https://r.example/v2/a/manifests/1 (remote response: 429: Too Many Requests)",
            ],
        ),
        (
            "published-port-elsewhere",
            &[
                "main_test.go:3: failed to create container: creating reaper failed: could not start container: dial tcp: i/o timeout",
                "image: docker.io/testcontainers/ryuk:0.3\ndial tcp 172.17.0.1:5100: i/o timeout: could not start container: creating reaper failed",
                r#"wait for reaper 1f: external check: check target: retries: 9 address: 172.18.0.1:5832: get state: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.46/containers/1f/json": context deadline exceeded"#,
                "Previous attempts to find a Docker environment failed. Will not retry.",
            ],
        ),
        (
            "rootless-prerequisites",
            &["Error: cannot setup namespace using newuidmap: exit status 1"],
        ),
        (
            "engine-unreachable",
            &[
                "Error: failed to get status: rpc error: code = Unavailable desc = timed out waiting for server handshake",
                "Failed to validate connection to Docker daemon; caused by Error: certificate has expired",
                "Docker daemon not started",
                "No dockerHost given, no DOCKER_HOST environment variable, no read/writable '/var/run/docker.sock'",
            ],
        ),
        (
            "engine-crashed",
            &["build failed: failed to solve: Canceled: grpc: the client connection is closing"],
        ),
        (
            "stale-pid-file",
            &[
                r#"Failed to connect to containerd: failed to dial "/run/docker/containerd/docker-containerd.sock": dial unix: timeout"#,
            ],
        ),
        (
            "shared-data-root",
            &[
                "failed to export image: failed to create image: failed to get layer sha256:1f: layer does not exist",
                "failed to start shim: mkdir /run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby/1f: file exists: unknown",
            ],
        ),
        (
            "known-bad-release",
            &[
                "#9 ERROR: failed to apply diffs: failed to stat lower snapshot a1: snapshot a1 does not exist: not found",
                "failed to extract layer sha256:1f: NotFound: failed to get reader from content store: content digest sha256:2e: not found",
            ],
        ),
        (
            "address-pools-exhausted",
            &[
                r#"failed to parse pool request for address space "LocalDefault" pool "" subpool "": could not find an available predefined network"#,
                "failed to start daemon: Error initializing network controller: list bridge addresses failed: no available network",
            ],
        ),
        (
            "overlay-busy",
            &[
                "Unable to remove filesystem for 1f: remove /data/docker/containers/1f/shm: device or resource busy",
                "rm: cannot remove '/var/lib/docker/overlay2/1f/merged': Device or resource busy",
            ],
        ),
        (
            "mtu-inversion",
            &[
                "fatal: unable to access 'https://git.example.org/a/': SSL connection timeout",
                "fatal: the remote end hung up unexpectedly\nfatal: early EOF\nfatal: index-pack failed",
            ],
        ),
        (
            "disk-full",
            &["Problem writing to output in xAR operation Disk quota exceeded"],
        ),
        (
            "gpu-runtime-missing",
            &[
                "error running hook: exit status 1, stderr: nvidia-container-cli.real: initialization error: driver error",
            ],
        ),
        (
            "pod-unschedulable",
            &[
                "Error: Executing the custom container implementation failed. Please contact your self hosted runner administrator.",
            ],
        ),
        (
            "not-privileged",
            &[
                r#"container init caused "rootfs_linux.go:42: preparing rootfs caused \"permission denied\"""#,
            ],
        ),
        (
            "runner-refused",
            &["Retriable exception: Registration 1b4e28ba-2fa1-11d2 was not found."],
        ),
        (
            "workspace-not-shared",
            &[r#"exec: "/__w/app/run.sh": stat /__w/app/run.sh: no such file or directory"#],
        ),
        (
            "iptables-broken",
            &["failed to create NAT chain DOCKER: Iptables not found"],
        ),
    ] {
        for log in logs {
            assert_eq!(first(log).as_deref(), Some(check), "{log}");
        }
    }
}

#[test]
fn what_a_test_or_a_page_quotes_is_no_fault() {
    for log in [
        "E       assert 'x' == 'Cannot connect to the Docker daemon at tcp://x:2375.'",
        "Failed asserting that exception message 'x' contains 'cURL error 28: Operation timed out'.",
        "Not found: \"Docker is either not running or misconfigured\"",
        "Q: `toomanyrequests: slow down`?",
        "Warning  Unhealthy  2m (x3 over 3m)  kubelet  Startup probe failed: Cannot connect to the Docker daemon at unix:///run/docker.sock.",
        "Error: failed to run script step: command terminated with non-zero exit code\n\
         Error: Executing the custom container implementation failed.",
    ] {
        assert_eq!(first(log), None, "{log}");
    }
}

#[test]
fn an_attempt_that_a_later_one_makes_good_is_no_fault() {
    for (log, makes_good) in [
        (
            "fatal: unable to access 'https://git.example.org/a/': Recv failure: Connection reset by peer",
            "Waiting 12 seconds before trying again",
        ),
        (
            "fatal: unable to access 'https://git.example.org/a/': Recv failure: Connection reset by peer",
            " * [new ref]         1f2e3d -> origin/main",
        ),
        (
            "warning: spurious network error (3 tries remaining): [28] Timeout was reached (download of `a v1.0.0`)",
            "  Downloaded a v1.0.0",
        ),
        (
            "Cannot connect to the Docker daemon at tcp://docker:2375. Is the docker daemon running?",
            "#4 [internal] load build context\n#4 DONE 0.1s",
        ),
        (
            "Error response from daemon: Get \"https://r.example/v2/\": unauthorized: authentication required",
            "Login Succeeded",
        ),
    ] {
        assert!(first(log).is_some(), "{log}");
        assert_eq!(first(&format!("{log}\n{makes_good}")), None, "{log}");
    }
}
