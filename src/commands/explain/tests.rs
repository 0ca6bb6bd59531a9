use super::entry;
use super::explanation::Explanation;
use super::text::{self, Reader};
use crate::checks::Library;
use crate::cli::ExplainFormat;
use crate::evidence::Provider;
use crate::report::{Links, Style};
use clap::ColorChoice;

fn reader(provider: Provider) -> Reader {
    Reader {
        provider,
        own: false,
        width: 80,
        links: Links::NONE,
    }
}

#[test]
fn every_explanation_fits_a_screen() {
    const SCREEN: usize = 60;
    for check in Library::shared().checks() {
        let all = Explanation::of(check, None);
        for provider in Provider::ALL.iter().copied() {
            let mut told = all.clone();
            told.only(provider);
            let text = text::render(&told, &reader(provider));
            let lines = text.lines().count();
            assert!(lines <= SCREEN, "{}: {lines} lines\n{text}", check.id);
        }
    }
    for fault in Library::shared().entries() {
        let never = ColorChoice::Never;
        let text = entry::explained(fault, ExplainFormat::Text, &Style::PLAIN, never).unwrap();
        let lines = text.lines().count();
        assert!(lines <= SCREEN, "{}: {lines} lines\n{text}", fault.id);
    }
}

/// The runner of the examples is not the reader's.
#[test]
fn no_explanation_has_a_name_of_the_examples() {
    for check in Library::shared().checks() {
        let told = Explanation::of(check, None);
        let json = serde_json::to_string(&(&told.example, &told.fixes)).unwrap();
        for name in ["docker-in-docker", "bb_docker", "runner-2jpsg", "worker-1"] {
            assert!(!json.contains(name), "{}: {name} in {json}", check.id);
        }
    }
}
