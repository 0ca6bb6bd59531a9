//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that a person probably meant, if one is near enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near_enough = (word.chars().count() / 3).max(1);
    let distance = |candidate: &str| strsim::osa_distance(&word, &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (distance(candidate), candidate))
        .filter(|(distance, _)| *distance <= near_enough)
        .min()
        .map(|(_, candidate)| candidate)
}

/// «did you mean `x`?», or else the words there are.
pub(crate) fn advise(word: &str, prefix: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{prefix}{candidate}`?"),
        None => {
            let known: Vec<_> = candidates.iter().map(|c| format!("{prefix}{c}")).collect();
            format!("known: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = ["mtu", "name", "carrier", "engine_mtu"];
        assert_eq!(nearest("mut", known), Some("mtu"));
        assert_eq!(nearest("carier", known), Some("carrier"));
        assert_eq!(nearest("engin_mtu", known), Some("engine_mtu"));
        assert_eq!(nearest("color", known), None);
    }
}
