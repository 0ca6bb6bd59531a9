//! A log read line by line: what each line adds to what is known, and what it takes back.

use super::statement::{Statement, statements};
use super::{JOB_SUCCEEDED, Pattern, Symptom, Symptoms, line};
use std::collections::VecDeque;

/// How many statements before a line are its context.
const CONTEXT: usize = 8;
/// A shorter line was not cut by a terminal or a form.
const WRAPPED: usize = 40;
/// More of a line than this is not joined to the next.
const LONGEST_JOINED: usize = 4 << 10;

/// A symptom in a line.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    pub(crate) symptom: &'a Symptom,
    /// The line, fit to be shown.
    pub(crate) text: String,
}

/// What a line means.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    Found(Found<'a>),
    /// Symptoms that this recovery takes back no longer count.
    Recovered(&'a str),
}

impl Event<'_> {
    /// Whether a symptom found before no longer counts.
    pub(crate) fn takes_back(&self, symptom: &Symptom) -> bool {
        match self {
            Event::Found(_) => false,
            Event::Recovered(name) => {
                *name == JOB_SUCCEEDED || symptom.taken_back_by.iter().any(|by| by == name)
            }
        }
    }
}

/// The context of the line that comes next.
pub(crate) struct Scan<'a> {
    symptoms: &'a Symptoms,
    before: VecDeque<String>,
    /// The last of these is no quotation, so that the next line may be its rest.
    stated: bool,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(symptoms: &'a Symptoms) -> Self {
        Scan {
            symptoms,
            before: VecDeque::new(),
            stated: false,
        }
    }

    pub(crate) fn line(&mut self, bytes: &[u8]) -> Vec<Event<'a>> {
        let text = line::text(bytes);
        let mut events = Vec::new();
        for statement in statements(&text) {
            if !statement.quotes {
                self.found(&statement, &mut events);
                let recovered = self.symptoms.recovered(&statement.text);
                events.extend(recovered.into_iter().map(Event::Recovered));
            }
            self.stated = !statement.quotes;
            if self.before.len() == CONTEXT {
                self.before.pop_front();
            }
            self.before.push_back(statement.text);
        }
        events
    }

    fn found(&self, statement: &Statement, events: &mut Vec<Event<'a>>) {
        let symptoms = self.symptoms;
        let mut note = |text: &str, beyond: usize| {
            let fits = |symptom: &Symptom| {
                (symptom.at_info || !statement.informs) && self.fits(symptom, text)
            };
            for (symptom, place) in symptoms.matches(text, fits) {
                if place.end > beyond {
                    let text = line::excerpt(text, &symptom.pattern);
                    events.push(Event::Found(Found { symptom, text }));
                }
            }
            !events.is_empty()
        };
        if note(&statement.text, 0) {
            return;
        }
        // The line may be the rest of the one before.
        let Some(last) = self.before.back().filter(|_| self.stated) else {
            return;
        };
        if (WRAPPED..LONGEST_JOINED).contains(&last.len())
            && statement.text.len() < LONGEST_JOINED
            && symptoms.matches(last, |_| true).is_empty()
        {
            let _ = note(&format!("{last} {}", statement.text), last.len() + 1)
                || note(&format!("{last}{}", statement.text), last.len());
        }
    }

    /// Whether the line and those before it are the symptom's context.
    fn fits(&self, symptom: &Symptom, text: &str) -> bool {
        let matches = |pattern: &Pattern, text: &str| {
            let regex = pattern.regex();
            regex.is_some_and(|regex| regex.is_match(text.as_bytes()))
        };
        let before = |pattern: &Pattern| self.before.iter().any(|line| matches(pattern, line));
        let ruled_out = |unless: &Pattern| matches(unless, text) || before(unless);
        symptom.after.as_ref().is_none_or(before) && !symptom.unless.as_ref().is_some_and(ruled_out)
    }
}
