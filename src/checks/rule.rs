//! A parsed check file, with its expressions compiled against the known facts.

use super::case::Case;
use super::definition::{Definition, Milder, Stage, WrittenProbe};
use super::expression::{Expression, Variables};
use super::fault::{Fault, Place, Refusal, Source};
use super::section::Section;
use super::symptom;
use super::template::Template;
use super::vocabulary;
use crate::diagnosis::Severity;
use crate::evidence::{Layer, Probe};
use crate::facts::Origin;
use crate::remedy::WantKind;
use crate::symptoms::Symptom;
use serde_saphyr::{Location, Spanned};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
pub struct Check {
    pub id: String,
    /// The healthy fact, in a sentence.
    pub title: String,
    pub severity: Severity,
    pub stage: Stage,
    /// The folder of its file.
    pub group: String,
    /// The patterns of log lines that point to it.
    pub symptoms: Vec<Symptom>,
    /// Its log lines show that something failed, but not why.
    pub(crate) consequence: bool,
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
    pub(super) caused_by: Vec<String>,
    pub(super) explains: Option<Template>,
    /// The command that it runs to get facts, and where that is written.
    pub(super) probe: Option<(Probe, Place)>,
    /// What must become true, the best fix first.
    pub(super) remedy: Vec<(WantKind, Template)>,
    /// The origins of the facts that its verdict uses.
    pub(super) origins: BTreeSet<Origin>,
    pub(super) built_in: bool,
    /// The checks that it refers to, and where.
    pub(super) names: Vec<(String, Place)>,
}

impl Check {
    /// The rule as written: true when `it` is at fault.
    pub fn rule(&self) -> &str {
        self.fails_when.source()
    }

    /// Which runners it applies to, as written.
    pub fn applies_when(&self) -> Option<&str> {
        self.applies_when.as_ref().map(Expression::source)
    }

    /// Whether `proven_when` reads this fact.
    pub(crate) fn proven_reads(&self, path: &str) -> bool {
        self.proven_when
            .as_ref()
            .is_some_and(|when| when.reads(path))
    }

    pub fn proven_when(&self) -> Option<&str> {
        self.proven_when.as_ref().map(Expression::source)
    }

    /// The command that it runs in every runner.
    pub fn command(&self) -> Option<&str> {
        self.probe.as_ref().map(|(probe, _)| probe.command.as_str())
    }

    /// Whether its verdict uses facts of this origin.
    pub fn reads(&self, origin: Origin) -> bool {
        self.origins.contains(&origin)
    }

    /// The checks whose fix also removes its findings.
    pub fn causes(&self) -> &[String] {
        &self.caused_by
    }

    pub(super) fn parse(source: Source, id: &str, group: &str) -> Result<Check, Fault> {
        let definition: Definition = serde_saphyr::from_str(source.text).map_err(|error| {
            let advice = "see checks/README.md for the fields of a check file";
            source.unreadable(&error, "not a check", advice)
        })?;
        let compiler = Compiler {
            source,
            variables: vocabulary::variables(&definition),
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
            for name in root.value.names() {
                let (line, column) = (root.referenced.line(), root.referenced.column());
                names.push((name.clone(), self.source.find(line, column, name)));
            }
        }
        let (symptoms, others) = symptom::compile(
            self.source,
            &definition.id.value,
            &definition.symptoms,
            &definition.taken_back_by,
        )?;
        names.extend(others);
        let mut remedy = Vec::new();
        for (want, value) in &definition.remedy.0 {
            remedy.push((*want, self.want(*want, value)?));
        }
        let applies_when = match &definition.applies_when {
            Some(condition) => Some(self.about_runner(condition)?),
            None => None,
        };
        let fails_when = self.expression(&definition.fails_when)?;
        let proven_when = match &definition.proven_when {
            Some(condition) => Some(self.expression(condition)?),
            None => None,
        };
        let milder = match &definition.milder {
            Some(milder) => Some(self.milder(milder, definition.severity)?),
            None => None,
        };
        let conditions = [&applies_when, &proven_when].into_iter().flatten();
        let conditions = conditions.chain(milder.iter().map(|(_, when)| when));
        let origins = vocabulary::origins(&definition, conditions.chain([&fails_when]));
        Ok(Check {
            origins,
            applies_when,
            fails_when,
            proven_when,
            milder,
            subject,
            finding: self.template(&definition.finding)?,
            also,
            caused_by: definition
                .caused_by
                .as_ref()
                .map(|root| root.value.names().to_vec())
                .unwrap_or_default(),
            explains: match &definition.explains {
                Some(reason) => Some(self.template(reason)?),
                None => None,
            },
            probe: match &definition.probe {
                Some(probe) => Some(self.probe(probe, &definition)?),
                None => None,
            },
            symptoms,
            consequence: definition.consequence,
            remedy,
            built_in: false,
            names,
            cases: definition.cases.into_iter().map(Case::from).collect(),
            id: definition.id.value,
            title: definition.title,
            severity: definition.severity,
            stage: definition.stage.unwrap_or(Stage::of(definition.severity)),
            group: group.to_owned(),
            why: definition.why.trim_end().to_owned(),
            references: definition.references,
            file: self.source.file.to_owned(),
            needs: definition.needs.value,
            for_each: definition.for_each.value,
        })
    }

    /// The id must match the file's name, and `needs` must include the section of `for_each`.
    fn agree_with_place(&self, definition: &Definition, id: &str) -> Result<(), Fault> {
        self.source.must_be_called(&definition.id, id)?;
        let section = definition.for_each.value;
        if !definition.needs.value.contains(&section) {
            return Err(Fault {
                what: format!("`for_each: {section}` without `{section}` in `needs`"),
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
                what: "`milder.severity` is not lower than `severity`".into(),
                place: self.place(&milder.when.referenced),
                advice: "severities, from low to high: info, warning, error".into(),
            });
        }
        Ok((milder.severity, when))
    }

    /// A constant value is validated here, any other when it is rendered.
    fn want(&self, want: WantKind, value: &Spanned<String>) -> Result<Template, Fault> {
        let template = self.template(value)?;
        let constant = template.constant().filter(|text| !text.is_empty());
        match constant.map(|text| (text, want.with(text))) {
            Some((text, Err(expected))) => Err(Fault {
                what: format!("`{}` cannot be `{text}`", want.name()),
                place: self.place(&value.referenced),
                advice: format!("write {expected}"),
            }),
            _ => Ok(template),
        }
    }

    /// The probe's layer must fit the section of `for_each`.
    fn probe(
        &self,
        written: &WrittenProbe,
        definition: &Definition,
    ) -> Result<(Probe, Place), Fault> {
        let fault = |what: String, location: &Location, advice: &str| Fault {
            what,
            place: self.place(location),
            advice: advice.to_owned(),
        };
        let section = definition.for_each.value;
        let layer = written.layer.value;
        let fits: &[Section] = match layer {
            Layer::Pod => &[],
            Layer::Engine => &[Section::Engines, Section::Networks, Section::Builds],
            Layer::Container => &[Section::Builds],
        };
        if !fits.is_empty() && !fits.contains(&section) {
            return Err(fault(
                format!("a probe in each {layer} does not apply to {section}"),
                &written.layer.referenced,
                match layer {
                    Layer::Container => "write `for_each: builds`",
                    _ => "write `for_each: engines`, networks or builds",
                },
            ));
        }
        let command = written.run.value.trim();
        let visible = |c: char| !c.is_control() || c == '\n' || c == '\t';
        if command.is_empty() || command.len() > 4096 || !command.chars().all(visible) {
            return Err(fault(
                "the probe has no valid command".to_owned(),
                &written.run.referenced,
                "write a command for `sh -c` of at most 4096 bytes",
            ));
        }
        let probe = Probe {
            check: definition.id.value.clone(),
            layer,
            command: command.to_owned(),
        };
        Ok((probe, self.place(&written.run.referenced)))
    }

    fn expression(&self, source: &Spanned<String>) -> Result<Expression, Fault> {
        Expression::compile(source.value.trim(), &self.variables)
            .map_err(|refusal| self.fault(refusal, &source.referenced))
    }

    fn about_runner(&self, source: &Spanned<String>) -> Result<Expression, Fault> {
        Expression::compile(source.value.trim(), &vocabulary::about_runner())
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
