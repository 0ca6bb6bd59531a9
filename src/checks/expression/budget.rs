//! What one evaluation may cost. CEL has no recursion, but its macros nest and their results grow,
//! so an expression with a macro pays for everything that it walks or copies, before it does.

use super::Refusal;
use super::tree::{parts, parts_mut};
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelInt, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, INT_TYPE};
use cel::common::value::{CowVal, Val};
use cel::parser::Parser;
use cel::{Env, ExecutionError};
use std::cell::Cell;

/// An element, or some bytes of a text, that is visited or copied is a step. This many take some
/// tens of milliseconds and megabytes.
const STEPS: u64 = 200_000;
const BYTES_PER_STEP: usize = 16;
/// The steps that one `matches` takes at least: it compiles its pattern each time.
const STEPS_PER_PATTERN: i64 = 500;
/// The bytes that a compiled pattern may take.
const LARGEST_PATTERN: usize = 1 << 16;
const LONGEST_EXPRESSION: usize = 4096;
const MOST_OPERATORS: usize = 150;
const DEEPEST_SOURCE: u16 = 12;
const DEEPEST_EXPRESSION: usize = 20;

/// No name that an expression can spell.
const CHARGE: &str = "@charge";

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(STEPS) };
}

/// Adds what the metered expressions call.
pub(super) fn install(language: &mut Env) {
    let arguments = vec![DYN_TYPE, INT_TYPE];
    // The name is added once, so it cannot be there already.
    let _ = language.add_overload(CHARGE, CHARGE, arguments, charge);
}

pub(super) fn renew() {
    LEFT.set(STEPS);
}

/// Why an evaluation ended early, if it did.
pub(super) fn overrun() -> Option<String> {
    (LEFT.get() == 0).then(|| {
        format!("evaluation exceeds {STEPS} steps: nest fewer macros, or compare shorter lists")
    })
}

/// Parser and interpreter walk an expression by recursion: what would overflow the stack is refused
/// before it is parsed. `1 + 1 + 1 + …` nests as deep as it is long.
pub(super) fn refuse_long(source: &str) -> Result<(), Refusal> {
    let operators = source
        .bytes()
        .filter(|byte| b"+-*/%.<>=&|?[".contains(byte));
    let what = if source.len() > LONGEST_EXPRESSION {
        format!("the expression is longer than {LONGEST_EXPRESSION} bytes")
    } else if operators.count() > MOST_OPERATORS {
        format!("the expression has more than {MOST_OPERATORS} operators")
    } else {
        return Ok(());
    };
    Err(too_large(what, source))
}

pub(super) fn parser(language: &Env) -> Parser {
    language.parser().max_recursion_depth(DEEPEST_SOURCE)
}

pub(super) fn refuse_deep(source: &str, tree: &IdedExpr) -> Result<(), Refusal> {
    let mut open = vec![(tree, 1)];
    while let Some((part, depth)) = open.pop() {
        if depth > DEEPEST_EXPRESSION {
            let what = format!("the expression nests deeper than {DEEPEST_EXPRESSION} levels");
            return Err(too_large(what, source));
        }
        open.extend(parts(part).into_iter().map(|inner| (inner, depth + 1)));
    }
    Ok(())
}

fn too_large(what: String, source: &str) -> Refusal {
    Refusal {
        what,
        advice: "shorten it, or split the check".into(),
        words: source.lines().next().unwrap_or_default().into(),
    }
}

/// The pattern of `matches` must be known at load: one from a container could take seconds.
pub(super) fn refuse_large_pattern(call: &CallExpr) -> Result<(), Refusal> {
    if call.func_name != "matches" {
        return Ok(());
    }
    let refused = |what: String, words: &str| Refusal {
        what,
        advice:
            "write a short regular expression in quotes, like `it.name.matches('^docker[0-9]+$')`"
                .into(),
        words: words.to_owned(),
    };
    let Some(Expr::Literal(LiteralValue::String(pattern))) = call.args.last().map(|a| &a.expr)
    else {
        let what = "the pattern of `matches` is not a literal".to_owned();
        return Err(refused(what, "matches"));
    };
    let pattern = pattern.inner();
    let mut compiler = regex::RegexBuilder::new(pattern);
    match compiler.size_limit(LARGEST_PATTERN).build() {
        Ok(_) => Ok(()),
        Err(error) => {
            let said = error.to_string();
            let reason = said.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            let what = format!("invalid pattern `{pattern}`: {reason}");
            Err(refused(what, pattern))
        }
    }
}

/// The same expression, in which everything that a macro may repeat is charged for. Without a macro
/// an expression costs no more than its length allows.
pub(super) fn meter(mut tree: IdedExpr) -> IdedExpr {
    if loops(&tree) {
        visit(&mut tree);
    }
    tree
}

fn loops(tree: &IdedExpr) -> bool {
    matches!(tree.expr, Expr::Comprehension(_)) || parts(tree).into_iter().any(loops)
}

fn nodes(tree: &IdedExpr) -> i64 {
    1 + parts(tree).into_iter().map(nodes).sum::<i64>()
}

fn visit(tree: &mut IdedExpr) {
    for part in parts_mut(tree) {
        visit(part);
    }
    if let Expr::Comprehension(inner) = &mut tree.expr {
        let body = nodes(&inner.loop_cond) + nodes(&inner.loop_step);
        pay_for(&mut inner.iter_range, body);
        return;
    }
    let each = match &tree.expr {
        Expr::Call(call) if is_free(&call.func_name) => return,
        Expr::Call(call) if call.func_name == "matches" => STEPS_PER_PATTERN,
        Expr::Call(_) | Expr::List(_) | Expr::Map(_) => 1,
        _ => return,
    };
    for part in parts_mut(tree) {
        pay_for(part, each);
    }
}

/// Operators that look at no more than a truth or one element.
fn is_free(operator: &str) -> bool {
    use operators::{CONDITIONAL, INDEX, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, NOT_STRICTLY_FALSE};
    let free = [
        CONDITIONAL,
        INDEX,
        LOGICAL_AND,
        LOGICAL_NOT,
        LOGICAL_OR,
        NOT_STRICTLY_FALSE,
    ];
    free.contains(&operator)
}

/// `x` becomes `@charge(x, each)`. What a macro collects in (`@result`) and lists in brackets were
/// paid for element by element; the interpreter also must recognize them.
fn pay_for(part: &mut IdedExpr, each: i64) {
    let free = match &part.expr {
        Expr::Literal(_) => each == 1,
        Expr::List(_) | Expr::Map(_) => each == 1,
        Expr::Ident(name) => name.starts_with('@'),
        _ => false,
    };
    if free {
        return;
    }
    let id = part.id;
    let each = IdedExpr {
        id,
        expr: Expr::Literal(LiteralValue::Int(CelInt::from(each))),
    };
    let call = CallExpr {
        func_name: CHARGE.to_owned(),
        target: None,
        args: vec![std::mem::take(part), each],
    };
    *part = IdedExpr {
        id,
        expr: Expr::Call(call),
    };
}

fn charge<'b, 'v>(mut arguments: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let each = arguments.pop();
    let each = each.as_ref().and_then(|each| each.downcast_ref::<CelInt>());
    let each = each.map_or(1, |each| each.inner().unsigned_abs());
    let value = arguments
        .pop()
        .ok_or_else(|| ExecutionError::function_error(CHARGE, "nothing to charge for"))?;
    let mut left = LEFT.get();
    spend(&mut left, each, &*value);
    LEFT.set(left);
    match left {
        0 => Err(ExecutionError::function_error(CHARGE, "out of steps")),
        _ => Ok(value),
    }
}

/// Takes what a value weighs from what is left, and looks no further once that is nothing.
fn spend(left: &mut u64, each: u64, value: &dyn Val) {
    let text = value.downcast_ref::<CelString>();
    let bytes = text.map_or(0, |text| text.inner().len() / BYTES_PER_STEP);
    *left = left.saturating_sub(each.saturating_mul(1 + bytes as u64));
    if let Some(list) = value.downcast_ref::<CelList>() {
        for element in list.inner() {
            if *left == 0 {
                return;
            }
            spend(left, each, element.as_ref());
        }
    } else if let Some(map) = value.downcast_ref::<CelMap>() {
        for (key, element) in map.inner() {
            if *left == 0 {
                return;
            }
            if let CelMapKey::String(key) = key {
                spend(left, each, key);
            }
            spend(left, each, element.as_ref());
        }
    }
}
