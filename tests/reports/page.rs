//! What a page must be: whole, linked in itself, and unable to load or run anything.

use std::collections::HashSet;

const EMPTY: [&str; 4] = ["meta", "rect", "path", "!doctype"];
const KNOWN: [&str; 33] = [
    "!doctype", "html", "head", "meta", "title", "style", "body", "header", "nav", "main",
    "section", "article", "h1", "h2", "h3", "p", "ul", "ol", "li", "a", "b", "span", "div", "svg",
    "rect", "path", "pre", "code", "details", "summary", "dl", "dt", "dd",
];

pub fn examine(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (mut ids, mut links) = (HashSet::new(), Vec::new());
    let body = without_style(page);
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect(piece);
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        assert!(KNOWN.contains(&name), "{tag}");
        for (key, value) in attributes(&tag[name.len()..]) {
            match key {
                "id" => assert!(ids.insert(value.to_owned()), "{value} is there twice"),
                "href" => links.push(value.strip_prefix('#').expect(value).to_owned()),
                "style" | "src" => panic!("{tag}"),
                _ => assert!(!key.starts_with("on"), "{tag}"),
            }
        }
        if !EMPTY.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} is left open");
    for link in links {
        assert!(ids.contains(&link), "#{link} leads nowhere");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains("url(") && !page.contains("@import"));
}

fn without_style(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    format!("{head}<style></style>{rest}")
}

/// Every value is in double quotes.
fn attributes(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text.trim().trim_end_matches('/');
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            assert!(
                ["open", "html"].contains(&rest.split(' ').next().unwrap_or_default()),
                "{rest}"
            );
            break;
        };
        // Attributes without a value stand before the next one.
        let key = key.rsplit(' ').next().unwrap_or(key);
        let after = after.strip_prefix('"').expect(text);
        let (value, after) = after.split_once('"').expect(text);
        found.push((key, value));
        rest = after.trim_start();
    }
    found
}
