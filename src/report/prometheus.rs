//! Prometheus' text exposition format, for a textfile collector, a push gateway or a scrape.
//! See <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use crate::diagnosis::{Diagnosis, Finding, Layer, LayerKind, Verdict};
use crate::text::clean::clean;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Label values in the order of the labels' names: no series can be there twice.
type Series = BTreeMap<Vec<String>, f64>;

pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
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
    RunnerMetrics::of(diagnosis).write(&mut out);
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

/// What is measured of runners, whether by one examination or by one for each.
#[derive(Clone, Debug, Default)]
pub struct RunnerMetrics {
    runners: usize,
    engines: usize,
    findings: Series,
    known: Series,
    suppressed: Series,
    unknowns: Series,
    mtu: Series,
    carrier_mtu: Series,
}

impl RunnerMetrics {
    pub fn of(diagnosis: &Diagnosis) -> Self {
        // A path to a file has slashes too, but no namespace.
        let of_files = diagnosis.findings.iter().any(|f| f.location.is_some());
        let known = diagnosis.findings.iter().filter(|f| f.known);
        let suppressed = diagnosis.suppressed.iter().map(|s| &s.finding);
        RunnerMetrics {
            runners: diagnosis.summary.runners,
            engines: diagnosis.summary.engines,
            findings: findings(&diagnosis.findings, of_files),
            known: findings(known, of_files),
            suppressed: findings(suppressed, of_files),
            unknowns: unknowns(diagnosis, of_files),
            mtu: networks(diagnosis, of_files, |layer| layer.mtu),
            carrier_mtu: networks(diagnosis, of_files, |layer| {
                layer.carrier.as_ref().map(|carrier| carrier.mtu)
            }),
        }
    }

    /// Adds those of another examination.
    pub fn add(&mut self, other: &RunnerMetrics) {
        let sum = |mine: &mut Series, other: &Series| {
            for (labels, value) in other {
                *mine.entry(labels.clone()).or_default() += value;
            }
        };
        self.runners += other.runners;
        self.engines += other.engines;
        sum(&mut self.findings, &other.findings);
        sum(&mut self.known, &other.known);
        sum(&mut self.suppressed, &other.suppressed);
        sum(&mut self.unknowns, &other.unknowns);
        let widest = |mine: &mut Series, other: &Series| {
            for (labels, value) in other {
                let widest = mine.entry(labels.clone()).or_insert(0.0);
                *widest = widest.max(*value);
            }
        };
        widest(&mut self.mtu, &other.mtu);
        widest(&mut self.carrier_mtu, &other.carrier_mtu);
    }

    pub fn write(self, out: &mut String) {
        write(
            out,
            "runners",
            "Runners examined",
            &[],
            one(self.runners as f64),
        );
        write(
            out,
            "engines",
            "Docker engines found in the runners",
            &[],
            one(self.engines as f64),
        );
        let labels = ["check", "severity", "runner", "namespace", "pod"];
        write(
            out,
            "findings",
            "Findings by check, severity and runner",
            &labels,
            self.findings,
        );
        write(
            out,
            "known_findings",
            "Findings that are in the baseline",
            &labels,
            self.known,
        );
        write(
            out,
            "suppressed_findings",
            "Findings suppressed by the settings",
            &labels,
            self.suppressed,
        );
        write(
            out,
            "unknowns",
            "Unknown results by check and runner",
            &["check", "runner", "namespace", "pod"],
            self.unknowns,
        );
        let labels = ["runner", "namespace", "pod", "kind", "engine", "network"];
        write(
            out,
            "network_mtu_bytes",
            "MTU of each network of a runner",
            &labels,
            self.mtu,
        );
        write(
            out,
            "network_carrier_mtu_bytes",
            "MTU of the bottleneck on a Docker network's path out",
            &labels,
            self.carrier_mtu,
        );
    }
}

/// A gauge without labels.
pub fn gauge(out: &mut String, name: &str, help: &str, value: f64) {
    write(out, name, help, &[], one(value));
}

fn one(value: f64) -> Series {
    Series::from([(Vec::new(), value)])
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
