//! Entry points, routers, services: the names, helps and labels that exchanges are counted under. Traefik's.

/// What exchanges are counted by: the names that metrics and help texts of one level have.
pub(super) struct Level {
    pub(super) requests: Name,
    pub(super) tls: Name,
    pub(super) duration: Name,
    pub(super) request_bytes: Name,
    pub(super) response_bytes: Name,
    /// Names of the labels that tell the owner.
    pub(super) labels: &'static [&'static str],
}

/// Name and help of a family.
pub(super) type Name = (&'static str, &'static str);

pub(super) const ENTRY_POINT: Level = Level {
    requests: (
        "traefik_entrypoint_requests_total",
        "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, and method.",
    ),
    tls: (
        "traefik_entrypoint_requests_tls_total",
        "How many HTTP requests with TLS processed on an entrypoint, partitioned by TLS Version and TLS cipher Used.",
    ),
    duration: (
        "traefik_entrypoint_request_duration_seconds",
        "How long it took to process the request on an entrypoint, partitioned by status code, protocol, and method.",
    ),
    request_bytes: (
        "traefik_entrypoint_requests_bytes_total",
        "The total size of requests in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
    ),
    response_bytes: (
        "traefik_entrypoint_responses_bytes_total",
        "The total size of responses in bytes handled by an entrypoint, partitioned by status code, protocol, and method.",
    ),
    labels: &["entrypoint"],
};

pub(super) const ROUTER: Level = Level {
    requests: (
        "traefik_router_requests_total",
        "How many HTTP requests are processed on a router, partitioned by service, status code, protocol, and method.",
    ),
    tls: (
        "traefik_router_requests_tls_total",
        "How many HTTP requests with TLS are processed on a router, partitioned by service, TLS Version, and TLS cipher Used.",
    ),
    duration: (
        "traefik_router_request_duration_seconds",
        "How long it took to process the request on a router, partitioned by service, status code, protocol, and method.",
    ),
    request_bytes: (
        "traefik_router_requests_bytes_total",
        "The total size of requests in bytes handled by a router, partitioned by service, status code, protocol, and method.",
    ),
    response_bytes: (
        "traefik_router_responses_bytes_total",
        "The total size of responses in bytes handled by a router, partitioned by service, status code, protocol, and method.",
    ),
    labels: &["router", "service"],
};

pub(super) const SERVICE: Level = Level {
    requests: (
        "traefik_service_requests_total",
        "How many HTTP requests processed on a service, partitioned by status code, protocol, and method.",
    ),
    tls: (
        "traefik_service_requests_tls_total",
        "How many HTTP requests with TLS processed on a service, partitioned by TLS version and TLS cipher.",
    ),
    duration: (
        "traefik_service_request_duration_seconds",
        "How long it took to process the request on a service, partitioned by status code, protocol, and method.",
    ),
    request_bytes: (
        "traefik_service_requests_bytes_total",
        "The total size of requests in bytes received by a service, partitioned by status code, protocol, and method.",
    ),
    response_bytes: (
        "traefik_service_responses_bytes_total",
        "The total size of responses in bytes returned by a service, partitioned by status code, protocol, and method.",
    ),
    labels: &["service"],
};
