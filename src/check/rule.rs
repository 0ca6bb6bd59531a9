//! A check file that was understood: its expressions compiled against the facts there are.

use super::case::Case;
use super::definition::{Definition, Milder, Section, Want};
use super::expression::{Expression, Variables};
use super::fault::{Fault, Place, Refusal, Source};
use super::shape::Shape;
use super::suggestion::advise;
use super::template::Template;
use crate::diagnosis::Severity;
use crate::evidence::facts::{
    ContainerFacts, EngineFacts, NamespaceFacts, NetworkFacts, PodFacts, RunnerFacts, SecretFacts,
    StepFacts, SubnetFacts,
};
use schemars::schema_for;
use serde_saphyr::{Location, Spanned};
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Check {
    pub id: String,
    /// The healthy fact, in a sentence.
    pub title: String,
    pub severity: Severity,
    /// The folder that its file lies in.
    pub group: String,
    pub why: String,
    pub references: Vec<String>,
    pub cases: Vec<Case>,
    /// The file that it was read from.
    pub file: String,
    pub needs: Vec<Section>,
    pub for_each: Section,
    pub(super) applies_when: Option<Expression>,
    pub(super) fails_when: Expression,
    pub(super) proven_when: Option<Expression>,
    pub(super) milder: Option<(Severity, Expression)>,
    pub(super) subject: Template,
    pub(super) finding: Template,
    pub(super) also: Vec<(String, Template)>,
    pub(super) caused_by: Option<String>,
    pub(super) remedy: BTreeMap<Want, Template>,
    /// The checks that it names, and where.
    pub(super) names: Vec<(String, Place)>,
}

impl Check {
    /// The rule as it is written: when `it` is at fault.
    pub fn rule(&self) -> &str {
        self.fails_when.source()
    }

    pub(super) fn parse(source: Source, id: &str, group: &str) -> Result<Check, Fault> {
        let definition: Definition =
            serde_saphyr::from_str(source.text).map_err(|error| unreadable(source, &error))?;
        let compiler = Compiler {
            source,
            variables: variables(definition.for_each.value),
        };
        compiler.agree_with_place(&definition, id)?;
        compiler.compile(definition, group)
    }
}

struct Compiler<'a> {
    source: Source<'a>,
    variables: Variables,
}

impl Compiler<'_> {
    fn compile(&self, definition: Definition, group: &str) -> Result<Check, Fault> {
        let default_subject = "{it.name}";
        let subject = match &definition.subject {
            Some(subject) => self.template(subject)?,
            None => Template::compile(default_subject, &self.variables)
                .map_err(|refusal| self.fault(refusal, &definition.id.referenced))?,
        };
        let mut also = Vec::new();
        let mut names = Vec::new();
        for addition in &definition.also {
            let name = &addition.when_found;
            also.push((name.value.clone(), self.template(&addition.say)?));
            names.push((name.value.clone(), self.place(&name.referenced)));
        }
        if let Some(root) = &definition.caused_by {
            names.push((root.value.clone(), self.place(&root.referenced)));
        }
        let mut remedy = BTreeMap::new();
        for (want, value) in &definition.remedy {
            remedy.insert(*want, self.template(value)?);
        }
        Ok(Check {
            applies_when: match &definition.applies_when {
                Some(condition) => Some(self.about_runner(condition)?),
                None => None,
            },
            fails_when: self.expression(&definition.fails_when)?,
            proven_when: match &definition.proven_when {
                Some(condition) => Some(self.expression(condition)?),
                None => None,
            },
            milder: match &definition.milder {
                Some(milder) => Some(self.milder(milder, definition.severity)?),
                None => None,
            },
            subject,
            finding: self.template(&definition.finding)?,
            also,
            caused_by: definition.caused_by.map(|root| root.value),
            remedy,
            names,
            cases: definition.cases.into_iter().map(Case::from).collect(),
            id: definition.id.value,
            title: definition.title,
            severity: definition.severity,
            group: group.to_owned(),
            why: definition.why.trim_end().to_owned(),
            references: definition.references,
            file: self.source.file.to_owned(),
            needs: definition.needs.value,
            for_each: definition.for_each.value,
        })
    }

    /// The file's name and its `needs` must say what the check itself says.
    fn agree_with_place(&self, definition: &Definition, id: &str) -> Result<(), Fault> {
        if definition.id.value != id {
            return Err(Fault {
                what: format!("the id `{}` is not the file's name", definition.id.value),
                place: self.place(&definition.id.referenced),
                advice: format!("write `id: {id}`, or rename the file"),
            });
        }
        let section = definition.for_each.value;
        if !definition.needs.value.contains(&section) {
            return Err(Fault {
                what: format!("it goes through the {section} but does not need them"),
                place: self.place(&definition.needs.referenced),
                advice: format!("write `needs: [{section}]`"),
            });
        }
        Ok(())
    }

    fn milder(&self, milder: &Milder, severity: Severity) -> Result<(Severity, Expression), Fault> {
        let when = self.expression(&milder.when)?;
        if milder.severity >= severity {
            return Err(Fault {
                what: "the milder severity is not milder than the severity".into(),
                place: self.place(&milder.when.referenced),
                advice: "severities, from mild to hard: info, warning, error".into(),
            });
        }
        Ok((milder.severity, when))
    }

    fn expression(&self, source: &Spanned<String>) -> Result<Expression, Fault> {
        Expression::compile(source.value.trim(), &self.variables)
            .map_err(|refusal| self.fault(refusal, &source.referenced))
    }

    fn about_runner(&self, source: &Spanned<String>) -> Result<Expression, Fault> {
        let runner = Variables::new([("runner", Shape::of(schema_for!(RunnerFacts)))]);
        Expression::compile(source.value.trim(), &runner)
            .map_err(|refusal| self.fault(refusal, &source.referenced))
    }

    fn template(&self, source: &Spanned<String>) -> Result<Template, Fault> {
        Template::compile(source.value.trim_end_matches('\n'), &self.variables)
            .map_err(|refusal| self.fault(refusal, &source.referenced))
    }

    fn fault(&self, refusal: Refusal, start: &Location) -> Fault {
        Fault {
            place: self
                .source
                .find(start.line(), start.column(), &refusal.words),
            what: refusal.what,
            advice: refusal.advice,
        }
    }

    fn place(&self, location: &Location) -> Place {
        self.source.place(location.line(), location.column())
    }
}

/// What a check's expressions may read when it goes through a section.
fn variables(section: Section) -> Variables {
    let it = match section {
        Section::Networks => schema_for!(NetworkFacts),
        Section::Subnets => schema_for!(SubnetFacts),
        Section::Namespaces => schema_for!(NamespaceFacts),
        Section::Engines => schema_for!(EngineFacts),
        Section::Pods => schema_for!(PodFacts),
        Section::Containers => schema_for!(ContainerFacts),
        Section::Steps => schema_for!(StepFacts),
        Section::Secrets => schema_for!(SecretFacts),
    };
    Variables::new([
        ("it", Shape::of(it)),
        ("runner", Shape::of(schema_for!(RunnerFacts))),
    ])
}

fn unreadable(source: Source, error: &serde_saphyr::Error) -> Fault {
    let (line, column) = error
        .location()
        .map_or((1, 1), |at| (at.line(), at.column()));
    let text = error.without_snippet().to_string();
    let text = text
        .strip_suffix(&format!(" at line {line}, column {column}"))
        .unwrap_or(&text);
    // serde's words for a mistyped name: unknown field `findings`, expected one of id, title …
    let (what, advice) = match text.split_once(", expected one of ") {
        Some((what, known)) => {
            let word = what.split('`').nth(1).unwrap_or_default();
            let known: Vec<&str> = known.split(", ").collect();
            (what, advise(word, "", &known))
        }
        None => (
            text,
            "checks/README.md tells what a check file holds".to_owned(),
        ),
    };
    Fault {
        what: format!("not a check: {what}"),
        place: source.place(line, column),
        advice,
    }
}
