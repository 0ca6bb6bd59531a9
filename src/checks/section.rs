//! The sections of the facts that checks can iterate over, in one table.

use crate::facts::{
    self, BuildFacts, ConnectionFacts, ContainerFacts, EngineFacts, Facts, NamespaceFacts,
    NetworkFacts, PodFacts, SecretFacts, StepFacts, SubnetFacts,
};
use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// Each row: the section, the field of [`Facts`] that holds it (its name in check files), and the
/// type of its items.
macro_rules! sections {
    ($($(#[$about:meta])* $section:ident, $field:ident: $item:ty;)*) => {
        /// A list of items in a runner that checks can iterate over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum Section {
            $($(#[$about])* $section,)*
        }

        impl Section {
            pub(crate) const ALL: &[Section] = &[$(Section::$section),*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Section::$section => stringify!($field),)*
                }
            }

            /// What its items hold.
            pub(crate) fn schema(self) -> Schema {
                match self {
                    $(Section::$section => schema_for!($item),)*
                }
            }

            /// The items of every section as documents. A section of the facts that is not in
            /// this table does not compile.
            pub(super) fn documents(facts: Facts) -> Vec<(Section, facts::Section<Value>)> {
                let Facts { runner: _, $($field),* } = facts;
                vec![$((Section::$section, $field.map(document)),)*]
            }
        }
    };
}

sections! {
    Networks, networks: NetworkFacts;
    /// The addresses of Docker networks.
    Subnets, subnets: SubnetFacts;
    /// Network namespaces: the pod's, and those of containers in it.
    Namespaces, namespaces: NamespaceFacts;
    Engines, engines: EngineFacts;
    /// The runner's pod: one item.
    Pods, pods: PodFacts;
    /// The pod's containers.
    Containers, containers: ContainerFacts;
    /// The containers that Docker engines run now: builds and their services.
    Builds, builds: BuildFacts;
    /// Established connections; only with --sample.
    Connections, connections: ConnectionFacts;
    /// Pipeline steps with a memory size; only for files.
    Steps, steps: StepFacts;
    /// Secrets in a file; only for files.
    Secrets, secrets: SecretFacts;
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Facts are plain data, which always can be written as a document.
pub(super) fn document<T: Serialize>(facts: T) -> Value {
    serde_json::to_value(facts).unwrap_or_default()
}
