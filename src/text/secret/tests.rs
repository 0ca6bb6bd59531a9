//! A synthetic corpus: lines with secrets, generated at test time so that scanners do not report
//! them as real, and lines without secrets, which must remain unchanged.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

const BASE62: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE36: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

/// Pseudo-random letters, the same in every run.
fn random(alphabet: &str, length: usize, seed: u64) -> String {
    let letters = alphabet.as_bytes();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(letters[usize::try_from(state >> 33).unwrap() % letters.len()])
    };
    (0..length).map(letter).collect()
}

/// The prefix, alphabet and length of each kind of token.
const TOKENS: &[(&str, &str, usize)] = &[
    ("ghp_", BASE62, 36),
    ("ghs_", BASE62, 36),
    ("gho_", BASE62, 36),
    ("github_pat_", BASE62, 82),
    ("glpat-", BASE62, 20),
    ("glrt-t1_", BASE62, 27),
    ("gldt-", BASE62, 20),
    ("glcbt-64_", BASE62, 20),
    ("GR1348941", BASE62, 20),
    ("ATATT3xFfGF0", BASE62, 180),
    ("ATCTT3xFfG", BASE62, 180),
    ("ATBB", BASE62, 28),
    ("dckr_pat_", BASE62, 27),
    ("dckr_oat_", BASE62, 32),
    ("SWMTKN-1-", BASE36, 50),
    ("AKIA", UPPER, 16),
    ("ASIA", UPPER, 16),
    ("AIza", BASE62, 35),
    ("ya29.", BASE62, 60),
    ("GOCSPX-", BASE62, 28),
    ("abc8Q~", BASE62, 34),
    ("LTAI", BASE62, 20),
    ("dop_v1_", HEX, 64),
    ("HRKU-AA", BASE62, 58),
    ("xoxb-123456789012-", BASE62, 24),
    ("xapp-1-A0", BASE62, 40),
    (
        "https://hooks.slack.com/services/T00000000/B00000000/",
        BASE62,
        24,
    ),
    (
        "https://discord.com/api/webhooks/123456789012345678/",
        BASE62,
        68,
    ),
    ("npm_", BASE62, 36),
    ("pypi-AgEIcHlwaS5vcmc", BASE62, 60),
    ("rubygems_", HEX, 48),
    ("AKCp", BASE62, 69),
    ("hvs.", BASE62, 90),
    ("hvb.", BASE62, 138),
    ("s.", BASE62, 24),
    ("abcdefghij1234.atlasv1.", BASE62, 64),
    ("dp.pt.", BASE62, 43),
    ("ops_eyJ", BASE62, 250),
    ("AGE-SECRET-KEY-1", UPPER, 58),
    ("pul-", HEX, 40),
    ("dapi", HEX, 32),
    ("tskey-auth-", BASE62, 30),
    ("sha256~", BASE62, 43),
    ("glsa_", BASE62, 32),
    ("NRAK-", UPPER, 27),
    ("sntryu_", HEX, 64),
    ("dt0c01.", UPPER, 24),
    ("PMAK-", HEX, 24),
    ("bkua_", HEX, 40),
    ("CCIPAT_", BASE62, 40),
    ("sqp_", HEX, 40),
    ("sk_live_", BASE62, 24),
    ("rk_test_", BASE62, 24),
    ("whsec_", BASE62, 32),
    ("sq0atp-", BASE62, 22),
    ("SG.", BASE62, 66),
    ("key-", HEX, 32),
    ("SK", HEX, 32),
    ("sk-proj-", BASE62, 48),
    ("sk-ant-api03-", BASE62, 93),
    ("sk-", BASE62, 48),
    ("hf_", BASE62, 34),
    ("shpat_", HEX, 32),
    ("lin_api_", BASE62, 40),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.", BASE62, 43),
    ("123456789:AA", BASE62, 33),
    // No known kind.
    ("", BASE62, 40),
    ("", BASE62, 64),
    ("", BASE36, 40),
    ("", HEX, 32),
];

/// Lines that may contain a secret; `@` is its placeholder.
const PLACES: &[&str] = &[
    "AWS_SECRET_ACCESS_KEY=@ docker push: no space left",
    "export DB_PASSWORD=@",
    "env: MYSQL_ROOT_PASSWORD=@;PATH=/bin",
    "PASSWORD_PROD=@",
    "TOKEN2='@'",
    "PGPASSWORD=\"@\" psql -h db",
    "error in {\"auths\":{\"r.example\":{\"auth\":\"@\"}}}: denied",
    "{\\\"auths\\\":{\\\"r.example\\\":{\\\"auth\\\":\\\"@\\\"}}}",
    "{\"identitytoken\" : \"@\", \"x\": 1}",
    "{\"name\":\"API_KEY\",\"value\":\"@\"}",
    "- {name: DEPLOY_TOKEN, value: @}",
    "  password: '@'",
    "  password: @",
    "dbPassword: @",
    "client-secret: \"@\"",
    "spec: {password: @, user: x}",
    "password = @",
    "password := `@`",
    "\"secret\" => '@'",
    "<password>@</password>",
    "//registry.npmjs.org/:_authToken=@",
    "//registry.npmjs.org/:_auth=@",
    "machine r.example login me password @",
    "Authorization: token @",
    "Authorization: Bearer @",
    "authorization: Basic @ no space left",
    "-H 'Authorization: Basic @' https://r.example",
    "Proxy-Authorization: Negotiate @",
    "Authorization: @",
    "X-Registry-Auth: @",
    "PRIVATE-TOKEN: @",
    "X-Api-Key: @",
    "X-Vault-Token:@",
    "Set-Cookie: session=@; Path=/",
    "Cookie: a=b; session=@",
    "Get \"https://me:@@r.example/v2/\": EOF",
    "Get \"https://@@r.example/v2/\": EOF",
    "http_proxy=http://me:@@proxy.example:3128",
    "proxy me:@@proxy.example:3128 refused it",
    "amqp://me:@@mq.example/vhost",
    "postgres://me:@@db.example:5432/app?sslmode=off",
    "me:@@tcp(db.example:3306)/app",
    "GET https://s3.example/layer?X-Amz-Signature=@&a=b: 403",
    "https://x.blob.example/c?sv=2020&sig=@",
    "https://r.example/hook?token=@",
    "AccountName=x;AccountKey=@;EndpointSuffix=core.example",
    "Server=db;User Id=sa;Password=@;Encrypt=true",
    "docker login -u me -p @ r.example",
    "docker login --password @ r.example",
    "docker login --password=@ r.example",
    "[\"docker\", \"login\", \"-p\", \"@\"]",
    "args: [\"--token\", \"@\"]",
    "unknown flag: --mtuu --password @",
    "dockerd --log-opt splunk-token=@ --mtu 1400",
    "curl -u me:@ https://r.example",
    "curl --user 'me:@' https://r.example",
    "mysql -h db -p@ app",
    "sshpass -p @ ssh db",
    "redis-cli -h cache -a @ ping",
    "openssl rsa -passin pass:@",
    "ALTER USER x IDENTIFIED BY '@'",
    "invalid password \"@\" for user me",
    "the token is 7@",
    "-----BEGIN RSA PRIVATE KEY-----\\n@\\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n@\n@\n",
    "key: \"-----BEGIN PRIVATE KEY----- @ -----END PRIVATE KEY-----\"",
    "password: |\n  @\n  @\nuser: me",
    "&{User:me Password:@ Server:r.example}",
    "Config { password: Some(\"@\"), user: None }",
    "build --build-arg NPM_TOKEN=@ .",
    "msg=\"login with TOKEN=@\\\" failed\"",
];

/// Passwords that a user might choose.
const CHOSEN: &[&str] = &["hunter2zz", "Tr0ub4dor-and-3", "swordfish99", "s3cr3t!pass"];
/// Passwords that need quotes.
const QUOTED: &[&str] = &["a,b;c&d-e7", "two words 9", "x}y]z)1234", "p%40ss#word1"];

/// The redacted line, if it still shows six characters of the secret.
fn leak(line: &str, secret: &str) -> Option<String> {
    let hidden = hide(line);
    assert_eq!(hide(&hidden), hidden, "{line:?}");
    let masked = mask(line);
    assert_eq!(mask(&masked), masked, "{line:?}");
    assert_eq!(masked.chars().count(), line.chars().count());
    let letters: Vec<char> = secret.chars().collect();
    let mut parts = letters
        .windows(letters.len().min(6))
        .map(|part| part.iter().collect::<String>());
    let shown = parts.any(|part| hidden.contains(&part) || masked.contains(&part));
    shown.then(|| format!("{line:?} is {hidden:?}"))
}

#[test]
fn tokens_are_hidden_wherever_they_stand() {
    let mut leaks = Vec::new();
    for (number, (begins, alphabet, length)) in TOKENS.iter().enumerate() {
        let letters = random(alphabet, *length, number as u64 + 1);
        for around in [
            "pull failed with @: no space left",
            "@",
            "\"@\",",
            "(@)",
            "x=@&y",
            "a/@.",
        ] {
            // Single-case letters in a path are not recognizably random.
            if begins.is_empty() && around.starts_with("a/") {
                continue;
            }
            let line = around.replace('@', &format!("{begins}{letters}"));
            leaks.extend(leak(&line, &letters));
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn what_stands_where_secrets_do_is_hidden() {
    let mut leaks = Vec::new();
    for place in PLACES {
        // The first `@` is the secret's placeholder, the second ends the user part of a URL.
        let with = |secret: &str| match place.contains("@@") {
            true => place.replacen('@', secret, 1),
            false => place.replace('@', secret),
        };
        let chance = random(BASE62, 30, 7);
        for secret in CHOSEN.iter().copied().chain([chance.as_str()]) {
            leaks.extend(leak(&with(secret), secret));
        }
        let open = place.find('@').unwrap();
        if place[..open].ends_with(['"', '\'', '`']) {
            for secret in QUOTED {
                leaks.extend(leak(&with(secret), secret));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(TOKENS.len() + PLACES.len() >= 100);
}

#[test]
fn what_is_around_a_secret_stays() {
    for (line, left) in [
        ("A_TOKEN=abc, no space left", "A_TOKEN=***, no space left"),
        (
            "Authorization: Bearer abc no space left",
            "Authorization: *** no space left",
        ),
        (
            "Get \"https://a:b@r.example/v2/\": EOF",
            "Get \"https://***@r.example/v2/\": EOF",
        ),
        (
            "{\"auth\":\"abc\",\"x\":1} denied",
            "{\"auth\":\"***\",\"x\":1} denied",
        ),
        ("--token abc --mtu 1400", "--token *** --mtu 1400"),
        ("<token>abc</token> x", "<token>***</token> x"),
        (
            "msg=\"TOKEN=abc\" level=info",
            "msg=\"TOKEN=***\" level=info",
        ),
    ] {
        assert_eq!(hide(line), left, "{line}");
    }
    assert_eq!(mask("  token: 'a b' # x"), "  token: '***' # x");
}

/// Lines that are common in logs, errors and recordings.
const INNOCENT: &[&str] = &[
    "",
    "docker0",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
    "error during connect: Post \"http://docker:2375/v1.24/auth\": dial tcp: lookup docker on 10.0.0.10:53: no such host",
    "error during connect: Get \"https://docker:2376/v1.24/containers/json?all=1\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
    "Get \"http://%2Frun%2Fdocker.sock/v1.24/info\": dial unix /run/docker.sock: connect: permission denied",
    "failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.docker.io/token?scope=repository%3Alibrary%2Falpine%3Apull&service=registry.docker.io: 401 Unauthorized",
    "failed to fetch anonymous token: Get \"https://auth.docker.io/token\": EOF",
    "unauthorized: incorrect username or password",
    "no basic auth credentials",
    "does not accept these credentials: log in again, or choose another --context",
    "write -e OAUTH_CLIENT_SECRET=VALUE",
    "failed to fetch anonymous token: Get \"https://r.example/v2/token\": tls: failed to verify certificate",
    "connection refused spanID=29b22589b729fb44 traceID=178e5e069f7b6dc75da07cfa1b2c3d4e",
    "- {name: OAUTH_CLIENT_SECRET, value: \"${OAUTH_CLIENT_SECRET}\"}",
    "the server asks for Basic authentication",
    "Www-Authenticate: Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"",
    "denied: requested access to the resource is denied",
    "toomanyrequests: You have reached your pull rate limit",
    "grant `get` on secrets: it is refused",
    "secret \"registry-login\" not found",
    "couldn't find key password in Secret ci/runner",
    "secretName: registry-login",
    "secretKeyRef: {name: runner, key: token}",
    "imagePullSecrets: [{name: registry-login}]",
    "automountServiceAccountToken: false",
    "serviceAccountName: runner",
    "token: $RUNNER_TOKEN",
    "token: ${{ secrets.RUNNER_TOKEN }}",
    "password: {{ .Values.password }}",
    "--token=$(cat /run/token)",
    "GITLAB_TOKEN_FILE=/run/secrets/token",
    "PWD=/builds/team/app",
    "--password-stdin",
    "docker login --password-stdin r.example",
    "unknown flag: --token",
    "flag --password is deprecated",
    "max_tokens=100",
    "tokens: 5",
    "token expired",
    "error: token is expired",
    "--- PASS: TestBuild (0.00s)",
    "PASS: 12, FAIL: 0",
    "https://github.com/moby/moby/issues/51111",
    "Back-off pulling image \"docker:28-dind\"",
    "docker:28.0.1-dind@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "registry.example:5000/team/app:1.2@sha256:aa11bb22cc33dd44ee55ff6600778899aa11bb22cc33dd44ee55ff6600778899",
    "app@1.0.0 test: `jest`",
    "npm:string-width@latest",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo",
    "mail ci@example.com",
    "1a2b3c4d5e6f",
    "container 0f1e2d3c4b5a697887961524334251607f8e9dacbbcad9e8f70615243342516a exited",
    "4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6",
    "pvc-4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6",
    "runner-4f5e0c9a-1b2c-4d3e-8f90-a1b2c3d4e5f6-x7k2p",
    "commit=311b9ff graphdriver=overlay2 version=24.0.7",
    "commit 1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
    "HEAD is now at 752fd09a",
    "sha512-aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gV0QgMTIzNDU2Nzg5MEFCQ0RFRg==",
    "h1:4Ox7mN2bTq8vKz1yLr3WcXj5Pd6Fs9GaHeUiRtYo0Bw=",
    "SHA256:4Ox7mN2bTq8vKz1yLr3WcXj5Pd6Fs9GaHeUiRtYo0Bw",
    "extract-771744199-MArs sha256:1d41b7b3: parent snapshot sha256:1d41b7b3 does not exist: not found",
    "/var/lib/docker/overlay2/2710d2ca0f1e2d3c4b5a6978/merged: no space left on device",
    "/var/lib/docker/overlay2/l/6Y5IM2XC7TSNIJZZFLJCS6I4I4:/var/lib/docker/overlay2/l/QWERTYUIOPASDFGHJKLZXCVBNM",
    "/home/runner/work/_temp/752fd09a-1b2c-4d3e-8f90-a1b2c3d4e5f6.sh: line 1",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "io.containerd.snapshotter.v1.overlayfs does not support overlay upperdir",
    "rpc error: code = Unavailable desc = error reading from server: EOF",
    "iptables --wait -t nat -N DOCKER: iptables v1.8.10 (nf_tables): TABLE_ADD failed (Not supported): table nat",
    "Chain DOCKER-ISOLATION-STAGE-1 (1 references)",
    "-A KUBE-SVC-XPGD46QRK7WJZT7O -m comment --comment ns/svc",
    "inotify_add_watch: No space left on device",
    "Warning OOMKilling node/aks-x Out of memory: Killed process 13054 (dockerd) total-vm:4244548kB, anon-rss:68900kB, oom_score_adj:999",
    "time=\"2026-08-17T15:54:48.171794819Z\" level=info msg=\"Daemon shutdown complete\"",
    "2026-08-17T15:54:48.171794819Z stdout F ready",
    "dial tcp 10.96.0.10:53: i/o timeout",
    "net/http: TLS handshake timeout",
    "tcp://127.0.0.1:2375",
    "unix:///run/docker.sock",
    "fd00:10:244::7/64",
    "02:42:ac:11:00:02",
    "10.42.0.0/16 via 10.42.3.1 dev cni0 onlink",
    "--default-network-opt=bridge=com.docker.network.driver.mtu=1450",
    "--host=unix:///run/docker.sock --tlsverify --tlskey=/certs/server-key.pem",
    "--registry-mirror=https://mirror.example/x@y",
    "com.docker.network.driver.mtu: '1450'",
    "DOCKER_OPTS=--mtu=1450 --storage-driver=overlay2",
    "ghcr.io/actions/actions-runner:2.317.0",
    "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1",
    "gha-runner-scale-set-controller-7d9f6c5b8d-x7k2p",
    "k8s-runners-8g6tn-gpmc7 lost communication with the server",
    "actions.github.com/scale-set-name: arc-runner-set",
    "system:serviceaccount:ci:runner-doctor cannot get resource \"pods/exec\"",
    "User \"system:node:ip-10-42-7-9.ec2.internal\" cannot list resource \"secrets\"",
    "Error: No space left on device : '/runner/_diag/pages/752fd09a.log'",
    "Threshold quantity: 16023864137, available: 12671572Ki",
    "C++ exception with description \":- SelectableTimer: failed to create timerfd, errno: Too many open files\"",
    "java.lang.OutOfMemoryError: Java heap space",
    "org.springframework.security.authentication.AuthenticationServiceException",
    "npm ERR! code ELIFECYCLE",
    "#12 exporting to image DONE 1.2s",
    "#19 ERROR: failed to solve: snapshotter not loaded: overlay2: invalid argument",
    "##[warning]Node.js 16 actions are deprecated.",
    "x86_64-unknown-linux-gnu",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    "CVE-2024-21626 in runc 1.1.11",
    "GLIBC_2.34 not found (required by /lib/libc.musl-x86_64.so.1)",
    "5.15.0-1063-aws #69~20.04.1-Ubuntu SMP x86_64",
    "vito/nkp0zcy6nqxu5bmrj6uzwhm8d",
    "quay.io/cilium/cilium:v1.15.6@sha256:aa11bb22cc33dd44ee55ff6600778899aa11bb22cc33dd44ee55ff6600778899",
    "key: value, other=thing; x: [1, 2]",
    "auth: none",
    "a very long sentence about passwords, tokens and secrets that holds none of them",
    "DefaultAddressPoolsConfigurationError in TestKubernetesBridgeNetwork",
    "docker0 – ő 漢",
];

#[test]
fn what_is_no_secret_comes_out_as_it_went_in() {
    assert!(INNOCENT.len() >= 100, "{}", INNOCENT.len());
    let changed: Vec<_> = INNOCENT
        .iter()
        .filter(|line| hide(line) != **line)
        .map(|line| (line, hide(line)))
        .collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

/// A minute is ample for linear time; anything worse takes hours.
#[test]
fn hiding_takes_time_that_grows_with_the_text_alone() {
    let start = Instant::now();
    for part in [
        "password=",
        "password='",
        "password=\"\\",
        "token: $",
        "://a:b",
        "-----BEGIN X-----",
        "--token ",
        "a=b; ",
        "eyJ",
        "aB3",
        "=",
        "\"",
        "login -p ",
        "Authorization: token ",
        "x@",
        "<token>",
    ] {
        let text = part.repeat(200_000 / part.len());
        let hidden = hide(&text);
        assert_eq!(hide(&hidden), hidden, "{part}");
    }
    assert!(start.elapsed() < Duration::from_secs(60));
}

proptest! {
    #[test]
    fn hiding_twice_hides_nothing_more(
        text in "(\\PC|[ \n\"'\\\\:=@/;,<>*-]|password|token=|secret: |Bearer |--token |://|eyJ|-----BEGIN X-----){0,30}"
    ) {
        let hidden = hide(&text).into_owned();
        prop_assert_eq!(hide(&hidden), hidden.as_str());
        let masked = mask(&text).into_owned();
        prop_assert_eq!(mask(&masked), masked.as_str());
        prop_assert_eq!(masked.chars().count(), text.chars().count());
    }
}
