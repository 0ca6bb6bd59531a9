//! Days of the calendar, as far as a suppression needs them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Year, month and day: in this order they compare as days do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(i64, i64, i64);

impl Day {
    /// Today, in UTC.
    pub(crate) fn today() -> Day {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let days = since.map_or(0, |since| since.as_secs() / 86_400);
        Day::after_1970(i64::try_from(days).unwrap_or(i64::MAX))
    }

    /// `2027-01-31`.
    pub(super) fn parse(text: &str) -> Option<Day> {
        let digits = |text: &str, length| {
            let all = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
            all.then(|| text.parse::<i64>().ok()).flatten()
        };
        let mut parts = text.split('-');
        let day = Day(
            digits(parts.next()?, 4)?,
            digits(parts.next()?, 2)?,
            digits(parts.next()?, 2)?,
        );
        let real = (1..=12).contains(&day.1) && (1..=days_in(day.0, day.1)).contains(&day.2);
        (real && parts.next().is_none()).then_some(day)
    }

    /// The calendar counted in years that begin in March, so that the leap day is the last.
    fn after_1970(days: i64) -> Day {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Day(year + era * 400 + i64::from(month <= 2), month, day)
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::Day;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (days, date) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (19_782, "2024-02-29"),
            (20_781, "2026-11-24"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Day::after_1970(days).to_string(), date);
            assert_eq!(Day::parse(date), Some(Day::after_1970(days)));
        }
        assert!(Day::parse("2026-11-24") < Day::parse("2026-12-01"));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2027-02-29",
            "2027-13-01",
            "27-1-1",
            "2027-01-01-1",
            "2027-00-10",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
