//! The nested engine of Bitbucket Pipelines, which only bitbucket-pipelines.yml reaches.

use super::{Patient, docker};
use crate::diagnosis::Remedy;
use crate::evidence::versions::ImageRef;

/// docker:dind reads no DOCKER_OPTS, so the setting goes into an image of one's own.
pub fn engine_mtu(patient: &Patient, mtu: i64) -> Remedy {
    let version = patient.version();
    let config = docker::mtu_config(version.as_ref(), mtu);
    let (base, tag) = match &version {
        Some(version) => {
            let number = format!("{}.{:02}.{}", version.major, version.minor, version.patch);
            let number = if version.major == 19 {
                number
            } else {
                version.to_string()
            };
            (format!("docker:{number}-dind"), number)
        }
        None => (own_image(patient), "mtu".to_owned()),
    };
    Remedy {
        title: "Bitbucket starts this engine itself: build an image with its setting (docker:dind reads no DOCKER_OPTS), and name it in bitbucket-pipelines.yml".to_owned(),
        snippet: format!(
            "# Dockerfile\nFROM {base}\nRUN mkdir -p /etc/docker && echo '{config}' >/etc/docker/daemon.json\n\n# bitbucket-pipelines.yml\ndefinitions:\n  services:\n    docker:\n      image: YOUR-REGISTRY/docker-mtu:{tag}"
        ),
    }
}

pub fn image(which: &str, image: &str) -> Remedy {
    Remedy {
        title: format!("In bitbucket-pipelines.yml, name {which}"),
        snippet: format!("definitions:\n  services:\n    docker:\n      image: {image}"),
    }
}

fn own_image(patient: &Patient) -> String {
    let image = patient.engine.and_then(|engine| engine.image.observed());
    match image.map(|image| (image, ImageRef::parse(image))) {
        Some((image, reference)) if reference.tag.is_some() => image.clone(),
        _ => "docker:28-dind".to_owned(),
    }
}
