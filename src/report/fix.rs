//! A fix in a sentence: where it goes, and what is new there.

use crate::diagnosis::{Change, Remedy, Site};
use crate::remedy;

/// From what programs apply, where there is that; else the title of what people paste.
pub(super) fn sentence(fix: &Remedy) -> String {
    match &fix.change {
        Some(change) => format!("{}: {}.", place(change), news(change)),
        None => fix.title.trim_end_matches(':').to_owned(),
    }
}

fn place(change: &Change) -> String {
    let (kind, name) = (&change.place.kind, &change.place.name);
    let container = &change.container;
    match change.place.site {
        Site::Manifest | Site::ArcRunner => format!("{kind} {name}, container {container}"),
        Site::Controller => format!("The pod template of {kind} {name}, container {container}"),
        Site::BitbucketAutoscaler => {
            format!("The job template of Bitbucket's autoscaler, container {container}")
        }
        Site::BitbucketPipelines => {
            "bitbucket-pipelines.yml, service docker, an image of your own".to_owned()
        }
        Site::ArcScaleSet => format!("The scale set's values, container {container}"),
        Site::Gitlab => ".gitlab-ci.yml, the Docker service".to_owned(),
        Site::Jenkins => format!("The agent's pod template, container {container}"),
        Site::Elsewhere => format!("Where {container} is started"),
    }
}

fn news(change: &Change) -> String {
    let settings = &change.settings;
    let flags = remedy::flags(change);
    let mut news = Vec::new();
    match change.place.site {
        Site::BitbucketPipelines if settings.has_flags() => news.push(format!(
            "set `{}` in its daemon.json",
            remedy::config(change)
        )),
        _ if !flags.is_empty() => news.push(format!("add `{}` to the args", flags.join(" "))),
        _ => {}
    }
    let image = settings.image.as_ref();
    news.extend(image.map(|image| format!("use image `{image}`")));
    let memory = settings.memory_request.as_ref();
    news.extend(memory.map(|memory| format!("request memory: `{memory}`")));
    if settings.volume {
        news.push(format!(
            "mount a volume of its own on {}",
            remedy::template::data(change)
        ));
    }
    if settings.privileged {
        news.push("set `privileged: true`".to_owned());
    }
    if settings.clamp {
        news.push("add a sidecar that clamps TCP MSS to the path MTU".to_owned());
    }
    news.join(", ")
}
