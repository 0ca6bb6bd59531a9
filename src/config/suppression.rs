//! Suppressed findings, with a reason and an optional end date.

use super::Config;
use super::pattern::matches;
use crate::checks::fault::{Fault, Place, Source};
use crate::diagnosis::{Finding, Suppressed, Suppression};
use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Today, in UTC.
pub(crate) fn today() -> Date {
    Offset::UTC.to_datetime(Timestamp::now()).date()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenRule {
    check: Spanned<String>,
    runner: Option<String>,
    engine: Option<String>,
    subject: Option<String>,
    until: Option<Spanned<String>>,
    reason: Spanned<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) check: String,
    runner: Option<String>,
    engine: Option<String>,
    subject: Option<String>,
    /// The last day on which it applies.
    until: Option<Date>,
    reason: String,
    pub(super) place: Place,
}

impl Rule {
    pub(super) fn read(written: &WrittenRule, source: Source) -> Result<Rule, Fault> {
        let fault = |at: &serde_saphyr::Location, what: &str, advice: &str| Fault {
            what: what.to_owned(),
            place: source.place(at.line(), at.column()),
            advice: advice.to_owned(),
        };
        let reason = written.reason.value.trim();
        if reason.is_empty() {
            let at = &written.reason.referenced;
            return Err(fault(
                at,
                "a suppression without a reason",
                "add `reason:` with why the finding is acceptable",
            ));
        }
        let until = match &written.until {
            None => None,
            Some(until) => Some(until.value.trim().parse().map_err(|_| {
                let what = format!("invalid date `until: {}`", until.value);
                fault(&until.referenced, &what, "write a date like 2027-01-31")
            })?),
        };
        let at = &written.check.referenced;
        Ok(Rule {
            check: written.check.value.clone(),
            runner: written.runner.clone(),
            engine: written.engine.clone(),
            subject: written.subject.clone(),
            until,
            reason: reason.to_owned(),
            place: source.place(at.line(), at.column()),
        })
    }

    fn is_about(&self, finding: &Finding) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| matches(pattern, text))
        };
        self.check == finding.check
            && fits(&self.runner, &finding.runner)
            && fits(&self.engine, finding.engine.as_deref().unwrap_or_default())
            && fits(&self.subject, &finding.subject)
    }

    fn ended(&self, today: Date) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl Config {
    /// The suppressions that match none of these findings, by their checks and places.
    pub(crate) fn unmatched<'a>(
        &'a self,
        findings: impl Iterator<Item = &'a Finding> + Clone,
    ) -> impl Iterator<Item = (&'a str, &'a Place)> {
        let idle = move |rule: &&Rule| !findings.clone().any(|finding| rule.is_about(finding));
        let rules = self.rules.iter().filter(idle);
        rules.map(|rule| (rule.check.as_str(), &rule.place))
    }

    /// Splits findings into active and suppressed ones. A finding whose suppression has expired is
    /// active again, and is marked so.
    pub(crate) fn suppress(
        &self,
        findings: Vec<Finding>,
        today: Date,
    ) -> (Vec<Finding>, Vec<Suppressed>) {
        let mut counting = Vec::new();
        let mut suppressed = Vec::new();
        for mut finding in findings {
            let mut rules = self.rules.iter().filter(|rule| rule.is_about(&finding));
            // One that still applies takes precedence over an expired one.
            let rule = rules
                .clone()
                .find(|rule| !rule.ended(today))
                .or_else(|| rules.next());
            match rule {
                None => counting.push(finding),
                Some(Rule {
                    until: Some(until),
                    reason,
                    place,
                    ..
                }) if *until < today => {
                    let said = format!(
                        " (suppression in {}:{} expired on {until}: {reason})",
                        place.file, place.line
                    );
                    finding.message.push_str(&said);
                    counting.push(finding);
                }
                Some(rule) => suppressed.push(Suppressed {
                    finding,
                    suppression: Suppression {
                        reason: rule.reason.clone(),
                        until: rule.until.map(|until| until.to_string()),
                        place: format!("{}:{}", rule.place.file, rule.place.line),
                    },
                }),
            }
        }
        (counting, suppressed)
    }
}
