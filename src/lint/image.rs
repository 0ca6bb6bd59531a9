//! An image as a file names it: with variables in its registry, its version or its name.

use crate::facts::versions::ImageRef;

/// What a variable or a template's word begins with.
const MARKS: [&str; 5] = ["$", "{{", "<%", "__", "@@"];

/// Whether a text is not whole: something is put in where it is used.
pub(super) fn has_variable(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether its name or its version is not told; a registry that is not told changes nothing.
pub(super) fn is_unresolved(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    // `{{ a/b }}` has no parts.
    has_variable(last) || image.matches("{{").count() != image.matches("}}").count()
}

/// Whether Docker's own entrypoint starts its dockerd: Docker's image, or a mirror of it by name and tag.
pub(super) fn is_dockers(image: &str) -> bool {
    let reference = ImageRef::parse(image);
    let dind = reference.tag.is_some_and(|tag| tag.contains("dind"));
    reference.is_official_docker() || reference.may_mirror_docker() && dind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_may_be_a_variable() {
        for (image, unresolved, dockers) in [
            ("docker:24-dind", false, true),
            ("${PREFIX}/docker:24.0.7-dind", false, true),
            ("$REGISTRY/hub/docker:24-dind", false, true),
            ("docker:${VERSION}-dind", true, true),
            ("docker:$VERSION", true, true),
            ("$DIND_IMAGE", true, false),
            ("{{ .Values.image }}:{{ .Values.tag }}", true, false),
            ("mirror.example/docker:24-dind", false, true),
            ("team/docker:24", false, false),
            ("team/docker:24-dind", false, false),
            ("team/docker-with-ca:24-dind", false, false),
        ] {
            assert_eq!(is_unresolved(image), unresolved, "{image}");
            assert_eq!(is_dockers(image), dockers, "{image}");
        }
    }
}
