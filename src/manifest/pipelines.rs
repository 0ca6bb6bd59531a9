//! The section of bitbucket-pipelines.yml that runs a step on this runner, with a working Docker.

use super::Plan;
use crate::facts::releases::releases;
use crate::remedy;
use crate::yaml::{Page, scalar};

pub(super) fn write(plan: &Plan) -> String {
    let mut page = Page::default();
    page.comment(0, "bitbucket-pipelines.yml, for steps on this runner:");
    definitions(&mut page, plan);
    page.line(0, "pipelines:").line(2, "default:");
    page.line(2, "- step:").line(6, "name: Build");
    size(&mut page, plan);
    page.comment(6, "All labels that the runner has in Bitbucket; with only self.hosted, any of your runners may take the step.");
    page.line(6, "runs-on:");
    page.line(6, "- self.hosted").line(6, "- linux");
    for label in plan.wishes.labels {
        page.line(6, format_args!("- {}", scalar(label)));
    }
    page.line(6, "services:").line(6, "- docker");
    page.line(6, "script:").line(6, "- docker build .");
    page.finish()
}

fn definitions(page: &mut Page, plan: &Plan) {
    page.line(0, "definitions:")
        .line(2, "services:")
        .line(4, "docker:");
    if !plan.mtu.is_default() {
        // The engine that the runner starts is chosen here, so it can be the one of the pod.
        let version = plan.engine.version();
        let version = version.filter(|version| version.major >= 20);
        let recommended = || releases().recommended.clone();
        let tag = version.map_or_else(recommended, |version| version.to_string());
        let of_tag = crate::facts::versions::parse(&tag);
        let config = remedy::mtu_config(of_tag.as_ref(), plan.mtu.value);
        page.comment(6, "The runner starts another Docker inside the pod's, whose MTU only its image can set (docker:dind does not read DOCKER_OPTS). Build this Dockerfile once, push the image, and name it here:");
        page.line(6, format_args!("#   FROM docker:{tag}-dind"));
        page.line(
            6,
            format_args!(
                "#   RUN mkdir -p /etc/docker && echo '{config}' >/etc/docker/daemon.json"
            ),
        );
        page.line(6, format_args!("image: YOUR-REGISTRY/docker-mtu:{tag}"));
    }
    page.comment(
        6,
        "Part of the step's memory, in MB; Bitbucket's default is 1024.",
    );
    page.line(6, "memory: 2048");
}

fn size(page: &mut Page, plan: &Plan) {
    match plan.wishes.memory.step_size() {
        Some(size) => {
            page.comment(6, "4 GB for each x, including the services' part; the largest size that fits the memory of the engine's container.");
            page.line(6, format_args!("size: {size}x"));
        }
        None => {
            page.comment(6, "A step of size 1x needs 4 GB, more than the engine's container has: use --memory 4608Mi.");
            page.line(6, "size: 1x");
        }
    }
}
