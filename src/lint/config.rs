//! The daemon.json that a volume puts into a container: read where its ConfigMap is among the files.

use super::Context;
use crate::collect::discover;
use crate::collect::walk::options;
use crate::evidence::{DaemonConfig, Observation, Observed, Reason};
use crate::yaml::Node;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;

/// Texts of ConfigMaps, by the map's name and the key.
pub(super) type Configs = BTreeMap<(String, String), String>;

/// No daemon.json is longer, and no repository has more of them.
const LONGEST: usize = 64 << 10;
const MOST: usize = 256;

/// Adds the texts of ConfigMaps that may be a daemon.json. What is too large is not known then.
pub(super) fn collect(documents: &[Node], texts: &mut Configs) {
    let mut objects: Vec<&Node> = documents.iter().collect();
    while let Some(object) = objects.pop() {
        objects.extend(object.get("items").map_or(&[][..], Node::items));
        if object.text_at(&["kind"]) != Some("ConfigMap") {
            continue;
        }
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default();
        for (key, text) in object.get("data").map_or(&[][..], Node::entries) {
            let (Some(key), Some(text)) = (key.text(), text.text()) else {
                continue;
            };
            let is_json = text.trim_start().starts_with('{') && text.trim_end().ends_with('}');
            if is_json && text.len() <= LONGEST && texts.len() < MOST {
                texts.insert((name.to_owned(), key.to_owned()), text.to_owned());
            }
        }
    }
}

/// What a volume brings; nothing where none lies where dockerd looks.
pub(super) fn mounted(
    pod: &Pod,
    container: &str,
    context: &Context<'_>,
) -> Option<Observation<Option<DaemonConfig>>> {
    const USUAL: &str = "/etc/docker/daemon.json";
    let named = || {
        let all = discover::pod::containers(pod);
        all.filter(|(one, _)| one.name == container)
            .map(|(one, _)| one)
    };
    let words = named().flat_map(|one| one.command.iter().chain(&one.args).flatten());
    let flags = options::flags(words.flat_map(|word| word.split_whitespace()));
    let told = flags.iter().find_map(|f| f.strip_prefix("--config-file="));
    let path = told.unwrap_or(USUAL);
    let (folder, file) = path.rsplit_once('/')?;
    let at = |mount: &str| matches!(mount.trim_end_matches('/'), m if m == folder || m == path);
    let mut mounts = named().flat_map(|one| one.volume_mounts.iter().flatten());
    let Some(mount) = mounts.find(|mount| at(&mount.mount_path)) else {
        // A file of the image, or one that a script writes.
        let elsewhere = Observation::Unobserved(Reason::ConfigNotInFiles);
        return told.map(|_| elsewhere);
    };
    let volumes = pod.spec.as_ref()?.volumes.iter().flatten();
    let mut volumes = volumes.filter(|volume| volume.name == mount.name);
    let map = volumes.next().and_then(|volume| volume.config_map.as_ref());
    let key = match (&mount.sub_path, map) {
        (Some(sub_path), _) => sub_path.clone(),
        (None, Some(map)) => {
            let mut items = map.items.iter().flatten();
            let item = items.find(|item| item.path == file);
            item.map_or(file.to_owned(), |item| item.key.clone())
        }
        (None, None) => file.to_owned(),
    };
    let text = map.and_then(|map| context.configs.get(&(map.name.clone(), key)));
    Some(
        match text.and_then(|text| options::daemon_json(text.as_bytes())) {
            Some(config) => Observed(Some(config)),
            None => Observation::Unobserved(Reason::ConfigNotInFiles),
        },
    )
}
