//! Secrets in files: reported by name.

use super::*;

#[test]
fn no_secret_is_ever_shown() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/secrets.yaml"))
            .unwrap();
    for format in formats() {
        let format = format.as_str();
        let (code, out, err) = run(&["secrets.yaml", "-o", format, "-vv"]);
        assert_eq!(code, 1, "{err}");
        for check in ["plain-secret", "secret-in-file"] {
            assert!(out.contains(check), "{format}: {check}");
        }
        for said in [&out, &err] {
            assert!(
                !said.contains("TOPSECRET") && !said.contains("VE9QU0VDUkVU"),
                "{format}: {said}"
            );
        }
    }
    // Nor in an error.
    let broken = text.replace("kind: Secret", "kind: [Secret");
    for text in [broken, text + "\nTOPSECRET: : ["] {
        let (code, out, err) = with(&["-"], &text);
        assert_eq!(code, 2);
        assert!(
            !err.contains("TOPSECRET") && !out.contains("TOPSECRET"),
            "{err}"
        );
        assert!(err.contains("stdin:"), "{err}");
    }
}

/// In pipeline and compose files, the location is reported, the value never.
#[test]
fn secrets_of_jobs_and_services_are_found() {
    let files = [
        (
            "bitbucket-pipelines.yml",
            "definitions:\n  services:\n    docker:\n      image: docker:28-dind\n      variables:\n        DOCKER_AUTH: HUSH-one\n        DOCKER_OPTS: --mtu=1400\n    database:\n      image: mysql\n      variables: {MYSQL_ROOT_PASSWORD: let_me_in, API_TOKEN: $API_TOKEN}\npipelines:\n  default:\n  - step: {script: [make]}\n",
            "error plain-secret FILE:6:9 - DOCKER_AUTH: service docker has DOCKER_AUTH as a plain-text environment variable",
        ),
        (
            ".gitlab-ci.yml",
            "variables:\n  OAUTH_CLIENT_SECRET: {value: HUSH-one, description: x}\nbuild:\n  script: [make]\n  variables: {NPM_TOKEN: $TOKEN, DEPLOY_TOKEN: HUSH-two}\n  services:\n  - {name: postgres, variables: {POSTGRES_PASSWORD: x123, S3_SECRET_KEY: HUSH-three}}\n",
            "error plain-secret FILE:2:3 - OAUTH_CLIENT_SECRET: every job has OAUTH_CLIENT_SECRET as a plain-text environment variable\nerror plain-secret FILE:5:34 - DEPLOY_TOKEN: job build has DEPLOY_TOKEN as a plain-text environment variable\nerror plain-secret FILE:7:59 - S3_SECRET_KEY: service postgres has S3_SECRET_KEY as a plain-text environment variable",
        ),
        (
            "compose.yaml",
            "services:\n  runner:\n    image: sox/atlassian/bitbucket-pipelines-runner:1\n    network_mode: host\n    environment:\n    - RUNNER_UUID={x}\n    - \"OAUTH_CLIENT_SECRET=HUSH one\" # HUSH one\n    - OAUTH_CLIENT_ID=${ID}\n  app:\n    image: app\n    network_mode: host\n    environment: {JWT_SECRET: HUSH-two, POSTGRES_PASSWORD: HUSH-x}\n",
            "error plain-secret FILE:7:7 - OAUTH_CLIENT_SECRET: service runner has OAUTH_CLIENT_SECRET as a plain-text environment variable\nwarning plain-secret FILE:12:19 - JWT_SECRET: service app has JWT_SECRET as a plain-text environment variable",
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (name, text, expected) in files {
        let file = dir.path().join(name).display().to_string();
        fs::write(&file, text).unwrap();
        let lint = |format| run(&[&file, "-o", format, "--check", "plain-secret"]);
        let (code, out, err) = lint("short");
        assert_eq!(out.trim_end(), expected.replace("FILE", &file), "{err}");
        assert_eq!(code, 1);
        for format in ["table", "json", "sarif", "junit"] {
            let (_, out, err) = lint(format);
            assert!(!out.contains("HUSH") && !err.contains("HUSH"), "{out}{err}");
        }
        let said = lint("table").1;
        assert!(said.contains("fix: Replace the value"), "{said}");
    }
}

#[test]
fn a_lone_secret_is_no_runner() {
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {token: abcdefgh}\n";
    let (code, out, _) = with(&["-", "-o", "json"], secret);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["summary"]["runners"], 0);
    assert_eq!(code, 2, "{out}");
}
