use super::*;
use proptest::prelude::*;

fn one(text: &str) -> Node {
    load(text, Offset::default()).unwrap().remove(0)
}

#[test]
fn places_are_where_things_stand() {
    let node = one("a:\n  - name: dind\n    image: \"docker:20.10\"\n");
    let item = &node.get("a").unwrap().items()[0];
    let image = item.get("image").unwrap();
    assert_eq!(image.text(), Some("docker:20.10"));
    let Span {
        line,
        column,
        end_line,
        end_column,
    } = image.span;
    assert_eq!((line, column, end_line, end_column), (3, 12, 3, 26));
}

#[test]
fn numbers_stay_texts_and_null_is_none() {
    let node = one("a: 20.10\nb:\nc: ~\nd: \"\"\ne: yes");
    assert_eq!(node.text_at(&["a"]), Some("20.10"));
    assert_eq!(node.text_at(&["b"]), None);
    assert_eq!(node.text_at(&["c"]), None);
    assert_eq!(node.text_at(&["d"]), Some(""));
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let node = one("x: &x {image: a, tag: 1}\ny: {<<: *x, image: b}\nz: {<<: [*x, {n: 2}]}\n");
    assert_eq!(node.text_at(&["y", "image"]), Some("b"));
    assert_eq!(node.text_at(&["y", "tag"]), Some("1"));
    assert_eq!(node.text_at(&["z", "n"]), Some("2"));
    assert_eq!(node.at(&["y", "tag"]).unwrap().span.line, 1);
}

#[test]
fn a_text_that_unfolds_without_end_is_refused() {
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    let broken = load(&bomb, Offset::default()).unwrap_err();
    assert!(broken.what.contains("alias"), "{}", broken.what);
    let mut chain = String::from("a0: &a0 [x]\n");
    for level in 1..2000 {
        chain.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let broken = load(&chain, Offset::default()).unwrap_err();
    assert!(broken.what.contains("deeper"), "{}", broken.what);
    assert!(load("a: &a [*a]", Offset::default()).is_err());
    assert!(load(&"[".repeat(100_000), Offset::default()).is_err());
    assert!(load(&"- ".repeat(100_000), Offset::default()).is_err());
}

#[test]
fn a_block_begins_where_its_text_does() {
    let node = one("data:\n  a: |\n      x: 1\n  b: >-\n\n    y\n  c: 'z'\n");
    let spans: Vec<_> = node
        .get("data")
        .unwrap()
        .entries()
        .iter()
        .map(|(_, v)| (v.span.line, v.span.column))
        .collect();
    assert_eq!(spans, [(3, 7), (6, 5), (7, 6)]);
}

#[test]
fn comments_in_a_row_are_no_matter_and_a_reference_is_told_from_a_list() {
    let notes = "  # a note\n".repeat(500);
    let node = one(&format!(
        "a:\n{notes}  b: 1\nc: !reference [.x, y]\nd: [.x, y]\n"
    ));
    assert_eq!(node.text_at(&["a", "b"]), Some("1"));
    let is = |key| node.get(key).unwrap().reference;
    assert_eq!((is("c"), is("d")), (true, false));
}

#[test]
fn several_documents_are_several() {
    let text = "---\na: 1\n---\n# nothing\n---\nb: 2\n...\n";
    assert_eq!(load(text, Offset::default()).unwrap().len(), 2);
    assert_eq!(load("", Offset::default()), Ok(Vec::new()));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s)[ \\-a-c:&*<{}\\[\\],\"'|>#\n%!~\t?]{0,80}") {
        let _ = load(&text, Offset::default());
    }
    #[test]
    fn nor_any_other(text in any::<String>()) {
        let _ = load(&text, Offset::default());
    }
}
