//! The walk's test downloads: which completed, which hung, which never connected.

use super::counters::Counters;
use super::frames::{Frames, Record};
use crate::evidence::{Download, Fetched, Observation, Observed, Reason};
use crate::text::plain::plain;

/// More than a server sends before it waits for an ACK: large packets were delivered.
const ENOUGH: u64 = 16 << 10;
const TIMED_OUT: [i32; 3] = [124, 137, 143];
const MOST_SAID: usize = 200;

/// The URL to download: safe to pass to a shell and to record.
#[derive(Clone, Debug, PartialEq)]
pub struct Url(String);

impl Url {
    /// Parses `http://HOST…` or `https://HOST…`.
    pub fn parse(text: &str) -> Result<Url, String> {
        let wrong = |what: &str| {
            Err(format!(
                "{what}: give a URL with about 100 KB of content, such as https://HOST/PATH"
            ))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("invalid URL");
        };
        if !matches!(scheme, "http" | "https") {
            return wrong("only http and https are supported");
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() {
            return wrong("the URL has no host");
        }
        if host.contains('@') {
            return wrong("every process on the node could read a password in the URL");
        }
        let safe = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '"' | '\\' | '`' | '$');
        match rest.chars().all(safe) && text.len() <= 2000 {
            true => Ok(Url(text.to_owned())),
            false => wrong("it has characters that no URL has"),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without the query and fragment, which may hold a token.
    fn shown(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or(&self.0)
    }
}

/// The result of the download from the namespace of a process; None if there was none.
pub fn download(
    frames: &Frames,
    counters: &Counters,
    pid: i64,
    url: &Url,
) -> Option<Observation<Download>> {
    if frames.get("no-fetcher", "-").is_some() {
        return Some(Observation::Unobserved(Reason::NoDownloader));
    }
    let record = frames.get("fetched", "-")?;
    let told = Told::read(record, pid)?;
    let outcome = told.outcome()?;
    Some(outcome.map(|outcome| Download {
        url: url.shown().to_owned(),
        outcome,
        said: told.said.filter(|_| outcome != Fetched::Completes),
        dropped: super::difference(&counters.dropped_before(pid), &counters.dropped_after(pid)),
    }))
}

/// The output of one download.
#[derive(Default)]
struct Told {
    status: Option<i32>,
    bytes: Option<u64>,
    stands: bool,
    said: Option<String>,
}

impl Told {
    fn read(record: &Record, pid: i64) -> Option<Told> {
        let prefix = format!("{pid} ");
        let mut told: Option<Told> = None;
        for line in record.lines().filter_map(|line| line.strip_prefix(&prefix)) {
            let told = told.get_or_insert_default();
            match line.split_once(' ') {
                Some(("status", status)) => told.status = status.parse().ok(),
                Some(("bytes", bytes)) => told.bytes = bytes.parse().ok(),
                _ if line == "stands" => told.stands = true,
                _ => {
                    let line: String = plain(line).chars().take(MOST_SAID).collect();
                    // The last line is the reason, unless it is the shell's report of a killed process.
                    if !line.is_empty() && !matches!(line.as_str(), "Killed" | "Terminated") {
                        told.said = Some(line);
                    }
                }
            }
        }
        told
    }

    /// None if the walk was cut off during the download.
    fn outcome(&self) -> Option<Observation<Fetched>> {
        let (status, bytes) = (self.status?, self.bytes?);
        let said = self.said.as_deref().unwrap_or("no reason was given");
        if status == 0 || bytes >= ENOUGH {
            return Some(Observed(Fetched::Completes));
        }
        if TIMED_OUT.contains(&status) {
            return Some(match (bytes, self.stands) {
                (0, true) => Observed(Fetched::Hangs),
                (0, false) => Observed(Fetched::NoConnection),
                _ => Observation::Unobserved(Reason::DownloadSlow {
                    bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                }),
            });
        }
        Some(match is_cut_off(said) {
            true => Observed(Fetched::NoConnection),
            false => Observation::Unobserved(Reason::DownloadFailed {
                said: said.to_owned(),
            }),
        })
    }
}

/// Messages of curl, wget and busybox for an unreachable host.
fn is_cut_off(said: &str) -> bool {
    const WORDS: [&str; 13] = [
        "can't connect",
        "bad address",
        "refused",
        "timed out",
        "unreachable",
        "o route to host",
        "esolv",
        "ailed to connect",
        "nvalid argument",
        "ermission denied",
        "ot permitted",
        "ssign requested address",
        "is down",
    ];
    WORDS.iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Option<Observation<Fetched>> {
        let stream = format!("\nM> fetched -\n{text}\n\nM< -\n");
        let frames = Frames::parse(stream.as_bytes(), "M");
        let url = Url::parse("http://far.example/file?token=1").unwrap();
        let download = download(&frames, &Counters::parse(&frames), 7, &url)?;
        Some(download.map(|d| {
            assert_eq!(d.url, "http://far.example/file");
            d.outcome
        }))
    }

    #[test]
    fn what_clients_print_is_told_apart() {
        let is = |text: &str, expected: Fetched| {
            assert_eq!(outcome(text), Some(Observed(expected)), "{text}");
        };
        is("7 status 0\n7 bytes 300", Fetched::Completes);
        // The reader closed the pipe after enough bytes.
        is("7 status 141\n7 bytes 65536", Fetched::Completes);
        is("7 status 137\n7 bytes 0\n7 stands", Fetched::Hangs);
        is("7 status 137\n7 bytes 0\n8 stands", Fetched::NoConnection);
        is(
            "7 wget: can't connect to remote host (198.18.0.2): Connection refused\n7 status 1\n7 bytes 0",
            Fetched::NoConnection,
        );
        for said in [
            "failed: Invalid argument.",
            "failed: Permission denied.",
            "wget: can't connect to remote host (198.18.0.2): Network is unreachable",
            "curl: (7) Couldn't connect: Operation not permitted",
        ] {
            let text = format!("7 {said}\n7 status 4\n7 bytes 0");
            is(&text, Fetched::NoConnection);
        }
        is(
            "7 wget: bad address 'far'\n7 status 1\n7 bytes 0",
            Fetched::NoConnection,
        );
    }

    #[test]
    fn what_tells_nothing_of_the_path_is_unknown() {
        for text in [
            "7 wget: server returned error: HTTP/1.1 404 Not Found\n7 status 1\n7 bytes 0",
            "7 curl: (60) SSL certificate problem\n7 status 60\n7 bytes 0",
            "7 status 124\n7 bytes 12",
        ] {
            assert!(outcome(text).unwrap().observed().is_none(), "{text}");
        }
        assert_eq!(outcome("7 bytes 3"), None);
        assert_eq!(outcome("8 status 0\n8 bytes 3"), None);
    }

    #[test]
    fn only_addresses_reach_the_shell() {
        for good in [
            "http://a",
            "https://a.example:8443/x/y.tar?z=1&w=2",
            "http://[::1]/",
        ] {
            assert!(Url::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "a.example",
            "ftp://a",
            "http://",
            "http:///x",
            "http://u:p@a/",
            "http://a/'; reboot '",
            "http://a/$(id)",
            "http://a/ b",
        ] {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }
}
