//! Conditions on observed, absent and unobserved values, and the expressions that are rejected.

use super::*;
use crate::facts::{NetworkFacts, RunnerFacts};
use schemars::schema_for;
use serde_json::json;

fn variables() -> Variables {
    Variables::new([
        ("it", Shape::of(schema_for!(NetworkFacts))),
        ("runner", Shape::of(schema_for!(RunnerFacts))),
    ])
}

/// A network whose carrier, clamp and optional attribute are those in `change`.
fn scope(change: serde_json::Value) -> Scope {
    let mut it = json!({
        "name": "docker0", "engine": "dind", "default_bridge": true, "mtu": 1500,
        "mtu_source": "its interface", "engine_mtu": null,
        "carrier": {"name": "eth0", "mtu": 1450}, "clamped": false,
    });
    for (name, value) in change.as_object().unwrap() {
        it[name] = value.clone();
    }
    let runner = json!({"name": "ci/runner"});
    Scope::new([&Bound::new("it", &it), &Bound::new("runner", &runner)])
}

fn unseen(detail: &str) -> serde_json::Value {
    json!({"unobserved": {"why": "timed-out", "detail": detail}})
}

fn truth(source: &str, change: serde_json::Value) -> Result<bool, String> {
    let expression = Expression::compile(source, &variables()).unwrap();
    let truth = expression.truth(&scope(change));
    truth.map_err(|reasons| crate::report::reason::sentence(&reasons))
}

fn refusal(source: &str) -> Refusal {
    Expression::compile(source, &variables()).unwrap_err()
}

#[test]
fn whole_numbers_compare_with_literals_and_with_each_other() {
    assert_eq!(truth("it.mtu > it.carrier.mtu", json!({})), Ok(true));
    assert_eq!(truth("it.mtu == 1500 && -1 < it.mtu", json!({})), Ok(true));
}

#[test]
fn what_was_not_seen_makes_it_unknown_with_the_reason() {
    let answer = truth(
        "it.mtu > it.carrier.mtu",
        json!({"carrier": unseen("no ip tool")}),
    );
    assert_eq!(answer, Err("no ip tool".into()));
    let two = json!({"mtu": unseen("it hung"), "carrier": unseen("no ip tool")});
    let answer = truth("it.mtu > it.carrier.mtu", two);
    assert_eq!(answer, Err("no ip tool; it hung".into()));
}

#[test]
fn unknown_or_true_is_true_and_unknown_and_false_is_false() {
    let gap = || json!({"clamped": unseen("it hung")});
    assert_eq!(truth("it.clamped || true", gap()), Ok(true));
    assert_eq!(truth("true || it.clamped", gap()), Ok(true));
    assert_eq!(truth("it.clamped && false", gap()), Ok(false));
    assert_eq!(truth("false && it.clamped", gap()), Ok(false));
    assert_eq!(truth("it.clamped || false", gap()), Err("it hung".into()));
    assert_eq!(truth("false || it.clamped", gap()), Err("it hung".into()));
    assert_eq!(truth("it.clamped && true", gap()), Err("it hung".into()));
    assert_eq!(truth("true && it.clamped", gap()), Err("it hung".into()));
    assert_eq!(truth("!it.clamped", gap()), Err("it hung".into()));
}

#[test]
fn has_tells_absent_from_unseen() {
    let with = |value| truth("has(it.engine_mtu)", json!({"engine_mtu": value}));
    assert_eq!(with(json!(1450)), Ok(true));
    assert_eq!(with(json!(null)), Ok(false));
    assert_eq!(with(unseen("it hung")), Err("it hung".into()));
    let gap = json!({"engine_mtu": unseen("it hung")});
    assert_eq!(
        truth("has(it.engine_mtu) || it.mtu > 1", gap.clone()),
        Ok(true)
    );
    assert_eq!(
        truth("!has(it.engine_mtu)", gap.clone()),
        Err("it hung".into())
    );
    assert_eq!(
        truth("has(it.engine_mtu) ? true : true", gap),
        Err("it hung".into())
    );
    let carrier = json!({"carrier": unseen("no route")});
    assert_eq!(
        truth("has(it.carrier.mtu)", carrier),
        Err("no route".into())
    );
}

#[test]
fn an_error_of_the_expression_itself_is_told() {
    let answer = truth("it.engine_mtu > 1", json!({})).unwrap_err();
    assert!(answer.contains("it.engine_mtu > 1"), "{answer}");
    let answer = truth("it.mtu", json!({})).unwrap_err();
    assert!(answer.contains("neither true nor false"), "{answer}");
}

#[test]
fn every_function_of_the_list_is_there() {
    for source in [
        "[1, 2].all(x, x > 0) && [1].exists(x, x == 1) && [1].exists_one(x, x == 1)",
        "[1, 2].filter(x, x > 1).map(x, x + 1) == [3]",
        "bool('true') && double(1) == 1.0 && int('7') == 7 && string(7) == '7'",
        "it.name.contains('ock') && it.name.startsWith('doc') && it.name.endsWith('0')",
        "it.name.matches('^docker[0-9]+$') && size(it.name) == 7 && it.name.size() == 7",
        "type(it.mtu) == type(1) && has(it.name) && it.name in ['docker0']",
        "it['mtu'] == 1500",
    ] {
        assert_eq!(truth(source, json!({})), Ok(true), "{source}");
    }
}

#[test]
fn an_unknown_attribute_is_refused_with_a_suggestion() {
    let refusal = refusal("it.mut > it.carrier.mtu");
    assert_eq!(refusal.what, "unknown attribute `it.mut`");
    assert_eq!(refusal.advice, "did you mean `it.mtu`?");
    assert_eq!(refusal.words, "it.mut");
}

#[test]
fn it_is_looked_for_everywhere() {
    for source in [
        "it.carrier.mut > 1",
        "has(it.carier)",
        "it['mut'] > 1",
        "it.mtu.size > 1",
        "[1].exists(x, x > it.mut)",
        "{'a': it.mut}['a'] > 1",
        "true ? it.mtu : it.mut",
        "it.name.startsWith(it.nmae)",
        "it.carrier[it.name] > 1",
    ] {
        let refused = Expression::compile(source, &variables());
        assert!(refused.is_err(), "{source}");
    }
}

#[test]
fn unknown_variables_and_functions_are_refused() {
    assert_eq!(refusal("its.mtu > 1").advice, "did you mean `it`?");
    assert_eq!(
        refusal("it.name.startWith('d')").advice,
        "did you mean `startsWith`?"
    );
    assert_eq!(
        refusal("lenght(it.name) > 1").what,
        "unknown function `lenght`"
    );
    assert_eq!(refusal("x > 1").what, "unknown variable `x`");
}

#[test]
fn bad_syntax_is_refused() {
    for source in [
        "it.mtu >",
        "has(it)",
        "has(7)",
        "it.?mtu",
        "",
        "it.mtu > 1 it",
    ] {
        let refused = Expression::compile(source, &variables());
        assert!(refused.is_err(), "{source}");
    }
}

#[test]
fn local_variables_end_with_their_macro() {
    assert!(Expression::compile("[1].all(x, x > 0) && x > 0", &variables()).is_err());
}

/// A string that grows with each macro.
fn grown(times: usize, by: &str) -> String {
    let start = "['0123456789abcdef']".to_owned();
    (0..times).fold(start, |made, _| format!("{made}.map(x, {by})"))
}

fn quadruplings(times: usize) -> String {
    grown(times, "x + x + x + x")
}

fn nested(macros: usize) -> String {
    let numbers: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    let list = format!("[{}]", numbers.join(", "));
    let names = (0..macros).map(|at| format!("a{at}"));
    names.fold("1".to_owned(), |inner, name| {
        format!("{list}.map({name}, {inner})")
    })
}

#[test]
fn what_grows_or_repeats_without_end_is_unknown_soon() {
    let bombs = [
        format!("size({}) > 0", quadruplings(10)),
        format!("size({}) > 0", nested(5)),
        format!("{} == {}", nested(4), nested(4)),
        // Nested lists, maps, keys, a string that is compared repeatedly.
        format!(
            "size({}) > 0",
            quadruplings(10).replace("x + x + x + x", "[x, x, x, x]")
        ),
        format!(
            "size({}) > 0",
            quadruplings(10).replace("x + x + x + x", "{'a': x, 'b': x, 'c': x, 'd': x}")
        ),
        format!("{}.all(x, x == x + 'y')", nested(4)),
        format!("{}.exists(x, string(x).matches('a{{20}}b'))", nested(3)),
        format!(
            "{0}.exists_one(x, {0}.exists(y, y == x)) || true",
            nested(4)
        ),
    ];
    for refused in [grown(34, "x + x"), nested(7)] {
        assert!(refusal(&refused).what.contains("deeper than 20 levels"));
    }
    let start = std::time::Instant::now();
    for bomb in &bombs {
        match truth(bomb, json!({})) {
            Ok(true) => assert!(bomb.ends_with("|| true"), "{bomb}"),
            answer => assert!(
                answer
                    .clone()
                    .is_err_and(|why| why.contains("200000 steps")),
                "{bomb}: {answer:?}"
            ),
        }
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn what_a_check_does_to_real_lists_is_far_from_the_limit() {
    let names: Vec<String> = (0..100).map(|at| format!("'net{at}'")).collect();
    let names = format!("[{}]", names.join(", "));
    let source = format!(
        "{names}.all(x, {names}.exists_one(y, x == y)) && {names}.map(x, x + '!').size() == 100"
    );
    assert_eq!(truth(&source, json!({})), Ok(true));
}

#[test]
fn expressions_and_patterns_have_a_size() {
    let long = format!("it.mtu > {}", "0".repeat(5000));
    assert!(refusal(&long).what.contains("longer than 4096 bytes"));
    assert!(
        refusal("it.name.matches(it.engine)")
            .what
            .contains("not a literal")
    );
    assert!(
        refusal("it.name.matches('((a{99}){99}){99}')")
            .what
            .contains("size limit")
    );
    let chain = |length: usize| format!("{}1 > 0", "1+".repeat(length));
    assert!(refusal(&chain(2000)).what.contains("150 operators"));
    assert!(refusal(&chain(140)).what.contains("deeper than"));
    assert_eq!(truth(&chain(17), json!({})), Ok(true));
    let text = Expression::compile(&format!("{}.map(x, x)", nested(2)), &variables()).unwrap();
    assert!(text.text(&scope(json!({}))).is_ok());
    let text = Expression::compile(&quadruplings(6), &variables()).unwrap();
    assert!(text.text(&scope(json!({}))).unwrap_err().contains("bytes"));
}

#[test]
fn deep_nesting_fits_on_the_main_threads_stack() {
    let parse = || {
        for (open, close) in [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("{1:", "}")] {
            let deep = format!("{}it.mtu{} > 0", open.repeat(900), close.repeat(900));
            let _ = Expression::compile(&deep, &variables());
        }
    };
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(parse).unwrap().join().unwrap();
}
