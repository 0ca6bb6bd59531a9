//! Walks an expression's syntax tree: which values it reads, and whether they exist.

use super::tree::{parts, parts_mut};
use super::{FUNCTIONS, budget};
use super::{Refusal, Shape, Variables, advise, unknown_function};
use cel::IdedExpr;
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr};
use std::collections::BTreeSet;

/// How the parser represents `list[0]` and `map["key"]`.
const INDEX: &str = "_[_]";

pub(super) struct Walk<'a> {
    variables: &'a Variables,
    /// Variables of the enclosing macros, innermost last.
    locals: Vec<(String, Shape)>,
    pub(super) reads: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(variables: &'a Variables) -> Self {
        Walk {
            variables,
            locals: Vec::new(),
            reads: BTreeSet::new(),
        }
    }

    /// The shape of an expression's value.
    pub(super) fn visit(&mut self, expression: &IdedExpr) -> Result<Shape, Refusal> {
        match &expression.expr {
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => {
                let operator = !call
                    .func_name
                    .starts_with(|c: char| c.is_ascii_alphabetic());
                if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                    return Err(unknown_function(&call.func_name));
                }
                budget::refuse_large_pattern(call)?;
                if let (INDEX, [operand, key]) = (call.func_name.as_str(), call.args.as_slice()) {
                    return self.index(operand, key);
                }
                for part in call.target.as_deref().into_iter().chain(&call.args) {
                    self.visit(part)?;
                }
                Ok(Shape::Any)
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                for element in &list.elements {
                    self.visit(element)?;
                }
                Ok(Shape::Any)
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.visit(&entry.key)?;
                        self.visit(&entry.value)?;
                    }
                }
                Ok(Shape::Any)
            }
            Expr::Struct(made) => Err(unknown_function(&made.type_name)),
            Expr::Literal(_) => Ok(Shape::Leaf),
            Expr::Unspecified => Ok(Shape::Any),
        }
    }

    fn variable(&mut self, name: &str) -> Result<Shape, Refusal> {
        if let Some((_, shape)) = self.locals.iter().rev().find(|(local, _)| local == name) {
            return Ok(shape.clone());
        }
        if let Some(shape) = self.variables.0.get(name) {
            self.reads.insert(name.to_owned());
            return Ok(shape.clone());
        }
        let known: Vec<&str> = self.variables.0.keys().map(String::as_str).collect();
        Err(Refusal {
            what: format!("unknown variable `{name}`"),
            advice: advise(name, "", &known),
            words: name.to_owned(),
        })
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Shape, Refusal> {
        let shape = self.operand(&select.operand)?;
        let path = path_of(&select.operand);
        self.attribute(&shape, path.as_deref(), &select.field)
    }

    /// Visits the operand of an attribute: reading `it.mtu` does not read all of `it`.
    fn operand(&mut self, operand: &IdedExpr) -> Result<Shape, Refusal> {
        let before = self.reads.clone();
        let shape = self.visit(operand)?;
        if path_of(operand).is_some() {
            self.reads = before;
        }
        Ok(shape)
    }

    fn index(&mut self, operand: &IdedExpr, key: &IdedExpr) -> Result<Shape, Refusal> {
        let shape = self.operand(operand)?;
        let path = path_of(operand);
        match (&key.expr, &shape) {
            (Expr::Literal(LiteralValue::String(field)), _) => {
                self.attribute(&shape, path.as_deref(), field.inner())
            }
            (_, Shape::Object(_)) => Err(Refusal {
                what: "an attribute must be named, not computed".into(),
                advice: "write `it.mtu` or `it['mtu']`".into(),
                words: path.unwrap_or_default(),
            }),
            _ => {
                self.visit(key)?;
                self.reads.extend(path);
                Ok(shape.element())
            }
        }
    }

    fn attribute(
        &mut self,
        shape: &Shape,
        path: Option<&str>,
        field: &str,
    ) -> Result<Shape, Refusal> {
        let within = path.map_or_else(String::new, |path| format!("{path}."));
        let found = match shape {
            Shape::Any => Some(Shape::Any),
            Shape::Object(attributes) => attributes.get(field).cloned(),
            Shape::Leaf | Shape::List(_) => None,
        };
        let Some(found) = found else {
            let known = shape.attributes();
            return Err(Refusal {
                what: format!("unknown attribute `{within}{field}`"),
                advice: if known.is_empty() {
                    format!("`{}` has no attributes", path.unwrap_or("this"))
                } else {
                    advise(field, &within, &known)
                },
                words: format!("{within}{field}"),
            });
        };
        if path.is_some() {
            self.reads.insert(format!("{within}{field}"));
        }
        Ok(found)
    }

    fn comprehension(&mut self, expression: &ComprehensionExpr) -> Result<Shape, Refusal> {
        let range = self.visit(&expression.iter_range)?;
        self.visit(&expression.accu_init)?;
        let depth = self.locals.len();
        let second = expression.iter_var2.clone().map(|name| (name, Shape::Any));
        self.locals
            .push((expression.iter_var.clone(), range.element()));
        self.locals.extend(second);
        self.locals.push((expression.accu_var.clone(), Shape::Any));
        for part in [
            &expression.loop_cond,
            &expression.loop_step,
            &expression.result,
        ] {
            self.visit(part)?;
        }
        self.locals.truncate(depth);
        Ok(Shape::Any)
    }
}

/// The path of an expression such as `it.carrier`; None for any other expression.
fn path_of(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", path_of(&select.operand)?, select.field))
        }
        _ => None,
    }
}

/// The same expression with `has(x)` replaced by x for every unobserved x, whose absence is an error:
/// it is unknown whether x exists. CEL's own rules decide the rest (`error || true` is true).
pub(super) fn reveal(expression: &IdedExpr, unseen: &BTreeSet<&str>) -> IdedExpr {
    let mut revealed = expression.clone();
    turn(&mut revealed, unseen);
    revealed
}

fn turn(expression: &mut IdedExpr, unseen: &BTreeSet<&str>) {
    if let Expr::Select(select) = &mut expression.expr {
        let path = path_of(&select.operand).map(|path| format!("{path}.{}", select.field));
        select.test &= !path.is_some_and(|path| unseen.contains(path.as_str()));
    }
    for part in parts_mut(expression) {
        turn(part, unseen);
    }
}

/// Whether an expression contains `has(…)`.
pub(super) fn asks_has(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Select(select) if select.test)
        || parts(expression).into_iter().any(asks_has)
}
