//! What one `find` costs, by the number of routes: ten prefixes a host, hosts and paths drawn at random; then one host
//! with all prefixes. Best of three batches, in nanoseconds; and the time to parse and to build.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use http::{HeaderMap, Method};
use router::{Entry, Rank, Table, View, parse_http};

const FINDS: usize = 1_000_000;

fn main() {
    println!(
        "{:>8}  {:>9} {:>9}  {:>9} {:>9}  {:>9}",
        "routes", "parse ms", "build ms", "10/host", "one host", "miss"
    );
    for routes in [10, 100, 1_000, 10_000, 100_000] {
        let many = |n: usize| (format!("host-{}.example.com", n / 10), format!("/service/{}", n % 10));
        let one = |n: usize| ("host.example.com".to_owned(), format!("/service/{n}"));
        let (table, parse, build) = table(routes, many);
        let spread = measure(&table, routes, many, true);
        let miss = measure(&table, routes, |n| (format!("none-{n}.example.com"), "/".to_owned()), false);
        drop(table);
        let (table, ..) = self::table(routes, one);
        let narrow = measure(&table, routes, one, true);
        println!("{routes:>8}  {parse:>9.1} {build:>9.1}  {spread:>9.1} {narrow:>9.1}  {miss:>9.1}");
    }
}

/// A table, and the milliseconds that parsing and building took.
fn table(routes: usize, place: impl Fn(usize) -> (String, String)) -> (Table<usize>, f64, f64) {
    let texts = (0..routes).map(|n| {
        let (host, path) = place(n);
        format!("Host(`{host}`) && PathPrefix(`{path}`)")
    });
    let texts: Vec<String> = texts.collect();
    let start = Instant::now();
    let entries = texts.iter().enumerate().filter_map(|(value, text)| {
        let rule = parse_http(text).ok()?;
        Some(Entry { rule, rank: Rank::http(0, text, 0), value })
    });
    let entries: Vec<_> = entries.collect();
    let parse = start.elapsed().as_secs_f64() * 1e3;
    let start = Instant::now();
    let table = Table::build(entries);
    (table, parse, start.elapsed().as_secs_f64() * 1e3)
}

fn measure(table: &Table<usize>, routes: usize, place: impl Fn(usize) -> (String, String), hit: bool) -> f64 {
    let headers = HeaderMap::new();
    // A linear congruence is random enough, and costs nothing to speak of.
    let mut state = 88_172_645_463_325_252_u64;
    let requests = (0..100_000_usize).map(|_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (host, path) = place(usize::try_from(state >> 33).unwrap_or_default() % routes);
        (host, format!("{path}/item/1"))
    });
    let requests: Vec<_> = requests.collect();
    let batch = || {
        let start = Instant::now();
        for (host, path) in requests.iter().cycle().take(FINDS) {
            let view = View {
                method: &Method::GET,
                host,
                path,
                query: None,
                headers: &headers,
                client: [127, 0, 0, 1].into(),
            };
            assert_eq!(black_box(table.find(black_box(&view))).is_some(), hit);
        }
        start.elapsed().as_secs_f64() * 1e9
    };
    let best = (0..3).map(|_| batch()).fold(f64::INFINITY, f64::min);
    best / 1_000_000.0
}
