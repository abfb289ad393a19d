//! Which options each server name gets.

use std::sync::Arc;

use super::*;
use crate::report::Status;
use crate::testing::{codes, compiled};

fn wanted(hosts: &[&str], options: &str) -> Wanted {
    Wanted {
        hosts: hosts.iter().map(|host| (*host).into()).collect(),
        options: options.into(),
        is_refused: false,
    }
}

fn options(sni: &SniOptions, name: &str) -> String {
    sni.get(Some(name)).to_string()
}

#[test]
fn each_host_has_its_options_and_wildcards_come_second() {
    let (sni, granted) =
        grant(&[wanted(&["a.test"], "one"), wanted(&["*.b.test"], "two"), wanted(&["x.b.test"], "three")]);
    assert_eq!(granted, [Granted::AsWanted, Granted::AsWanted, Granted::AsWanted]);
    assert_eq!(options(&sni, "a.test"), "one");
    assert_eq!(options(&sni, "a.test."), "one");
    assert_eq!(options(&sni, "y.b.test"), "two");
    assert_eq!(options(&sni, "x.b.test"), "three");
    assert_eq!(options(&sni, "b.test"), "default");
    assert_eq!(options(&sni, "y.x.b.test"), "default");
    assert_eq!(&**sni.get(None), "default");
    assert!(sni.names("y.b.test") && !sni.names("z.test") && !sni.has_catch_all());
}

#[test]
fn a_disputed_host_gets_the_default_options_and_so_do_its_routers_other_hosts() {
    let routers =
        [wanted(&["a.test", "b.test"], "one"), wanted(&["a.test"], "default"), wanted(&["c.test"], "one")];
    let (sni, granted) = grant(&routers);
    assert_eq!(
        granted,
        [Granted::Conflict("a.test".into()), Granted::Conflict("a.test".into()), Granted::AsWanted]
    );
    assert_eq!(options(&sni, "a.test"), "default");
    assert_eq!(options(&sni, "b.test"), "default");
    assert_eq!(options(&sni, "c.test"), "one");
}

#[test]
fn a_dispute_goes_on_from_host_to_host() {
    let (sni, granted) = grant(&[wanted(&["a"], "one"), wanted(&["a", "b"], "two"), wanted(&["b"], "two")]);
    assert!(granted.iter().all(|granted| matches!(granted, Granted::Conflict(_))), "{granted:?}");
    assert_eq!((options(&sni, "a"), options(&sni, "b")), ("default".to_owned(), "default".to_owned()));
}

#[test]
fn a_rule_without_a_host_has_the_default_options() {
    let (sni, granted) = grant(&[wanted(&[], "one")]);
    assert_eq!(granted, [Granted::Hostless]);
    assert!(sni.has_catch_all());
    let (sni, _) = grant(&[wanted(&["*"], "one")]);
    assert_eq!((options(&sni, "any.test"), &**sni.get(None)), ("one".to_owned(), "one"));
    let (sni, _) = grant(&[wanted(&["*"], "one"), wanted(&[], "default")]);
    assert_eq!(options(&sni, "any.test"), "default");
}

#[test]
fn broken_options_shut_the_host_whoever_else_wants_it() {
    let broken = Wanted { is_refused: true, ..wanted(&["a.test"], "broken") };
    let (sni, granted) = grant(&[wanted(&["a.test"], "one"), broken]);
    assert_eq!(granted, [Granted::AsWanted, Granted::AsWanted]);
    assert_eq!(options(&sni, "a.test"), "broken");
}

#[test]
fn routes_carry_the_options_their_connections_must_have() {
    let (snapshot, report) = compiled(
        "
http:
  routers:
    one: {rule: Host(`a.test`) && Path(`/1`), service: noop@internal, tls: {options: strict}}
    two: {rule: Host(`a.test`) && Path(`/2`), service: noop@internal, tls: {}, entryPoints: [web]}
    lost: {rule: Host(`l.test`), service: noop@internal, tls: {options: nowhere}}
    bad: {rule: Host(`b.test`), service: noop@internal, tls: {options: bad}}
    pattern: {rule: HostRegexp(`x`), service: noop@internal, tls: {options: strict}}
tls:
  options:
    strict: {minVersion: VersionTLS13}
    bad: {minVersion: VersionTLS99}
",
    );
    let options_of = |entry_point: &str, router: &str| -> Option<Arc<str>> {
        let table = &snapshot.entry_points[entry_point].https;
        table.iter().find(|entry| *entry.value.name.router == *router).unwrap().value.tls_options.clone()
    };
    assert_eq!(options_of("web", "one@file").as_deref(), Some("default"));
    assert_eq!(options_of("websecure", "one@file").as_deref(), Some("strict@file"));
    assert_eq!(options_of("web", "pattern@file").as_deref(), Some("default"));
    let status = |router: &str| {
        let entry = &report.routers[router];
        (entry.status, codes(&entry.problems))
    };
    assert_eq!(status("one@file"), (Status::Warning, vec!["tls_options_conflict"]));
    assert_eq!(status("two@file"), (Status::Warning, vec!["tls_options_conflict"]));
    assert_eq!(status("lost@file"), (Status::Disabled, vec!["unknown_reference"]));
    assert_eq!(status("bad@file"), (Status::Disabled, vec!["broken_reference"]));
    let sni = &snapshot.entry_points["web"].sni_options;
    assert_eq!(options(sni, "l.test"), "nowhere@file");
    assert!(snapshot.certificates.server_config("nowhere@file").is_err());
    assert!(snapshot.certificates.server_config("bad@file").is_err());
    assert_eq!(report.tls_options["bad@file"].status, Status::Disabled);
}
