//! Names of versions, suites and curves.

use super::*;

/// Versions, TLS 1.2 suites and groups, then warnings; or the error.
fn check(min: &str, max: &str, suites: &[&str], curves: &[&str], expected: Result<&str, &str>) {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (suites, curves) = (owned(suites), owned(curves));
    let written =
        Written { min_version: min, max_version: max, cipher_suites: &suites, curve_preferences: &curves };
    let shown = Parameters::build(&written).map(|found| {
        let versions =
            found.versions.iter().map(|version| format!("{:?}", version.version)).collect::<Vec<_>>();
        let suites = found
            .provider
            .cipher_suites
            .iter()
            .map(|s| suite_name(*s))
            .filter(|name| name.contains("_WITH_"));
        let suites =
            if suites.clone().count() == 6 { "all".to_owned() } else { suites.collect::<Vec<_>>().join(" ") };
        let groups =
            found.provider.kx_groups.iter().map(|group| format!("{:?}", group.name())).collect::<Vec<_>>();
        let groups = if groups.len() == 4 { "all".to_owned() } else { groups.join(" ") };
        format!("{} / {suites} / {groups} / {}", versions.join(" "), found.warnings.len())
    });
    let shown = shown.map_err(|problems| {
        let errors = problems.iter().filter(|problem| problem.is_error());
        let errors = errors.map(|problem| format!("{}: {}", problem.path, problem.message));
        errors.collect::<Vec<_>>().join("; ")
    });
    assert_eq!(shown.as_deref().map_err(String::as_str), expected);
}

#[test]
fn nothing_written_is_12_and_13_with_everything() {
    check("", "", &[], &[], Ok("TLSv1_3 TLSv1_2 / all / all / 0"));
}

#[test]
fn versions_bound_each_other() {
    check("VersionTLS13", "", &[], &[], Ok("TLSv1_3 / all / all / 0"));
    check("", "VersionTLS12", &[], &[], Ok("TLSv1_2 / all / all / 0"));
    check("VersionTLS12", "VersionTLS12", &[], &[], Ok("TLSv1_2 / all / all / 0"));
    let above = "minVersion: `VersionTLS13` is above the maxVersion `VersionTLS12`";
    check("VersionTLS13", "VersionTLS12", &[], &[], Err(above));
}

#[test]
fn old_versions_are_12_as_minimum_and_refused_as_maximum() {
    check("VersionTLS10", "", &[], &[], Ok("TLSv1_3 TLSv1_2 / all / all / 1"));
    let refused = "maxVersion: `VersionTLS11` is not supported: TLS 1.2 is the oldest version";
    check("", "VersionTLS11", &[], &[], Err(refused));
}

#[test]
fn an_unknown_version_is_no_default() {
    check("TLS12", "", &[], &[], Err("minVersion: unknown TLS version `TLS12`"));
    check("", "versionTLS13", &[], &[], Err("maxVersion: unknown TLS version `versionTLS13`"));
}

#[test]
fn suites_restrict_12_only() {
    let one = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    check("", "", &[one], &[], Ok(&format!("TLSv1_3 TLSv1_2 / {one} / all / 0")));
    let old_name = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305";
    check("", "", &[old_name], &[], Ok(&format!("TLSv1_3 TLSv1_2 / {old_name}_SHA256 / all / 0")));
    check("", "", &["TLS_AES_128_GCM_SHA256"], &[], Ok("TLSv1_3 /  / all / 0"));
    let nothing = "cipherSuites: none of the cipher suites fits the versions that are allowed";
    check("", "VersionTLS12", &["TLS_AES_128_GCM_SHA256"], &[], Err(nothing));
}

#[test]
fn an_unsupported_suite_warns_while_another_is_left() {
    let (old, new) = ("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
    check("", "", &[old, new], &[], Ok(&format!("TLSv1_3 TLSv1_2 / {new} / all / 1")));
    check("", "", &[old], &[], Err("cipherSuites: none of these cipher suites is supported"));
    check("", "", &[new, "TLS_NONE"], &[], Err("cipherSuites[1]: unknown cipher suite `TLS_NONE`"));
}

#[test]
fn curves_have_two_names() {
    check("", "", &[], &["CurveP384", "secp384r1"], Ok("TLSv1_3 TLSv1_2 / all / secp384r1 / 0"));
    check("", "", &[], &["CurveP521", "x25519"], Ok("TLSv1_3 TLSv1_2 / all / X25519 / 1"));
    check("", "", &[], &["CurveP521"], Err("curvePreferences: none of these curves is supported"));
    check("", "", &[], &["CurveP999"], Err("curvePreferences[0]: unknown curve `CurveP999`"));
}
