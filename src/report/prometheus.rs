//! Prometheus' text exposition format, for a textfile collector or a push gateway.
//! See <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use crate::diagnosis::{Diagnosis, Finding, Layer, LayerKind, Verdict};
use crate::text::clean::clean;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Label values in the order of the labels' names: no series can be there twice.
type Series = BTreeMap<Vec<String>, f64>;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let summary = &diagnosis.summary;
    let mut out = String::new();
    let one = |value: f64| Series::from([(Vec::new(), value)]);
    let verdicts = [Verdict::Healthy, Verdict::Failing, Verdict::Incomplete];
    let verdicts = verdicts.map(|verdict| {
        let name = format!("{verdict:?}").to_lowercase();
        (
            vec![name],
            f64::from(u8::from(diagnosis.verdict == verdict)),
        )
    });
    write(
        &mut out,
        "verdict",
        "1 for the verdict of the run, 0 for the other verdicts",
        &["verdict"],
        verdicts.into(),
    );
    write(
        &mut out,
        "runners",
        "Runners examined",
        &[],
        one(summary.runners as f64),
    );
    write(
        &mut out,
        "engines",
        "Docker engines found in the runners",
        &[],
        one(summary.engines as f64),
    );
    // A path to a file has slashes too, but no namespace.
    let of_files = diagnosis.findings.iter().any(|f| f.location.is_some());
    let labels = ["check", "severity", "runner", "namespace", "pod"];
    write(
        &mut out,
        "findings",
        "Findings by check, severity and runner",
        &labels,
        findings(&diagnosis.findings, of_files),
    );
    write(
        &mut out,
        "known_findings",
        "Findings that are in the baseline",
        &labels,
        findings(diagnosis.findings.iter().filter(|f| f.known), of_files),
    );
    write(
        &mut out,
        "suppressed_findings",
        "Findings suppressed by the settings",
        &labels,
        findings(diagnosis.suppressed.iter().map(|s| &s.finding), of_files),
    );
    let labels = ["check", "runner", "namespace", "pod"];
    write(
        &mut out,
        "unknowns",
        "Unknown results by check and runner",
        &labels,
        unknowns(diagnosis, of_files),
    );
    let labels = ["runner", "namespace", "pod", "kind", "engine", "network"];
    let mtu = |layer: &Layer| layer.mtu;
    write(
        &mut out,
        "network_mtu_bytes",
        "MTU of each network of a runner",
        &labels,
        networks(diagnosis, of_files, mtu),
    );
    let carrier = |layer: &Layer| layer.carrier.as_ref().map(|carrier| carrier.mtu);
    write(
        &mut out,
        "network_carrier_mtu_bytes",
        "MTU of the bottleneck on a Docker network's path out",
        &labels,
        networks(diagnosis, of_files, carrier),
    );
    if let Some(at) = diagnosis.environment.examined_at {
        write(
            &mut out,
            "examined_timestamp_seconds",
            "Start of the examination as a Unix timestamp in seconds",
            &[],
            one(at.as_second() as f64),
        );
    }
    if let Some(took) = diagnosis.environment.took_ms {
        write(
            &mut out,
            "run_duration_seconds",
            "Duration of the examination in seconds",
            &[],
            one(took as f64 / 1000.0),
        );
    }
    if let Some(requests) = diagnosis.environment.requests {
        write(
            &mut out,
            "api_requests",
            "Requests to the API server",
            &[],
            one(requests.sent as f64),
        );
        write(
            &mut out,
            "api_requests_retried",
            "Requests retried because the API server was overloaded",
            &[],
            one(requests.retried as f64),
        );
    }
    let incomplete = f64::from(u8::from(diagnosis.incomplete.is_some()));
    write(
        &mut out,
        "incomplete",
        "1 if the run was incomplete",
        &[],
        one(incomplete),
    );
    out
}

/// The values of `runner`, `namespace` and `pod`; without a cluster the last two are empty.
fn place(runner: &str, of_files: bool) -> [String; 3] {
    let (namespace, pod) = match runner.split_once('/') {
        Some(parts) if !of_files => parts,
        _ => ("", ""),
    };
    [runner, namespace, pod].map(str::to_owned)
}

fn findings<'a>(all: impl IntoIterator<Item = &'a Finding>, of_files: bool) -> Series {
    let mut series = Series::new();
    for finding in all {
        let severity = finding.severity.word().to_owned();
        let mut labels = vec![finding.check.clone(), severity];
        labels.extend(place(&finding.runner, of_files));
        *series.entry(labels).or_default() += 1.0;
    }
    series
}

fn unknowns(diagnosis: &Diagnosis, of_files: bool) -> Series {
    let mut series = Series::new();
    for unknown in &diagnosis.unknowns {
        let mut labels = vec![unknown.check.clone()];
        labels.extend(place(&unknown.runner, of_files));
        *series.entry(labels).or_default() += 1.0;
    }
    series
}

/// Docker lets two networks of an engine have one name: the wider one counts.
fn networks(diagnosis: &Diagnosis, of_files: bool, of: fn(&Layer) -> Option<i64>) -> Series {
    let mut series = Series::new();
    for runner in &diagnosis.runners {
        for layer in &runner.layers {
            let Some(mtu) = of(layer) else { continue };
            let engine = layer.engine.clone().unwrap_or_default();
            let kind = kind(layer.kind).to_owned();
            let mut labels = place(&runner.name, of_files).to_vec();
            labels.extend([kind, engine, layer.name.clone()]);
            let widest = series.entry(labels).or_insert(0.0);
            *widest = widest.max(mtu as f64);
        }
    }
    series
}

fn kind(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::NodeUplink => "node-uplink",
        LayerKind::NodeDocker => "node-docker",
        LayerKind::PodNetwork => "pod-network",
        LayerKind::OuterNetwork => "outer-network",
        LayerKind::DockerNetwork => "docker-network",
        LayerKind::Unseen => "unseen",
    }
}

fn write(out: &mut String, name: &str, help: &str, labels: &[&str], series: Series) {
    let name = format!("runner_doctor_{name}");
    // Writing into a String cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (values, value) in series {
        let pairs = labels.iter().zip(&values);
        let pairs: Vec<String> = pairs
            .map(|(k, v)| format!("{k}=\"{}\"", label(v)))
            .collect();
        let labels = match pairs.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", pairs.join(",")),
        };
        let _ = writeln!(out, "{name}{labels} {value}");
    }
}

fn label(text: &str) -> String {
    clean(text).replace('\\', "\\\\").replace('"', "\\\"")
}
