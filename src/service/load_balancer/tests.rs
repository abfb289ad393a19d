//! Load balancers: what is refused when built, who is chosen.

use std::sync::Arc;

use document::problem::Problem;
use tokio::runtime::Handle;

use super::{Config, Server};
use crate::proxy::Proxies;
use crate::resolve::Resolver;
use crate::{Context, Service, Transport, transport};

/// One transport, and what was built before.
struct World {
    transport: Arc<Transport>,
    resolver: Resolver,
    proxies: Proxies,
    previous: Option<Arc<Service>>,
}

impl World {
    fn new() -> Self {
        let transport = Arc::new(transport::Config::default().build(1).unwrap());
        let resolver = Resolver::new(Handle::current());
        Self { transport, resolver, proxies: Proxies::default(), previous: None }
    }

    fn build(&mut self, servers: Vec<Server>) -> Arc<Service> {
        let config = Config { servers, ..Config::default() };
        let config = crate::Config { load_balancer: Some(config), ..crate::Config::default() };
        let service = Arc::new(config.build("shop@file", self).unwrap());
        self.previous = Some(Arc::clone(&service));
        service
    }
}

impl Context for World {
    fn service(&self, _: &str) -> Result<Arc<Service>, Problem> {
        Err(Problem::error("none", "there is none"))
    }

    fn transport(&self, _: &str) -> Result<Arc<Transport>, Problem> {
        Ok(Arc::clone(&self.transport))
    }

    fn previous(&self, _: &str) -> Option<Arc<Service>> {
        self.previous.clone()
    }

    fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    fn proxies(&self) -> &Proxies {
        &self.proxies
    }
}

fn server(url: &str) -> Server {
    Server { url: url.to_owned(), ..Server::default() }
}

fn urls(service: &Service, count: usize) -> Vec<String> {
    let balancer = service.load_balancer().unwrap();
    (0..count).filter_map(|_| balancer.choose()).map(|endpoint| endpoint.url().to_string()).collect()
}

#[tokio::test]
async fn endpoints_that_are_the_same_live_on() {
    let mut world = World::new();
    let first = world.build(vec![server("http://a"), server("http://b")]);
    let second = world.build(vec![server("http://c"), server("http://b")]);
    let endpoints = |service: &Service| service.load_balancer().unwrap().endpoints().to_vec();
    let (before, after) = (endpoints(&first), endpoints(&second));
    assert!(Arc::ptr_eq(&before[1], &after[1]));
    assert_ne!(before[0].id(), after[0].id());
}

#[tokio::test]
async fn another_transport_means_other_endpoints() {
    let mut world = World::new();
    let first = world.build(vec![server("http://a")]);
    world.transport = Arc::new(transport::Config::default().build(1).unwrap());
    let second = world.build(vec![server("http://a")]);
    let id = |service: &Service| service.load_balancer().unwrap().endpoints()[0].id();
    assert_ne!(id(&first), id(&second));
}

#[tokio::test]
async fn turns_go_on_across_a_reload() {
    let mut world = World::new();
    let servers = || vec![server("http://a"), server("http://b")];
    assert_eq!(urls(&world.build(servers()), 1), ["http://a"]);
    assert_eq!(urls(&world.build(servers()), 2), ["http://b", "http://a"]);
}

#[tokio::test]
async fn fenced_servers_serve_only_when_no_other_is_left() {
    let mut world = World::new();
    let fenced = || Server { fenced: true, ..server("http://a") };
    let both = world.build(vec![fenced(), server("http://b")]);
    assert_eq!(urls(&both, 2), ["http://b", "http://b"]);
    let last = world.build(vec![fenced()]);
    assert_eq!(urls(&last, 1), ["http://a"]);
}

#[tokio::test]
async fn a_server_that_is_down_is_passed_over() {
    let service = World::new().build(vec![server("http://a"), server("http://b")]);
    service.load_balancer().unwrap().endpoints()[0].set_up(false);
    assert_eq!(urls(&service, 2), ["http://b", "http://b"]);
    service.load_balancer().unwrap().endpoints()[1].set_up(false);
    assert!(urls(&service, 1).is_empty() && !service.is_available());
}
