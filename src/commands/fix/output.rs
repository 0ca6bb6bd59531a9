//! The output of `fix`: results for standard output, notes for standard error.

use super::objects::{Objects, key};
use crate::cli::{Fix, FixFormat};
use crate::commands::{tell, write_out};
use crate::diagnosis::{Finding, Place, Site};
use crate::fix::{self, At, File, Fixed, Kubectl, ObjectPlan};
use crate::remedy;
use crate::report::clean;
use crate::text::secret::mask;
use crate::yaml;
use anyhow::{Result, bail};
use serde_json::Value;

/// The output, collected place by place.
pub struct Output<'a> {
    format: FixFormat,
    kubectl: Kubectl,
    live: &'a Objects,
    saved: Option<&'a std::path::Path>,
    /// The manifests come from files, not from the cluster.
    from_files: bool,
    offline: bool,
    objects: Vec<String>,
    notes: Vec<String>,
    others: Vec<String>,
}

pub type Left<'a> = Vec<(&'a Finding, String)>;

impl<'a> Output<'a> {
    pub fn new(options: &'a Fix, live: &'a Objects, object_plans: &[ObjectPlan<'_>]) -> Self {
        let source = &options.source;
        let objects = object_plans.iter().flat_map(|plan| plan.parts.first());
        let patches = objects.filter(|part| part.is_object()).count();
        // kubectl accepts one patch per file: several are saved to separate files.
        let together = options.output == FixFormat::Patch && patches > 1;
        let flags = [
            source.target.kubeconfig.as_ref().map(|file| {
                format!(
                    " --kubeconfig {}",
                    crate::text::shell::word(&file.to_string_lossy())
                )
            }),
            source
                .target
                .context
                .as_ref()
                .map(|context| format!(" --context {}", crate::text::shell::word(context))),
        ];
        Output {
            format: options.output,
            kubectl: Kubectl {
                flags: flags.into_iter().flatten().collect(),
            },
            live,
            saved: options.output_file.as_deref().filter(|_| !together),
            from_files: !options.files.is_empty(),
            offline: !super::is_live(options),
            objects: Vec::new(),
            notes: Vec::new(),
            others: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.others.is_empty()
    }

    /// Adds the changes of one place; returns those that could not be made.
    pub fn add<'f>(
        &mut self,
        object_plan: &ObjectPlan<'f>,
        files: &mut [File],
    ) -> Result<Left<'f>> {
        let Some(first) = object_plan.parts.first() else {
            return Ok(Vec::new());
        };
        let found = files
            .iter_mut()
            .find_map(|file| file.find(&first.change).map(|at| (file, at)));
        match (found, first.is_object()) {
            (Some((file, at)), _) if !is_of_repository(first.change.place.site) => {
                self.add_in_file(object_plan, file, at)
            }
            (Some((file, at)), _) => {
                let mut left = Vec::new();
                for part in &object_plan.parts {
                    let object = file.object(&at).unwrap_or_default();
                    match remedy::edits(&object, &part.change) {
                        Ok(edits) => file.edit(&at, &edits)?,
                        Err(refusal) => {
                            let why = refusal.to_string();
                            left.extend(part.findings.iter().map(|f| (*f, why.clone())));
                        }
                    }
                    self.others.push(fix::other(part));
                }
                Ok(left)
            }
            (None, true) if !first.change.place.is_well_named() => {
                let why = "invalid Kubernetes object name, so no command is printed";
                Ok(object_plan
                    .findings()
                    .map(|f| (f, why.to_owned()))
                    .collect())
            }
            (None, true) if self.from_files => Ok(self.not_in_files(object_plan)),
            (None, true) => self.add_object(object_plan),
            (None, false) => {
                self.others.extend(object_plan.parts.iter().map(fix::other));
                Ok(Vec::new())
            }
        }
    }

    fn not_in_files<'f>(&self, object_plan: &ObjectPlan<'f>) -> Left<'f> {
        let Place { kind, name, .. } = &object_plan.place;
        let why = format!("no file contains {kind} {name}: name its file with -f");
        object_plan.findings().map(|f| (f, why.clone())).collect()
    }

    fn add_in_file<'f>(
        &mut self,
        object_plan: &ObjectPlan<'f>,
        file: &mut File,
        at: At,
    ) -> Result<Left<'f>> {
        let fixed = fix::fix_object(object_plan, file.object(&at));
        if !fixed.edits.is_empty() {
            match self.format {
                FixFormat::Patch => match unprintable(&fixed, None) {
                    Some(why) => {
                        return Ok(object_plan.findings().map(|f| (f, why.clone())).collect());
                    }
                    None => self.add_patch(&fixed, None),
                },
                FixFormat::Yaml | FixFormat::Diff => {
                    file.edit(&at, &fixed.edits)?;
                    self.note(&fixed, Some(file));
                }
            }
        }
        Ok(refused(&fixed))
    }

    fn add_object<'f>(&mut self, object_plan: &ObjectPlan<'f>) -> Result<Left<'f>> {
        let place = &object_plan.place;
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
        if let Some(Err(reason)) = self.live.get(&key(place)) {
            tell(&format!(
                "runner-doctor: {}; the patch is based on the pod",
                clean(&reason.to_string())
            ));
        }
        if live.is_none() && self.format != FixFormat::Patch {
            bail!(
                "cannot print {kind} {namespace}/{name}: {} does not contain it; name its file with -f, or print a patch (-o patch)",
                if self.offline {
                    "the recording"
                } else {
                    "the cluster"
                }
            );
        }
        let fixed = fix::fix_object(object_plan, live.map(fix::manifest));
        if fixed.edits.is_empty() {
            return Ok(refused(&fixed));
        }
        if self.format == FixFormat::Patch {
            if let Some(why) = unprintable(&fixed, live) {
                return Ok(object_plan.findings().map(|f| (f, why.clone())).collect());
            }
            self.add_patch(&fixed, live);
            return Ok(refused(&fixed));
        }
        if !fix::is_plain(&fixed.after) {
            bail!(
                "cannot print {kind} {namespace}/{name}: it contains control characters; fix its file (-f FILE)"
            );
        }
        if let Some(secret) = fix::secret(&fixed.after, kind) {
            bail!(
                "cannot print {kind} {namespace}/{name}: it contains a possible secret ({}); fix its file (-f FILE), or print a patch, which contains only the changes (-o patch)",
                clean(&secret)
            );
        }
        let (before, after) = (yaml::write(&fixed.before), yaml::write(&fixed.after));
        self.objects.push(match self.format {
            FixFormat::Diff => fix::unified(&before, &after, &format!("{kind}/{namespace}/{name}")),
            _ => after,
        });
        self.note(&fixed, None);
        Ok(refused(&fixed))
    }

    fn add_patch(&mut self, fixed: &Fixed, live: Option<&Value>) {
        let sheet = fix::patch_sheet(fixed, live, &self.kubectl, self.saved);
        self.objects.push(sheet);
    }

    /// With a manifest or a diff, what is wrong and how to apply it go to standard error.
    fn note(&mut self, fixed: &Fixed, file: Option<&File>) {
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
            (_, None, _) => ("Save the output as FILE and run:", "FILE".to_owned()),
        };
        let mut lines = fix::notes(fixed);
        let mut place = fixed.place.clone();
        // A Job with a name in a file is one that the autoscaler created from its template.
        if file.is_some() && fixed.after["metadata"]["name"].is_string() {
            place.site = Site::Manifest;
        }
        lines.extend(fix::apply(&place, &self.kubectl, step, &name, alone));
        self.notes.push(lines.join("\n"));
    }

    /// Adds edited files, once all edits are made.
    pub fn add_files(&mut self, files: &[File], options: &Fix) {
        for file in files {
            let (before, after) = (file.text.as_str(), file.edited());
            let name = file.path.display();
            if before == after {
                continue;
            }
            self.objects.push(match options.output {
                // For people: secrets are masked.
                FixFormat::Diff => fix::unified(&mask(before), &mask(after), &name.to_string()),
                // For kubectl: a file with masked secrets would be applied with the mask.
                FixFormat::Yaml => {
                    if options.output_file.is_none() && mask(after) != after {
                        tell(&format!(
                            "runner-doctor: {name} contains a possible secret and is printed in full: use --output-file, or print only the changes (-o diff)"
                        ));
                    }
                    after.to_owned()
                }
                FixFormat::Patch => continue,
            });
        }
    }

    pub fn print(&self, options: &Fix) -> Result<()> {
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
                text.push_str("\n# Changes outside the cluster:\n#\n");
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
                    "Changes outside the cluster:\n\n{}",
                    self.others.join("\n")
                ));
            }
        }
        if self.format == FixFormat::Patch && self.objects.len() > 1 {
            tell(&format!(
                "runner-doctor: {} patches, but kubectl accepts one patch per file: save each to its own file, or name one pod",
                self.objects.len()
            ));
        }
        if text.is_empty() {
            return Ok(());
        }
        write_out(&text, options.output_file.as_deref())
    }
}

/// Why a patch cannot be printed.
fn unprintable(fixed: &Fixed, live: Option<&Value>) -> Option<String> {
    if let Some(secret) = fixed.secret_in_patch() {
        return Some(format!(
            "the patch would show a possible secret ({}): edit the manifest file (-f FILE -o yaml --output-file FILE)",
            clean(&secret)
        ));
    }
    (!fix::is_plain(&fixed.patch(live))).then(|| {
        "its arguments contain control characters: edit the manifest file (-f FILE -o yaml)"
            .to_owned()
    })
}

fn refused<'f>(fixed: &Fixed<'f>) -> Left<'f> {
    let refused = fixed.refused.iter();
    refused
        .flat_map(|(part, why)| part.findings.iter().map(move |f| (*f, why.to_string())))
        .collect()
}

/// A file from which no cluster object is created.
fn is_of_repository(site: Site) -> bool {
    matches!(
        site,
        Site::BitbucketPipelines | Site::Gitlab | Site::Compose | Site::ArcScaleSet
    )
}
