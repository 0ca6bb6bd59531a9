//! Runs that end before their time: signals, deadlines, walks that were cut.

use super::*;

/// A gate is never green because the walk of its only runner was cut: by an API server that freezes
/// or dies in the middle of it, or before it.
#[test]
fn a_walk_that_was_cut_never_passes() {
    let faults: [fn() -> Answer; 3] = [|| Walk(Walked::Cut), || Walk(Walked::Hangs), || Gone];
    std::thread::scope(|threads| {
        for fault in faults {
            threads.spawn(move || {
                let server = StandIn::with(move |path, _| match of_ill(path, "exec") {
                    true => fault(),
                    false => Well,
                });
                let run = Run::new(&server.url());
                let gate = ["ill", "--timeout", "2s", "--check", "mtu-inversion"];
                let seen = run.checked(&gate);
                let failing = seen.report["verdict"] == "failing";
                let code = seen.code.unwrap();
                assert!(failing && code == 1 || matches!(code, 2 | 3), "{code}");
                let classes: Vec<&Value> = seen
                    .listed("unknowns")
                    .iter()
                    .map(|unknown| &unknown["class"])
                    .collect();
                assert!(
                    classes.contains(&&Value::from("could-not-look")),
                    "{classes:?}"
                );
            });
        }
    });
}

#[test]
fn a_node_that_is_never_read_costs_no_more_than_the_deadline() {
    let server = StandIn::with(|path, _| match path.contains("/nodes/n") {
        true => Nothing,
        false => Well,
    });
    let seen = Run::new(&server.url()).checked(&["--deadline", "3s"]);
    assert!(seen.is_whole());
    assert!(
        seen.report["incomplete"]
            .as_str()
            .unwrap()
            .contains("--deadline of 3 s")
    );
    seen.in_time(5, "a node");
}

/// Waits until the server was asked for something, and interrupts.
fn interrupted(run: &Run, arguments: &[&str], reached: &AtomicBool) -> Seen {
    signalled("-INT", run, arguments, || reached.load(Ordering::SeqCst))
}

fn signalled(signal: &str, run: &Run, arguments: &[&str], reached: impl Fn() -> bool) -> Seen {
    let mut child = run.start(arguments);
    let input = child.stdin.take();
    let ends = Instant::now() + Duration::from_secs(20);
    while !reached() {
        assert!(Instant::now() < ends, "it did not come so far");
        sleep(Duration::from_millis(10));
    }
    let started = Instant::now();
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    drop(input);
    Seen::new(output, started)
}

#[test]
fn an_interrupt_at_any_moment_prints_what_is_known() {
    for (path, known) in [
        ("/version", 0),
        ("/namespaces/ci/pods?", 0),
        ("/pods/ill/exec?", 2),
        ("/nodes/n", 2),
        ("/pods/ill/log?", 2),
    ] {
        let reached = Arc::new(AtomicBool::new(false));
        let server = StandIn::with({
            let reached = reached.clone();
            move |asked, _| match asked.contains(path) {
                true => {
                    reached.store(true, Ordering::SeqCst);
                    Nothing
                }
                false => Well,
            }
        });
        let run = Run::new(&server.url());
        let seen = interrupted(&run, &["check", "-o", "json"], &reached);
        assert_eq!(seen.code, Some(130), "{path}: {}", seen.said);
        seen.in_time(1, path);
        let runners = seen.report["runners"].as_array().unwrap();
        assert_eq!(runners.len(), known, "{path}");
        assert!(
            seen.report["incomplete"]
                .as_str()
                .unwrap()
                .starts_with("interrupted"),
            "{path}"
        );
    }
}

#[test]
fn what_a_walk_has_told_counts_when_the_run_is_ended() {
    for signal in ["-INT", "-TERM"] {
        let reached = Arc::new(AtomicBool::new(false));
        let server = StandIn::with({
            let reached = reached.clone();
            move |path, _| match of_ill(path, "exec") {
                true => {
                    reached.store(true, Ordering::SeqCst);
                    Walk(Walked::Hangs)
                }
                false => Well,
            }
        });
        let run = Run::new(&server.url());
        let begun = || {
            let begun = reached.load(Ordering::SeqCst);
            if begun {
                // What is printed at once is on its way.
                sleep(Duration::from_secs(2));
            }
            begun
        };
        let seen = signalled(signal, &run, &["check", "-o", "json"], begun);
        assert_eq!(seen.code, Some(130), "{signal}: {}", seen.said);
        seen.in_time(2, signal);
        assert!(seen.is_examined("well"), "{signal}");
        let reason = seen.unknown("mtu-inversion", "ill");
        assert!(
            reason.contains("the examination was cut off"),
            "{signal}: {reason}"
        );
        let ill = &seen.report["runners"][1];
        assert!(
            ill["layers"].as_array().is_some_and(|l| l.len() > 1),
            "{signal}: {ill}"
        );
    }
}

#[test]
fn an_interrupt_ends_a_wait_for_credentials_and_a_watch() {
    let server = StandIn::with(|_, _| Well);
    let run = Run::with_plugin(&server.url(), "touch asked; read -r password");
    let asked = run.folder.path().join("asked");
    let reached = Arc::new(AtomicBool::new(false));
    std::thread::spawn({
        let reached = reached.clone();
        move || {
            while !asked.exists() {
                sleep(Duration::from_millis(10));
            }
            reached.store(true, Ordering::SeqCst);
        }
    });
    let seen = interrupted(&run, &["check", "-o", "json"], &reached);
    assert_eq!(seen.code, Some(130), "{}", seen.said);
    seen.in_time(1, "an interrupt");
    // The second look at the cluster hangs at its very first request.
    let reached = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicUsize::new(0));
    let server = StandIn::with({
        let reached = reached.clone();
        move |path, _| match path.contains("/version") && looks.fetch_add(1, Ordering::SeqCst) == 1
        {
            true => {
                reached.store(true, Ordering::SeqCst);
                Nothing
            }
            false => Well,
        }
    });
    let run = Run::new(&server.url());
    let seen = interrupted(&run, &["check", "--watch=1s"], &reached);
    assert_eq!(seen.code, Some(130), "{}", seen.said);
    seen.in_time(1, "an interrupt");
}
