//! Which fixes are taken, and what comes together.

use super::*;
use crate::diagnosis::{Confidence, Place, Severity};

fn change(container: &str, settings: Settings) -> Change {
    Change {
        place: Place {
            site: Site::Manifest,
            namespace: "ci".to_owned(),
            kind: "Job".to_owned(),
            name: "runner".to_owned(),
        },
        container: container.to_owned(),
        init: false,
        network: None,
        docker: None,
        image: None,
        launch: None,
        args: Vec::new(),
        data_root: None,
        legacy_iptables: false,
        settings,
    }
}

fn finding(check: &str, changes: Vec<Change>) -> Finding {
    Finding {
        check: check.to_owned(),
        title: String::new(),
        severity: Severity::Error,
        runner: "ci/runner-x".to_owned(),
        engine: None,
        subject: String::new(),
        message: String::new(),
        why: String::new(),
        confidence: Confidence::Proven,
        caused_by: None,
        remedies: changes
            .into_iter()
            .map(|change| Remedy {
                change: Some(change),
                ..Remedy::new("t", "s")
            })
            .collect(),
        fingerprint: check.to_owned(),
        location: None,
        known: false,
    }
}

fn mtu(mtu: i64) -> Settings {
    Settings {
        mtu: Some(mtu),
        ..Settings::default()
    }
}

fn memory() -> Settings {
    Settings {
        memory_request: Some("1Gi".to_owned()),
        ..Settings::default()
    }
}

fn image() -> Settings {
    Settings {
        image: Some("docker:28-dind".to_owned()),
        ..Settings::default()
    }
}

#[test]
fn cures_of_one_engine_come_together_and_of_two_do_not() {
    let findings = [
        finding("a", vec![change("dind", mtu(1450))]),
        finding("b", vec![change("dind", mtu(1400))]),
        finding("c", vec![change("other", mtu(1450))]),
        finding("d", vec![change("dind", image()), change("dind", memory())]),
    ];
    let plan = plan(&findings, &[]);
    let settings: Vec<_> = plan
        .parts
        .iter()
        .map(|p| (p.change.container.as_str(), p.findings.len()))
        .collect();
    assert_eq!(settings, [("dind", 3), ("other", 1)]);
    let both = &plan.parts[0].change.settings;
    assert_eq!(
        (both.mtu, both.image.as_deref()),
        (Some(1400), Some("docker:28-dind"))
    );
    assert_eq!(both.memory_request, None, "one of two fixes is enough");
}

#[test]
fn a_preference_decides_between_cures() {
    let findings = [finding(
        "d",
        vec![change("dind", image()), change("dind", memory())],
    )];
    let preferred = plan(&findings, &[Preference::Clamp, Preference::MemoryRequest]);
    assert_eq!(preferred.parts[0].change.settings, memory());
    assert_eq!(preferred.unused, [Preference::Clamp]);
}

#[test]
fn consequences_go_with_their_cause() {
    let mut findings = vec![
        finding("cause", vec![change("dind", mtu(1450))]),
        finding("consequence", vec![]),
        finding("by-hand", vec![]),
        finding("of-by-hand", vec![]),
    ];
    findings[1].caused_by = Some("cause".to_owned());
    findings[3].caused_by = Some("by-hand".to_owned());
    let plan = plan(&findings, &[]);
    let left: Vec<&str> = plan
        .left
        .iter()
        .map(|finding| finding.check.as_str())
        .collect();
    assert_eq!(left, ["by-hand", "of-by-hand"]);
}
