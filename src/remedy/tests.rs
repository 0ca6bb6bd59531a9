//! The snippets that users of each provider are advised to paste, for each major version of Docker.

use super::*;
use crate::checks::case::healthy;
use crate::evidence::{Launch, Launcher, Mount, Observed, Owner, Provider, Role, Tcpmss};
use crate::facts::releases::releases;
use similar::TextDiff;

const VERSIONS: [&str; 6] = [
    "19.03.15", "20.10.24", "23.0.6", "24.0.9", "26.1.5", "28.5.2",
];

fn runner(
    provider: Provider,
    owner: Option<(&str, &str)>,
    container: &str,
    version: &str,
) -> Runner {
    let evidence = healthy().unwrap();
    let mut runner = evidence.runners[0].clone();
    runner.provider = provider;
    runner.owner = owner.map(|(kind, name)| Owner {
        kind: kind.to_owned(),
        name: name.to_owned(),
    });
    for engine in &mut runner.containers {
        if engine.name == "docker-in-docker" {
            engine.name = container.to_owned();
            engine.init = owner.is_some_and(|(kind, _)| kind == "EphemeralRunner");
            engine.image = format!("docker:{version}-dind");
            engine.dockerd_args.clear();
        }
    }
    if let Observed(engines) = &mut runner.engines {
        for engine in engines {
            engine.path = engine.path.replace("docker-in-docker", container);
            engine.args.clear();
            if let Observed(api) = &mut engine.api {
                api.version = version.to_owned();
            }
        }
    }
    runner
}

fn wants(pairs: &[(&str, &str)]) -> Vec<Want> {
    let want = |(name, value): &(&str, &str)| {
        let kind = WantKind::ALL.iter().find(|kind| kind.name() == *name);
        kind.unwrap().with(value).unwrap()
    };
    pairs.iter().map(want).collect()
}

fn word(rank: usize, remedy: &Remedy) -> &'static str {
    match (rank, remedy.together) {
        (0, _) => "fix",
        (_, true) => "and",
        (_, false) => "or",
    }
}

fn told(remedies: &[Remedy]) -> String {
    let mut text = String::new();
    for (rank, remedy) in remedies.iter().enumerate() {
        let word = word(rank, remedy);
        text.push_str(&format!(
            "{word}: {}\n\n{}\n\n",
            remedy.title, remedy.snippet
        ));
    }
    text
}

/// Remedies in sequence: in full, or as a diff to an earlier one if that is shorter.
#[derive(Default)]
struct Golden {
    before: Vec<(String, String)>,
    text: String,
}

impl Golden {
    fn add(&mut self, label: &str, remedies: &[Remedy]) {
        self.text += &format!("######## {label}\n\n");
        for (rank, remedy) in remedies.iter().enumerate() {
            let word = word(rank, remedy);
            let whole = format!("{}\n\n{}\n\n", remedy.title, remedy.snippet);
            let differences = self.before.iter().map(|(of, text)| {
                let difference = TextDiff::from_lines(text, &whole);
                (of, difference.unified_diff().context_radius(1).to_string())
            });
            let nearest = differences.min_by_key(|(_, text)| text.lines().count());
            self.text += &match nearest {
                Some((of, same)) if same.is_empty() => format!("{word}: as {of}\n\n"),
                Some((of, less)) if less.lines().count() < whole.lines().count() => {
                    format!("{word}: as {of}, but\n{less}\n")
                }
                _ => format!("{word}: {whole}"),
            };
            let name = format!("{label}, {}", rank + 1);
            self.before.push((name, whole));
        }
    }
}

/// Name of a golden file, provider, owner, container.
type Kind<'a> = (&'a str, Provider, Option<(&'a str, &'a str)>, &'a str);

const KINDS: [Kind; 8] = [
    (
        "job",
        Provider::Bitbucket,
        Some(("Job", "runner")),
        "docker-in-docker",
    ),
    (
        "autoscaler",
        Provider::Bitbucket,
        Some(("Job", "runner-5d0c1f6e-93a7-5b1e-8f0a-2c64e7a9d310")),
        "docker",
    ),
    (
        "deployment",
        Provider::Generic,
        Some(("ReplicaSet", "ci-6d4f899b9d")),
        "dind",
    ),
    ("pod", Provider::Generic, None, "dind"),
    (
        "arc-scale-set",
        Provider::GithubArc,
        Some(("EphemeralRunner", "set-x-runner-y")),
        "dind",
    ),
    (
        "arc-runner",
        Provider::GithubArc,
        Some(("Runner", "deploy-abcde-fghij")),
        "docker",
    ),
    ("gitlab", Provider::Gitlab, None, "svc-0"),
    (
        "unknown-controller",
        Provider::Generic,
        Some(("Rollout", "ci")),
        "dind",
    ),
];

#[test]
fn every_provider_and_every_docker_is_told_what_it_understands() {
    for (name, provider, owner, container) in KINDS {
        let mut golden = Golden::default();
        for version in VERSIONS {
            let runner = runner(provider, owner, container, version);
            let nested = format!("{container}/bb_docker");
            for (label, want, engine) in [
                ("engine_mtu", "engine_mtu", container),
                ("network_mtu", "network_mtu", container),
                ("nested, engine_mtu", "engine_mtu", &nested),
            ] {
                let fixes = remedies(&wants(&[(want, "1450")]), &runner, Some(engine), "");
                golden.add(&format!("Docker {version}: {label}"), &fixes);
            }
        }
        let runner = runner(provider, owner, container, "20.10.5");
        for (want, value) in [
            ("engine_image", "docker:20.10.24-dind"),
            ("memory_request", "1Gi"),
            ("oom_score_adjust", "-500"),
            ("pin_image", "docker:20.10.5-dind"),
            ("engine_restart", container),
            ("engine_volume", "true"),
            ("privileged", "true"),
        ] {
            let fixes = remedies(&wants(&[(want, value)]), &runner, Some(container), "");
            golden.add(want, &fixes);
        }
        insta::assert_snapshot!(name, golden.text.trim_end());
    }
}

/// All settings of one engine in one change.
#[test]
fn all_of_it_together() {
    for (name, provider, owner, container) in KINDS {
        let runner = runner(provider, owner, container, "20.10.5");
        let all = wants(&[
            ("engine_mtu", "1450"),
            ("engine_image", "docker:28.5.2-dind"),
            ("memory_request", "1Gi"),
            ("engine_volume", "true"),
            ("privileged", "true"),
        ]);
        let remedies = remedies(&all, &runner, Some(container), "");
        let mut changes = remedies.iter().filter_map(|remedy| remedy.change.clone());
        let mut whole = changes.next().unwrap();
        changes.for_each(|change| whole.settings.merge(&change.settings));
        // The new image's dockerd accepts flags that the old one would reject.
        assert_eq!(
            flags(&whole),
            [
                "--mtu=1450",
                "--default-network-opt=bridge=com.docker.network.driver.mtu=1450"
            ]
        );
        insta::assert_snapshot!(format!("together-{name}"), told(&paste(&whole)).trim_end());
    }
}

#[test]
fn no_flag_keeps_its_dockerd_from_starting() {
    for version in [
        "17.06.0", "19.03.15", "20.10.5", "23.0.6", "24.0.0", "25.0.5", "26.1.5", "29.0.0",
    ] {
        let runner = runner(Provider::Generic, None, "dind", version);
        let all = wants(&[
            ("engine_mtu", "1450"),
            ("network_mtu", "1450"),
            ("oom_score_adjust", "-500"),
        ]);
        let parsed = versions::parse(version).unwrap();
        for change in remedies(&all, &runner, Some("dind"), "")
            .iter()
            .filter_map(|r| r.change.as_ref())
        {
            for flag in flags(change) {
                match flag.split('=').next().unwrap() {
                    "--mtu" => {}
                    "--default-network-opt" => {
                        assert!(parsed >= Version::new(24, 0, 0), "{version}")
                    }
                    "--oom-score-adjust" => {
                        assert!(parsed >= Version::new(20, 10, 0), "{version}");
                        assert!(parsed < Version::new(24, 0, 0), "{version}");
                    }
                    other => panic!("{other} for {version}"),
                }
            }
        }
    }
}

#[test]
fn one_setting_is_never_a_flag_and_in_daemon_json() {
    let mut runner = runner(Provider::Generic, None, "dind", "28.5.2");
    if let Observed(engines) = &mut runner.engines {
        engines[0].config = Observed(Some(DaemonConfig {
            mtu: Some(1500),
            ..DaemonConfig::default()
        }));
    }
    for want in ["engine_mtu", "network_mtu"] {
        let remedies = remedies(&wants(&[(want, "1450")]), &runner, Some("dind"), "");
        assert!(
            remedies.iter().any(|r| r.title.contains("daemon.json")),
            "{want}"
        );
        let flags = remedies
            .iter()
            .filter_map(|r| r.change.as_ref())
            .flat_map(flags);
        assert_eq!(flags.count(), 0, "{want}");
    }
}

#[test]
fn what_starts_dockerd_decides_where_its_flags_go() {
    for (by, says) in [
        (
            Launcher::Image,
            "`--mtu=1450` to the args of container `dind`",
        ),
        (Launcher::Args, "to the args of"),
        (Launcher::Command, "to the command of"),
        (Launcher::Script, "to the dockerd command in the script of"),
    ] {
        let mut runner = runner(Provider::Generic, None, "dind", "20.10.24");
        for container in &mut runner.containers {
            container.launch = Some(Launch {
                by,
                unlisted: false,
            });
        }
        let remedies = remedies(&wants(&[("engine_mtu", "1450")]), &runner, Some("dind"), "");
        assert!(remedies[0].title.contains(says), "{}", remedies[0].title);
        assert_eq!(remedies[0].change.is_some(), by != Launcher::Script);
    }
}

/// A nested engine that has its MTU as a flag rejects it in daemon.json as well.
#[test]
fn a_service_with_docker_opts_keeps_them() {
    let mut runner = runner(Provider::Bitbucket, None, "docker", "20.10.24");
    if let Observed(engines) = &mut runner.engines {
        engines[1].args = vec!["--mtu=1500".to_owned()];
    }
    let remedies = remedies(
        &wants(&[("engine_mtu", "1450")]),
        &runner,
        Some("docker/bb_docker"),
        "",
    );
    assert!(
        remedies[0].snippet.contains("DOCKER_OPTS: \"--mtu=1450\""),
        "{}",
        remedies[0].snippet
    );
    assert!(!remedies[0].snippet.contains("daemon.json"));
}

/// Before Kubernetes 1.29, ARC's engine is a regular container.
#[test]
fn an_older_scale_set_has_its_engine_beside_the_runner() {
    let mut runner = runner(
        Provider::GithubArc,
        Some(("EphemeralRunner", "x")),
        "dind",
        "26.1.5",
    );
    runner
        .containers
        .iter_mut()
        .for_each(|container| container.init = false);
    let remedies = remedies(&wants(&[("engine_mtu", "1450")]), &runner, Some("dind"), "");
    let values: serde_json::Value = serde_saphyr::from_str(&remedies[0].snippet).unwrap();
    let spec = &values["template"]["spec"];
    assert_eq!(spec["initContainers"].as_array().unwrap().len(), 1);
    assert_eq!(spec["containers"][1]["name"], "dind");
    assert_eq!(spec["containers"][1]["args"][3], "--mtu=1450");
    assert_eq!(spec["containers"][1].get("restartPolicy"), None);
}

/// The data directory is reported by a nested engine; a pasted fix must not execute its value.
#[test]
fn a_volume_lies_where_the_data_do_and_a_path_that_could_be_more_is_not_believed() {
    let inner = "docker-in-docker/bb_docker";
    let mut runner = runner(Provider::Generic, None, "docker-in-docker", "28.5.2");
    for (root, mount) in [
        ("/data", "/data"),
        ("/x$(reboot)", "/var/lib/docker"),
        ("/x y", "/var/lib/docker"),
        ("data", "/var/lib/docker"),
    ] {
        if let Observed(engines) = &mut runner.engines {
            let engine = engines.iter_mut().find(|e| e.path == inner).unwrap();
            if let Observed(api) = &mut engine.api {
                api.data_root = Some(root.to_owned());
            }
        }
        for want in ["engine_volume", "own_data"] {
            let fixes = remedies(&wants(&[(want, "true")]), &runner, Some(inner), "");
            let pasted = format!("docker run … --volume {mount} …");
            assert_eq!(fixes[0].snippet, pasted, "{want}: {root}");
        }
    }
}

/// A private mirror's image stays private, and a rootless one rootless. The running version is pinned, unless
/// it is known to be bad or unsupported.
#[test]
fn a_pinned_image_keeps_its_repository_and_flavour() {
    let recommended = &releases().recommended;
    let mirrored = "mirror.example.com/hub/docker";
    for (now, runs, pinned) in [
        (
            "docker:dind",
            "25.0.5",
            Some("docker:25.0.5-dind".to_owned()),
        ),
        (
            "docker:dind",
            "29.1.0",
            Some("docker:29.1.1-dind".to_owned()),
        ),
        (
            "docker:dind",
            "20.10.5",
            Some(format!("docker:{recommended}-dind")),
        ),
        (
            &format!("{mirrored}:dind-rootless"),
            "25.0.5",
            Some(format!("{mirrored}:25.0.5-dind-rootless")),
        ),
        ("mirror.example.com/ci/engine:latest", "25.0.5", None),
    ] {
        let mut runner = runner(Provider::Generic, None, "dind", runs);
        for container in &mut runner.containers {
            container.image = now.to_owned();
        }
        let wants = wants(&[("pin_image", &format!("docker:{runs}-dind"))]);
        let fixes = remedies(&wants, &runner, Some("dind"), "");
        let change = fixes.first().and_then(|fix| fix.change.as_ref());
        let image = change.and_then(|change| change.settings.image.clone());
        assert_eq!(image, pinned, "{now} runs {runs}");
    }
}

/// Evidence contains that flag only, not the rest of the list.
#[test]
fn a_flag_that_is_there_is_replaced_and_nothing_else_is_said_of_its_list() {
    let mut runner = runner(Provider::Generic, None, "dind", "20.10.24");
    for container in &mut runner.containers {
        container.dockerd_args = vec!["--debug".to_owned(), "--mtu=1500".to_owned()];
    }
    let fixes = remedies(&wants(&[("engine_mtu", "1450")]), &runner, Some("dind"), "");
    let list = "  args: # replace in args; keep the others\n  - --mtu=1450";
    assert!(fixes[0].snippet.ends_with(list), "{}", fixes[0].snippet);
    assert!(
        fixes[0]
            .title
            .starts_with("Set `--mtu=1450` in the args of container `dind`")
    );
}

/// The healthy runner, with its engine's data on the given file system.
fn with_data(file_system: &str, mount: Option<Mount>) -> Runner {
    let mut runner = healthy().unwrap().runners.remove(0);
    if let Observed(engines) = &mut runner.engines
        && let Some(Observed(data)) = &mut engines[0].data
    {
        data.file_system = file_system.to_owned();
        data.size_mib = 2048;
    }
    let engine = runner
        .containers
        .iter_mut()
        .find(|c| c.role == Role::Engine);
    engine.unwrap().mounts.extend(mount);
    runner
}

fn cures_of(kind: &str, value: &str, runner: &Runner) -> Vec<Remedy> {
    remedies(
        &wants(&[(kind, value)]),
        runner,
        Some("docker-in-docker"),
        "docker0",
    )
}

#[test]
fn room_is_made_where_the_data_lies_and_never_of_volumes() {
    let mount = |claim: Option<&str>| Mount {
        path: "/var/lib/docker".to_owned(),
        volume: "docker-data".to_owned(),
        host_path: None,
        claim: claim.map(str::to_owned),
        sub_path: None,
    };
    for (runner, second) in [
        (with_data("ext4", None), "ephemeral-storage: 20Gi"),
        (
            with_data("tmpfs", Some(mount(None))),
            "- name: docker-data\n  emptyDir: {}",
        ),
        (
            with_data("ext4", Some(mount(Some("cache")))),
            "patch pvc cache --type merge -p '{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"4096Mi\"}}}}'",
        ),
    ] {
        let fixes = cures_of("free_space", "true", &runner);
        let first: Vec<&str> = fixes[0].snippet.lines().collect();
        assert!(
            first[0].ends_with("docker builder prune --force"),
            "{first:?}"
        );
        assert!(
            first[1].ends_with("docker image prune --force"),
            "{first:?}"
        );
        assert!(fixes.iter().all(|fix| !fix.snippet.contains("--volumes")));
        assert!(fixes[1].snippet.contains(second), "{}", fixes[1].snippet);
    }
}

/// Whatever the flag: if daemon.json has its key, it is changed there.
#[test]
fn a_key_of_daemon_json_is_changed_in_daemon_json() {
    let mut runner = with_data("ext4", None);
    let config = DaemonConfig {
        open_files: Some(1_073_741_816),
        also: vec!["registry-mirrors".to_owned(), "bip".to_owned()],
        ..DaemonConfig::default()
    };
    if let Observed(engines) = &mut runner.engines {
        engines[0].config = Observed(Some(config));
    }
    for (kind, value, json) in [
        (
            "open_files",
            "true",
            r#"{"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1048576, "Hard": 1048576}}}"#,
        ),
        (
            "registry_mirror",
            "true",
            r#"{"registry-mirrors": ["https://YOUR-MIRROR"]}"#,
        ),
        (
            "engine_range",
            "172.29.0.0/16",
            r#"{"bip": "172.29.0.1/24", "default-address-pools": [{"base": "172.29.0.0/16", "size": 24}]}"#,
        ),
    ] {
        let fixes = cures_of(kind, value, &runner);
        assert_eq!(fixes[0].snippet, json);
        assert!(fixes[0].change.is_none(), "{kind}");
    }
    let other = cures_of("engine_flags", "--ipv6=false", &runner);
    assert!(
        other[0].snippet.contains("- --ipv6=false"),
        "{}",
        other[0].snippet
    );
}

#[test]
fn a_clamp_uses_the_kind_of_iptables_that_dockerd_uses_and_is_added_once() {
    let mut runner = with_data("ext4", None);
    let clamp = |runner: &Runner| {
        let fixes = cures_of("engine_mtu", "1450", runner);
        let clamp = fixes.into_iter().find(|fix| fix.snippet.contains("TCPMSS"));
        clamp.map(|fix| fix.snippet)
    };
    assert!(!clamp(&runner).unwrap().contains(".iptables-legacy"));
    let pod = |runner: &mut Runner, set: &dyn Fn(&mut NetworkNamespace)| {
        if let Observed(namespaces) = &mut runner.namespaces {
            set(&mut namespaces[0]);
        }
    };
    pod(&mut runner, &|ns| {
        let traffic = ns.traffic.as_mut().unwrap();
        if let Observed(firewalls) = &mut traffic.firewalls {
            firewalls[0].kind = FirewallKind::Legacy;
        }
    });
    assert!(
        clamp(&runner)
            .unwrap()
            .contains("PATH=/usr/local/sbin/.iptables-legacy:$PATH;")
    );
    pod(&mut runner, &|ns| {
        ns.tcpmss = Observed(Some(Tcpmss::PathMtu))
    });
    assert_eq!(clamp(&runner), None);
}
