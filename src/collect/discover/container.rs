//! Fields of a container, with their defaults.

use k8s_openapi::api::core::v1::Container;

pub(super) fn image(container: &Container) -> &str {
    container.image.as_deref().unwrap_or_default()
}

pub(super) fn is_privileged(container: &Container) -> bool {
    let context = container.security_context.as_ref();
    context
        .and_then(|context| context.privileged)
        .unwrap_or(false)
}

/// A restartable init container is a sidecar; the others exit before the runner starts.
pub(super) fn runs_on(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}
