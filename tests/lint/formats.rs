//! The reports of `lint` for code scanning, CI and terminals.

use super::*;

#[test]
fn sarif_is_what_the_standard_says() {
    let mut schema: Value = serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).unwrap();
    // One pattern of the official schema is no regular expression to every library (`]?`).
    for path in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][path]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let check = |output: String| {
        let log: Value = serde_json::from_str(&output).unwrap();
        let faults: Vec<String> = validator
            .iter_errors(&log)
            .map(|e| format!("{} at {}", e, e.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        log
    };
    for paths in [
        &["article"][..],
        &["secrets.yaml"],
        &["others"],
        &["cured", "--check", "mtu-inversion"],
    ] {
        let args = [paths, &["-o", "sarif"]].concat();
        check(run(&args).1);
    }
    let log = check(
        run(&[
            "article/job.yaml",
            "-o",
            "sarif",
            "--check",
            "mtu-inversion",
            "--pod-mtu",
            "1450",
        ])
        .1,
    );
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["level"], "error");
    let region = &result["locations"][0]["physicalLocation"];
    assert_eq!(region["artifactLocation"]["uri"], "article/job.yaml");
    assert_eq!(region["region"]["startLine"], 41);
    assert_eq!(
        log["runs"][0]["tool"]["driver"]["rules"][0]["id"],
        "mtu-inversion"
    );
    // A cluster has no files, and GitHub refuses a log with a result that has none.
    let mut command = Command::cargo_bin("runner-doctor").unwrap();
    let output = command
        .args(["check", "--demo", "-o", "sarif"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = check(String::from_utf8(output.stdout).unwrap());
    let mut results = log["runs"][0]["results"].as_array().unwrap().iter();
    let inversion = results.find(|result| result["ruleId"] == "mtu-inversion");
    let place = &inversion.unwrap()["locations"][0];
    assert_eq!(
        place["physicalLocation"]["artifactLocation"]["uri"],
        "cluster/bitbucket-runner/docker-in-docker"
    );
    assert_eq!(
        place["logicalLocations"][0]["fullyQualifiedName"],
        "bitbucket-runner/runner-2jpsg/docker-in-docker/docker0"
    );
}

#[test]
fn junit_fails_what_fails_the_run() {
    let (_, out, _) = run(&["half-fixed", "-o", "junit"]);
    insta::assert_snapshot!(out);
    let (_, out, _) = run(&["half-fixed", "-o", "junit", "--fail-on", "never"]);
    assert!(!out.contains("<failure"), "{out}");
    let (_, out, _) = run(&["cured", "-o", "junit", "--check", "mtu-inversion"]);
    assert!(
        out.contains("nothing found") && !out.contains("<failure"),
        "{out}"
    );
}

#[test]
fn hostile_text_does_not_reach_the_terminal() {
    let pod = RUNNER
        .replace("name: dind\n", "name: \"di\\e]52;c;YQ==\\and\\u202e\"\n")
        .replace("mtu=1450", "mtu=1500");
    for format in formats() {
        let format = format.as_str();
        let (_, out, err) = with(&["-", "-o", format], &pod);
        for said in [&out, &err] {
            assert!(
                !said
                    .chars()
                    .any(|c| c != '\n' && c.is_control() || c == '\u{202e}'),
                "{format}: {said}"
            );
        }
    }
}
