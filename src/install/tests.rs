//! Flags, variables and files, and what is said of mistakes in them.

use std::fs;
use std::path::Path;

use document::{Duration, Format, Problem};

use super::load::Loaded;
use super::load::load_from;
use super::*;

type Variables<'a> = &'a [(&'a str, &'a str)];

fn load_in(folder: &Path, args: &[&str], env: Variables<'_>) -> Result<Loaded, Vec<Problem>> {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_from(&args, env, &[&folder.join("etc"), &folder.join("here")])
}

fn load(args: &[&str], env: Variables<'_>) -> Result<Loaded, Vec<Problem>> {
    load_in(Path::new("/nowhere"), args, env)
}

fn flags(args: &[&str]) -> Install {
    load(args, &[]).unwrap().install
}

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| format!("{}: {}", problem.severity, problem.summary())).collect()
}

fn says(result: &Result<Loaded, Vec<Problem>>, expected: &[&str]) {
    let problems = match result {
        Ok(loaded) => &loaded.warnings,
        Err(problems) => problems,
    };
    assert_eq!(said(problems), expected);
}

fn file(text: &str, expected: &[&str]) -> Option<Install> {
    let (install, problems) = read_text("traefik.yml", text, Format::Yaml);
    assert_eq!(said(&problems), expected, "{text}");
    install
}

#[test]
fn without_anything_there_is_one_entry_point() {
    let loaded = load(&[], &[("PATH", "/bin")]).unwrap();
    assert_eq!(loaded.source, Source::Defaults);
    let names: Vec<_> =
        loaded.install.entry_points.iter().map(|(name, it)| (name.as_str(), it.address.as_str())).collect();
    assert_eq!(names, [("http", ":80")]);
    assert_eq!(loaded.install.servers_transport.max_idle_conns_per_host, 200);
}

#[test]
fn flags_are_key_paths_in_any_case() {
    let install = flags(&[
        "--entrypoints.Web.address=:80",
        "-entryPoints.websecure.Address",
        ":443",
        "--entrypoints.websecure.http.tls",
        "--entrypoints.websecure.http.tls.domains[1].main=b.example",
        "--entrypoints.websecure.http.tls.domains[0].main=a.example",
        "--entrypoints.websecure.http.tls.domains[0].sans=c.example,d.example",
        "--entrypoints.websecure.http.middlewares=a@file",
        "--entrypoints.websecure.http.middlewares=b@file,c@file",
        "--entrypoints.web.transport.respondingtimeouts.readtimeout=42",
        "--providers.file.directory=/etc/dynamic",
        "--api.insecure",
        "--api",
        "--ping=true",
        "--accesslog",
        "true",
        "--log.level=debug",
        "--metrics.prometheus.buckets=0.5,2",
    ]);
    let secure = &install.entry_points["websecure"];
    assert_eq!(install.entry_points["Web"].address, ":80");
    assert_eq!(secure.address, ":443");
    let tls = secure.http.tls.as_ref().unwrap();
    assert_eq!(
        tls.domains.iter().map(|domain| domain.main.as_str()).collect::<Vec<_>>(),
        ["a.example", "b.example"]
    );
    assert_eq!(tls.domains[0].sans, ["c.example", "d.example"]);
    assert_eq!(secure.http.middlewares, ["a@file", "b@file", "c@file"]);
    assert_eq!(
        install.entry_points["Web"].transport.responding_timeouts.read_timeout,
        Duration::from_secs(42)
    );
    assert!(install.api.unwrap().insecure && install.ping.is_some() && install.access_log.is_some());
    assert_eq!(install.metrics.unwrap().prometheus.unwrap().buckets, [0.5, 2.0]);
    assert_eq!(install.entry_points["traefik"].address, ":8080");
}

#[test]
fn every_wrong_flag_is_named() {
    says(
        &load(
            &[
                "stray",
                "--entrypoints.web.adress=:80",
                "--entrypoint.web.address=:80",
                "--entrypoints.web.address",
                "--api.insecure=maybe",
                "--providers.docker",
                "--entrypoints.other.address=80",
            ],
            &[],
        ),
        &[
            "error: the provider Docker is not supported (flag `--providers.docker`, providers.docker)",
            "error: unknown key `adress` (flag `--entrypoints.web.adress`, entryPoints.web); did you mean `address`?",
            "error: unknown key `entrypoint` (flag `--entrypoint.web.address`); did you mean `entryPoints`?",
            "error: true or false is wanted here, not the string `maybe` (flag `--api.insecure`, api.insecure)",
            "error: `80` has no port: write `:80` if that is the port (flag `--entrypoints.other.address`, entryPoints.other.address)",
            "error: unexpected argument `stray`; flags are written as `--name=value`",
            "error: the flag needs a value (flag `--entrypoints.web.address`); write `--entrypoints.web.address=value`",
        ],
    );
    says(
        &load(&["--entrypoints.web.address=80"], &[]),
        &[
            "error: `80` has no port: write `:80` if that is the port (flag `--entrypoints.web.address`, entryPoints.web.address)",
        ],
    );
}

#[test]
fn variables_are_key_paths_and_ours_win() {
    let loaded = load(
        &[],
        &[
            ("TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", ":80"),
            ("PORTCULLIS_ENTRYPOINTS_WEB_ADDRESS", ":81"),
            ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_MAIN", "a.example"),
            ("TRAEFIK_ENTRYPOINTS_WEB_HTTP_TLS_DOMAINS_0_SANS_0", "b.example"),
            ("TRAEFIK_ENTRYPOINTS_2_ADDRESS", ":82"),
            ("TRAEFIK_API", "true"),
            ("TRAEFIK_PING", "true"),
            ("TRAEFIK_ACCESSLOG_FIELDS_HEADERS_NAMES_X", "keep"),
            ("TRAEFIK_SERVICE_HOST", "10.0.0.1"),
            ("TRAEFIK_SERVICE_PORT_WEB", "80"),
            ("TRAEFIK_PORT", "tcp://10.0.0.1:80"),
            ("TRAEFIK_DASHBOARD_PORT_9000_TCP_ADDR", "10.0.0.1"),
            ("PORTCULLIS_SERVICE_HOST", "10.0.0.1"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert_eq!((said(&loaded.warnings), loaded.source), (Vec::new(), Source::Environment));
    let web = &loaded.install.entry_points["web"];
    assert_eq!(web.address, ":81");
    assert_eq!(web.http.tls.as_ref().unwrap().domains[0].sans, ["b.example"]);
    assert_eq!(loaded.install.entry_points["2"].address, ":82");
    assert!(loaded.install.api.is_some() && loaded.install.ping.is_some());
}

#[test]
fn an_unknown_variable_is_a_warning_and_a_wrong_one_an_error() {
    says(
        &load(&[], &[("TRAEFIK_API_INSECUR", "true"), ("TRAEFIK_VERSION", "3")]),
        &[
            "warning: unknown key `insecur` (environment variable `TRAEFIK_API_INSECUR`, api); did you mean `insecure`?",
            "warning: unknown key `version` (environment variable `TRAEFIK_VERSION`)",
        ],
    );
    let result = load(&[], &[("TRAEFIK_API_INSECURE", "maybe")]);
    assert!(result.is_err());
    says(
        &result,
        &[
            "error: true or false is wanted here, not the string `maybe` (environment variable `TRAEFIK_API_INSECURE`, api.insecure)",
        ],
    );
}

#[test]
fn flags_go_before_variables() {
    let loaded = load(&["--api"], &[("TRAEFIK_PING", "true")]).unwrap();
    assert_eq!(loaded.source, Source::Flags);
    assert!(loaded.install.ping.is_none());
}

#[test]
fn a_file_is_the_only_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    fs::write(&path, "[entryPoints.web]\naddress = \":80\"\n").unwrap();
    let flag = format!("--configfile={}", path.display());
    let loaded = load(&[&flag, "--api"], &[("TRAEFIK_PING", "true")]).unwrap();
    assert_eq!(loaded.source, Source::File(path.clone()));
    assert!(loaded.install.api.is_none() && loaded.install.ping.is_none());
    let shown = path.display();
    assert_eq!(
        said(&loaded.warnings),
        [
            format!("warning: flags are ignored: the configuration is read from `{shown}` alone"),
            format!(
                "warning: environment variables are ignored: the configuration is read from `{shown}` alone"
            ),
        ]
    );
    let loaded = load(&[], &[("PORTCULLIS_CONFIGFILE", &shown.to_string())]).unwrap();
    assert_eq!(loaded.source, Source::File(path.clone()));
}

#[test]
fn a_file_is_looked_for_where_traefik_looks() {
    let folder = tempfile::tempdir().unwrap();
    let at = |relative: &str| folder.path().join(relative);
    let found = |env: Variables<'_>| match load_in(folder.path(), &["--ping"], env).unwrap().source {
        Source::File(path) => path.strip_prefix(folder.path()).unwrap().display().to_string(),
        other => format!("{other:?}"),
    };
    let (home, config_home) = (at("home").display().to_string(), at("xdg").display().to_string());
    let env = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", config_home.as_str())];
    assert_eq!(found(&env), "Flags");
    for relative in [
        "here/traefik.yml",
        "here/traefik.toml",
        "home/.config/traefik.yaml",
        "xdg/traefik.yml",
        "etc/traefik/traefik.yml",
    ] {
        fs::create_dir_all(at(relative).parent().unwrap()).unwrap();
        fs::write(at(relative), "").unwrap();
        assert_eq!(found(&env), relative);
    }
    assert_eq!(found(&[]), "etc/traefik/traefik.yml");
}

#[test]
fn a_missing_file_is_an_error() {
    says(
        &load(&["--configFile=/nowhere/traefik.yml"], &[]),
        &["error: the file cannot be read: No such file or directory (os error 2) (/nowhere/traefik.yml)"],
    );
    says(
        &load(&["--configFile=/nowhere/traefik.conf"], &[]),
        &[
            "error: the format of the file is not known by its name (/nowhere/traefik.conf); it ends in `.yaml`, `.yml` or `.toml`",
        ],
    );
    says(
        &load(&["--configFile"], &[]),
        &["error: the flag needs a value (flag `--configFile`); write `--configFile=value`"],
    );
}

#[test]
fn the_dynamic_half_of_a_file_is_passed_over() {
    let install =
        file("entryPoints: {web: {address: ':80'}}\nhttp: {routers: 1}\ntls: []\nTCP: x\nudp:\n", &[])
            .unwrap();
    assert_eq!(install.entry_points.len(), 1);
}

#[test]
fn every_mistake_of_a_file_is_shown_with_its_line() {
    let text = "entryPoints:\n  web:\n    adress: \":80\"\n  bad: {address: \":x\"}\nlogs: {}\napi: {insecure: [1]}\n";
    let (_, problems) = read_text("traefik.yml", text, Format::Yaml);
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown.join("\n\n"),
        "error: unknown key `adress`
  --> traefik.yml:3:5
   |     adress:
   |     ^^^^^^
hint: did you mean `address`?

error: `x` is not a port: it is a number up to 65535
  --> traefik.yml:4:18
   |   bad: {address: \":x\"}
   |                  ^^^^

error: unknown key `logs`
  --> traefik.yml:5:1
   | logs:
   | ^^^^
hint: did you mean `log`?

error: true or false is wanted here, not a list
  --> traefik.yml:6:7
   | api: {insecure: [1]}
   |       ^^^^^^^^"
    );
}

#[test]
fn sections_are_checked_against_each_other() {
    file(
        "
entryPoints:
  web: {address: ':80', http: {redirections: {entryPoint: {to: websecur}}}}
  websecure: {address: ':443'}
  again: {address: '127.0.0.1:443'}
  dns: {address: ':53/udp'}
ping: {entryPoint: wbe}
metrics: {prometheus: {entryPoint: metrics}}
api: {insecure: true, basePath: /x}
providers: {precedence: [nothing], file: {}}
core: {defaultRuleSyntax: v2}
",
        &[
            "error: there is no entry point `websecur` (traefik.yml:3:64, entryPoints.web.http.redirections.entryPoint.to); did you mean `websecure`?",
            "error: the entry points `again` and `websecure` listen on the same port (traefik.yml:4:24, entryPoints.websecure.address)",
            "error: UDP is not built yet (traefik.yml:6:18, entryPoints.dns.address)",
            "error: there is no entry point `wbe` (traefik.yml:7:20, ping.entryPoint); did you mean `web`?",
            "error: there is no entry point `metrics` (traefik.yml:8:36, metrics.prometheus.entryPoint)",
            "error: `insecure` and a `basePath` cannot be used together (traefik.yml:9:33, api.basePath)",
            "error: unknown provider `nothing` (traefik.yml:10:26, providers.precedence[0])",
            "error: `filename` or `directory` is missing (traefik.yml:10:36, providers.file)",
            "error: the rule language `v2` is not supported (traefik.yml:11:27, core.defaultRuleSyntax); write the rules in the language `v3`, and remove `defaultRuleSyntax`",
        ],
    );
}

#[test]
fn what_is_not_supported_is_named() {
    let install = file(
        "
entryPoints:
  web: {address: ':80', http3: {}, http2: {maxEncoderHeaderTableSize: 1}}
tracing: {otlp: {}}
metrics: {otlp: {http: {}}, prometheus: {}}
experimental: {fastProxy: {}, otlpLogs: false}
certificatesResolvers: {le: {acme: {email: a@b.c}}}
global: {checkNewVersion: true, sendAnonymousUsage: false}
api: {dashboard: true}
accessLog: {dualOutput: false}
",
        &[
            "warning: HTTP/3 is not built yet: HTTP/1.1 and HTTP/2 are served (traefik.yml:3:25, entryPoints.web.http3)",
            "warning: `maxEncoderHeaderTableSize` has no effect (traefik.yml:3:44, entryPoints.web.http2.maxEncoderHeaderTableSize)",
            "warning: tracing is not built yet (traefik.yml:4:1, tracing)",
            "warning: metrics are not pushed yet: `metrics.prometheus` is served (traefik.yml:5:11, metrics.otlp)",
            "warning: `fastProxy` has no effect (traefik.yml:6:16, experimental.fastProxy)",
            "warning: certificates are not issued yet: routers that name a resolver serve with the certificates at hand (traefik.yml:7:1, certificatesResolvers)",
            "warning: `checkNewVersion` has no effect (traefik.yml:8:10, global.checkNewVersion)",
            "warning: the dashboard is not built yet (traefik.yml:9:7, api.dashboard)",
        ],
    );
    assert!(install.unwrap().metrics.unwrap().prometheus.is_some());
    file(
        "
providers: {docker: {}, kubernetesCRD: {}, consulcatalog: true}
experimental: {plugins: {}, news: {}}
pilot: {token: x}
entryPoints: {web: {address: ':80', proxyProtocol: {insecure: true}}}
hostResolver: {cnameFlattening: true}
",
        &[
            "error: the provider Docker is not supported (traefik.yml:2:13, providers.docker)",
            "error: the provider Kubernetes CRD is not built yet (traefik.yml:2:25, providers.kubernetesCRD); Kubernetes objects can be read from files with `providers.manifests`",
            "error: the provider Consul Catalog is not supported (traefik.yml:2:44, providers.consulCatalog)",
            "error: plugins are not supported (traefik.yml:3:16, experimental.plugins)",
            "error: unknown key `news` (traefik.yml:3:29, experimental)",
            "error: `pilot` is of Traefik v2 (traefik.yml:4:1, pilot); remove it",
            "error: the PROXY protocol is not built yet (traefik.yml:5:37, entryPoints.web.proxyProtocol)",
            "error: `cnameFlattening` is not built yet (traefik.yml:6:16, hostResolver.cnameFlattening)",
        ],
    );
}

#[test]
fn what_has_no_effect_is_named() {
    file(
        "
entryPoints:
  web: {address: ':80', allowACMEByPass: true, udp: {timeout: 1}}
tcpServersTransport: {dialTimeout: 1}
hostResolver: {resolvConfig: /x, resolvDepth: 3}
metrics: {prometheus: {headerLabels: {a: b, c: Host}, buckets: [1, -1]}}
accessLog: {fields: {names: {ClientHots: drop, TraceId: drop}, headers: {names: {a b: keep}}}}
http: {}
",
        &[
            "warning: `allowACMEByPass` has no effect: certificates are not issued yet (traefik.yml:3:25, entryPoints.web.allowACMEByPass)",
            "warning: `udp.timeout` has no effect: UDP is not served yet (traefik.yml:3:54, entryPoints.web.udp.timeout)",
            "warning: `tcpServersTransport` has no effect: TCP is not served yet (traefik.yml:4:1, tcpServersTransport)",
            "warning: `resolvConfig` has no effect: it belongs to `cnameFlattening`, which is not built yet (traefik.yml:5:16, hostResolver.resolvConfig)",
            "warning: `resolvDepth` has no effect: it belongs to `cnameFlattening`, which is not built yet (traefik.yml:5:34, hostResolver.resolvDepth)",
            "warning: `Host` is no header of a request: the label is always empty (traefik.yml:6:48, metrics.prometheus.headerLabels.c)",
            "warning: no duration falls into a bucket up to -1: it is left out (traefik.yml:6:68, metrics.prometheus.buckets[1])",
            "warning: the access log has no field `ClientHots` (traefik.yml:7:42, accessLog.fields.names.ClientHots); did you mean `ClientHost`?",
            "warning: `a b` is no header name (traefik.yml:7:87, accessLog.fields.headers.names.a b)",
        ],
    );
    let loaded = load(&["--entrypoints.web.address=:80", "--cluster.secret=x"], &[]);
    says(
        &loaded,
        &[
            "warning: `cluster.secret` has no effect yet: nothing is derived from it (flag `--cluster.secret`, cluster.secret)",
        ],
    );
}

#[test]
fn an_entry_point_with_nothing_in_it_has_no_address() {
    for nothing in ["", "{}", "~"] {
        file(
            &format!("entryPoints: {{web: {nothing}}}\n"),
            &[
                "error: the entry point has no `address` (traefik.yml:1:15, entryPoints.web); write `address: \":80\"`",
            ],
        );
    }
}

#[test]
fn a_flag_of_very_many_parts_is_unknown() {
    let result = load(&[&format!("--accesslog.fields.names{}", ".a".repeat(50_000))], &[]);
    let problems = result.unwrap_err();
    assert!(problems.iter().all(|problem| problem.is_error()));
}

#[test]
fn what_is_missing_because_it_is_misspelt_is_said_once() {
    file(
        "entryPoints: {web: {adress: ':80'}, other: {}}\n",
        &[
            "error: unknown key `adress` (traefik.yml:1:21, entryPoints.web); did you mean `address`?",
            "error: the entry point has no `address` (traefik.yml:1:37, entryPoints.other); write `address: \":80\"`",
        ],
    );
}

/// A wrong type in one section hides nothing of the others, and an entry of a list no other entry.
#[test]
fn every_mistake_is_said_beside_one_of_shape() {
    file(
        "
entryPoints:
  web: {address: ':80', forwardedHeaders: {trustedIPs: [300.1.1.1, 10.0.0.0/8, 10.0.0.0/44]}}
  other: {address: [], transport: {respondingTimeouts: {readTimeout: soon, idleTimeout: [1]}}}
  third: 5
ping: {entryPoint: wbe, manualRouting: maybe}
metrics: {prometheus: {entryPoint: third}}
api: {insecure: true, basePath: /x}
providers: {precedence: [nothing], file: {filename: {}}}
",
        &[
            "error: `300.1.1.1` is not an address or a network (traefik.yml:3:57, entryPoints.web.forwardedHeaders.trustedIPs[0]); write it as `10.0.0.0/8` or `192.0.2.1`",
            "error: `10.0.0.0/44` is not an address or a network (traefik.yml:3:80, entryPoints.web.forwardedHeaders.trustedIPs[2]); write it as `10.0.0.0/8` or `192.0.2.1`",
            "error: a string is wanted here, not a list (traefik.yml:4:11, entryPoints.other.address)",
            "error: `soon` is not a duration: write it as `30s`, `1m30s` or `500ms`, or as a number of seconds (traefik.yml:4:70, entryPoints.other.transport.respondingTimeouts.readTimeout)",
            "error: a string or a whole number is wanted here, not a list (traefik.yml:4:76, entryPoints.other.transport.respondingTimeouts.idleTimeout)",
            "error: a mapping is wanted here, not the number `5` (traefik.yml:5:10, entryPoints.third)",
            "error: there is no entry point `wbe` (traefik.yml:6:20, ping.entryPoint); did you mean `web`?",
            "error: true or false is wanted here, not the string `maybe` (traefik.yml:6:40, ping.manualRouting)",
            "error: `insecure` and a `basePath` cannot be used together (traefik.yml:8:33, api.basePath)",
            "error: unknown provider `nothing` (traefik.yml:9:26, providers.precedence[0])",
            "error: a string is wanted here, not a mapping (traefik.yml:9:43, providers.file.filename)",
        ],
    );
}

#[test]
fn a_dynamic_half_that_nobody_reads_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said_of = |providers: &str| {
        let path = folder.path().join("both.yml");
        fs::write(&path, format!("{providers}http: {{}}\n").replace("HERE", path.to_str().unwrap())).unwrap();
        let (_, problems) = read_file(&path);
        problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()
    };
    let unread = ["`http` is not read: it belongs to the dynamic configuration"];
    let absent = "there is no file `/elsewhere.yml`";
    assert_eq!(said_of(""), unread);
    assert_eq!(said_of("providers: {file: {filename: /elsewhere.yml}}\n"), [unread[0], absent]);
    assert_eq!(said_of("providers: {file: {filename: HERE}}\n"), [""; 0]);
}

#[test]
fn what_the_providers_are_to_read_and_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("install.yml");
    let said_of = |text: &str| {
        fs::write(&path, text.replace("HERE", folder.path().to_str().unwrap())).unwrap();
        let (_, problems) = read_file(&path);
        said(&problems).into_iter().map(|said| said.replace(path.to_str().unwrap(), "it")).collect::<Vec<_>>()
    };
    assert_eq!(
        said_of("providers: {file: {filename: /nowhere/a.yml}, manifests: {directory: /nowhere/m}}\n"),
        [
            "warning: there is no file `/nowhere/a.yml` (it:1:30, providers.file.filename)",
            "warning: there is no folder `/nowhere/m` (it:1:70, providers.manifests.directory)"
        ]
    );
    assert_eq!(said_of("providers: {file: {directory: HERE}}\n"), [""; 0]);
    // Serving waits for it.
    let flag = format!("--configFile={}", path.display());
    fs::write(&path, "providers: {file: {directory: /nowhere}}\n").unwrap();
    assert!(load(&[&flag], &[]).is_ok());
}

#[test]
fn entry_points_for_routers_that_name_none() {
    let check =
        |text: &str, expected: &[&str]| assert_eq!(file(text, &[]).unwrap().default_entry_points(), expected);
    check("entryPoints: {b: {address: ':1'}, a: {address: ':2'}, traefik: {address: ':3'}}\n", &["a", "b"]);
    check("entryPoints: {b: {address: ':1', asDefault: true}, a: {address: ':2'}}\n", &["b"]);
}

#[test]
fn no_authority_hides_another() {
    file(
        "
entryPoints: {web: {address: ':80'}}
serversTransport: {rootCAs: [/none/1.pem, /none/2.pem]}
",
        &[
            "error: failed to read the CA certificate `/none/1.pem`: no such file, and not PEM itself (traefik.yml:3:30, serversTransport.rootCAs[0])",
            "error: failed to read the CA certificate `/none/2.pem`: no such file, and not PEM itself (traefik.yml:3:43, serversTransport.rootCAs[1])",
        ],
    );
}
