//! The JSON Schemas of the formats that runner-doctor reads and writes, and their compatibility
//! promise.

use crate::checks;
use crate::diagnosis::Diagnosis;
use crate::evidence::Evidence;
use crate::facts::Facts;
use schemars::{Schema, schema_for};

/// What a program may rely on, in every description.
const PROMISE: &str = "Within this version keys are only added: none is removed or renamed, none \
    changes its type or meaning, and required keys stay required. Programs must ignore unknown \
    keys.";

/// Of what `check -o json` prints.
pub fn report() -> Schema {
    titled(
        schema_for!(Diagnosis),
        "runner-doctor report, v1",
        &format!(
            "The output of `runner-doctor check -o json`. `schema` names the version. {PROMISE} The \
             values of `severity`, `confidence` and `verdict` are fixed; checks, providers and kinds \
             of layers may be added. `fingerprint` means the same in every version, and so do \
             exit codes since 0.2.0 (`class` of an unknown decides between 0 and 3)."
        ),
    )
}

/// Of what `collect` writes.
pub fn evidence() -> Schema {
    titled(
        schema_for!(Evidence),
        "runner-doctor evidence, version 1",
        &format!(
            "The format that `runner-doctor collect` writes and `check --evidence` reads, as YAML or JSON. \
             A value that could not be read is {{unobserved: {{why, detail}}}}. {PROMISE} A \
             recording without a key that was added later is read as if that value could not be read."
        ),
    )
}

/// Of a check file.
pub fn check() -> Schema {
    titled(
        checks::schema(),
        "runner-doctor check",
        &format!(
            "A check: what can be wrong, how to detect it, why it matters and how to fix it. Expressions \
             can read what `runner-doctor schema facts` lists. {PROMISE}"
        ),
    )
}

/// Of what the expressions of a check may read.
pub fn facts() -> Schema {
    titled(
        schema_for!(Facts),
        "runner-doctor facts, version 1",
        &format!(
            "What the expressions of a check can read for one runner: `runner`, and as `it` each of \
             the `items` of the section in `for_each`. A condition on an `unobserved` value is \
             unknown. {PROMISE}"
        ),
    )
}

fn titled(mut schema: Schema, title: &str, description: &str) -> Schema {
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), description.into());
    schema
}
