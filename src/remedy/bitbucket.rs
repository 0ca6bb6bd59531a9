//! The nested engine of Bitbucket Pipelines, which only bitbucket-pipelines.yml reaches.

use super::{docker, template};
use crate::diagnosis::{Change, Remedy};
use crate::yaml;
use serde_json::json;

/// One setting of the docker service.
pub fn remedies(change: &Change, phrase: &str) -> Vec<Remedy> {
    match change.settings.has_flags() {
        true => paste(change),
        // Its image makes a volume: nobody else gives a service one.
        false if change.settings.volume => vec![Remedy {
            change: Some(change.clone()),
            ..Remedy::new(
                format!("In an image of your own for the docker service: {phrase}"),
                format!("FROM {}\nVOLUME {}", base(change), template::data(change)),
            )
        }],
        false => vec![Remedy {
            change: Some(change.clone()),
            ..Remedy::new(
                format!("In bitbucket-pipelines.yml, name {phrase}"),
                service(change.settings.image.as_deref().unwrap_or("docker:dind")),
            )
        }],
    }
}

/// Everything that a change says of the docker service.
pub fn paste(change: &Change) -> Vec<Remedy> {
    let flags = docker::flags(change);
    if flags.is_empty() {
        return match change.settings.image.is_some() {
            true => remedies(change, "another image"),
            false => Vec::new(),
        };
    }
    // Given as a flag already, in the file as well it would keep dockerd from starting.
    if change
        .args
        .iter()
        .any(|arg| docker::same_setting(arg, "--mtu"))
    {
        return vec![Remedy {
            change: Some(change.clone()),
            ..Remedy::new(
                "In bitbucket-pipelines.yml, change DOCKER_OPTS (or whatever else gives its dockerd --mtu now)",
                format!(
                    "definitions:\n  services:\n    docker:\n      variables:\n        DOCKER_OPTS: \"{}\"",
                    flags.join(" ")
                ),
            )
        }];
    }
    vec![Remedy {
        change: Some(change.clone()),
        ..Remedy::new(
            "Bitbucket starts this engine itself: build an image with its setting (docker:dind reads no DOCKER_OPTS), and name it in bitbucket-pipelines.yml",
            format!(
                "# Dockerfile\n{}\n\n# bitbucket-pipelines.yml\n{}",
                dockerfile(change),
                service(&own_image(change))
            ),
        )
    }]
}

/// docker:dind reads no DOCKER_OPTS, so the setting goes into an image of one's own.
pub fn dockerfile(change: &Change) -> String {
    let base = base(change);
    let mut built = change.clone();
    // What the image takes, not what runs now.
    built.settings.image = Some(base.clone());
    format!(
        "FROM {base}\nRUN mkdir -p /etc/docker && echo '{}' >/etc/docker/daemon.json",
        docker::config(&built)
    )
}

/// What the image made from the Dockerfile is to be called.
pub fn own_image(change: &Change) -> String {
    let base = base(change);
    let tag = base.rsplit_once(':').map_or("mtu", |(_, tag)| tag);
    let tag = tag.strip_suffix("-dind").unwrap_or(tag);
    format!("YOUR-REGISTRY/docker-mtu:{tag}")
}

/// The image that it runs from, by its version where that is known.
fn base(change: &Change) -> String {
    if let Some(image) = &change.settings.image {
        return image.clone();
    }
    match (docker::version(change), &change.image) {
        (Some(version), _) if version.pre.is_empty() => {
            // Docker wrote the month of 19.03 with a zero.
            let minor = match version.major < 20 {
                true => format!("{:02}", version.minor),
                false => version.minor.to_string(),
            };
            format!("docker:{}.{minor}.{}-dind", version.major, version.patch)
        }
        (_, Some(image)) if image.contains(':') => image.clone(),
        _ => "docker:28-dind".to_owned(),
    }
}

/// An image of somebody else's that hands DOCKER_OPTS to dockerd.
pub fn docker_opts(mtu: i64) -> Remedy {
    Remedy::new(
        "In bitbucket-pipelines.yml, name an image whose entrypoint gives DOCKER_OPTS to dockerd (this one does; it is a third party's)",
        format!(
            "definitions:\n  services:\n    docker:\n      image: rewardenv/docker:20.10.7-dind\n      variables:\n        DOCKER_OPTS: \"--mtu={mtu}\""
        ),
    )
}

fn service(image: &str) -> String {
    let service = json!({"definitions": {"services": {"docker": {"image": image}}}});
    yaml::write(&service).trim_end().to_owned()
}
