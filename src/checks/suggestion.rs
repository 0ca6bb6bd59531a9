//! Did you mean: the known word nearest to a mistyped one.

/// The candidate that a person probably meant, if one is near enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near_enough = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
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
            format!("there are: {}", known.join(", "))
        }
    }
}

/// How many letters must be added, dropped, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
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
        assert_eq!(nearest("colour", known), None);
    }
}
