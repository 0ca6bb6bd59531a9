//! Handmade diagnoses.

use runner_doctor::diagnosis::{
    Carrier, Confidence, Diagnosis, Environment, ExaminedRunner, Finding, Layer, LayerKind,
    NodeSystem, Remedy, SCHEMA, Severity, Summary, Unknown, Verdict,
};
use runner_doctor::evidence::{Provider, Reason, Requests, Why};

const ARTICLE: &str = "bitbucket-runner/runner-2jpsg";
const OUTER: &str = "docker-in-docker";
const NESTED: &str = "docker-in-docker/bb_docker";

fn layer(kind: LayerKind, depth: usize, name: &str, mtu: i64) -> Layer {
    Layer {
        kind,
        depth,
        name: name.into(),
        engine: None,
        runs: None,
        mtu: Some(mtu),
        carrier: None,
        inverted: false,
        clamped: false,
        note: None,
        unseen: None,
    }
}

/// A Docker network under a pod network of 1450.
fn network(engine: &str, runs: &str, name: &str, mtu: i64, carrier: i64) -> Layer {
    let depth = engine.split('/').count() + 1;
    Layer {
        engine: Some(engine.into()),
        runs: Some(runs.into()),
        carrier: Some(Carrier {
            name: "the pod network eth0".into(),
            mtu: carrier,
        }),
        inverted: mtu > carrier,
        ..layer(LayerKind::DockerNetwork, depth, name, mtu)
    }
}

fn outside() -> Vec<Layer> {
    let runs = |runs: &str, layer| Layer {
        runs: Some(runs.into()),
        ..layer
    };
    vec![
        layer(LayerKind::NodeUplink, 0, "ens3", 1500),
        Layer {
            note: Some("not on the path of pods".into()),
            ..runs(
                "docker://20.10.7",
                layer(LayerKind::NodeDocker, 0, "docker0", 1500),
            )
        },
        runs("calico", layer(LayerKind::PodNetwork, 1, "eth0", 1450)),
    ]
}

pub fn runner(name: &str, mtu: i64) -> ExaminedRunner {
    let mut layers = outside();
    layers.push(network(
        OUTER,
        "Docker 20.10.5, containerd 1.4.3",
        "docker0",
        mtu,
        1450,
    ));
    layers.push(network(
        NESTED,
        "Docker 20.10.24, containerd 1.6.20",
        "docker0",
        mtu,
        1450,
    ));
    ExaminedRunner {
        name: name.into(),
        fingerprint: None,
        provider: Provider::Bitbucket,
        node: Some("vm".into()),
        engines: Vec::new(),
        images: vec!["docker:20.10.5-dind".into()],
        layers,
        passed: vec!["disk-full".into(), "not-privileged".into()],
        unseen: false,
        unseen_because: None,
    }
}

pub fn finding(check: &str, subject: &str, message: &str) -> Finding {
    Finding {
        check: check.into(),
        title: String::new(),
        severity: Severity::Error,
        runner: ARTICLE.into(),
        engine: Some(OUTER.into()),
        subject: subject.into(),
        message: message.into(),
        why: String::new(),
        confidence: Confidence::Proven,
        caused_by: None,
        remedies: Vec::new(),
        fingerprint: format!("{check}/{subject}"),
        location: None,
        known: false,
    }
}

pub fn remedy(title: &str, snippet: &str) -> Remedy {
    Remedy::new(title, snippet)
}

const CLAMP: &str = "\
- name: clamp-mss
  image: docker:20.10.24-dind
  securityContext: {capabilities: {add: [NET_ADMIN]}}
  command: [sh, -c, \"iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu; sleep infinity\"]
";

fn inversion(engine: &str, cure: Remedy) -> Finding {
    Finding {
        engine: Some(engine.into()),
        why: "A network tells the programs on it how large their packets may be. Packets larger \
              than the network that carries them are dropped on the way, and where the ICMP \
              message about it is lost too, nobody tells the sender: small answers arrive, \
              downloads hang, and the build runs into its time limit.\n\n\
              Docker gives every network 1500 unless it is told otherwise."
            .into(),
        remedies: vec![
            cure,
            remedy(
                "In the pod, for every level at once, TCP only: a sidecar that clamps",
                CLAMP,
            ),
        ],
        fingerprint: format!("mtu-inversion/{engine}"),
        ..finding(
            "mtu-inversion",
            "docker0",
            &format!(
                "{engine} network docker0 sends 1500-byte packets, but the pod network eth0 carries only 1450"
            ),
        )
    }
}

pub fn article_findings() -> Vec<Finding> {
    let dind = "containers:\n- name: docker-in-docker\n  image: docker:20.10.5-dind\n  args:\n  - --mtu=1450\n";
    let pipelines = "definitions:\n  services:\n    docker:\n      variables:\n        DOCKER_OPTS: \"--mtu=1450\"\n";
    let oom = Finding {
        confidence: Confidence::Predicted,
        why: "The pod asks for no memory, so Kubernetes starts its processes with an \
              oom_score_adj of 1000; containerd before 1.4.4 adds one for each shim, and the \
              kernel refuses 1001."
            .into(),
        remedies: vec![
            remedy(
                "Use a dind image whose containerd has the fix",
                "- name: docker-in-docker\n  image: docker:20.10.24-dind\n",
            ),
            remedy(
                "Ask for some memory, in any container of the pod",
                "resources:\n  requests:\n    memory: 1Gi\n",
            ),
        ],
        ..finding(
            "oom-score-overflow",
            "containerd 1.4.3",
            "docker-in-docker runs with oom_score_adj 1000 and containerd 1.4.3: `docker run` fails with Status 500",
        )
    };
    let mismatch = Finding {
        severity: Severity::Warning,
        caused_by: Some(oom.fingerprint.clone()),
        ..finding(
            "docker-version-mismatch",
            "docker:20.10.5-dind",
            "the node runs Docker 20.10.7, docker-in-docker runs 20.10.5",
        )
    };
    vec![
        inversion(
            OUTER,
            remedy(
                "In the Job, give the dind container the MTU of the pod network",
                dind,
            ),
        ),
        inversion(
            NESTED,
            remedy(
                "In bitbucket-pipelines.yml, give the docker service its own",
                pipelines,
            ),
        ),
        oom,
        mismatch,
    ]
}

pub fn diagnose(
    runners: Vec<ExaminedRunner>,
    findings: Vec<Finding>,
    unknowns: Vec<Unknown>,
) -> Diagnosis {
    let of = |severity| findings.iter().filter(|f| f.severity == severity).count();
    let engines = |runner: &ExaminedRunner| {
        let mut paths: Vec<_> = runner
            .layers
            .iter()
            .filter_map(|l| l.engine.clone())
            .collect();
        paths.dedup();
        paths.len()
    };
    let summary = Summary {
        error: of(Severity::Error),
        warning: of(Severity::Warning),
        info: of(Severity::Info),
        unknown: unknowns.len(),
        runners: runners.len(),
        engines: runners.iter().map(engines).sum(),
        known: 0,
        passed: 2,
    };
    let verdict = match (summary.error, summary.unknown) {
        (0, 0) => Verdict::Healthy,
        (0, _) => Verdict::Incomplete,
        _ => Verdict::Failing,
    };
    Diagnosis {
        schema: SCHEMA.into(),
        verdict,
        summary,
        runners,
        findings,
        unknowns,
        suppressed: Vec::new(),
        settings: None,
        environment: environment(),
        incomplete: None,
        redacted: false,
        log: None,
    }
}

fn environment() -> Environment {
    Environment {
        doctor: "runner-doctor 0.1.0".into(),
        command: Some("runner-doctor check -n bitbucket-runner runner-2jpsg".into()),
        kubernetes: Some("v1.36.2".into()),
        cni: Some("calico, encapsulation vxlan, MTU 1450".into()),
        nodes: vec![NodeSystem {
            name: "vm".into(),
            kernel: "6.18.0".into(),
            os: "Debian GNU/Linux 13 (trixie)".into(),
            runtime: "docker://20.10.7".into(),
        }],
        examined_at: "2026-11-26T02:30:00Z".parse().ok(),
        took_ms: Some(460),
        requests: Some(Requests {
            sent: 9,
            retried: 1,
        }),
    }
}

/// The article as written: both Docker levels at 1500 in a pod network of 1450.
pub fn article() -> Diagnosis {
    diagnose(vec![runner(ARTICLE, 1500)], article_findings(), Vec::new())
}

pub fn healthy() -> Diagnosis {
    diagnose(
        vec![runner("bitbucket-runner/runner-9x4zk", 1450)],
        Vec::new(),
        Vec::new(),
    )
}

fn unknown(check: &str, engine: Option<&str>, subject: Option<&str>, reason: &str) -> Unknown {
    Unknown {
        check: check.into(),
        runner: ARTICLE.into(),
        engine: engine.map(Into::into),
        subject: subject.map(Into::into),
        severity: Severity::Error,
        reasons: vec![Reason::prose(Why::Unreadable, reason)],
        caused_by: None,
    }
}

/// Between two builds: there is no third level to see.
pub fn idle() -> Diagnosis {
    let mut runner = runner(ARTICLE, 1450);
    runner.layers.truncate(4);
    let internal = Layer {
        carrier: None,
        inverted: false,
        note: Some("internal: nothing leaves it, not judged".into()),
        ..network(
            OUTER,
            "Docker 20.10.5, containerd 1.4.3",
            "secret-net",
            1500,
            1450,
        )
    };
    runner.layers.push(internal);
    let reason = "no build runs now, so the engine of the builds does not exist: run this during a \
                  build, or with --wait-nested 10m";
    runner.layers.push(Layer {
        mtu: None,
        note: Some("no build runs now".into()),
        ..layer(LayerKind::Unseen, 3, "engine of the builds", 0)
    });
    let checks = ["mtu-inversion", "oom-score-overflow", "engine-unreachable"];
    let unknowns = checks.map(|check| unknown(check, Some(NESTED), None, reason));
    diagnose(vec![runner], Vec::new(), unknowns.into())
}

/// No right to exec, nothing seen.
pub fn blind() -> Diagnosis {
    let mut runner = runner(ARTICLE, 1450);
    runner.layers.truncate(1);
    runner.layers.push(Layer {
        mtu: None,
        note: Some("forbidden".into()),
        ..layer(LayerKind::PodNetwork, 1, "eth0", 0)
    });
    runner.unseen = true;
    let reason = "exec into bitbucket-runner/runner-2jpsg is forbidden: grant `get` and `create` on pods/exec";
    let unknowns = ["mtu-inversion", "oom-score-overflow"].map(|c| unknown(c, None, None, reason));
    diagnose(vec![runner], Vec::new(), unknowns.into())
}

pub fn many() -> Diagnosis {
    let sick = ["ci/runner-sick-1", "ci/runner-sick-2"];
    let mut runners = vec![runner(sick[0], 1500)];
    runners.extend((1..=3).map(|n| runner(&format!("ci/runner-well-{n}"), 1450)));
    runners.push(runner(sick[1], 1500));
    let of = |name: &str| {
        let name = name.to_owned();
        article_findings().into_iter().map(move |f| Finding {
            runner: name.clone(),
            ..f
        })
    };
    let findings = sick.iter().flat_map(|name| of(name).take(2)).collect();
    diagnose(runners, findings, Vec::new())
}

/// A container whose names try to write on the terminal.
pub fn hostile() -> Diagnosis {
    let evil = "\u{1b}[2J\u{1b}]52;c;cm0gLXJmIC8=\u{7}net\nfake ✓ healthy\r\u{202e}gpj\u{9b}1m";
    let mut runner = runner(ARTICLE, 1500);
    for layer in &mut runner.layers[3..] {
        layer.name = evil.into();
        layer.runs = Some(evil.into());
        layer.note = Some(evil.into());
    }
    runner.layers[4].engine = Some(evil.into());
    let finding = Finding {
        engine: Some(evil.into()),
        why: evil.into(),
        remedies: vec![remedy(evil, &format!("image: {evil}\nargs: []"))],
        ..finding("mtu-inversion", evil, evil)
    };
    let unknowns = vec![unknown("mtu-inversion", Some(evil), Some(evil), evil)];
    let mut diagnosis = diagnose(vec![runner], vec![finding], unknowns);
    diagnosis.incomplete = Some(evil.into());
    diagnosis
}

/// Names that are markup of one kind or another.
pub fn impostor() -> Diagnosis {
    let evil = "a|b`c``` <script>alert(1)</script> @admin #1 !2 [l](http://x.example) ![i](//x) **b** \
                \n::set-env name=X::1\n# HELP x\n\"} 1 %0A --> ]]> &amp; {{x}} ' onload='x";
    let name = format!("ci/{evil}");
    let mut runner = runner(&name, 1500);
    runner.node = Some(evil.into());
    runner.images = vec![evil.into()];
    for layer in &mut runner.layers {
        layer.name = evil.into();
        layer.runs = Some(evil.into());
    }
    runner.layers[4].engine = Some(evil.into());
    let finding = Finding {
        runner: name.clone(),
        engine: Some(evil.into()),
        why: evil.into(),
        remedies: vec![remedy(evil, &format!("```\n{evil}\n```"))],
        ..finding(evil, evil, evil)
    };
    let unknown = Unknown {
        runner: name,
        ..unknown(evil, None, Some(evil), evil)
    };
    Diagnosis {
        incomplete: Some(evil.into()),
        environment: Environment {
            command: Some(format!("runner-doctor check '{evil}'")),
            ..environment()
        },
        ..diagnose(vec![runner], vec![finding], vec![unknown])
    }
}

/// Names as long as Kubernetes and Docker allow, many levels down.
pub fn long() -> Diagnosis {
    let name = "a-very-long-name-of-a-runner-".repeat(8);
    let engine = ["step-0b5a7e9c-system-docker"; 6].join("/");
    let mut sick = runner(&format!("ci/{name}"), 1500);
    sick.layers
        .push(network(&engine, "Docker 29.0.0", &name, 9000, 1450));
    let mut findings = article_findings();
    for finding in &mut findings {
        finding.runner = sick.name.clone();
        finding.engine = Some(engine.clone());
        finding.subject = name.clone();
    }
    let unknowns = vec![Unknown {
        runner: sick.name.clone(),
        ..unknown("mtu-inversion", Some(&engine), None, &name)
    }];
    let well = runner(&format!("ci/well-{name}"), 1450);
    diagnose(vec![sick, well], findings, unknowns)
}

/// Many runners on three nodes: most like the article, a tenth with a newer engine, two healthy.
pub fn fleet(count: usize) -> Diagnosis {
    let mut runners = Vec::new();
    let mut findings = Vec::new();
    for n in 1..=count {
        let name = format!("ci/runner-{n:03}");
        let mut one = match n {
            2 | 7 => runner(&name, 1450),
            _ => runner(&name, 1500),
        };
        one.node = Some(format!("node-{}", n % 3));
        let mut found: Vec<Finding> = match n {
            2 | 7 => Vec::new(),
            _ if n % 10 == 0 => article_findings().into_iter().take(2).collect(),
            _ => article_findings(),
        };
        if n % 10 == 0 {
            one.images = vec!["docker:28.5.2-dind".into()];
        }
        for finding in &mut found {
            finding.runner = name.clone();
        }
        runners.push(one);
        findings.extend(found);
    }
    Diagnosis {
        environment: Environment {
            command: Some("runner-doctor check -n ci".into()),
            ..environment()
        },
        ..diagnose(runners, findings, Vec::new())
    }
}

/// A tower of engines with several networks each: forty layers.
pub fn forty() -> Diagnosis {
    let mut tall = runner(ARTICLE, 1450);
    tall.layers.truncate(3);
    let mut engine = String::from(OUTER);
    for level in 0..6 {
        let mtus = [1450, 1450, 1500, 1400, 9000, 1450];
        for (n, mtu) in mtus.into_iter().enumerate() {
            let name = if n == 0 {
                "docker0".to_owned()
            } else {
                format!("compose-net-{n}")
            };
            let mut one = network(
                &engine,
                "Docker 28.5.2, containerd 1.7.28",
                &name,
                mtu,
                1450,
            );
            one.clamped = n == 4;
            tall.layers.push(one);
        }
        engine.push_str(&format!("/level-{level}"));
    }
    tall.layers.push(Layer {
        mtu: None,
        note: Some("the walk ends at --max-depth".into()),
        ..layer(LayerKind::Unseen, 8, "nested engine", 0)
    });
    diagnose(vec![tall], article_findings(), Vec::new())
}
