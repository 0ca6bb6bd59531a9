//! Replaces names in text with tokens, in one pass from left to right, so that no token is replaced
//! again.

use super::addresses::Addresses;
use super::images;
use super::names::{Names, uuid_token};
use crate::evidence::Evidence;
use crate::evidence::identity::{UUID_LENGTH, is_uuid};
use crate::facts::versions::ImageRef;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A name of only these words identifies nothing, and would match everywhere.
const COMMON: [&str; 34] = [
    "agent",
    "arc",
    "atlassian",
    "bitbucket",
    "bridge",
    "build",
    "builder",
    "builds",
    "ci",
    "cluster",
    "container",
    "dev",
    "dind",
    "docker",
    "engine",
    "generic",
    "github",
    "gitlab",
    "host",
    "in",
    "job",
    "k8s",
    "kubernetes",
    "local",
    "machine",
    "network",
    "node",
    "pipelines",
    "pod",
    "runner",
    "runners",
    "system",
    "test",
    "vm",
];
/// What precedes a name in messages of API servers and kubectl that is not replaced otherwise.
/// Names in reasons have their own field.
const INTRODUCTIONS: [&str; 3] = ["serviceaccount:", "-n ", "namespaces/"];
/// Directories that are the same on every system.
const DIRECTORIES: [&str; 10] = [
    "/var/run",
    "/run",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/sys",
    "/dev",
    "/proc",
    "/lib/modules",
    "/etc/docker",
    "/tmp",
];
const CONTAINER_ID: usize = 12;

pub struct Tokens {
    names: Names,
    /// Names by their first word.
    found_in_text: BTreeMap<String, Vec<Name>>,
    addresses: Addresses,
    hosts: BTreeMap<String, String>,
    /// The numbers of everything else that is numbered, by kind.
    counted: BTreeMap<(&'static str, String), usize>,
}

struct Name {
    name: String,
    token: String,
    common: bool,
}

impl Tokens {
    pub fn new(evidence: &Evidence) -> Tokens {
        let names = Names::of(evidence);
        let mut found_in_text: BTreeMap<String, Vec<Name>> = BTreeMap::new();
        for (name, token) in names.all() {
            let common = name.len() < 4
                || name
                    .split(['-', '_', '.'])
                    .all(|part| COMMON.contains(&part));
            found_in_text
                .entry(first_word(name).to_ascii_lowercase())
                .or_default()
                .push(Name {
                    name: name.clone(),
                    token: token.clone(),
                    common,
                });
        }
        for names in found_in_text.values_mut() {
            names.sort_by_key(|name| std::cmp::Reverse(name.name.len()));
        }
        Tokens {
            names,
            found_in_text,
            addresses: Addresses::default(),
            hosts: BTreeMap::new(),
            counted: BTreeMap::new(),
        }
    }

    /// Records networks and registries, which determine how addresses and hosts are replaced.
    pub fn learn(&mut self, key: &str, text: &str) {
        if matches!(key, "image" | "digest") {
            let repository = ImageRef::parse(text).repository;
            let (host, _) = images::host_of(repository);
            if let Some(host) = host.filter(|_| !images::is_public(repository)) {
                self.host("registry", host);
            }
        }
        for (at, _) in text.match_indices('/') {
            let before = text[..at].rsplit(|c: char| !is_of_address(c)).next();
            let digits: String = text[at + 1..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            let address = before.and_then(|text| text.parse().ok());
            if let (Some(address), Ok(length)) = (address, digits.parse()) {
                self.addresses.learn(address, length);
            }
        }
    }

    /// The token of a text that is a complete name.
    pub fn name(&mut self, text: &str) -> String {
        match self.names.token(text) {
            Some(token) => token.to_owned(),
            None => self.text(text),
        }
    }

    pub fn redact(&mut self, key: &str, text: &str) -> String {
        match key {
            "image" | "digest" => self.image(text),
            "host_path" => self.path(text),
            _ => self.text(text),
        }
    }

    /// The original of each token.
    pub fn key(&self) -> BTreeMap<String, String> {
        let names = self.names.all().chain(&self.hosts);
        names
            .map(|(name, token)| (token.clone(), name.clone()))
            .collect()
    }

    fn count(&mut self, what: &'static str, of: &str) -> usize {
        let next = 1 + self
            .counted
            .keys()
            .filter(|(kind, _)| *kind == what)
            .count();
        *self.counted.entry((what, of.to_owned())).or_insert(next)
    }

    fn image(&mut self, text: &str) -> String {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (format!("{scheme}://"), rest),
            None => (String::new(), text),
        };
        let image = ImageRef::parse(rest);
        // A public image, a bare digest, or an empty reference.
        if images::is_public(image.repository) || rest.starts_with("sha256:") || rest.is_empty() {
            return text.to_owned();
        }
        let (host, path) = images::host_of(image.repository);
        let host = host.map(|host| format!("{}/", self.host("registry", host)));
        let path = match images::is_published(path) {
            true => path.to_owned(),
            false => images::name(self.count("image", image.repository), &image),
        };
        let tag = image.tag.map(|tag| format!(":{}", images::tag(tag)));
        let digest = image.digest.map(|digest| format!("@{digest}"));
        let parts = [Some(scheme), host, Some(path), tag, digest];
        parts.into_iter().flatten().collect()
    }

    fn path(&mut self, path: &str) -> String {
        let within = |known: &str| {
            let rest = path.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match DIRECTORIES.iter().any(|known| within(known)) || path == "/" {
            true => self.text(path),
            false => format!("/path-{}", self.count("path", path)),
        }
    }

    /// `HOST`, `HOST:PORT`.
    fn host(&mut self, word: &str, host: &str) -> String {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (name, format!(":{port}"))
            }
            _ => (host, String::new()),
        };
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        if let Ok(address) = address {
            return match self.addresses.token(address) {
                IpAddr::V6(ip) => format!("[{ip}]{port}"),
                ip => format!("{ip}{port}"),
            };
        }
        let common = name.is_empty() || COMMON.contains(&name) || name == "localhost";
        if common || images::is_public_host(name) {
            return host.to_owned();
        }
        let next = self.hosts.len() + 1;
        let token = self.hosts.entry(name.to_ascii_lowercase());
        let token = token.or_insert_with(|| format!("{word}-{next}.example"));
        format!("{token}{port}")
    }

    /// Replaces every name, address and ID in a text.
    fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let starts_word = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let found = starts_word.then(|| self.at(text, at)).flatten();
            let (length, token) = found.unwrap_or_else(|| {
                let length = first_word(&text[at..]).len();
                let first = text[at..].chars().next().map_or(1, char::len_utf8);
                let length = length.max(first);
                (length, text[at..at + length].to_owned())
            });
            out.push_str(&token);
            at += length;
        }
        out
    }

    /// The length and the token of what must be replaced at a position in a text.
    fn at(&mut self, text: &str, at: usize) -> Option<(usize, String)> {
        let rest = &text[at..];
        self.url(rest)
            .or_else(|| self.mail(rest))
            .or_else(|| self.known(&text[..at], rest))
            .or_else(|| self.uuid(rest))
            .or_else(|| self.address(rest))
            .or_else(|| self.id(&text[..at], rest))
            .or_else(|| forge_path(rest))
            .or_else(|| self.host_name(&text[..at], rest))
            .or_else(|| self.address_in_name(rest))
    }

    fn url(&mut self, rest: &str) -> Option<(usize, String)> {
        let scheme = first_word(rest);
        let after = rest[scheme.len()..].strip_prefix("://")?;
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ')' | '`' | '<' | '>');
        let whole = &after[..after.find(ends).unwrap_or(after.len())];
        let host = whole
            .split(['/', '?', '#'])
            .next()
            .filter(|host| !host.is_empty())?;
        let path = &whole[host.len()..];
        let bare = host.rsplit('@').next().unwrap_or(host);
        let token = self.host("host", bare);
        // Public URLs are kept; paths on other hosts may be identifying too.
        let names = images::forge(&format!("{bare}/")).is_some() && !images::is_public_path(path);
        let kept = token == bare && !names || path.len() < 2 || scheme == "unix";
        let path = if kept { path } else { "/path" };
        let length = scheme.len() + "://".len() + whole.len();
        Some((length, format!("{scheme}://{token}{path}")))
    }

    /// `NAME@HOST`
    fn mail(&mut self, rest: &str) -> Option<(usize, String)> {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || "._%+-".contains(c);
        let end = rest.find(|c| !is_of_name(c))?;
        let (name, host) = (&rest[..end], rest[end..].strip_prefix('@')?);
        let host = &host[..host.find(|c| !is_of_host(c)).unwrap_or(host.len())];
        let host = host.trim_end_matches(['.', '-']);
        let (_, top) = host.rsplit_once('.')?;
        if name.is_empty() || top.len() < 2 || !top.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
        // `git` is the user in every SSH repository URL.
        if name == "git" {
            return None;
        }
        let user = self.count("user", name);
        let token = format!("user-{user}@{}", self.host("host", host));
        Some((name.len() + 1 + host.len(), token))
    }

    /// `ip-10-42-7-9`, a host name as cloud providers assign it.
    fn address_in_name(&mut self, rest: &str) -> Option<(usize, String)> {
        let start = rest.get(..3).filter(|s| s.eq_ignore_ascii_case("ip-"))?;
        let name = &rest[start.len()..];
        let end = name.find(|c: char| !c.is_ascii_digit() && c != '-');
        let name = name[..end.unwrap_or(name.len())].trim_end_matches('-');
        let address: Ipv4Addr = name.replace('-', ".").parse().ok()?;
        let token = self.addresses.token(address.into()).to_string();
        let token = format!("{start}{}", token.replace('.', "-"));
        Some((start.len() + name.len(), token))
    }

    fn known(&self, before: &str, rest: &str) -> Option<(usize, String)> {
        let first = first_word(rest).to_ascii_lowercase();
        let names = self.found_in_text.get(&first)?;
        let name = names.iter().find(|known| {
            let length = known.name.len();
            let written = rest.get(..length);
            if !written.is_some_and(|written| written.eq_ignore_ascii_case(&known.name)) {
                return false;
            }
            let after = &rest[length..];
            let next = after.chars().next();
            match known.common {
                false => !next.is_some_and(|c| c.is_ascii_alphanumeric()),
                true => {
                    let longer = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                    !next.is_some_and(longer) && INTRODUCTIONS.iter().any(|w| before.ends_with(w))
                }
            }
        })?;
        Some((name.name.len(), name.token.clone()))
    }

    fn uuid(&mut self, rest: &str) -> Option<(usize, String)> {
        let longer = |c: char| c.is_ascii_alphanumeric();
        if !is_uuid(rest) || rest[UUID_LENGTH..].starts_with(longer) {
            return None;
        }
        let uuid = &rest[..UUID_LENGTH];
        // A UUID that is part of a name already has a token.
        let named = self.names.ending_token(uuid).map(str::to_owned);
        let token = named.unwrap_or_else(|| uuid_token(0x1000 + self.count("uuid", uuid)));
        Some((UUID_LENGTH, token))
    }

    fn address(&mut self, rest: &str) -> Option<(usize, String)> {
        let whole = &rest[..rest.find(|c| !is_of_address(c)).unwrap_or(rest.len())];
        let four = whole
            .split(':')
            .next()
            .unwrap_or(whole)
            .trim_end_matches('.');
        if let Ok(address) = four.parse::<Ipv4Addr>() {
            return Some((four.len(), self.addresses.token(address.into()).to_string()));
        }
        let six = whole.trim_end_matches('.');
        let six = if six.ends_with("::") {
            six
        } else {
            six.trim_end_matches(':')
        };
        let address: Ipv6Addr = six.parse().ok()?;
        Some((six.len(), self.addresses.token(address.into()).to_string()))
    }

    /// The ID of a container or a network: hex digits, identified by the first twelve.
    fn id(&mut self, before: &str, rest: &str) -> Option<(usize, String)> {
        let word = first_word(rest);
        let is_hex = word.bytes().all(|b| b.is_ascii_hexdigit());
        let has_letter = word.bytes().any(|b| b.is_ascii_alphabetic());
        if word.len() < CONTAINER_ID || !is_hex || before.ends_with("sha256:") {
            return None;
        }
        if !has_letter && !matches!(word.len(), CONTAINER_ID | 64) {
            return None;
        }
        let number = self.count("id", &word[..CONTAINER_ID]);
        let token = format!("{number:0>CONTAINER_ID$x}");
        Some((word.len(), format!("{token:0<width$}", width = word.len())))
    }

    /// A host name in text: three labels or more, or a host seen elsewhere.
    fn host_name(&mut self, before: &str, rest: &str) -> Option<(usize, String)> {
        let name = &rest[..rest.find(|c| !is_of_host(c)).unwrap_or(rest.len())];
        let name = name.trim_end_matches(['.', '-']);
        let parts: Vec<&str> = name.split('.').collect();
        let top = parts.last().copied().unwrap_or_default();
        let reversed = matches!(parts[0], "com" | "io" | "org" | "net" | "dev");
        let is_path = before.ends_with(['/', '.', '-']);
        let encoded = parts.iter().any(|part| part.starts_with("xn--"));
        let private = matches!(
            top,
            "internal" | "local" | "lan" | "corp" | "intra" | "home"
        );
        let looks_so = parts.len() >= 2 && (private || encoded) || parts.len() >= 3 && !is_path;
        let is_one = self.hosts.contains_key(&name.to_ascii_lowercase())
            || looks_so
                && !reversed
                && top.len() >= 2
                && is_of_one_case(top)
                && parts.iter().all(|part| !part.is_empty());
        let token = is_one.then(|| self.host("host", name))?;
        // Paths in a private registry are identifying too.
        match reference(&rest[name.len()..]) {
            0 => Some((name.len(), token)),
            _ if token == name => Some((name.len(), token)),
            length => {
                let whole = &rest[..name.len() + length];
                Some((whole.len(), self.image(whole)))
            }
        }
    }
}

/// `github.com/OWNER/REPOSITORY` and `github.com:OWNER/REPOSITORY`.
fn forge_path(rest: &str) -> Option<(usize, String)> {
    let host = images::forge(rest)?;
    let after = &rest[host.len()..];
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "/:._@-".contains(c));
    let path = &after[..after.find(ends).unwrap_or(after.len())];
    let path = path.trim_end_matches([':', '.']);
    let names = path.len() > 1 && !images::is_public_path(path);
    names.then(|| (host.len() + path.len(), format!("{host}/path")))
}

/// The length of `:5000/team/app:1.2@sha256:12ab` after a registry's host; 0 if no path follows.
fn reference(after: &str) -> usize {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "/:._@-".contains(c));
    let whole = &after[..after.find(ends).unwrap_or(after.len())];
    let whole = whole.trim_end_matches([':', '.', '/', '-', '@']);
    let path = whole.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    // `:team/app.git` is a path too, in git's SSH syntax.
    match path.starts_with('/') || whole.starts_with(':') && path.contains('/') {
        true => whole.len(),
        false => 0,
    }
}

/// `com` and `COM`, but not the `OutOfMemoryError` of a class in a package.
fn is_of_one_case(top: &str) -> bool {
    let encoded = top.to_ascii_lowercase().starts_with("xn--");
    encoded
        || top.bytes().all(|b| b.is_ascii_lowercase())
        || top.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    &text[..end.unwrap_or(text.len())]
}

fn is_of_address(c: char) -> bool {
    c.is_ascii_hexdigit() || matches!(c, '.' | ':')
}
