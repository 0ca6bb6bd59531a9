//! The nested engine of Bitbucket Pipelines, which can only be configured in bitbucket-pipelines.yml.

use super::{Refusal, arguments, docker, template, words};
use crate::diagnosis::{Change, Remedy};
use crate::facts::releases::{self, in_version, releases};
use crate::facts::versions::ImageRef;
use crate::yaml::{self, Edit, at, get};
use semver::Version;
use serde_json::{Value, json};

/// All settings of a change, for the docker service.
pub fn paste(change: &Change) -> Remedy {
    let flags = docker::flags(change);
    let snippet = match (docker::reads_opts(change), builds_image(change)) {
        (true, _) => format!(
            "definitions:\n  services:\n    docker:\n      variables:\n        {OPTS}: {} # keep the other flags",
            yaml::scalar(&flags.join(" "))
        ),
        (false, true) => format!(
            "# Dockerfile\n{}\n\n# bitbucket-pipelines.yml\n{}",
            dockerfile(change),
            service(&own_image(change))
        ),
        (false, false) => service(change.settings.image.as_deref().unwrap_or("docker:dind")),
    };
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(change), snippet)
    }
}

const OPTS: &str = "DOCKER_OPTS";

/// Whether the change needs a custom image: docker:dind does not read DOCKER_OPTS, and a Bitbucket
/// service cannot have volumes.
pub fn builds_image(change: &Change) -> bool {
    let needs_one = change.settings.volume || !docker::flags(change).is_empty();
    needs_one && !docker::reads_opts(change)
}

/// The edits to bitbucket-pipelines.yml.
pub fn edits(document: &Value, change: &Change) -> Result<Vec<Edit>, Refusal> {
    // Its running container has a different name than the service.
    let name = change.container.rsplit('/').next().unwrap_or_default();
    let own = at(&[], ["definitions", "services", name]);
    let service = match get(document, &own).is_some() {
        true => own,
        false => at(&[], ["definitions", "services", "docker"]),
    };
    if document.get("pipelines").is_none() && get(document, &service).is_none() {
        return Err(Refusal::NotThere(change.container.clone()));
    }
    let mut edits = Vec::new();
    if docker::reads_opts(change) {
        let path = at(&service, ["variables", OPTS]);
        let now = get(document, &path).and_then(Value::as_str);
        let now = now.ok_or_else(|| Refusal::NotThere(OPTS.to_owned()))?;
        edits.extend(arguments::in_text(
            now,
            path.clone(),
            &docker::flags(change),
        )?);
    }
    let image = match (builds_image(change), &change.settings.image) {
        (true, _) => Some(own_image(change)),
        (false, image) => image.clone(),
    };
    if let Some(image) = image {
        let mut path = at(&service, ["image"]);
        if get(document, &path).is_some_and(Value::is_object) {
            path = at(&path, ["name"]);
        }
        edits.push(Edit::Set(path, json!(image)));
    }
    Ok(edits)
}

/// An image with the settings: in daemon.json those that have a key there, the others as arguments.
fn dockerfile(change: &Change) -> String {
    let base = base(change);
    let mut built = change.clone();
    // The flags that the new image supports, not the running one.
    built.settings.image = Some(base.clone());
    let mut lines = vec![format!("FROM {base}")];
    let flags = docker::flags(&built);
    if built.settings.has_other_flags() {
        lines.push(format!("CMD [{}]", docker::quoted(&flags)));
    } else if !flags.is_empty() {
        lines.push(format!(
            "RUN mkdir -p /etc/docker && echo '{}' >/etc/docker/daemon.json",
            docker::config(&built)
        ));
    }
    if change.settings.volume {
        lines.push(format!("VOLUME {}", template::data(change)));
    }
    lines.join("\n")
}

/// The suggested name of the image built from the Dockerfile.
fn own_image(change: &Change) -> String {
    let base = base(change);
    let tag = base.rsplit_once(':').map_or("mtu", |(_, tag)| tag);
    let tag = tag.strip_suffix("-dind").unwrap_or(tag);
    format!("YOUR-REGISTRY/docker-mtu:{tag}")
}

/// The base image: one without an exact version is pinned to the running version. Bitbucket's own image is
/// not meant as a base for others.
fn base(change: &Change) -> String {
    if let Some(image) = &change.settings.image {
        return image.clone();
    }
    let own = |image: &&String| !image.contains("bitbucket-pipelines-docker-daemon");
    let image = change.image.as_ref().filter(own);
    let version = docker::version(change).filter(|version| version.pre.is_empty());
    let is_exact = |image: &&String| {
        let promised = docker::promised(image);
        let agrees = promised.is_none() || version.is_none() || promised == version;
        agrees && !ImageRef::parse(image).floats()
    };
    if let Some(image) = image.filter(is_exact) {
        return image.clone();
    }
    let version = version.as_ref().map(docker_tag);
    let version = version.as_deref().unwrap_or(&releases().recommended);
    match image {
        Some(image) => in_version(image, version).unwrap_or_else(|| image.clone()),
        None => releases::image(version),
    }
}

/// Docker 19.03 has a zero-padded month.
fn docker_tag(version: &Version) -> String {
    let Version {
        major,
        minor,
        patch,
        ..
    } = version;
    match major {
        ..20 => format!("{major}.{minor:02}.{patch}"),
        _ => format!("{major}.{minor}.{patch}"),
    }
}

fn service(image: &str) -> String {
    let service = json!({"definitions": {"services": {"docker": {"image": image}}}});
    yaml::write(&service).trim_end().to_owned()
}
