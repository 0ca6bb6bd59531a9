//! The Helm chart is written from what `job` prints, so that both are one: `UPDATE_DOCS=1` rewrites its
//! templates. `.ci/chart` renders them with Helm and compares the result with `job` again.

use assert_cmd::Command;
use std::fs;
use std::path::PathBuf;

const NAMESPACE: &str = "chart-namespace";
const NAME: &str = "chart-name";
const IMAGE: &str = "registry.example/chart-image:1";
const SCHEDULE: &str = "59 23 31 12 6";
const ARGUMENT: &str = "--chart-argument";

/// The values of `scope`, and the arguments of `job` that mean the same.
const SCOPES: [(&str, &[&str]); 3] = [
    ("namespace", &["-n", NAMESPACE]),
    ("namespace-and-nodes", &["-n", NAMESPACE, "--cluster-facts"]),
    ("cluster", &["-A", "-n", NAMESPACE]),
];

fn chart() -> PathBuf {
    crate::root().join("packaging/chart")
}

/// What `job` prints, with the chart's values in the place of what was given.
fn template(scope: &[&str], kind: &str, given: &[&str]) -> String {
    let common = ["job", "--no-config", "--name", NAME, "--image", IMAGE];
    let more = ["--kind", kind, "--schedule", SCHEDULE, "--"];
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let printed = command
        .args(common)
        .args(scope)
        .args(more)
        .args(given)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let printed = String::from_utf8(printed.stdout).unwrap();
    let lines = printed.lines().filter(|line| !line.starts_with('#'));
    let mut text = String::new();
    for line in lines {
        let indent = &line[..line.len() - line.trim_start().len()];
        match line.contains(ARGUMENT) {
            true => text.push_str(&format!(
                "{{{{- range .Values.arguments }}}}\n{indent}- {{{{ . | quote }}}}\n{{{{- end }}}}\n"
            )),
            false => text.push_str(&format!("{line}\n")),
        }
    }
    let image = "{{ required \"image is the image of runner-doctor, built from its Dockerfile\" .Values.image }}";
    text.replace(NAMESPACE, "{{ .Release.Namespace }}")
        .replace(NAME, "{{ .Values.name }}")
        .replace(IMAGE, image)
        .replace(&format!("\"{SCHEDULE}\""), "{{ .Values.schedule | quote }}")
}

/// The watcher has an account of its own beside that of the jobs, and values for what it keeps.
fn watcher(scope: &[&str]) -> String {
    let values = [
        ("--interval=", "interval"),
        ("--keep=", "keep"),
        ("--keep-bytes=", "keepBytes"),
    ];
    let given = values.map(|(flag, value)| format!("{flag}chart-{value}"));
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let arguments = [&given[..], &[ARGUMENT]].concat();
    let mut text = template(scope, "watcher", &arguments)
        .replace(".Values.name ", ".Values.name }}-watcher ")
        .replace("}}-watcher }}", "}}-watcher")
        .replace("range .Values.arguments", "range .Values.watcher.arguments");
    for (flag, value) in values {
        let printed = format!("\"{flag}chart-{value}\"");
        assert!(text.contains(&printed), "{printed}: {text}");
        text = text.replace(
            &printed,
            &format!("\"{flag}{{{{ .Values.watcher.{value} }}}}\""),
        );
    }
    text = text.replace(
        "\n    port: 8080\n",
        "\n    port: {{ .Values.watcher.port }}\n",
    );
    let resources = text
        .find("resources:\n")
        .and_then(|_| text.find("          requests: {"));
    let (start, end) = (resources.unwrap(), text.rfind("---\n").unwrap());
    let values = "{{ toYaml .Values.watcher.resources | indent 10 }}\n";
    text.replace_range(start..end, values);
    text
}

#[test]
fn the_charts_templates_are_what_job_prints() {
    for (name, scope) in SCOPES {
        let text = format!(
            "{{{{- /* Written by tests/chart.rs from what `runner-doctor job --kind watcher` prints. */}}}}\n{{{{- if and .Values.watcher.enabled (eq .Values.scope \"{name}\") }}}}\n{}{{{{- end }}}}\n",
            watcher(scope),
        );
        is_written(&format!("templates/watcher-{name}.yaml"), &text);
        let text = format!(
            "{{{{- /* Written by tests/chart.rs from what `runner-doctor job` prints. */}}}}\n{{{{- if eq .Values.scope \"{name}\" }}}}\n{{{{- if eq .Values.kind \"cronjob\" }}}}\n{}{{{{- else if eq .Values.kind \"job\" }}}}\n{}{{{{- end }}}}\n{{{{- end }}}}\n",
            template(scope, "cronjob", &[ARGUMENT]),
            template(scope, "job", &[ARGUMENT]),
        );
        is_written(&format!("templates/{name}.yaml"), &text);
    }
}

fn is_written(file: &str, text: &str) {
    let path = chart().join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{} is not what `job` prints: UPDATE_DOCS=1 cargo test --test integration chart",
        path.display()
    );
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let text = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let chart: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
