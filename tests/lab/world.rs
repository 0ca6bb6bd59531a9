//! Worlds: other engines than the default ones, on which scenarios of the default world run again,
//! beside scenarios of their own. `LAB_WORLD=NAME cargo test --test lab` runs worlds/NAME.

use crate::lab;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    #[serde(skip)]
    pub name: String,
    /// What this is, for a reader.
    #[serde(rename = "about")]
    _about: String,
    /// Lines for `tests/lab/lab` that make what the world needs.
    #[serde(default)]
    make: Vec<String>,
    /// Images of the default world, and those that take their place in what runs again.
    #[serde(default)]
    instead: BTreeMap<String, String>,
    /// The node on which every pod runs.
    node: Option<String>,
    /// The file of the run's folder with which runner-doctor reaches the cluster.
    kubeconfig: Option<String>,
    /// Trials of the default world, other than scenarios, that run again.
    #[serde(default)]
    pub trials: Vec<String>,
    /// Scenarios of the default world that run again; `all` for every one.
    #[serde(default)]
    again: Vec<String>,
    /// Those that do not, each with the reason.
    #[serde(default)]
    except: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/worlds")
}

impl World {
    /// The world of `LAB_WORLD`; the default one has no name.
    pub fn chosen() -> Result<World> {
        let Ok(name) = std::env::var("LAB_WORLD") else {
            return Ok(World::default());
        };
        let path = folder().join(&name).join("world.yaml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("there is no world called {name}"))?;
        let mut world: World = serde_saphyr::from_str(&text).context("the world cannot be read")?;
        world.name = name;
        Ok(world)
    }

    pub fn is_default(&self) -> bool {
        self.name.is_empty()
    }

    /// Name and file of each scenario of this world.
    pub fn scenarios(&self) -> Result<Vec<(String, PathBuf)>> {
        let default = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/scenarios"))?;
        if self.is_default() {
            return Ok(default);
        }
        let listed = self.again.iter().chain(self.except.keys());
        for name in listed.filter(|name| *name != "all") {
            let known = default.iter().any(|(file, _)| file == name);
            ensure!(known, "{}: there is no scenario {name}", self.name);
        }
        let every = self.again.iter().any(|name| name == "all");
        let again = default.into_iter().filter(|(name, _)| {
            (every || self.again.contains(name)) && !self.except.contains_key(name)
        });
        let own = files(&folder().join(&self.name))?;
        let own = own.into_iter().filter(|(name, _)| name != "world");
        let all = again.chain(own);
        Ok(all
            .map(|(name, path)| (format!("{}-{name}", self.name), path))
            .collect())
    }

    pub fn make(&self) -> Result<()> {
        for (here, there) in [
            (&self.kubeconfig, &lab::KUBECONFIG),
            (&self.node, &lab::NODE),
        ] {
            here.iter().for_each(|it| drop(there.set(it.clone())));
        }
        self.make.iter().try_for_each(|line| {
            let started = std::time::Instant::now();
            lab::make(line)?;
            let seconds = started.elapsed().as_secs_f64();
            eprintln!("{}: lab {line} ({seconds:.0} s)", self.name);
            Ok(())
        })
    }

    pub fn read(&self, path: &Path) -> Result<Scenario> {
        let mut scenario = Scenario::parse(&self.translate(&std::fs::read_to_string(path)?))?;
        scenario.instead = self.instead.clone();
        Ok(scenario)
    }

    fn translate(&self, text: &str) -> String {
        translate(text, &self.instead)
    }
}

/// A text with other images in it.
pub fn translate(text: &str, instead: &BTreeMap<String, String>) -> String {
    let each = instead.iter();
    each.fold(text.to_owned(), |text, (image, other)| {
        text.replace(image, other)
    })
}

/// The YAML files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be listed", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(stem), true) = (stem, path.extension().is_some_and(|e| e == "yaml")) {
            files.push((stem.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}
