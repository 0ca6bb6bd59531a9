//! What each step takes on recordings: parse, derive, judge, render. The times are of this machine; what counts is their
//! ratio to another commit's, and that is what .ci/bench prints.
#![allow(clippy::unwrap_used)]

use clap::ValueEnum;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use runner_doctor::checks::{Library, judge};
use runner_doctor::diagnosis::{Diagnosis, Severity};
use runner_doctor::evidence::Evidence;
use runner_doctor::facts::Facts;
use runner_doctor::report::{Format, Style, render};
use runner_doctor::untrusted;
use std::hint::black_box;
use std::time::Duration;

const WALK: &[u8] = include_bytes!("../recordings/walks/dash.txt");
const ARTICLE: &str = include_str!("../recordings/demo/article.yaml");
const PIPELINES: &str = include_str!("../lint/article/bitbucket-pipelines.yml");
const JOB: &str = include_str!("../lint/article/job.yaml");
/// Enough for what is done once a run not to count.
const FLEET: usize = 100;

/// The article's runner, many times over.
fn fleet() -> Evidence {
    let mut evidence = Evidence::parse(ARTICLE, "article").unwrap();
    let one = evidence.runners[0].clone();
    let numbered = (0..FLEET).map(|number| {
        let mut runner = one.clone();
        runner.pod = format!("runner-{number}");
        runner
    });
    evidence.runners = numbered.collect();
    evidence
}

fn diagnose(library: &Library, evidence: &Evidence) -> Diagnosis {
    let judgement = judge(library, evidence);
    let fail_on = Some(Severity::Error);
    Diagnosis::new(evidence, judgement.findings, judgement.unknowns, fail_on)
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let library = Library::load(&[]).unwrap();
    let (yaml, json) = (
        fleet().to_yaml().unwrap(),
        serde_json::to_string(&fleet()).unwrap(),
    );
    group.bench_function("walk", |b| b.iter(|| untrusted::walk(black_box(WALK))));
    group.bench_function("evidence-yaml", |b| {
        b.iter(|| Evidence::parse(black_box(&yaml), "fleet").unwrap())
    });
    group.bench_function("evidence-json", |b| {
        b.iter(|| Evidence::parse(black_box(&json), "fleet").unwrap())
    });
    group.bench_function("checks", |b| b.iter(|| Library::load(&[]).unwrap()));
    group.bench_function("lint", |b| {
        b.iter(|| {
            untrusted::file("bitbucket-pipelines.yml", black_box(PIPELINES), &library)
                + untrusted::file("job.yaml", black_box(JOB), &library)
        });
    });
}

fn derive(criterion: &mut Criterion) {
    let evidence = fleet();
    criterion.bench_function("derive/facts", |b| {
        b.iter(|| {
            let all = evidence.runners.iter();
            all.map(|runner| {
                Facts::derive(black_box(&evidence), runner)
                    .networks
                    .items
                    .len()
            })
            .sum::<usize>()
        });
    });
}

fn judged(criterion: &mut Criterion) {
    let (library, evidence) = (Library::load(&[]).unwrap(), fleet());
    criterion.bench_function("judge/fleet", |b| {
        b.iter(|| judge(&library, black_box(&evidence)))
    });
    criterion.bench_function("judge/diagnosis", |b| {
        let judgement = judge(&library, &evidence);
        b.iter_batched(
            || (judgement.findings.clone(), judgement.unknowns.clone()),
            |(findings, unknowns)| {
                Diagnosis::new(&evidence, findings, unknowns, Some(Severity::Error))
            },
            BatchSize::LargeInput,
        );
    });
}

fn rendered(criterion: &mut Criterion) {
    let diagnosis = diagnose(&Library::load(&[]).unwrap(), &fleet());
    let style = Style {
        width: 100,
        color: true,
        unicode: true,
        ..Style::PLAIN
    };
    let mut group = criterion.benchmark_group("render");
    for &format in Format::value_variants() {
        let name = format!("{format:?}").to_lowercase();
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| render(format, black_box(&diagnosis), &style));
        });
    }
}

criterion_group! {
    name = steps;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = parse, derive, judged, rendered
}
criterion_main!(steps);
