//! Fixes of what no object and no file holds: someone sets them where the engine or the network is made.

use super::docker::{config, flags, same_setting};
use super::{EngineRef, template, words};
use crate::diagnosis::{Change, Remedy};
use crate::evidence::MTU_OPTION;
use crate::text::shell;

/// The same setting as a flag and in the file is rejected: dockerd would not start.
pub fn change_config(engine_ref: &EngineRef, change: &Change) -> Remedy {
    let flags = flags(change);
    let is_given = |arg: &String| flags.iter().any(|flag| same_setting(arg, flag));
    let both = match engine_ref
        .engine
        .is_some_and(|e| e.args.iter().any(is_given))
    {
        true => "remove the flag: dockerd rejects a setting that is in both",
        false => "dockerd rejects it as a flag in addition to the file",
    };
    let target = words::target(change);
    Remedy::new(
        format!("Set this in daemon.json for {target}, and keep the rest ({both})"),
        config(change),
    )
}

/// A nested engine that no manifest reaches: what starts it sets its flags.
pub fn paste(change: &Change) -> Remedy {
    let flags = flags(change);
    let mut lines = Vec::new();
    if let Some(image) = &change.settings.image {
        lines.push(image.clone());
    }
    if !flags.is_empty() {
        lines.push(format!("dockerd {}", shell::flags(&flags)));
    }
    if change.settings.volume {
        lines.push(format!(
            "docker run … --volume {} …",
            template::data(change)
        ));
    }
    for (name, value) in &change.settings.env {
        lines.push(format!("{name}={}", shell::word(value)));
    }
    Remedy {
        change: Some(change.clone()),
        ..Remedy::new(words::title(change), lines.join("\n"))
    }
}

/// A network's MTU is fixed when it is created; `--mtu` does not reach it.
pub fn networks(mtu: i64) -> Vec<Remedy> {
    vec![
        Remedy::new(
            "Create the network with an MTU where a command creates it",
            format!("docker network create --opt {MTU_OPTION}={mtu} NAME"),
        ),
        Remedy::new(
            "Set the network's MTU in the Compose file where Compose creates it (then run `docker compose down` and `up`)",
            format!("networks:\n  default:\n    driver_opts:\n      {MTU_OPTION}: \"{mtu}\""),
        ),
    ]
}
