//! Entry points to the parsers of untrusted text, for fuzz targets and benchmarks only. Not a
//! stable API.

use crate::checks::Library;
use crate::collect::surroundings::Surroundings;
use crate::collect::walk::{Url, Walk, Walked, http};
use crate::evidence::{Engine, NetworkNamespace, Observation, Uplink};
use crate::lint::files::Input;
use crate::lint::network::PodNetwork;
use crate::manifest::{Command, Kind, Memory, Plan, Wishes};
use anyhow::{Result, anyhow};

/// The marker in our recordings of walks.
pub const MARK: &str = "rdcapture";

/// What the walk printed under an engine container.
pub fn walk(stream: &[u8]) -> (Observation<Vec<NetworkNamespace>>, Observation<Vec<Engine>>) {
    let container = Walked {
        name: "docker-in-docker".into(),
        image: "docker:20.10.5-dind".into(),
        other_engine: None,
    };
    let seen = Walk::recorded(MARK, url()).read_pod(stream, &container);
    (seen.namespaces, seen.engines)
}

/// What it printed on a node's network: the uplink there, and the packets dropped while it tried a download.
pub fn node_walk(stream: &[u8]) -> Option<(Observation<Uplink>, Option<Observation<i64>>)> {
    let seen = Walk::recorded(MARK, url()).read_node(stream).ok()?;
    Some((seen.uplink, seen.dropped))
}

fn url() -> Option<Url> {
    Url::parse("https://files.example/one").ok()
}

/// What a daemon answered over dial-stdio: the status and the body of each answer.
pub fn answers(stream: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let all = http::responses(stream).into_iter();
    all.map(|answer| (answer.status, answer.body)).collect()
}

/// A file that should hold a check.
pub fn check(text: &str) -> Result<Library> {
    Library::of_text("checks/local/foreign.yaml", text)
}

/// An expression, as the condition and the sentence of a check.
pub fn expression(text: &str) -> Result<Library> {
    let (condition, sentence) = (
        serde_json::to_string(text)?,
        serde_json::to_string(&format!("{{{text}}}"))?,
    );
    check(&format!(
        "id: foreign\ntitle: x\nseverity: info\nneeds: [networks]\nfor_each: networks\nfails_when: {condition}\nfinding: {sentence}\nwhy: x\ncases: []\n"
    ))
}

/// The command that Bitbucket prints for a new runner, as the manifest that comes of it.
pub fn command(text: &str) -> Result<String> {
    let memory = Memory::parse(Memory::DEFAULT).map_err(|error| anyhow!(error))?;
    let wishes = Wishes {
        kind: Kind::Job,
        namespace: None,
        name: None,
        secret_from: None,
        engine_image: None,
        runner_image: None,
        pod_mtu: None,
        memory,
        labels: &[],
    };
    let plan = Plan::make(Command::Text(text.into()), wishes, &Surroundings::default())?;
    Ok(plan.manifest() + &plan.pipelines())
}

/// Text of a log or an error, with its secrets hidden.
pub fn without_secrets(text: &str) -> String {
    crate::text::secret::hide(text).into_owned()
}

/// A file before deployment, judged by these checks: how many findings come of it.
pub fn file(name: &str, text: &str, library: &Library) -> usize {
    let input = Input::of_text(name, text);
    let network = PodNetwork {
        mtu: 1450,
        told: true,
    };
    let linted = crate::lint::lint(vec![input], network, library);
    linted.map_or(0, |linted| linted.judgement.findings.len())
}
