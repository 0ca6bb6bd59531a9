//! API server responses that the lab's cluster does not give on demand.

use super::*;
use crate::checks::case;
use crate::collect::walk::{Orders, Walk};
use crate::collect::{Exec, Place};
use crate::evidence::{KnownLine, Observation, Role, Why};
use crate::symptoms::Symptom;
use http::{Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use std::future::ready;
use tower::service_fn;

type Answer = Box<dyn Fn(&str) -> (u16, Value) + Send>;

/// A cluster that answers each request by its path and query.
fn cluster(answer: Answer) -> Cluster {
    let service = service_fn(move |request: Request<Body>| {
        let asked = request.uri().path_and_query().map(ToString::to_string);
        let (code, body) = answer(&asked.unwrap_or_default());
        let body = match body {
            // The text of a log.
            Value::String(text) => text.into_bytes(),
            document => serde_json::to_vec(&document).unwrap(),
        };
        let response = Response::builder().status(code).body(Body::from(body));
        ready(response)
    });
    Cluster {
        stop: Stop::default(),
        client: Client::new(service, "default"),
        namespace: "default".to_owned(),
        requests: Requests::default(),
    }
}

fn refusal(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason});
    (code, status)
}

fn pods(names: &[&str], namespace: &str, next: Option<&str>) -> (u16, Value) {
    let pod = |name: &&str| {
        json!({
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"containers": [{"name": "d", "image": "docker:27-dind"}]},
            "status": {"phase": "Running"},
        })
    };
    let items: Vec<Value> = names.iter().map(pod).collect();
    (200, json!({"metadata": {"continue": next}, "items": items}))
}

fn selection(all_namespaces: bool) -> Selection {
    Selection {
        all_namespaces,
        ..Selection::default()
    }
}

async fn complaint(answer: Answer, selection: Selection) -> String {
    match cluster(answer).find(&selection).await {
        Ok(listed) => panic!("{} runners found", listed.found.len()),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn every_page_of_a_list_is_read() {
    let cluster = cluster(Box::new(|asked| match asked.contains("continue=more") {
        true => pods(&["b"], "ci", None),
        false => pods(&["a"], "ci", Some("more")),
    }));
    let listed = cluster.find(&selection(true)).await.unwrap();
    let names: Vec<&str> = listed.found.iter().map(|f| f.runner.pod.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
}

#[tokio::test]
async fn a_refused_list_names_the_right_to_grant() {
    let said = complaint(Box::new(|_| refusal(403, "Forbidden")), selection(false)).await;
    assert_eq!(
        said,
        "no permission to list pods in namespace default: grant `list` on pods, or name the pods to examine"
    );
}

#[tokio::test]
async fn an_expired_login_is_told_as_such() {
    let said = complaint(Box::new(|_| refusal(401, "Unauthorized")), selection(false)).await;
    assert!(said.contains("rejects these credentials"), "{said}");
}

#[tokio::test]
async fn runners_elsewhere_are_named() {
    let answer = |asked: &str| match asked.contains("/namespaces/") {
        true => pods(&[], "default", None),
        false => pods(&["a", "b"], "ci", None),
    };
    let said = complaint(Box::new(answer), selection(false)).await;
    assert!(said.contains("-n ci has 2"), "{said}");
}

#[tokio::test]
async fn a_pod_that_is_not_there_is_told_with_its_namespace() {
    let named = Selection {
        pods: vec!["gone".to_owned()],
        namespace: Some("ci".to_owned()),
        ..Selection::default()
    };
    let said = complaint(Box::new(|_| refusal(404, "NotFound")), named).await;
    assert!(
        said.contains("pod gone not found in namespace ci"),
        "{said}"
    );
}

#[tokio::test]
async fn what_an_exec_may_not_do_is_unobserved_with_its_rule() {
    let cluster = cluster(Box::new(|_| refusal(403, "Forbidden")));
    let place = Place {
        namespace: "ci".to_owned(),
        pod: "p".to_owned(),
        container: "d".to_owned(),
    };
    let limit = Duration::from_secs(1);
    let orders = Orders {
        step: limit,
        whole: limit,
        await_nested: None,
        grace: Duration::from_secs(60),
        confirm: None,
        sample: None,
        probes: Vec::new(),
    };
    let walk = Walk::new(&Mode::Pod, &orders);
    let reason = cluster.exec(&place, &walk, limit).await.unwrap_err();
    assert_eq!(reason.why(), Why::Forbidden);
    assert!(
        reason
            .to_string()
            .contains("grant `get` and `create` on pods/exec"),
        "{reason}"
    );
}

fn symptoms() -> Symptoms {
    Symptoms::new([Symptom::new("disk-full", ".*no space left")], &[])
}

/// The observed log of the healthy runner's engine, in the given state.
async fn log(answer: Answer, phase: &str, restarts: i64) -> Observation<Vec<KnownLine>> {
    let mut runner = case::healthy().unwrap().runners.remove(0);
    runner.containers.retain(|c| c.role == Role::Engine);
    runner.containers[0].state.phase = phase.to_owned();
    runner.containers[0].restarts = restarts;
    let limit = Duration::from_secs(1);
    let mut logs = cluster(answer).logs(&runner, &symptoms(), limit).await;
    assert_eq!(logs.len(), 1);
    logs.remove(0).1
}

#[tokio::test]
async fn of_a_log_only_known_lines_are_kept() {
    let text = "2026-11-24T07:30:12.123456789Z a\n2026-11-24T07:30:13Z no space left\nno space left in http://u:p@x\n";
    let seen = log(Box::new(move |_| (200, json!(text))), "running", 0).await;
    let line = |text: &str| KnownLine {
        check: "disk-full".to_owned(),
        text: text.to_owned(),
        time: None,
        previous: false,
        may_pass: false,
    };
    assert_eq!(seen, Observed(vec![line("no space left in http://***@x")]));
    let text = "2026-11-24T07:30:13.5Z time=\"2026-11-24T07:30:13.4Z\" no space left\n";
    let seen = log(Box::new(move |_| (200, json!(text))), "terminated", 0).await;
    let time = Some("2026-11-24T07:30:13Z".to_owned());
    assert_eq!(
        seen,
        Observed(vec![KnownLine {
            time,
            ..line("no space left")
        }])
    );
}

#[tokio::test]
async fn the_run_before_tells_where_the_present_one_does_not() {
    let answer = |asked: &str| match asked.contains("previous=true") {
        true => (200, json!("no space left\n")),
        false => (200, json!("fine\n")),
    };
    let seen = log(Box::new(answer), "running", 1).await;
    assert!(seen.seen()[0].previous);
    let gone = |asked: &str| match asked.contains("previous=true") {
        true => refusal(400, "BadRequest"),
        false => (200, json!("no space left\n")),
    };
    let seen = log(Box::new(gone), "running", 1).await;
    assert!(!seen.seen()[0].previous);
}

#[tokio::test]
async fn a_log_that_was_not_read_says_why() {
    let refused = log(Box::new(|_| refusal(403, "Forbidden")), "running", 0).await;
    let reason = refused.reason().unwrap();
    assert_eq!(reason.why(), Why::Forbidden);
    assert!(
        reason.to_string().contains("grant `get` on pods/log"),
        "{reason}"
    );
    let large = |_: &str| (200, json!("x\n".repeat(300_000)));
    let large = log(Box::new(large), "running", 0).await;
    assert_eq!(large.reason().unwrap().why(), Why::TooLarge);
    let failed = log(Box::new(|_| refusal(500, "InternalError")), "running", 0).await;
    assert_eq!(failed.reason().unwrap().why(), Why::Unreadable);
}

#[tokio::test]
async fn what_never_ran_wrote_nothing() {
    let nobody_asks = |_: &str| refusal(500, "InternalError");
    let seen = log(Box::new(nobody_asks), "waiting", 0).await;
    assert_eq!(seen, Observed(Vec::new()));
    let starting = log(Box::new(|_| refusal(400, "BadRequest")), "terminated", 0).await;
    assert_eq!(starting, Observed(Vec::new()));
}

/// A runner's Job, failed or not, and its owner's kind.
fn job(name: &str, failed: &str, owner: Option<&str>) -> Value {
    let owners =
        owner.map(|kind| json!([{"kind": kind, "name": "o", "uid": "o", "apiVersion": "v1"}]));
    json!({
        "metadata": {"name": name, "namespace": "ci", "ownerReferences": owners},
        "spec": {"template": {"spec": {"containers": [{"name": "d", "image": "docker:27-dind"}]}}},
        "status": {"conditions": [{
            "type": "Failed", "status": failed,
            "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit",
        }]},
    })
}

async fn found(answer: Answer) -> Vec<Runner> {
    let listed = cluster(answer).find(&selection(true)).await.unwrap();
    listed.found.into_iter().map(|found| found.runner).collect()
}

#[tokio::test]
async fn a_job_that_has_given_up_is_a_runner_without_a_pod() {
    let runners = found(Box::new(|asked| match asked.contains("/jobs?") {
        true => {
            assert!(asked.contains("fieldSelector=status.successful"), "{asked}");
            let jobs = [
                job("lost", "True", None),
                job("goes-on", "False", None),
                job("comes-anew", "True", Some("CronJob")),
            ];
            (200, json!({"metadata": {}, "items": jobs}))
        }
        false => pods(&[], "ci", None),
    }))
    .await;
    assert_eq!(runners.len(), 1);
    assert_eq!(runners[0].full_name(), "ci/lost");
    assert_eq!(
        runners[0].standing.given_up.as_deref(),
        Some("Job has reached the specified backoff limit (BackoffLimitExceeded)")
    );
}

#[tokio::test]
async fn who_may_not_list_jobs_still_finds_the_pods() {
    let runners = found(Box::new(|asked| match asked.contains("/jobs?") {
        true => refusal(403, "Forbidden"),
        false => pods(&["a"], "ci", None),
    }))
    .await;
    assert_eq!(runners.len(), 1);
}

/// A pod of a ReplicaSet, possibly evicted at some time.
fn pod_of(set: &str, name: &str, evicted: Option<&str>) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "ci", "creationTimestamp": evicted,
            "ownerReferences": [{"kind": "ReplicaSet", "name": set, "uid": set, "apiVersion": "apps/v1", "controller": true}],
        },
        "spec": {"containers": [{"name": "d", "image": "docker:27-dind"}]},
        "status": match evicted {
            Some(at) => json!({"phase": "Failed", "reason": "Evicted", "message": format!("low on memory at {at}")}),
            None => json!({"phase": "Running"}),
        },
    })
}

#[tokio::test]
async fn the_last_eviction_is_told_once_and_with_the_pod_that_came_after() {
    let runners = found(Box::new(|asked| match asked.contains("/jobs?") {
        true => (200, json!({"metadata": {}, "items": []})),
        false => {
            let items = [
                pod_of("one", "one-a", Some("2026-01-01T00:00:00Z")),
                pod_of("one", "one-b", Some("2026-01-02T00:00:00Z")),
                pod_of("one", "one-c", None),
                pod_of("two", "two-a", Some("2026-01-01T00:00:00Z")),
            ];
            (200, json!({"metadata": {}, "items": items}))
        }
    }))
    .await;
    let told: Vec<(&str, Option<&str>)> = runners
        .iter()
        .map(|runner| {
            let evicted = runner.standing.evicted.as_ref();
            (runner.pod.as_str(), evicted.map(|e| e.pod.as_str()))
        })
        .collect();
    assert_eq!(told, [("one-c", Some("one-b")), ("two-a", Some("two-a"))]);
}
