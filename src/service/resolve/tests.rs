//! Names of endpoints: what is looked up, kept and for how long.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::{Answer, Resolver, interleaved};

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn families_take_turns_and_the_first_one_begins() {
    let check = |given: &[&str], wanted: &[&str]| assert_eq!(interleaved(ips(given)), ips(wanted));
    check(&["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"], &["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]);
    check(&["1.1.1.1", "2.2.2.2"], &["1.1.1.1", "2.2.2.2"]);
    check(&[], &[]);
}

fn answer(addresses: &[&str]) -> Answer {
    let addresses = ips(addresses).into_iter().map(|ip| SocketAddr::new(ip, 80)).collect();
    Answer { addresses, fresh_until: Instant::now() + Duration::from_secs(60) }
}

#[tokio::test]
async fn a_name_is_one_cell_while_somebody_holds_it() {
    let resolver = Resolver::new(Handle::current());
    let name = resolver.name("Shop.Test", 80);
    assert!(std::sync::Arc::ptr_eq(&name, &resolver.name("shop.test", 80)));
    assert!(!std::sync::Arc::ptr_eq(&name, &resolver.name("shop.test", 81)));
}

#[tokio::test]
async fn the_last_good_answer_is_kept_when_a_lookup_fails() {
    let name = Resolver::new(Handle::current()).name("shop.test", 80);
    name.settle(Some(answer(&["10.0.0.1"])));
    name.settle(None);
    assert_eq!(name.addresses().await.unwrap(), ["10.0.0.1:80".parse().unwrap()]);
}

#[tokio::test]
async fn a_name_that_never_had_an_answer_fails_at_once_while_the_failure_is_fresh() {
    let name = Resolver::new(Handle::current()).name("shop.test", 80);
    name.settle(None);
    assert!(name.addresses().await.is_err());
}

#[tokio::test]
async fn addresses_that_left_are_known() {
    let name = Resolver::new(Handle::current()).name("shop.test", 80);
    let address = "10.0.0.1:80".parse().unwrap();
    assert!(name.has(address), "as long as nothing is known");
    name.settle(Some(answer(&["10.0.0.1"])));
    assert!(name.has(address));
    name.settle(Some(answer(&["10.0.0.2"])));
    assert!(!name.has(address));
}
