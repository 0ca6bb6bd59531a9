//! Values of options that need a parser of their own.

use std::time::Duration;

pub(super) fn kubernetes_name(text: &str) -> Result<String, String> {
    match crate::manifest::is_label(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("a Kubernetes name has at most 63 lowercase letters, digits and dashes".to_owned())
        }
    }
}

pub(super) fn image(text: &str) -> Result<String, String> {
    match crate::manifest::is_image(text) {
        true => Ok(text.to_owned()),
        false => Err("invalid image: write it like docker:VERSION-dind".to_owned()),
    }
}

/// `90s`, `5m`, `1h`, or seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("invalid duration {text:?}: write 10s, 5m or 1h (at most 24h)");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(0) => Err("the duration must be longer than zero: write 10s, 5m or 1h".to_owned()),
        Some(seconds) if seconds <= 24 * 3600 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

pub(super) fn sample_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time <= Duration::from_secs(60) => Ok(time),
        _ => Err("samples are at most 60s apart".to_owned()),
    }
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1000).contains(&number) => Ok(number),
        _ => Err(format!("invalid number {text:?}: use 1 to 1000")),
    }
}

/// `512KiB`, `64MiB`, or bytes.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || format!("invalid size {text:?}: write 512KiB or 64MiB (at most 4096MiB)");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "" => 1,
        "KiB" | "Ki" => 1 << 10,
        "MiB" | "Mi" => 1 << 20,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    match count.checked_mul(unit) {
        Some(bytes) if bytes <= 4 << 30 => usize::try_from(bytes).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "0", "-1s", "1d", "ten", "99999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("512KiB"), Ok(512 << 10));
        assert_eq!(size("64MiB"), Ok(64 << 20));
        assert_eq!(size("7"), Ok(7));
        for wrong in ["", "MiB", "-1", "1GB", "99999999999MiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
