//! TraefikService → a group of services.

use document::{Kind, Problem, Value};
use serde_json::json;

use super::super::spec::{Failover, HighestRandomWeight, Mirroring, Service, Weighted};
use super::super::{Translation, has_error, publish, read, take, written};
use super::weighted;
use crate::kubernetes::backend::Failure;
use crate::kubernetes::name::normalize;
use crate::kubernetes::object::{Stored, Unread};

/// The kinds, in the order in which Traefik looks for them.
const KINDS: [&str; 4] = ["weighted", "mirroring", "highestRandomWeight", "failover"];

impl Translation<'_> {
    pub(in crate::kubernetes::crd) fn traefik_service_object(&mut self, object: &Stored<Unread>) {
        let name = normalize(&format!("{}-{}", object.meta.namespace, object.meta.name));
        let mut problems = object.problems.clone();
        let config = self.group(object, &object.spec(), &mut problems);
        publish(&mut self.out.http.services, &name, config, problems, &written::spec(object));
    }

    fn group(
        &mut self,
        object: &Stored<Unread>,
        spec: &Value,
        problems: &mut Vec<Problem>,
    ) -> Option<service::Config> {
        for member in spec.members().iter().filter(|member| !KINDS.contains(&member.key.as_str())) {
            let problem = Problem::warning(
                document::schema::UNKNOWN_KEY,
                format_args!("unknown field `{}`", member.key),
            )
            .did_you_mean(document::name::nearest(&member.key, KINDS));
            problems.push(object.complain(problem.with_path(format!("spec.{}", member.key))));
        }
        let kind = KINDS.into_iter().find(|kind| spec.get(kind).is_some_and(|value| !value.is_null()));
        let Some((kind, value)) = kind.and_then(|kind| Some((kind, spec.get(kind)?))) else {
            let problem =
                Problem::error("no_service_kind", "the TraefikService has no kind").with_path("spec");
            problems.push(object.complain(
                problem.hint("write `weighted`, `mirroring`, `highestRandomWeight` or `failover`"),
            ));
            return None;
        };
        let path = format!("spec.{kind}");
        let made = match kind {
            "weighted" => self.weighted(object, value, &path, problems),
            "mirroring" => self.mirroring(object, value, &path, problems),
            "highestRandomWeight" => self.highest_random_weight(object, value, &path, problems),
            _ => self.failover(object, value, &path, problems),
        };
        match made {
            Ok(config) => config.filter(|_| !has_error(problems)),
            Err(failure) => {
                problems.push(failure.problem().clone());
                None
            }
        }
    }

    fn weighted(
        &mut self,
        object: &Stored<Unread>,
        value: &Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<service::Config>, Failure> {
        let Some(spec) = read::<Weighted>(object, value, path, problems) else {
            return Ok(None);
        };
        let children = self.children(object, &spec.services, &format!("{path}.services"), false, problems)?;
        Ok(Some(weighted(children, spec.sticky)))
    }

    fn highest_random_weight(
        &mut self,
        object: &Stored<Unread>,
        value: &Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<service::Config>, Failure> {
        let Some(spec) = read::<HighestRandomWeight>(object, value, path, problems) else {
            return Ok(None);
        };
        let children = self.children(object, &spec.services, &format!("{path}.services"), false, problems)?;
        Ok(Some(service::Config {
            highest_random_weight: Some(Box::new(json!({ "services": children }))),
            ..service::Config::default()
        }))
    }

    /// The main service is written among the fields of the mirroring itself.
    fn mirroring(
        &mut self,
        object: &Stored<Unread>,
        value: &Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<service::Config>, Failure> {
        let (mut main, mut own) = (value.clone(), Value::new(Kind::Mapping(Vec::new()), value.place));
        for key in ["mirrorBody", "maxBodySize", "mirrors"] {
            if let Some(member) = take(&mut main, key) {
                super::super::put(&mut own, key, member);
            }
        }
        let main = read::<Service>(object, &main, path, problems);
        let own = read::<Mirroring>(object, &own, path, problems);
        let (Some(main), Some(own)) = (main, own) else {
            return Ok(None);
        };
        let main = self.publish_child(object, &main, path, false, problems)?;
        let mut mirrors = Vec::with_capacity(own.mirrors.len());
        for (index, mirror) in own.mirrors.iter().enumerate() {
            let path = format!("{path}.mirrors[{index}]");
            let name = self.publish_child(object, mirror, &path, false, problems)?;
            mirrors.push(json!({ "name": name, "percent": mirror.percent.unwrap_or(0) }));
        }
        let mirroring = json!({
            "service": main,
            "mirrorBody": own.mirror_body.unwrap_or(true),
            "maxBodySize": own.max_body_size.unwrap_or(-1),
            "mirrors": mirrors,
        });
        Ok(Some(service::Config { mirroring: Some(Box::new(mirroring)), ..service::Config::default() }))
    }

    fn failover(
        &mut self,
        object: &Stored<Unread>,
        value: &Value,
        path: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<service::Config>, Failure> {
        let Some(spec) = read::<Failover>(object, value, path, problems) else {
            return Ok(None);
        };
        let (Some(main), Some(fallback)) = (spec.service, spec.fallback) else {
            let problem =
                Problem::error("missing_key", "`service` and `fallback` are both needed").with_path(path);
            problems.push(object.complain(problem));
            return Ok(None);
        };
        let main = self.publish_child(object, &main, &format!("{path}.service"), false, problems)?;
        let fallback = self.publish_child(object, &fallback, &format!("{path}.fallback"), false, problems)?;
        let mut failover = json!({ "service": main, "fallback": fallback });
        if let (Some(errors), Some(members)) = (spec.errors, failover.as_object_mut()) {
            members.insert("errors".to_owned(), errors);
        }
        Ok(Some(service::Config { failover: Some(Box::new(failover)), ..service::Config::default() }))
    }
}
