//! Image references in files, with variables in the registry, name or version.

use crate::facts::versions::ImageRef;

/// The start of a variable or a template placeholder.
const MARKS: [&str; 5] = ["$", "{{", "<%", "__", "@@"];

/// Whether a text contains a variable that is substituted later.
pub(super) fn has_variable(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Whether the name or the version is unresolved; an unresolved registry makes no difference.
pub(super) fn is_unresolved(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    // The slash in `{{ a/b }}` does not separate parts.
    has_variable(last) || image.matches("{{").count() != image.matches("}}").count()
}

/// Whether Docker's own entrypoint starts dockerd: Docker's image, or a mirror judging by name and tag.
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
