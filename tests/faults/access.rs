//! Clusters that deny access: permissions, credentials, certificates, proxies.

use super::*;

/// Forbidden parts of the API, and where and how each is reported.
#[test]
fn each_right_that_is_missing_is_named() {
    enum Told {
        Plainly(&'static str),
        Of(&'static str),
        /// Nothing is lost.
        Nowhere,
    }
    use Told::{Nowhere, Of, Plainly};
    let faults = [
        ("GET /version", &[][..], Plainly("forbids the request")),
        (
            "GET /api/v1/namespaces/ci/pods?",
            &[],
            Plainly("grant `list` on pods"),
        ),
        (
            "GET /api/v1/namespaces/ci/pods/ill",
            &["ill"],
            Plainly("grant `get` on pods"),
        ),
        ("/exec?", &[], Of("grant `get` and `create` on pods/exec")),
        ("/log?", &[], Of("grant `get` on pods/log")),
        (
            "GET /apis/batch/v1/namespaces/ci/jobs?",
            &[],
            Of("listing jobs is forbidden: grant `list` on jobs in ci"),
        ),
        ("GET /api/v1/nodes/n", &[], Nowhere),
        ("GET /api/v1/pods?", &[], Nowhere),
    ];
    for (path, arguments, told) in faults {
        let server = StandIn::with(move |asked, _| match asked.contains(path) {
            true => Refused(403),
            false => Well,
        });
        let seen = Run::new(&server.url()).checked(arguments);
        match told {
            Plainly(said) => {
                assert_eq!(seen.code, Some(2), "{path}");
                assert!(seen.said.contains(said), "{path}: {}", seen.said);
            }
            Of(reason) => {
                let unknowns = seen.report["unknowns"].to_string();
                assert!(unknowns.contains(reason), "{path}: {unknowns}");
            }
            Nowhere => {
                assert!(seen.is_whole(), "{path}");
                eprintln!("{path}: {}", seen.report["unknowns"]);
            }
        }
    }
}

/// Errors for clusters that cannot be used: server in the kubeconfig, arguments, expected message and
/// time limit in seconds.
#[test]
fn a_cluster_that_cannot_be_had_is_told_with_what_to_do() {
    let expired = StandIn::with(|_, _| Refused(401));
    let storm = StandIn::with(|_, _| Busy(503, None));
    let hour = StandIn::with(|_, _| Busy(429, Some(3600)));
    let silent = StandIn::with(|_, _| Nothing);
    let plain = StandIn::with(|_, _| Well);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let faults: [(&str, String, &[&str], &str, u64); 8] = [
        (
            "an expired token",
            expired.url(),
            &[],
            "rejects these credentials: log in again",
            2,
        ),
        ("a storm of 503", storm.url(), &[], "(HTTP 503)", 12),
        ("an hour's patience", hour.url(), &[], "(HTTP 429)", 2),
        (
            "no answer",
            silent.url(),
            &["--deadline", "2s"],
            "did not respond within --deadline",
            4,
        ),
        (
            "no TLS",
            format!("https://{}", plain.address),
            &[],
            "cannot reach the cluster",
            2,
        ),
        (
            "no such name",
            "https://no-such-cluster.invalid:6443".to_owned(),
            &[],
            "lookup",
            6,
        ),
        (
            "nobody there",
            format!("https://{closed}"),
            &[],
            "refused",
            2,
        ),
        (
            "another context",
            plain.url(),
            &["--context", "elsewhere"],
            "elsewhere",
            2,
        ),
    ];
    std::thread::scope(|threads| {
        for (name, server, arguments, said, seconds) in faults {
            threads.spawn(move || {
                let seen = Run::new(&server).checked(arguments);
                eprintln!("{name}: {:.1?}: {}", seen.took, seen.said);
                assert_eq!(seen.code, Some(2), "{name}");
                assert!(seen.said.contains(said), "{name}: {}", seen.said);
                seen.in_time(seconds, name);
            });
        }
    });
}

#[test]
fn a_program_that_gives_no_credentials_is_named_and_its_secrets_are_not() {
    let server = StandIn::with(|_, _| Well);
    let faults = [
        (
            "fails",
            "echo hunter3; echo 'your session has expired' >&2; exit 7",
            "your session has expired",
        ),
        ("prints something else", "echo hunter3", "no credentials"),
        (
            "asks for a password",
            "printf 'Password: ' >&2; read -r password",
            "timed out after 2 s",
        ),
        (
            "is broken",
            "exec /no/such/program",
            "exited with exit status: 127",
        ),
    ];
    for (name, script, said) in faults {
        let seen = Run::with_plugin(&server.url(), script).checked(&["--deadline", "2s"]);
        eprintln!("{name}: {:.1?}: {}", seen.took, seen.said);
        assert_eq!(seen.code, Some(2), "{name}: {}", seen.said);
        assert!(
            seen.said.contains(said) && seen.said.contains("/plugin"),
            "{name}: {}",
            seen.said
        );
        assert!(!seen.said.contains("hunter"), "{name}: {}", seen.said);
        seen.in_time(4, name);
    }
    let mut run = Run::new(&server.url());
    run.user = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: not-installed, interactiveMode: Never}}".to_owned();
    run.write(&server.url());
    let seen = run.checked(&[]);
    assert!(
        seen.said.contains("the credential plugin not-installed"),
        "{}",
        seen.said
    );
}

#[test]
fn a_proxy_is_used_unless_the_cluster_is_excepted() {
    let tunnels = Arc::new(AtomicUsize::new(0));
    let proxy = StandIn::with({
        let tunnels = tunnels.clone();
        move |path, _| {
            tunnels.fetch_add(
                usize::from(path.starts_with("CONNECT cluster.invalid:")),
                Ordering::SeqCst,
            );
            Well
        }
    });
    let mut run = Run::new("http://cluster.invalid");
    run.environment = vec![("HTTPS_PROXY", proxy.url())];
    let seen = run.checked(&[]);
    assert!(seen.is_whole(), "{}", seen.said);
    assert!(tunnels.load(Ordering::SeqCst) > 0);
    let through = tunnels.load(Ordering::SeqCst);
    run.environment
        .push(("NO_PROXY", "10.0.0.0/8,.invalid".to_owned()));
    let seen = run.checked(&[]);
    assert_eq!(seen.code, Some(2), "{}", seen.said);
    assert_eq!(tunnels.load(Ordering::SeqCst), through);
    let mut here = Run::new(&proxy.url());
    here.environment = vec![(
        "HTTPS_PROXY",
        "http://u:hunter2@no-such-proxy.invalid:3128".to_owned(),
    )];
    assert!(here.checked(&[]).is_examined("well"));
    here.write("http://cluster.invalid");
    let seen = here.checked(&[]);
    eprintln!("{}", seen.said);
    assert_eq!(seen.code, Some(2));
    assert!(!seen.said.contains("hunter2"), "{}", seen.said);
}
