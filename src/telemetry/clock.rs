//! Civil time for logs: a timestamp in the forms that Go writes, in UTC or in the local zone.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// A moment with its offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970 in UTC.
    pub(crate) seconds: i64,
    pub(crate) nanos: u32,
    /// Seconds east of Greenwich.
    pub(crate) offset: i32,
}

/// A calendar date with a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    /// 1 to 12.
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: i64 = 86_400;

// === impl Moment ===

impl Moment {
    pub(crate) fn utc(at: SystemTime) -> Self {
        let (seconds, nanos) = match at.duration_since(UNIX_EPOCH) {
            Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
            Err(_before) => (0, 0),
        };
        Self { seconds, nanos, offset: 0 }
    }

    pub(crate) fn with_offset(self, offset: i32) -> Self {
        Self { offset, ..self }
    }

    /// `02/Jan/2006:15:04:05 -0700`.
    pub(crate) fn write_common(self, out: &mut String) {
        let c = self.civil();
        let month = MONTHS.get(usize::from(c.month) - 1).copied().unwrap_or("Jan");
        let (sign, hours, minutes) = self.sign_and_offset();
        let _ = write!(
            out,
            "{:02}/{month}/{:04}:{:02}:{:02}:{:02} {sign}{hours:02}{minutes:02}",
            c.day, c.year, c.hour, c.minute, c.second
        );
    }

    /// RFC 3339 with whole seconds.
    pub(crate) fn write_rfc3339(self, out: &mut String) {
        self.write_date_and_time(out);
        self.write_offset(out);
    }

    /// RFC 3339 with as many digits of a second as there are: Go's `RFC3339Nano`.
    pub(crate) fn write_rfc3339_nano(self, out: &mut String) {
        self.write_date_and_time(out);
        if self.nanos != 0 {
            let start = out.len();
            let _ = write!(out, ".{:09}", self.nanos);
            let kept = out.get(start..).map_or(0, |digits| digits.trim_end_matches('0').len());
            out.truncate(start + kept);
        }
        self.write_offset(out);
    }

    fn write_date_and_time(self, out: &mut String) {
        let c = self.civil();
        let _ = write!(
            out,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        );
    }

    fn write_offset(self, out: &mut String) {
        if self.offset == 0 {
            out.push('Z');
        } else {
            let (sign, hours, minutes) = self.sign_and_offset();
            let _ = write!(out, "{sign}{hours:02}:{minutes:02}");
        }
    }

    fn sign_and_offset(self) -> (char, u32, u32) {
        let minutes = self.offset.unsigned_abs() / 60;
        (if self.offset < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
    }

    fn civil(self) -> Civil {
        let local = self.seconds.saturating_add(i64::from(self.offset));
        let (year, month, day) = date(local.div_euclid(DAY));
        let of_day = local.rem_euclid(DAY);
        let part = |value: i64| u8::try_from(value).unwrap_or(0);
        Civil {
            year,
            month,
            day,
            hour: part(of_day / 3600),
            minute: part(of_day / 60 % 60),
            second: part(of_day % 60),
        }
    }
}

/// The Gregorian date of a day counted from 1970-01-01: Howard Hinnant's `civil_from_days`, which counts years
/// from March, so that the day a leap year has more comes last.
fn date(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

/// The local zone's offset from UTC at a moment, in seconds.
/// The zone is the one of `TZ` or `/etc/localtime`; UTC where there is none.
pub(crate) fn local_offset(seconds: i64) -> i32 {
    let Ok(at) = jiff::Timestamp::from_second(seconds) else {
        return 0;
    };
    jiff::tz::TimeZone::system().to_offset(at).seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the forms common, RFC 3339 and RFC 3339 with nanoseconds.
    fn check(seconds: i64, nanos: u32, offset: i32, wanted: [&str; 3]) {
        let moment = Moment { seconds, nanos, offset };
        let mut got = [String::new(), String::new(), String::new()];
        moment.write_common(&mut got[0]);
        moment.write_rfc3339(&mut got[1]);
        moment.write_rfc3339_nano(&mut got[2]);
        assert_eq!(got, wanted);
    }

    #[test]
    fn writes_what_go_writes() {
        check(0, 0, 0, ["01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]);
        check(
            1_257_894_000,
            120_000_000,
            -9 * 3600,
            ["10/Nov/2009:14:00:00 -0900", "2009-11-10T14:00:00-09:00", "2009-11-10T14:00:00.12-09:00"],
        );
        check(
            1_257_894_000,
            1,
            5 * 3600 + 1800,
            [
                "11/Nov/2009:04:30:00 +0530",
                "2009-11-11T04:30:00+05:30",
                "2009-11-11T04:30:00.000000001+05:30",
            ],
        );
    }

    #[test]
    fn knows_leap_years() {
        let day = |days: i64| date(days);
        assert_eq!(day(11_016), (2000, 2, 29));
        assert_eq!(day(11_017), (2000, 3, 1));
        assert_eq!(day(47_540), (2100, 2, 28));
        assert_eq!(day(47_541), (2100, 3, 1));
        assert_eq!(day(-1), (1969, 12, 31));
    }
}
