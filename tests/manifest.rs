//! `manifest` as a user meets it: what is pasted, what comes out, and where the secret is.

use assert_cmd::Command;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::process::Output;

const COMMAND: &str =
    "docker container run -it -v /tmp:/tmp -v /var/run/docker.sock:/var/run/docker.sock \\
  -v /var/lib/docker/containers:/var/lib/docker/containers:ro \\
  -e ACCOUNT_UUID={3f1c9c55-0a3d-4d0e-9a53-4cf0a3c0f6b1} \\
  -e REPOSITORY_UUID={8a0f2f7e-14f4-4f5a-9d8f-0d4d62f1d8b3} \\
  -e RUNNER_UUID={7deb7740-f86b-50d0-9c85-671fcb3c9038} \\
  -e RUNTIME_PREREQUISITES_ENABLED=true \\
  -e OAUTH_CLIENT_ID=lab-client-id \\
  -e OAUTH_CLIENT_SECRET=HUSH-lab_client-secret \\
  -e WORKING_DIRECTORY=/tmp \\
  --name runner-7deb7740-f86b-50d0-9c85-671fcb3c9038 \\
  docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1
";

fn manifest(command: &str, args: &[&str]) -> Output {
    let mut doctor = Command::cargo_bin("runner-doctor").unwrap();
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST"] {
        doctor.env_remove(name);
    }
    doctor
        .env("HOME", "/nonexistent")
        .arg("manifest")
        .args(args);
    doctor.write_stdin(command).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).unwrap()
}

/// What a kubelet makes of the `data` of the Secret.
fn decoded(secret: &Value, key: &str) -> String {
    let data: k8s_openapi::ByteString =
        serde_json::from_value(secret["data"][key].clone()).unwrap();
    String::from_utf8(data.0).unwrap()
}

fn complaint(command: &str, args: &[&str]) -> String {
    let output = manifest(command, args);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    text(output.stderr)
}

#[test]
fn the_articles_command_becomes_a_manifest_that_explains_itself() {
    let output = manifest(COMMAND, &["-n", "ci", "--labels", "gpu,big.mem"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("manifest_of_the_article", text(output.stdout));
    insta::assert_snapshot!("manifest_next_steps", text(output.stderr));
}

#[test]
fn a_deployment_with_a_secret_that_exists_holds_no_secret() {
    let without = COMMAND.replace("  -e OAUTH_CLIENT_ID=lab-client-id \\\n", "");
    for command in [COMMAND, &without] {
        let args = [
            "--kind",
            "deployment",
            "--secret-from",
            "my-oauth",
            "--name",
            "ci-runner",
            "--pod-mtu",
            "1500",
            "--engine-image",
            "docker:20.10.24-dind",
            "--memory",
            "16Gi",
        ];
        let output = manifest(command, &args);
        let (out, err) = (text(output.stdout), text(output.stderr));
        assert!(!out.contains("HUSH") && !err.contains("HUSH"));
        assert!(!out.contains("SFVTSC"), "not in base64 either");
        let found = documents(&out);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["kind"], "Deployment");
        let pod = &found[0]["spec"]["template"]["spec"];
        assert_eq!(pod["restartPolicy"], "Always");
        assert_eq!(found[0]["spec"]["strategy"]["type"], "Recreate");
        let environment = pod["containers"][0]["env"].as_array().unwrap();
        let secret = environment
            .iter()
            .find(|e| e["name"] == "OAUTH_CLIENT_SECRET")
            .unwrap();
        assert_eq!(
            secret["valueFrom"]["secretKeyRef"],
            json!({"name": "my-oauth", "key": "oauthClientSecret"})
        );
        // Before Docker 24 the other flag keeps dockerd from starting.
        assert_eq!(pod["containers"][1]["args"], json!(["--mtu=1500"]));
        assert!(out.contains("#       size: 4x"), "{out}");
        // An engine at Docker's own default needs no image of one's own.
        assert!(!out.contains("YOUR-REGISTRY"));
        assert!(
            err.contains("kubectl delete deployment/ci-runner\n")
                || err
                    .trim_end()
                    .ends_with("kubectl delete deployment/ci-runner"),
            "{err}"
        );
    }
}

#[test]
fn each_shell_and_each_way_to_hand_it_over_gives_the_same() {
    let expected = manifest(COMMAND, &[]).stdout;
    let powershell = COMMAND
        .replace("\\\n", "`\r\n")
        .replace("={", "='{")
        .replace("} `", "}' `");
    let quoted = COMMAND.replace("-e OAUTH_CLIENT_SECRET=", "--env=OAUTH_CLIENT_SECRET=");
    for command in [
        &powershell,
        &quoted,
        &COMMAND.replace("\\\n", ""),
        &format!("$ sudo {COMMAND}"),
    ] {
        assert_eq!(
            text(manifest(command, &[]).stdout),
            text(expected.clone()),
            "{command}"
        );
    }
    let words: Vec<String> = COMMAND
        .replace("\\\n", "")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let mut args = vec!["--"];
    args.extend(words.iter().map(String::as_str));
    assert_eq!(manifest("", &args).stdout, expected);
    assert_eq!(manifest("", &["--", COMMAND]).stdout, expected);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("command.txt");
    fs::write(&file, COMMAND).unwrap();
    assert_eq!(manifest("", &[file.to_str().unwrap()]).stdout, expected);
}

#[test]
fn what_is_missing_or_malformed_is_told_with_its_place_and_without_its_value() {
    let cut = COMMAND.split("-e OAUTH_CLIENT_ID").next().unwrap();
    let wrong = COMMAND.replace("RUNNER_UUID={7deb7740-", "RUNNER_UUID={HUSH-");
    let empty = COMMAND.replace(
        "OAUTH_CLIENT_SECRET=HUSH-lab_client-secret",
        "OAUTH_CLIENT_SECRET=",
    );
    let open = COMMAND.replace("=HUSH-", "='HUSH-");
    let told = [
        complaint(cut, &[]),
        complaint(&wrong, &[]),
        complaint(&empty, &[]),
        complaint(&open, &[]),
        complaint(
            &COMMAND.replace(
                "-e OAUTH_CLIENT_SECRET=HUSH-lab_client-secret",
                "-e OAUTH_CLIENT_SECRET",
            ),
            &[],
        ),
        complaint(
            &COMMAND.replace("-e OAUTH_CLIENT_SECRET=HUSH", "–e OAUTH_CLIENT_SECRET=HUSH"),
            &[],
        ),
        complaint(
            &COMMAND.replace(
                "-e OAUTH_CLIENT_SECRET=HUSH-lab_client-secret",
                "--env-file HUSH",
            ),
            &[],
        ),
        complaint(
            &COMMAND.replace("WORKING_DIRECTORY=/tmp", "WORKING_DIRECTORY=/var/run/HUSH"),
            &[],
        ),
        complaint("kubectl get HUSH", &[]),
        complaint(" \n", &[]),
        complaint("", &["--", "docker", "run", "-e", "HUSH=1", "-e"]),
        complaint("", &["/nonexistent"]),
    ]
    .join("\n");
    assert!(!told.contains("HUSH"), "{told}");
    insta::assert_snapshot!("manifest_complaints", told);
}

#[test]
fn text_that_is_no_text_is_refused() {
    let utf16: Vec<u8> = COMMAND
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .chain([0xff, 0xfe])
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("command.txt");
    fs::write(&file, utf16).unwrap();
    assert!(complaint("", &[file.to_str().unwrap()]).contains("save the file as UTF-8"));
    assert!(complaint(&"x".repeat(100_000), &[]).contains("longer than any"));
}

#[cfg(unix)]
#[test]
fn the_file_with_the_secret_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (file, pipeline) = (
        dir.path().join("runner's.yaml"),
        dir.path().join("pipelines.yml"),
    );
    fs::write(&file, "old, and longer than nothing").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let args = [
        "--output-file",
        file.to_str().unwrap(),
        "--pipelines-file",
        pipeline.to_str().unwrap(),
    ];
    assert!(complaint(COMMAND, &args).contains("already exists: use --overwrite"));
    let kept = fs::read_to_string(&file).unwrap();
    assert_eq!(kept, "old, and longer than nothing");
    let output = manifest(COMMAND, &[&args[..], &["--overwrite"]].concat());
    assert_eq!(output.stdout, b"");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(text(output.stderr).contains(r"apply -f '"));
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(
        decoded(&documents(&written)[0], "oauthClientSecret"),
        "HUSH-lab_client-secret"
    );
    assert!(!written.contains("self.hosted"));
    let pipeline: Value = serde_saphyr::from_str(&fs::read_to_string(pipeline).unwrap()).unwrap();
    let step = &pipeline["pipelines"]["default"][0]["step"];
    assert_eq!(step["runs-on"], json!(["self.hosted", "linux"]));
    assert_eq!(step["size"], "1x");
}

#[test]
fn a_cluster_that_does_not_answer_is_no_hindrance() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    let config = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {}}]\n";
    fs::write(&file, config).unwrap();
    let output = manifest(COMMAND, &["--kubeconfig", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stdout, manifest(COMMAND, &["--offline"]).stdout);
}

#[test]
fn names_that_kubernetes_would_refuse_are_refused() {
    for args in [
        ["-n", "Ci"],
        ["--name", "a/b"],
        ["--secret-from", "-x"],
        ["--engine-image", "a b"],
        ["--pod-mtu", "60"],
        ["--memory", "1"],
    ] {
        assert_eq!(manifest(COMMAND, &args).status.code(), Some(2), "{args:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn odd_secrets_reach_the_pod_as_they_are(secret in "[^\0\\s](?s)[^\0]{0,24}", variable in "[^\0]{0,12}") {
        let sh = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let command = COMMAND
            .replace("HUSH-lab_client-secret", &sh(&secret))
            .replace("RUNTIME_PREREQUISITES_ENABLED=true", &format!("ODD={}", sh(&variable)));
        let output = manifest(&command, &["--offline"]);
        prop_assert_eq!(output.status.code(), Some(0));
        let found = documents(&text(output.stdout));
        prop_assert_eq!(decoded(&found[0], "oauthClientSecret"), secret);
        let environment = found[1]["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap();
        let odd = environment.iter().find(|e| e["name"] == "ODD").unwrap();
        // As the kubelet reads it: $$ is $, and no $(NAME) is left.
        prop_assert_eq!(odd["value"].as_str().unwrap().replace("$$", "$"), variable);
    }
}
