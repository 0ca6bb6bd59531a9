//! `fix`: prints what cures the findings; it changes nothing itself.

use super::{Exit, source, tell, write_out};
use crate::check::{Library, judge};
use crate::cli::{Fix, FixFormat};
use crate::diagnosis::{Diagnosis, Finding, Place, SCHEMA, Severity, Site};
use crate::evidence::{Evidence, Owner, Unobserved};
use crate::fix::{self, File, Kubectl, Mended, Prescription};
use crate::remedy::{self, Part, Plan, place, yaml};
use crate::report::clean;
use crate::target::kubernetes::Cluster;
use crate::target::object::resource;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Objects that come of objects: no chain is longer.
const GENERATIONS: usize = 4;

pub fn run(options: &Fix) -> Result<Exit> {
    let mut files: Vec<File> = options
        .files
        .iter()
        .map(|file| File::read(file))
        .collect::<Result<_>>()?;
    let Examined { diagnosis, owners } = examine(options)?;
    if diagnosis.incomplete.as_deref() == Some(source::INTERRUPTED) {
        return Ok(Exit::Interrupted);
    }
    if let Some(exit) = nothing_to_fix(&diagnosis) {
        return Ok(exit);
    }
    let Plan { mut parts, left } = remedy::plan(&diagnosis.findings, &options.prefer);
    let mut left: Vec<(&Finding, String)> = left.into_iter().map(|f| (f, by_hand(f))).collect();
    let mut objects = HashMap::new();
    if is_live(options) {
        objects = source::with_cluster(&options.source, async |cluster| {
            resolve(&cluster, &mut parts, &owners).await
        })?;
    }
    let mut sheets = Sheets::new(options, &objects);
    for prescription in fix::prescriptions(parts) {
        left.extend(sheets.add(&prescription, &mut files)?);
    }
    sheets.add_files(&files, options);
    sheets.print(options)?;
    Ok(tell_left(&left, sheets.is_empty()))
}

struct Examined {
    diagnosis: Diagnosis,
    /// Who made each runner's pod, by the runner's name.
    owners: HashMap<String, Owner>,
}

fn examine(options: &Fix) -> Result<Examined> {
    if let Some(file) = &options.report {
        let name = file.display();
        let text = source::read(file)?;
        let diagnosis: Diagnosis = serde_json::from_str(&text).with_context(|| {
            format!("{name} is no report of runner-doctor: write one with `runner-doctor check -o json --output-file {name}`")
        })?;
        if diagnosis.schema != SCHEMA {
            bail!(
                "{name} is a report of another kind, {}: write one with `runner-doctor check -o json`, of this version",
                clean(&diagnosis.schema)
            );
        }
        return Ok(Examined {
            diagnosis,
            owners: HashMap::new(),
        });
    }
    let checks = &options.checks;
    let library = Library::load(&checks.checks_dir)?.select(&checks.only, &checks.skip)?;
    let evidence: Evidence = source::evidence(&options.source)?;
    let judgement = judge(&library, &evidence);
    for defect in &judgement.defects {
        tracing::warn!("{defect}");
    }
    let owners = evidence.runners.iter();
    let owners = owners
        .filter_map(|r| Some((r.full_name(), r.owner.clone()?)))
        .collect();
    let fail_on = Some(Severity::Error);
    let diagnosis = Diagnosis::new(&evidence, judgement.findings, judgement.unknowns, fail_on);
    Ok(Examined { diagnosis, owners })
}

fn nothing_to_fix(diagnosis: &Diagnosis) -> Option<Exit> {
    if !diagnosis.findings.is_empty() {
        return None;
    }
    if diagnosis.runners.is_empty() {
        tell(
            "runner-doctor: no runner was found, so there is nothing to fix: name pods, or choose a namespace with -n or -A",
        );
        return Some(Exit::CouldNotExamine);
    }
    let unseen = diagnosis.runners.iter().any(|runner| runner.unseen);
    if unseen || diagnosis.incomplete.is_some() {
        tell(
            "runner-doctor: not everything could be seen, and in what could be, nothing is to fix: `runner-doctor check` gives the reasons",
        );
        return Some(Exit::CouldNotExamine);
    }
    let unknown = match diagnosis.unknowns.len() {
        0 => String::new(),
        count => format!(" ({count} unknown: `runner-doctor check` gives the reasons)"),
    };
    tell(&format!("nothing to fix: no check finds anything{unknown}"));
    Some(Exit::Fine)
}

/// The cluster is asked for its objects only where it was asked for the evidence.
fn is_live(options: &Fix) -> bool {
    let source = &options.source;
    options.report.is_none() && source.evidence.is_none() && source.demo.is_none()
}

type Objects = HashMap<(String, String, String), Result<Value, Unobserved>>;

fn key(place: &Place) -> (String, String, String) {
    (
        place.kind.clone(),
        place.namespace.clone(),
        place.name.clone(),
    )
}

/// Reads the object behind each part, and whatever that is the product of.
async fn resolve(
    cluster: &Cluster,
    parts: &mut [Part<'_>],
    owners: &HashMap<String, Owner>,
) -> Objects {
    let mut objects = Objects::new();
    for part in parts {
        let start = part
            .findings
            .first()
            .and_then(|finding| owners.get(&finding.runner));
        let at = &mut part.change.place;
        if !matches!(at.site, Site::Manifest | Site::BitbucketAutoscaler) {
            continue;
        }
        // The pod's own owner is known for sure, what made that only by its name.
        if let Some(owner) = start.filter(|owner| resource(&owner.kind).is_some()) {
            (at.kind, at.name) = (owner.kind.clone(), owner.name.clone());
        }
        for _ in 0..GENERATIONS {
            if let Entry::Vacant(unread) = objects.entry(key(at)) {
                unread.insert(cluster.object(&at.kind, &at.namespace, &at.name).await);
            }
            let Some(Ok(object)) = objects.get(&key(at)) else {
                break;
            };
            match fix::controller(object) {
                Some(owner) if resource(&owner.kind).is_some() => {
                    (at.kind, at.name) = (owner.kind, owner.name);
                    at.site = Site::Manifest;
                }
                Some(owner) => {
                    *at = place::of_owner(&at.namespace, &owner);
                    break;
                }
                None => {
                    if fix::is_autoscaled(object) {
                        at.site = Site::BitbucketAutoscaler;
                    }
                    break;
                }
            }
        }
    }
    objects
}

/// What is printed, as it comes together.
struct Sheets<'a> {
    format: FixFormat,
    kubectl: Kubectl,
    live: &'a Objects,
    saved: Option<&'a std::path::Path>,
    /// Files have their say instead of the cluster.
    from_files: bool,
    offline: bool,
    objects: Vec<String>,
    notes: Vec<String>,
    others: Vec<String>,
}

type Left<'a> = Vec<(&'a Finding, String)>;

impl<'a> Sheets<'a> {
    fn new(options: &'a Fix, live: &'a Objects) -> Self {
        let source = &options.source;
        let flags = [
            source
                .kubeconfig
                .as_ref()
                .map(|file| format!(" --kubeconfig {}", fix::quoted(&file.to_string_lossy()))),
            source
                .context
                .as_ref()
                .map(|context| format!(" --context {}", fix::quoted(context))),
        ];
        Sheets {
            format: options.output,
            kubectl: Kubectl {
                flags: flags.into_iter().flatten().collect(),
            },
            live,
            saved: options.output_file.as_deref(),
            from_files: !options.files.is_empty(),
            offline: !is_live(options),
            objects: Vec::new(),
            notes: Vec::new(),
            others: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.others.is_empty()
    }

    /// One place's changes; what could not be made is left.
    fn add<'f>(&mut self, prescription: &Prescription<'f>, files: &mut [File]) -> Result<Left<'f>> {
        let Some(first) = prescription.parts.first() else {
            return Ok(Vec::new());
        };
        let found = files
            .iter_mut()
            .find_map(|file| file.find(&first.change).map(|at| (file, at)));
        match (found, first.is_object()) {
            (Some((file, at)), _) if first.change.place.site != Site::BitbucketPipelines => {
                self.add_in_file(prescription, file, at)
            }
            (Some((file, at)), _) => {
                for part in &prescription.parts {
                    file.edit(
                        at,
                        &[fix::service_image(&remedy::service_image(&part.change))],
                    )?;
                    self.others.push(fix::other(part));
                }
                Ok(Vec::new())
            }
            (None, true) if !first.change.place.is_well_named() => {
                let why = "its names are none that Kubernetes gives, so no command is made of them";
                Ok(prescription
                    .findings()
                    .map(|f| (f, why.to_owned()))
                    .collect())
            }
            (None, true) if self.from_files => Ok(self.not_in_files(prescription)),
            (None, true) => self.add_object(prescription),
            (None, false) => {
                self.others
                    .extend(prescription.parts.iter().map(fix::other));
                Ok(Vec::new())
            }
        }
    }

    fn not_in_files<'f>(&self, prescription: &Prescription<'f>) -> Left<'f> {
        let Place { kind, name, .. } = &prescription.place;
        let why = format!("no file holds {kind} {name}: name the one that does with -f");
        prescription.findings().map(|f| (f, why.clone())).collect()
    }

    fn add_in_file<'f>(
        &mut self,
        prescription: &Prescription<'f>,
        file: &mut File,
        at: usize,
    ) -> Result<Left<'f>> {
        let mended = fix::mend(prescription, file.object(at).cloned());
        if !mended.edits.is_empty() {
            match self.format {
                FixFormat::Patch => self.add_patch(&mended, None),
                FixFormat::Yaml | FixFormat::Diff => {
                    file.edit(at, &mended.edits)?;
                    self.note(&mended, Some(file));
                }
            }
        }
        Ok(refused(&mended))
    }

    fn add_object<'f>(&mut self, prescription: &Prescription<'f>) -> Result<Left<'f>> {
        let place = &prescription.place;
        let Place {
            kind,
            namespace,
            name,
            ..
        } = place;
        let live = match self.live.get(&key(place)) {
            Some(Ok(object)) => Some(object),
            Some(Err(reason)) if self.format != FixFormat::Patch => {
                bail!("cannot print {kind} {namespace}/{name}: {reason}; or name its file with -f")
            }
            _ => None,
        };
        if live.is_none() && self.format != FixFormat::Patch {
            bail!(
                "cannot print {kind} {namespace}/{name}: {} does not hold it; name its file with -f, or print a patch (-o patch)",
                if self.offline {
                    "the recording"
                } else {
                    "the cluster"
                }
            );
        }
        let mended = fix::mend(prescription, live.map(fix::manifest));
        if mended.edits.is_empty() {
            return Ok(refused(&mended));
        }
        if self.format == FixFormat::Patch {
            if let Some(secret) = mended.secret_in_patch() {
                let why = format!(
                    "the patch would show what looks like a secret ({}): correct the manifest's file (-f FILE -o yaml)",
                    clean(&secret)
                );
                return Ok(prescription.findings().map(|f| (f, why.clone())).collect());
            }
            if !fix::is_plain(&mended.patch(live)) {
                let why = "its arguments hold characters that a terminal would obey: correct the manifest's file (-f FILE -o yaml)";
                return Ok(prescription
                    .findings()
                    .map(|f| (f, why.to_owned()))
                    .collect());
            }
            self.add_patch(&mended, live);
            return Ok(refused(&mended));
        }
        if !fix::is_plain(&mended.after) {
            bail!(
                "cannot print {kind} {namespace}/{name}: it holds characters that a terminal would obey; correct its file (-f FILE)"
            );
        }
        if let Some(secret) = fix::secret(&mended.after, kind) {
            bail!(
                "cannot print {kind} {namespace}/{name}: it holds what looks like a secret ({}); correct its file (-f FILE), or print a patch, which holds only what changes (-o patch)",
                clean(&secret)
            );
        }
        let (before, after) = (yaml::write(&mended.before), yaml::write(&mended.after));
        self.objects.push(match self.format {
            FixFormat::Diff => fix::unified(&before, &after, &format!("{kind}/{namespace}/{name}")),
            _ => after,
        });
        self.note(&mended, None);
        Ok(refused(&mended))
    }

    fn add_patch(&mut self, mended: &Mended, live: Option<&Value>) {
        let sheet = fix::patch_sheet(mended, live, &self.kubectl, self.saved);
        self.objects.push(sheet);
    }

    /// Beside a manifest or a difference, what is wrong and how to apply it go to people.
    fn note(&mut self, mended: &Mended, file: Option<&File>) {
        let alone = file.is_none_or(File::is_one_object);
        let (step, name) = match (self.format, self.saved, file) {
            (FixFormat::Diff, _, Some(file)) => (
                "Make this change, then run:",
                file.path.display().to_string(),
            ),
            (FixFormat::Diff, _, None) => (
                "Make this change in its manifest, then run:",
                "FILE".to_owned(),
            ),
            (_, Some(saved), _) => ("Then run:", saved.display().to_string()),
            (_, None, _) => ("Save what is printed as FILE and run:", "FILE".to_owned()),
        };
        let mut lines = fix::notes(mended);
        lines.extend(fix::apply(&mended.place, &self.kubectl, step, &name, alone));
        self.notes.push(lines.join("\n"));
    }

    /// Files that were edited, once all edits are made.
    fn add_files(&mut self, files: &[File], options: &Fix) {
        for file in files {
            let (before, after) = (&file.text, file.edited());
            if *before == after {
                continue;
            }
            self.objects.push(match options.output {
                FixFormat::Diff => fix::unified(before, &after, &file.path.display().to_string()),
                FixFormat::Yaml => after,
                FixFormat::Patch => continue,
            });
        }
    }

    fn print(&self, options: &Fix) -> Result<()> {
        let separator = match self.format {
            FixFormat::Diff => "",
            _ => "---\n",
        };
        let mut text = self.objects.join(separator);
        let others = self.others.join("\n");
        match (self.format, text.is_empty()) {
            (_, true) => text = others,
            (FixFormat::Patch, false) if !others.is_empty() => {
                let lines: Vec<String> = others.trim_end().lines().map(str::to_owned).collect();
                text.push_str("\n# And what no object of the cluster holds:\n#\n");
                text.push_str(&fix::comments(&lines));
            }
            _ => {}
        }
        if self.format != FixFormat::Patch {
            self.notes
                .iter()
                .for_each(|note| tell(&format!("{note}\n")));
            if !self.objects.is_empty() && !self.others.is_empty() {
                tell(&format!(
                    "And what no object of the cluster holds:\n\n{}",
                    self.others.join("\n")
                ));
            }
        }
        if self.format == FixFormat::Patch && self.objects.len() > 1 {
            tell(&format!(
                "runner-doctor: {} patches, and kubectl takes one a file: save each by itself, or name one pod",
                self.objects.len()
            ));
        }
        if text.is_empty() {
            return Ok(());
        }
        write_out(&text, options.output_file.as_deref())
    }
}

fn refused<'f>(mended: &Mended<'f>) -> Left<'f> {
    let refused = mended.refused.iter();
    refused
        .flat_map(|(part, why)| part.findings.iter().map(move |f| (*f, why.clone())))
        .collect()
}

/// What people can do where a program cannot.
fn by_hand(finding: &Finding) -> String {
    match finding.remedies.first() {
        Some(remedy) => format!("{} (`runner-doctor check` prints it)", remedy.title),
        None => format!("see `runner-doctor explain {}`", finding.check),
    }
}

/// Tells of what is left, and how it ends.
fn tell_left(left: &[(&Finding, String)], nothing_printed: bool) -> Exit {
    for (finding, why) in left {
        let severity = format!("{:?}", finding.severity).to_lowercase();
        let text = format!(
            "not fixed: {severity} {} ({}): {why}",
            finding.check, finding.runner
        );
        tell(&clean(&text));
    }
    let worst = left.iter().map(|(finding, _)| finding.severity).max();
    match worst {
        Some(Severity::Error) => Exit::Findings,
        _ => {
            if nothing_printed {
                tell("nothing to fix that a change of manifests would cure");
            }
            Exit::Fine
        }
    }
}
