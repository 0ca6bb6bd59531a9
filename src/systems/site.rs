//! Where an engine's settings are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// An object with a pod template in it.
    Manifest,
    /// The template from which Bitbucket's autoscaler makes Jobs.
    BitbucketAutoscaler,
    /// `definitions.services.docker` of bitbucket-pipelines.yml.
    BitbucketPipelines,
    /// The values of a scale set of GitHub's ARC.
    ArcScaleSet,
    /// A RunnerDeployment or RunnerSet of the older ARC.
    ArcRunner,
    /// .gitlab-ci.yml, and settings that only GitLab Runner's config.toml has.
    Gitlab,
    /// GitLab Runner's config.toml, alone or in the values of its chart.
    GitlabRunner,
    /// The pod template of a Jenkins agent.
    Jenkins,
    /// A Docker Compose file.
    Compose,
    /// An object of a kind that is not known here.
    Controller,
    /// Wherever a nested engine is started.
    Elsewhere,
}
