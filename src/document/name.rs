//! The nearest name: what a misspelt one was probably meant to be.

/// The candidate that differs least from `name`, if it is near enough to be worth a hint.
///
/// Case does not count. Up to a third of the letters may differ; a provider that both have says nothing.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (own, provider) = name.split_at(name.rfind('@').unwrap_or(name.len()));
    let wanted: Vec<char> = own.to_lowercase().chars().collect();
    // A name as long as this was no slip of the finger, and the distance is quadratic.
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = candidate.strip_suffix(provider)?;
            let letters: Vec<char> = other.to_lowercase().chars().collect();
            let distance = distance(&wanted, &letters);
            let allowed = (wanted.len().max(letters.len()) / 3).max(1);
            (distance <= allowed && distance < wanted.len()).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Damerau-Levenshtein distance (optimal string alignment): a swap of two neighbours counts once, since
/// it is the most common slip.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous_a = None;
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i + 1);
        let mut previous_b = None;
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, j) + usize::from(ca != cb);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            if previous_a == Some(cb) && previous_b == Some(ca) && j > 0 {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
            previous_b = Some(cb);
        }
        before_last = std::mem::replace(&mut last, row);
        previous_a = Some(ca);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(name, candidates.iter().copied()), expected, "{name}");
    }

    #[test]
    fn finds_a_slip() {
        check("adress", &["asDefault", "address", "transport"], Some("address"));
        check("entrypont", &["entryPoint", "middlewares"], Some("entryPoint"));
        check("Hots", &["Host", "HostRegexp", "Path"], Some("Host"));
        check("EntryPoints", &["entryPoints"], Some("entryPoints"));
    }

    #[test]
    fn a_swap_counts_once() {
        check("ab", &["ba", "xyz"], Some("ba"));
        check("ab@file", &["ba@file", "ab@other"], Some("ba@file"));
    }

    #[test]
    fn is_silent_when_nothing_is_near() {
        check("banana", &["address", "http"], None);
        check("x", &["y"], None);
        check("gone@file", &["e@file"], None);
        check("", &["y"], None);
    }
}
