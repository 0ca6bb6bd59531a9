//! Errors of the API server: as the reason of an unknown, and as a message.

use crate::evidence::{Asked, Reason};
use crate::text::plain::plain;
use anyhow::anyhow;
use kube::client::UpgradeConnectionError;

/// Why a requested object could not be read.
pub(in crate::collect) fn reason(error: &kube::Error, asked: Asked) -> Reason {
    match code(error) {
        Some(403) => Reason::RequestForbidden { asked },
        Some(code) if BUSY.contains(&code) => busy(code, error),
        _ => Reason::RequestFailed {
            asked,
            said: chain(error),
        },
    }
}

/// Status codes of an overloaded API server.
pub(super) const BUSY: [u16; 3] = [429, 503, 504];

pub(super) fn busy(code: u16, error: &kube::Error) -> Reason {
    Reason::ServerBusy {
        code: i64::from(code),
        said: chain(error),
    }
}

pub(super) fn forbidden(error: &kube::Error) -> bool {
    code(error) == Some(403)
}

pub(super) fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(code)) => {
            Some(code.as_u16())
        }
        _ => None,
    }
}

pub(in crate::collect) fn unreachable(error: &kube::Error) -> anyhow::Error {
    let said = chain(error);
    match code(error) {
        Some(401) => anyhow!(
            "the cluster rejects these credentials: log in again, or choose another --context"
        ),
        Some(403) => anyhow!("the cluster forbids the request: {said}"),
        Some(code) if BUSY.contains(&code) => anyhow!(
            "the API server is overloaded (HTTP {code}): {said}; try again later, or check it with `kubectl get --raw /readyz`"
        ),
        // rustls' wording.
        _ if said.contains("invalid peer certificate") => anyhow!(
            "the cluster's certificate is not trusted: {said}; check `server`, `certificate-authority-data` and `tls-server-name` of this cluster in the kubeconfig, or a proxy in front of it"
        ),
        _ => anyhow!(
            "cannot reach the cluster: {said}; check `kubectl version` with the same --kubeconfig and --context"
        ),
    }
}

/// An error with its causes, in one line; for a Kubernetes API error, the server's message.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref() {
        let words = [&status.message, &status.reason];
        let words = words.into_iter().find(|words| !words.is_empty());
        return plain(words.map_or("no reason given", |w| w));
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    let text = text.strip_prefix("ServiceError: ").unwrap_or(&text);
    plain(text)
}
