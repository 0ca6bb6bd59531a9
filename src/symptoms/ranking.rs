//! Ranks the known errors in a log by likelihood: causes first, each followed by its consequences.

use super::Symptom;

/// The matches of one symptom in a log.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) symptom: &'a Symptom,
    /// The number of the first such line, from 1.
    pub(crate) first: u64,
    /// That line, cleaned for display.
    pub(crate) text: String,
    /// The number of matching lines, or of pieces of very long ones.
    pub(crate) times: u64,
}

/// One fault that a log points to.
#[derive(Clone, Debug)]
pub(crate) struct Ranked<'a> {
    pub(crate) check: &'a str,
    /// Its earliest line.
    pub(crate) line: &'a Known<'a>,
    pub(crate) times: u64,
    /// Its words match other faults too.
    pub(crate) possible: bool,
    /// The fault in the same log that causes it.
    pub(crate) follows_from: Option<&'a str>,
}

/// How faults depend on each other.
pub(crate) trait Relations {
    /// The faults whose fix also removes this one.
    fn causes(&self, check: &str) -> &[String];
    /// Its lines show that something failed, but not why.
    fn is_consequence(&self, check: &str) -> bool;
}

/// The faults that a log points to, the likeliest cause first.
pub(crate) fn rank<'a>(known: &'a [Known<'a>], relations: &'a impl Relations) -> Vec<Ranked<'a>> {
    let mut ranked: Vec<Ranked> = Vec::new();
    let (certain, possible): (Vec<_>, Vec<_>) =
        known.iter().partition(|known| known.symptom.or.is_empty());
    for line in certain {
        add(&mut ranked, &line.symptom.check, line, false);
    }
    for line in possible {
        let others = line.symptom.or.iter();
        for check in std::iter::once(&line.symptom.check).chain(others) {
            add(&mut ranked, check, line, true);
        }
    }
    let certain: Vec<&str> = ranked
        .iter()
        .filter(|row| !row.possible)
        .map(|row| row.check)
        .collect();
    let named = |check: &str| {
        // A line may name its effect even if it matches several faults itself.
        let by_fault = relations.causes(check).iter().map(String::as_str);
        let by_line = known
            .iter()
            .filter(|line| line.symptom.causes.iter().any(|effect| effect == check));
        let certain = |cause: &&str| certain.contains(cause);
        by_fault
            .filter(certain)
            .chain(by_line.map(|line| line.symptom.check.as_str()))
            .next()
    };
    let is_root = |check: &&str| !relations.is_consequence(check) && named(check).is_none();
    let root = certain.iter().copied().find(is_root);
    for row in &mut ranked {
        let root = root.filter(|_| !row.possible && relations.is_consequence(row.check));
        row.follows_from = named(row.check).or(root);
    }
    ordered(ranked)
}

/// Several symptoms of one fault become one row, with the earliest line.
fn add<'a>(ranked: &mut Vec<Ranked<'a>>, check: &'a str, line: &'a Known<'a>, possible: bool) {
    match ranked.iter_mut().find(|row| row.check == check) {
        Some(row) => {
            if row.possible == possible && line.first < row.line.first {
                row.line = line;
            }
            row.times += line.times;
        }
        None => ranked.push(Ranked {
            check,
            line,
            times: line.times,
            possible,
            follows_from: None,
        }),
    }
}

/// Causes in the order of their lines, the certain ones first; each followed by its consequences.
fn ordered(mut rows: Vec<Ranked>) -> Vec<Ranked> {
    // Candidates on one line keep the author's order, so the sort must be stable.
    rows.sort_by_key(|row| (row.possible, row.line.first));
    let (mut ordered, mut rest): (Vec<Ranked>, Vec<Ranked>) =
        rows.into_iter().partition(|row| row.follows_from.is_none());
    while !rest.is_empty() {
        let place = |row: &Ranked, ordered: &[Ranked]| {
            ordered.iter().rposition(|above| {
                Some(above.check) == row.follows_from || above.follows_from == row.follows_from
            })
        };
        let Some(next) = rest.iter().position(|row| place(row, &ordered).is_some()) else {
            ordered.append(&mut rest);
            break;
        };
        let row = rest.remove(next);
        let at = place(&row, &ordered).map_or(ordered.len(), |at| at + 1);
        ordered.insert(at, row);
    }
    ordered
}
