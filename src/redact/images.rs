//! Known public images and hosts, and tokens for all others. An image keeps the parts that identify
//! its Docker version.

use crate::facts::versions::ImageRef;

/// Registries of public images; a path after the slash is a namespace in the registry.
const REGISTRIES: [&str; 10] = [
    "docker.io",
    "index.docker.io",
    "registry-1.docker.io",
    "docker-public.packages.atlassian.com",
    "k8s-docker.packages.atlassian.com",
    "registry.k8s.io",
    "k8s.gcr.io",
    "ghcr.io/actions",
    "ghcr.io/actions-runner-controller",
    "registry.gitlab.com/gitlab-org",
];

/// Publishers of runner images on Docker Hub or a mirror of it.
const PUBLISHERS: [&str; 11] = [
    "library",
    "atlassian",
    "bitbucketpipelines",
    "calico",
    "docker",
    "gitlab",
    "google",
    "moby",
    "nestybox",
    "rewardenv",
    "summerwind",
];

/// Docker Hub's official images that are common base images.
const OFFICIAL: [&str; 36] = [
    "alpine",
    "amazonlinux",
    "bash",
    "buildpack-deps",
    "busybox",
    "centos",
    "composer",
    "debian",
    "docker",
    "eclipse-temurin",
    "elasticsearch",
    "fedora",
    "golang",
    "gradle",
    "hello-world",
    "httpd",
    "mariadb",
    "maven",
    "memcached",
    "mongo",
    "mysql",
    "nginx",
    "node",
    "openjdk",
    "pause",
    "perl",
    "php",
    "postgres",
    "python",
    "rabbitmq",
    "redis",
    "registry",
    "ruby",
    "rust",
    "scratch",
    "ubuntu",
];

/// Words that identify the software in an image's name or tag; longer ones first.
const TELLING: [&str; 22] = [
    "bitbucket-pipelines-runner",
    "bitbucket-pipelines",
    "actions-runner",
    "gitlab-runner",
    "docker-daemon",
    "rootless",
    "docker",
    "runner",
    "dind",
    "alpine",
    "bookworm",
    "bullseye",
    "buster",
    "latest",
    "stable",
    "edge",
    "prod",
    "slim",
    "trixie",
    "rc",
    "beta",
    "v",
];

/// Public hosts, whose names identify no user or organization.
const PUBLIC: [&str; 13] = [
    "atlassian.com",
    "bitbucket.org",
    "cilium.io",
    "containerd.io",
    "docker.com",
    "docker.io",
    "github.com",
    "gitlab.com",
    "k8s.io",
    "kubernetes.default.svc.cluster.local",
    "kubernetes.io",
    "projectcalico.org",
    "tigera.io",
];

/// Public hosts whose paths identify users and projects.
const FORGES: [&str; 8] = [
    "api.bitbucket.org",
    "api.github.com",
    "bitbucket.org",
    "ghcr.io",
    "github.com",
    "gitlab.com",
    "hub.docker.com",
    "registry.gitlab.com",
];

/// The host at the start of a text, if its paths identify users.
pub fn forge(text: &str) -> Option<&'static str> {
    let is_next = |c: char| matches!(c, '/' | ':');
    FORGES.into_iter().find(|forge| {
        let host = text.get(..forge.len());
        host.is_some_and(|host| host.eq_ignore_ascii_case(forge))
            && text[forge.len()..].starts_with(is_next)
    })
}

/// Whether a path on such a host is well known: `/moby/moby/issues/1`.
pub fn is_public_path(path: &str) -> bool {
    const KNOWN: [&str; 6] = [
        "actions",
        "containerd",
        "gitlab-org",
        "kubernetes",
        "opencontainers",
        "runner-doctor",
    ];
    let mut segments = path.split(['/', ':']).filter(|segment| !segment.is_empty());
    let first = segments.find(|segment| !matches!(*segment, "repos" | "v2" | "r" | "2.0" | "_"));
    first.is_none_or(|first| KNOWN.contains(&first) || PUBLISHERS.contains(&first))
}

pub fn is_public_host(host: &str) -> bool {
    PUBLIC.iter().any(|known| {
        let rest = host.strip_suffix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// A reference split into registry host and path: `registry.example:5000`, `team/app`.
pub fn host_of(repository: &str) -> (Option<&str>, &str) {
    match repository.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            (Some(host), path)
        }
        _ => (None, repository),
    }
}

pub fn is_public(repository: &str) -> bool {
    REGISTRIES.iter().any(|known| {
        let rest = repository.strip_prefix(known);
        rest.is_some_and(|rest| rest.starts_with('/'))
    }) || host_of(repository).0.is_none() && is_published(repository)
}

/// Whether a path is a well-known one on Docker Hub, including mirrors.
pub fn is_published(path: &str) -> bool {
    match path.split_once('/') {
        Some((publisher, _)) => PUBLISHERS.contains(&publisher),
        None => OFFICIAL.contains(&path),
    }
}

/// The token for an image's name: a number and the words that identify the software.
pub fn name(number: usize, image: &ImageRef) -> String {
    let told: Vec<&str> = telling(image.name())
        .into_iter()
        .filter(|word| word.len() > 2)
        .collect();
    match told.is_empty() {
        true => format!("image-{number}"),
        false => format!("image-{number}-{}", told.join("-")),
    }
}

/// A tag reduced to its version and well-known words; the rest becomes `x`.
pub fn tag(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    for part in tag.split_inclusive(['-', '_', '.', '+']) {
        let word = part.trim_end_matches(['-', '_', '.', '+']);
        let letters = word.trim_matches(|c: char| c.is_ascii_digit());
        let known = letters.is_empty() && word.len() < 9
            || TELLING.contains(&letters)
            || letters == "tlsfalse"
            || letters == "multiarch";
        out.push_str(if known { word } else { "x" });
        out.push_str(&part[word.len()..]);
    }
    out
}

/// The words in a name that identify the software, in order of appearance.
fn telling(name: &str) -> Vec<&'static str> {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    for word in TELLING {
        if let Some(at) = name.find(word) {
            let covered = |(from, known): &(usize, &str)| (*from..from + known.len()).contains(&at);
            if !found.iter().any(covered) {
                found.push((at, word));
            }
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, word)| word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_pulls_is_public() {
        for image in [
            "docker",
            "library/docker",
            "docker.io/library/docker",
            "docker-public.packages.atlassian.com/sox/atlassian/bitbucket-pipelines-runner",
            "ghcr.io/actions/actions-runner",
        ] {
            assert!(is_public(image), "{image}");
        }
        for image in [
            "acme",
            "acme/docker",
            "ghcr.io/acme/docker",
            "r.example/library/docker",
        ] {
            assert!(!is_public(image), "{image}");
        }
    }

    #[test]
    fn of_a_tag_stay_the_version_and_known_words() {
        assert_eq!(tag("20.10.7-dind"), "20.10.7-dind");
        assert_eq!(
            tag("v25.0.5-tlsfalse-prod-stable"),
            "v25.0.5-tlsfalse-prod-stable"
        );
        assert_eq!(tag("28.0.0-rc.1"), "28.0.0-rc.1");
        assert_eq!(tag("24-acme-payments"), "24-x-x");
        assert_eq!(tag("latest"), "latest");
    }

    #[test]
    fn of_a_name_stays_what_it_is() {
        let of = |image: &str| name(1, &ImageRef::parse(image));
        assert_eq!(of("acme/acme-docker-dind:1"), "image-1-docker-dind");
        assert_eq!(of("acme/payments:1"), "image-1");
        assert_eq!(of("acme/docker"), "image-1-docker");
    }
}
