//! A fake API server with two runners that fails on demand. It serves plain HTTP and, for exec, only the
//! v4 protocol, as servers before Kubernetes 1.30 do; a walk returns recorded output.

use httparse::{EMPTY_HEADER, Request};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

const WALK: &str = include_str!("../recordings/walks/dash.txt");
/// First byte of a TLS handshake.
const TLS: u8 = 22;
const FOREVER: Duration = Duration::from_secs(60);
pub const LONG_AGO: &str = "2026-11-24T07:00:00Z";

/// The response to a request.
pub enum Answer {
    /// A healthy server's response.
    Well,
    Refused(u16),
    /// Status code, and seconds for the Retry-After header.
    Busy(u16, Option<u64>),
    /// This object.
    Says(Value),
    Nothing,
    /// The connection is closed.
    Gone,
    Walk(Walked),
}

/// How a walk ends.
#[derive(Clone, Copy, PartialEq)]
pub enum Walked {
    Whole,
    /// In the middle of a record; the connection is closed.
    Cut,
    /// Prints everything, but the stream stays open.
    Stays,
    /// Prints half, up to the middle of a record, then nothing.
    Hangs,
    /// Prints lines of one megabyte each, for as long as the client reads.
    Floods,
}

/// Chooses the response by a request's method and path, and by the number of requests before it.
pub type Faults = dyn Fn(&str, usize) -> Answer + Send + Sync;

pub struct StandIn {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl StandIn {
    /// Runs until the test process exits.
    pub fn with(faults: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (faults, count): (Arc<Faults>, _) = (Arc::new(faults), asked.clone());
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (faults, count) = (faults.clone(), count.clone());
                std::thread::spawn(move || serve(connection, &*faults, &count));
            }
        });
        StandIn { address, asked }
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

struct Asked {
    path: String,
    key: Option<String>,
}

fn serve(mut connection: TcpStream, faults: &Faults, count: &AtomicUsize) {
    while let Some(asked) = next_request(&mut connection) {
        // Also acts as an HTTP proxy: requests inside a tunnel are served like any other.
        if asked.path.starts_with("CONNECT ") {
            faults(&asked.path, 0);
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            continue;
        }
        let before = count.fetch_add(1, Ordering::SeqCst);
        match faults(&asked.path, before) {
            Answer::Well if asked.path.contains("/exec?") => {
                return walk(connection, &asked, Walked::Whole);
            }
            Answer::Walk(how) => return walk(connection, &asked, how),
            Answer::Says(body) => respond(&mut connection, 200, "", &body),
            Answer::Well => well(&mut connection, &asked.path),
            Answer::Refused(code) => refuse(&mut connection, code, ""),
            Answer::Busy(code, wait) => {
                let wait = wait.map(|wait| format!("retry-after: {wait}\r\n"));
                refuse(&mut connection, code, &wait.unwrap_or_default());
            }
            Answer::Nothing => sleep(FOREVER),
            Answer::Gone => return,
        }
    }
}

fn next_request(connection: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
        if head == [TLS] {
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            return None;
        }
    }
    let mut headers = [EMPTY_HEADER; 32];
    let mut request = Request::new(&mut headers);
    request.parse(&head).ok()?;
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.map(|h| String::from_utf8_lossy(h.value).into_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    connection.read_exact(&mut body).ok()?;
    Some(Asked {
        path: format!("{} {}", request.method?, request.path?),
        key: header("sec-websocket-key"),
    })
}

fn respond(connection: &mut TcpStream, code: u16, headers: &str, body: &Value) {
    let body = match body {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let head = format!(
        "HTTP/1.1 {code} -\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    // In some tests the client has disconnected by now.
    let _ = connection.write_all((head + &body).as_bytes());
}

fn refuse(connection: &mut TcpStream, code: u16, headers: &str) {
    let message = match code {
        500 => "error dialing backend: dial tcp 198.18.64.9:10250: connect: connection refused",
        429 => "the server has received too many requests and has asked us to try again later",
        _ => "refused by the stand-in",
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message});
    respond(connection, code, headers, &status);
}

fn well(connection: &mut TcpStream, path: &str) {
    let list = |items: Value| json!({"metadata": {}, "items": items});
    let body = match path.split(['?', ' ']).nth(1).unwrap_or_default() {
        "/version" => json!({
            "major": "1", "minor": "29", "gitVersion": "v1.29.0", "gitCommit": "", "gitTreeState": "",
            "buildDate": LONG_AGO, "goVersion": "", "compiler": "", "platform": "",
        }),
        "/api/v1/namespaces/ci/pods" => list(json!([pod("well"), pod("ill")])),
        "/api/v1/namespaces/ci/pods/well" => pod("well"),
        "/api/v1/namespaces/ci/pods/ill" => pod("ill"),
        "/api/v1/nodes/n" => json!({"metadata": {"name": "n"}, "status": {"nodeInfo": {
            "kernelVersion": "6.1.0", "osImage": "Debian", "containerRuntimeVersion": "containerd://2.1.9",
            "architecture": "", "bootID": "", "kubeProxyVersion": "", "kubeletVersion": "",
            "machineID": "", "operatingSystem": "linux", "systemUUID": "",
        }}}),
        other if other.ends_with("/log") => json!("\n"),
        _ => list(json!([])),
    };
    respond(connection, 200, "", &body);
}

/// A runner's pod as in the article.
pub fn pod(name: &str) -> Value {
    let image = "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner:1";
    let containers = [
        ("runner", image),
        ("docker-in-docker", "docker:20.10.24-dind"),
    ];
    let statuses = containers.map(|(name, image)| {
        json!({
            "name": name, "image": image, "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": LONG_AGO}},
        })
    });
    json!({
        "metadata": {"name": name, "namespace": "ci", "uid": name},
        "spec": {"nodeName": "n", "containers": containers.map(|(name, image)| {
            json!({"name": name, "image": image, "securityContext": {"privileged": true}})
        })},
        "status": {"phase": "Running", "containerStatuses": statuses},
    })
}

/// Reads the script as a shell would, and prints its recorded output.
fn walk(mut connection: TcpStream, asked: &Asked, how: Walked) {
    let accept = derive_accept_key(asked.key.as_deref().unwrap_or_default().as_bytes());
    let head = format!(
        "HTTP/1.1 101 -\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: {accept}\r\nsec-websocket-protocol: v4.channel.k8s.io\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).unwrap();
    let mut socket = WebSocket::from_raw_socket(connection, Role::Server, None);
    let Some(mark) = mark(&mut socket) else {
        return;
    };
    let printed = WALK.replace(runner_doctor::untrusted::MARK, &mark);
    let printed = match how {
        Walked::Cut | Walked::Hangs => &printed[..printed.len() / 2],
        Walked::Floods => "",
        _ => &printed,
    };
    // The first byte is the channel.
    let mut say = |channel: u8, text: &str| {
        let message = [&[channel], text.as_bytes()].concat();
        socket.send(Message::Binary(message.into())).is_ok()
    };
    say(1, printed);
    match how {
        Walked::Cut => return,
        Walked::Stays | Walked::Hangs => sleep(FOREVER),
        Walked::Floods => {
            let line = "y".repeat(1 << 20) + "\n";
            while say(1, &line) {}
        }
        Walked::Whole => {}
    }
    say(3, r#"{"metadata":{},"status":"Success"}"#);
    let _ = socket.close(None);
}

/// The marker in the walk's script.
fn mark(socket: &mut WebSocket<TcpStream>) -> Option<String> {
    let mut script = String::new();
    loop {
        let message = socket.read().ok()?.into_data();
        let (channel, text) = message.split_first()?;
        assert_eq!(
            *channel, 0,
            "a v4 server knows no other channel of its client's"
        );
        script += std::str::from_utf8(text).unwrap();
        let last = script
            .strip_suffix('\n')
            .and_then(|whole| whole.lines().last());
        if let Some(called) = last.and_then(|last| last.strip_prefix("walk rd")) {
            return Some(format!("rd{}", called.split(' ').next()?));
        }
    }
}
