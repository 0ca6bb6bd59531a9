use super::*;
use crate::checks::case::healthy;
use crate::evidence::{DaemonConfig, Declared, Launch, Provider};

/// A runner that asks `host`, beside an engine with these flags.
fn runner(host: &str, flags: &[&str]) -> Runner {
    let mut runner = healthy().unwrap().runners.remove(0);
    let env = &mut runner.containers[0].env;
    env.insert("DOCKER_HOST".to_owned(), host.to_owned());
    let Observed(engines) = &mut runner.engines else {
        panic!("engines were seen");
    };
    engines[0].args = flags.iter().map(|flag| (*flag).to_owned()).collect();
    runner
}

fn judged(runner: &Runner) -> Observation<Option<Mismatch>> {
    let container = runner.engine_containers().next().unwrap();
    mismatch(runner, container, runner.engines.seen().first())
}

fn of(runner: &Runner) -> Option<Mismatch> {
    judged(runner).observed().cloned().flatten()
}

const SOCKET_FLAG: &str = "--host=unix:///var/run/docker.sock";

#[test]
fn where_steps_choose_their_container_the_agent_proves_nothing() {
    let mut runner = runner("tcp://localhost:2375", &[SOCKET_FLAG]);
    assert!(of(&runner).is_some());
    runner.provider = Provider::Jenkins;
    assert!(of(&runner).is_none());
}

#[test]
fn a_port_that_nobody_listens_on_is_a_mismatch() {
    let tls = [SOCKET_FLAG, "--host=tcp://0.0.0.0:2376", "--tlsverify"];
    let wrong = of(&runner("tcp://localhost:2375", &tls)).unwrap();
    assert!(wrong.trouble.ends_with("on that port, only on 2376"));
    assert_eq!(wrong.right_host.as_deref(), Some("tcp://localhost:2376"));
    let socket_only = of(&runner("tcp://127.0.0.1:2375", &[SOCKET_FLAG])).unwrap();
    assert_eq!(socket_only.right_host.as_deref(), Some(SOCKET));
    for host in [
        "tcp://localhost:2376",
        // Another host, a port that is not Docker's.
        "tcp://dind.ci.svc:2375",
        "tcp://docker:2375",
        "tcp://localhost:4243",
        "ssh://ci@host",
    ] {
        assert!(of(&runner(host, &tls)).is_none(), "{host}");
    }
}

/// A runner whose docker commands were looked at.
fn seen(client: DockerClient) -> Runner {
    let mut runner = healthy().unwrap().runners.remove(0);
    runner.containers[0].docker_client = Some(Observed(client));
    let Observed(engines) = &mut runner.engines else {
        panic!("engines were seen");
    };
    let Observed(api) = &mut engines[0].api else {
        panic!("the engine answers");
    };
    (api.min_api_version, api.api_version) = (Some("1.24".into()), Some("1.47".into()));
    runner
}

fn socket() -> DockerClient {
    DockerClient {
        host: Some(SOCKET.to_owned()),
        local: Some(true),
        listens: Some(true),
        ..DockerClient::default()
    }
}

#[test]
fn a_client_of_the_nodes_docker_is_judged_only_where_none_is_there() {
    let client = |listens| DockerClient {
        host: Some("unix:///node/docker.sock".to_owned()),
        set_by: Some("DOCKER_HOST".to_owned()),
        // What the pod's engine would refuse is asked of another one.
        api_version: Some("1.99".to_owned()),
        listens: Some(listens),
        ..socket()
    };
    let with_node = |listens| {
        let mut runner = seen(client(listens));
        runner.containers[0].mounts.push(Mount {
            path: "/node".to_owned(),
            volume: "node".to_owned(),
            host_path: Some("/run".to_owned()),
            claim: None,
            sub_path: None,
        });
        runner
    };
    assert!(of(&with_node(true)).is_none());
    assert!(of(&with_node(false)).is_some());
    let mut shared = with_node(true);
    let mount = shared.containers[0].mounts.last().cloned();
    shared.containers[1].mounts.extend(mount);
    assert!(of(&shared).unwrap().trouble.contains("takes 1.24 to 1.47"));
}

#[test]
fn a_client_is_judged_by_what_it_sees() {
    assert!(of(&seen(socket())).is_none());
    let version = |asked: &str| DockerClient {
        api_version: Some(asked.to_owned()),
        ..socket()
    };
    assert!(of(&seen(version("1.41"))).is_none());
    let mut negotiates = seen(version("1.99"));
    negotiates.containers[0].image = "docker:29-cli".to_owned();
    assert!(of(&negotiates).is_none());
    let context = DockerClient {
        set_by: Some("DOCKER_CONTEXT".to_owned()),
        context: Some("remote".to_owned()),
        ..DockerClient::default()
    };
    let port = DockerClient {
        host: Some("tcp://localhost:4243".to_owned()),
        set_by: Some("DOCKER_HOST".to_owned()),
        listens: Some(false),
        ..socket()
    };
    for (client, says) in [
        (version("1.99"), "takes 1.24 to 1.47"),
        (version("1.9"), "takes 1.24 to 1.47"),
        (context, "does not exist there"),
        (port, "does not listen on that port"),
        (
            DockerClient {
                lacks: Some("/root/.docker/ca.pem".to_owned()),
                ..socket()
            },
            "/root/.docker/ca.pem does not exist",
        ),
        (
            DockerClient {
                listens: Some(false),
                ..socket()
            },
            "no socket is there",
        ),
    ] {
        let trouble = of(&seen(client)).unwrap().trouble;
        assert!(trouble.contains(says), "{trouble}");
    }
}

#[test]
fn an_engine_elsewhere_is_unknown() {
    let elsewhere = DockerClient {
        host: Some("tcp://10.9.9.9:2375".to_owned()),
        set_by: Some("DOCKER_HOST".to_owned()),
        local: Some(false),
        ..DockerClient::default()
    };
    let judged = judged(&seen(elsewhere));
    assert!(matches!(
        judged.reason(),
        Some(Reason::AsksElsewhere { .. })
    ));
}

#[test]
fn where_something_else_may_listen_nothing_is_said() {
    let wrong = || runner("tcp://localhost:2375", &[SOCKET_FLAG]);
    assert!(of(&wrong()).is_some());
    let mut with_file = wrong();
    let Observed(engines) = &mut with_file.engines else {
        panic!("engines were seen");
    };
    engines[0].config = Observed(Some(DaemonConfig::default()));
    assert!(of(&with_file).is_none());
    let mut beside = wrong();
    let mut proxy = beside.containers[0].clone();
    proxy.role = Role::Other;
    beside.containers.push(proxy);
    assert!(of(&beside).is_none());
    assert!(of(&runner("tcp://localhost:2375", &[])).is_none());
}

#[test]
fn a_file_promises_the_port_of_its_image() {
    let mut declared = runner("tcp://localhost:2375", &[]);
    declared.declared = Some(Declared {
        site: None,
        file: "job.yaml".to_owned(),
        pod_mtu_told: false,
        secrets: Observed(Vec::new()),
        steps: Observed(Vec::new()),
        memory_mib: Observed(0),
        networks_by: None,
    });
    assert!(of(&declared).is_none(), "who starts dockerd is not known");
    declared.containers[1].launch = Some(Launch {
        by: Launcher::Image,
        unlisted: false,
    });
    let wrong = of(&declared).unwrap();
    assert_eq!(wrong.right_host.as_deref(), Some("tcp://localhost:2376"));
    let env = &mut declared.containers[1].env;
    env.insert("DOCKER_TLS_CERTDIR".to_owned(), String::new());
    assert!(of(&declared).is_none());
}
