//! A page must be complete, have valid internal links, load nothing and run only its one script.

use std::collections::HashSet;

/// Where the page may link to, besides itself: the pages of checks.
const SITE: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "/checks/");
const EMPTY: [&str; 4] = ["meta", "rect", "path", "!doctype"];
const KNOWN: [&str; 34] = [
    "!doctype", "html", "head", "meta", "title", "style", "body", "header", "nav", "main",
    "section", "article", "h1", "h2", "h3", "p", "ul", "ol", "li", "a", "b", "span", "div", "svg",
    "script", "rect", "path", "pre", "code", "details", "summary", "dl", "dt", "dd",
];

pub fn examine(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let (mut ids, mut links) = (HashSet::new(), Vec::new());
    let body = without(&without(page, "style"), "script");
    assert_eq!(body.matches("<script").count(), 1);
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
                "href" if value.starts_with(SITE) => {}
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
    let policy = "content=\"default-src 'none'; style-src 'sha256-";
    assert!(page.contains(policy) && page.contains("; script-src 'sha256-"));
    assert!(!page.contains("url(") && !page.contains("@import"));
}

fn without(page: &str, tag: &str) -> String {
    let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
    let (head, rest) = page.split_once(&start).expect(tag);
    let (_, rest) = rest.split_once(&end).expect(tag);
    format!("{head}{start}{end}{rest}")
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
        // Attributes without a value precede the next one.
        let key = key.rsplit(' ').next().unwrap_or(key);
        let after = after.strip_prefix('"').expect(text);
        let (value, after) = after.split_once('"').expect(text);
        found.push((key, value));
        rest = after.trim_start();
    }
    found
}
