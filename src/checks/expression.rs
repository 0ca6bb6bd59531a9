//! Conditions and values of checks: CEL, compiled against the known attributes. Only this file
//! depends on the CEL library.

use super::fault::Refusal;
use super::shape::Shape;
use super::suggestion::advise;
use crate::evidence::{Reason, WrittenReason};
use cel::{Context, Env, IdedExpr, Value};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};
use walk::{Walk, asks_has, reveal};

mod budget;
mod tree;
mod walk;

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut language = Env::stdlib().with_optional_support(false);
    budget::install(&mut language);
    Arc::new(language)
});

/// A longer text is no part of a sentence or a command.
const LONGEST_TEXT: usize = 16 << 10;

/// The variables of an expression and what they look like.
#[derive(Clone, Debug)]
pub(crate) struct Variables(pub(super) BTreeMap<String, Shape>);

impl Variables {
    pub(crate) fn new<const N: usize>(variables: [(&str, Shape); N]) -> Self {
        Variables(
            variables
                .map(|(name, shape)| (name.to_owned(), shape))
                .into(),
        )
    }

    #[cfg(test)]
    pub(crate) fn any(names: &[&str]) -> Self {
        Variables(
            names
                .iter()
                .map(|name| ((*name).to_owned(), Shape::Any))
                .collect(),
        )
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Expression {
    source: String,
    tree: IdedExpr,
    /// The attributes it reads, as paths from their variable: `it.carrier.mtu`.
    reads: BTreeSet<String>,
    /// It asks of something whether it is there.
    asks_has: bool,
}

impl Expression {
    pub(crate) fn compile(source: &str, variables: &Variables) -> Result<Self, Refusal> {
        budget::refuse_long(source)?;
        let tree = budget::parser(&LANGUAGE)
            .parse(source)
            .map_err(|errors| Refusal {
                what: format!("invalid expression `{source}`: {}", first_message(&errors)),
                advice: "write a CEL expression, like `it.mtu > 1500 && !it.default_bridge`".into(),
                words: source.into(),
            })?;
        budget::refuse_deep(source, &tree)?;
        let mut walk = Walk::new(variables);
        walk.visit(&tree)?;
        Ok(Expression {
            source: source.into(),
            asks_has: asks_has(&tree),
            tree: budget::meter(tree),
            reads: walk.reads,
        })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The attributes of a variable that it reads: `carrier` of `it.carrier.mtu`.
    pub(crate) fn attributes<'a>(&'a self, variable: &'a str) -> impl Iterator<Item = &'a str> {
        let inside = move |path: &'a str| path.strip_prefix(variable)?.strip_prefix('.');
        let inside = self.reads.iter().filter_map(move |path| inside(path));
        inside.map(|path| path.split('.').next().unwrap_or(path))
    }

    /// Whether it is true; the reasons where that depends on something that was not observed. Here
    /// `has(x)` of an unobserved x is neither true nor false.
    pub(crate) fn truth(&self, scope: &Scope) -> Result<bool, Vec<Reason>> {
        let answer = if scope.gaps.is_empty() || !self.asks_has {
            self.evaluate(&self.tree, scope)
        } else {
            let unseen: BTreeSet<&str> = scope.gaps.keys().map(String::as_str).collect();
            self.evaluate(&reveal(&self.tree, &unseen), scope)
        };
        match answer? {
            Value::Bool(truth) => Ok(truth),
            other => Err(vec![Reason::NotABoolean {
                expression: self.source.clone(),
                value: write(&other),
            }]),
        }
    }

    /// Whether it reads this attribute.
    pub(crate) fn reads(&self, path: &str) -> bool {
        self.reads.iter().any(|read| within(read, path))
    }

    /// Its value as text; here `has(x)` of an unobserved x is false.
    pub(crate) fn text(&self, scope: &Scope) -> Result<String, String> {
        let value = self.evaluate(&self.tree, scope);
        let text = write(&value.map_err(|reasons| {
            let each: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            each.join("; ")
        })?);
        match text.len() <= LONGEST_TEXT {
            true => Ok(text),
            false => Err(format!("the result is longer than {LONGEST_TEXT} bytes")),
        }
    }

    /// Its value, or why there is none: what was not observed, else what the expression itself does.
    fn evaluate(&self, tree: &IdedExpr, scope: &Scope) -> Result<Value, Vec<Reason>> {
        budget::renew();
        Value::resolve(tree, &scope.context).map_err(|error| {
            let overrun = budget::overrun();
            let blamed = match overrun {
                Some(_) => Vec::new(),
                None => self.blame(scope),
            };
            match blamed.is_empty() {
                true => vec![Reason::NotEvaluated {
                    expression: self.source.clone(),
                    said: overrun.unwrap_or_else(|| error.to_string()),
                }],
                false => blamed,
            }
        })
    }

    /// Why the attributes that it reads were not observed.
    fn blame(&self, scope: &Scope) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = Vec::new();
        for (gap, reason) in &scope.gaps {
            let read = self
                .reads
                .iter()
                .any(|path| within(path, gap) || within(gap, path));
            if read && !reasons.contains(reason) {
                reasons.push(reason.clone());
            }
        }
        reasons
    }
}

/// Whether a path is another or lies inside it.
fn within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn first_message(errors: &cel::ParseErrors) -> String {
    let message = errors.errors.first().map_or("", |error| error.msg.as_str());
    let message = message.trim_start_matches("Syntax error: ");
    message
        .split(" expecting ")
        .next()
        .unwrap_or(message)
        .to_owned()
}

/// The value of a variable, made once and shared by every expression that reads it.
#[derive(Clone)]
pub(crate) struct Bound {
    name: String,
    value: Option<Value>,
    /// What of it was not observed, and why.
    gaps: BTreeMap<String, Reason>,
}

impl Bound {
    pub(crate) fn new(name: &str, document: &serde_json::Value) -> Bound {
        let mut gaps = BTreeMap::new();
        Bound {
            value: convert(document, name, &mut gaps),
            name: name.to_owned(),
            gaps,
        }
    }
}

/// The values of the variables for one thing that is judged.
pub(crate) struct Scope {
    context: Context<'static, 'static>,
    /// What was not observed, and why.
    gaps: BTreeMap<String, Reason>,
}

impl Scope {
    pub(crate) fn new<'a>(variables: impl IntoIterator<Item = &'a Bound>) -> Scope {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        let mut gaps = BTreeMap::new();
        for variable in variables {
            gaps.extend(variable.gaps.clone());
            if let Some(value) = &variable.value {
                context.add_variable_from_value(variable.name.as_str(), value.clone());
            }
        }
        Scope { context, gaps }
    }
}

/// A document's value as CEL's: whole numbers are `int` (the library's own conversion makes them
/// `uint`, which does not compare with `int`), absent ones are left out so that `has()` works, and
/// unobserved ones are left out with their reason kept.
fn convert(
    json: &serde_json::Value,
    path: &str,
    gaps: &mut BTreeMap<String, Reason>,
) -> Option<Value> {
    use serde_json::Value as Json;
    Some(match json {
        Json::Null => return None,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(elements) => {
            let values = elements.iter().filter_map(|e| convert(e, path, gaps));
            Value::List(Arc::new(values.collect()))
        }
        Json::Object(fields) => {
            let unobserved = fields.get("unobserved").map(WrittenReason::deserialize);
            if let Some(Ok(reason)) = unobserved {
                gaps.insert(path.to_owned(), reason.into());
                return None;
            }
            let mut map: HashMap<String, Value> = HashMap::new();
            for (name, value) in fields {
                if let Some(value) = convert(value, &format!("{path}.{name}"), gaps) {
                    map.insert(name.clone(), value);
                }
            }
            Value::Map(map.into())
        }
    })
}

fn write(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::List(elements) => elements.iter().map(write).collect::<Vec<_>>().join(", "),
        other => format!("a {}", other.type_of()),
    }
}

/// The functions that an expression may call, beside the operators.
pub(super) const FUNCTIONS: [&str; 16] = [
    "all",
    "bool",
    "contains",
    "double",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "int",
    "map",
    "matches",
    "size",
    "startsWith",
    "string",
    "type",
];

pub(super) fn unknown_function(name: &str) -> Refusal {
    Refusal {
        what: format!("unknown function `{name}`"),
        advice: advise(name, "", &FUNCTIONS),
        words: name.into(),
    }
}

#[cfg(test)]
mod tests;
