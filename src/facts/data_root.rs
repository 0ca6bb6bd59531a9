//! The data directory of an engine container by its specification.

use crate::evidence::{Mount, PodContainer};
use crate::facts::versions::ImageRef;

pub(crate) const DATA_ROOT: &str = "/var/lib/docker";

const ROOTLESS_DATA_ROOT: &str = "/home/rootless/.local/share/docker";

pub(crate) fn is_rootless(container: &PodContainer) -> bool {
    let image = ImageRef::parse(&container.image);
    image.name().contains("rootless") || image.tag.is_some_and(|tag| tag.contains("rootless"))
}

/// Whether a volume lies where the engine keeps its images and containers.
pub(super) fn has_volume(container: &PodContainer) -> bool {
    data_mount(container).is_some()
}

/// Where the engine keeps its images and containers.
pub(crate) fn data_root(container: &PodContainer) -> &str {
    let told = container
        .dockerd_args
        .iter()
        .find_map(|arg| arg.strip_prefix("--data-root="));
    let usual = match is_rootless(container) {
        true => ROOTLESS_DATA_ROOT,
        false => DATA_ROOT,
    };
    told.unwrap_or(usual).trim_end_matches('/')
}

/// The volume where the engine keeps its images and containers, and the path in there.
pub(crate) fn data_mount(container: &PodContainer) -> Option<(&Mount, String)> {
    let root = data_root(container);
    let below = |mount: &Mount| {
        let rest = root.strip_prefix(mount.path.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
    };
    let holding = container.mounts.iter();
    holding
        .filter_map(|mount| Some((mount, below(mount)?)))
        .min_by_key(|(_, below)| below.len())
}
