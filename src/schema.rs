//! The JSON Schemas of what the doctor reads and writes, and the promise that goes with them.

use crate::checks;
use crate::diagnosis::Diagnosis;
use crate::evidence::Evidence;
use crate::facts::Facts;
use schemars::{Schema, schema_for};

/// What a program may rely on, in every description.
const PROMISE: &str = "Within this version keys are only added: none is removed or renamed, none \
    changes its type or its meaning, and what is required stays. So a program passes over keys \
    that it does not know.";

/// Of what `check -o json` prints.
pub fn report() -> Schema {
    titled(
        schema_for!(Diagnosis),
        "runner-doctor report, v1",
        &format!(
            "What `runner-doctor check -o json` prints. `schema` names the version. {PROMISE} The \
             words of `severity`, `confidence` and `verdict` stay as they are; checks, providers and \
             kinds of layers will come to be. `fingerprint` means the same in every version, and so do \
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
            "What `runner-doctor collect` writes and `check --evidence` reads, in YAML or JSON. \
             Anything that could not be seen is {{unobserved: {{why, detail}}}}. {PROMISE} A \
             recording without a key that came later is read as one in which that was not seen."
        ),
    )
}

/// Of a check file.
pub fn check() -> Schema {
    titled(
        checks::schema(),
        "runner-doctor check",
        &format!(
            "A check: what can be wrong, how to tell, why it matters and what cures it. Expressions \
             read what `runner-doctor schema facts` lists. {PROMISE}"
        ),
    )
}

/// Of what the expressions of a check may read.
pub fn facts() -> Schema {
    titled(
        schema_for!(Facts),
        "runner-doctor facts, version 1",
        &format!(
            "What the expressions of a check may read of one runner: `runner`, and as `it` each of \
             the `items` of the section that the check goes through. What may be `unobserved` makes \
             a condition on it unknown. {PROMISE}"
        ),
    )
}

fn titled(mut schema: Schema, title: &str, description: &str) -> Schema {
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), description.into());
    schema
}
