#!/usr/bin/env python3
"""What a big configuration costs: the time until thousands of IngressRoutes are served, the memory they take, and
the time from a changed file to the changed route being served.

Every route has a Service and an EndpointSlice of its own, as in a cluster. How it is measured: docs/performance.md.
"""

import argparse
import http.server
import json
import os
import random
import statistics
import sys
import threading
import time

import bed

READY_SECONDS, READY_MIB, CHANGE_MS = 2.0, 60, 50

MANIFEST = """apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata:
  name: shop-{n}
  namespace: team-{team}
spec:
  entryPoints: [web]
  routes:
    - kind: Rule
      match: Host(`shop-{n}.bench.test`) && PathPrefix(`{path}`)
      services:
        - name: shop-{n}
          port: 80
---
apiVersion: v1
kind: Service
metadata:
  name: shop-{n}
  namespace: team-{team}
spec:
  ports:
    - name: http
      port: 80
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: shop-{n}-1
  namespace: team-{team}
  labels:
    kubernetes.io/service-name: shop-{n}
addressType: IPv4
ports:
  - name: http
    port: {port}
endpoints:
  - addresses: [127.0.0.1]
    conditions:
      ready: true
"""

ROUTER = """    shop-{n}:
      rule: Host(`shop-{n}.bench.test`) && PathPrefix(`{path}`)
      service: shop-{n}
"""
SERVICE = """    shop-{n}:
      loadBalancer:
        servers:
          - url: http://127.0.0.1:{port}
"""


class Answer(http.server.BaseHTTPRequestHandler):
    """The backend: says yes to everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Routes:
    """A folder with routes, some to a file."""

    def __init__(self, folder, source, count, per_file, port):
        self.folder, self.source, self.count, self.per_file, self.port = folder, source, count, per_file, port
        self.paths = ["/v0"] * count
        os.makedirs(folder)
        for file in range((count + per_file - 1) // per_file):
            with open(self.file(file * per_file), "w") as out:
                out.write(self.text(file * per_file))

    def file(self, route):
        return os.path.join(self.folder, f"routes-{route // self.per_file}.yaml")

    def text(self, route):
        """Everything that stands in the file of a route."""
        first = route // self.per_file * self.per_file
        there = range(first, min(first + self.per_file, self.count))
        values = [{"n": n, "team": n % 50, "path": self.paths[n], "port": self.port} for n in there]
        if self.source == "manifests":
            return "---\n".join(MANIFEST.format(**value) for value in values)
        routers, services = ("".join(part.format(**value) for value in values) for part in (ROUTER, SERVICE))
        return f"http:\n  routers:\n{routers}  services:\n{services}"

    def change(self, route, path):
        """Gives a route another path; the time at which its file was complete."""
        self.paths[route] = path
        text = self.text(route)
        out = open(self.file(route), "w")
        out.write(text)
        out.flush()
        start = time.monotonic()
        out.close()  # This is the event.
        return start


class Case:
    """One gateway with one folder."""

    def __init__(self, options, source, per_file, folder, backend):
        self.options, self.source, self.per_file = options, source, per_file
        self.routes = Routes(os.path.join(folder, "routes"), source, options.routes, per_file, backend)
        self.port, self.admin_port = bed.free_port(), bed.free_port()
        directory = {"directory": self.routes.folder}
        install = {
            "core": {"workers": options.workers},
            "entryPoints": {
                "web": {"address": f"127.0.0.1:{self.port}"},
                "traefik": {"address": f"127.0.0.1:{self.admin_port}"},
            },
            "ping": {},
            "providers": {"providersThrottleDuration": "0s", source: directory},
        }
        self.folder, self.config = folder, os.path.join(folder, "install.yaml")
        with open(self.config, "w") as out:
            out.write(json.dumps(install))  # JSON is YAML.

    def start(self):
        command = [self.options.gateway, f"--configFile={self.config}"]
        return bed.Process("portcullis", command, None, self.folder)

    def ready(self):
        """Seconds from the start of a process to being ready, and memory then and after a quiet, in MiB."""
        process = self.start()
        try:
            seconds = bed.wait_for(process, self.admin_port, "/readyz", 120)
            self.every_route_is_there(process)
            first = process.pss() / 1024
            time.sleep(self.options.settle)
            return {"seconds": seconds, "mib": process.pss() / 1024, "mib_at_once": first, "peak_mib": process.peak() / 1024}
        finally:
            process.stop()

    def every_route_is_there(self, process):
        """Ready means: all of them."""
        client = bed.Client(self.port)
        step = max(1, self.options.routes // 100)
        for n in [*range(0, self.options.routes, step), self.options.routes - 1]:
            status = client.get(f"shop-{n}.bench.test", "/v0/x")
            if status != 200:
                bed.fail(f"ready, but route {n} gives {status}:\n{process.last_words()}")
        client.close()

    def changes(self):
        """Milliseconds from a closed file to the first request that finds the route's new path, for each edit."""
        process = self.start()
        try:
            bed.wait_for(process, self.admin_port, "/readyz", 120)
            time.sleep(1)
            chance, client = random.Random(1), bed.Client(self.port)
            took = [self.change(client, chance.randrange(self.options.routes), f"/v{n + 1}") for n in range(self.options.edits)]
            client.close()
            memory = process.pss() / 1024
            return {"ms": took, "mib_after": memory}
        finally:
            process.stop()

    def change(self, client, route, path):
        host = f"shop-{route}.bench.test"
        if client.get(host, path + "/x") != 404:
            bed.fail(f"{path} is served before it is written")
        start = self.routes.change(route, path)
        while client.get(host, path + "/x") != 200:
            if time.monotonic() - start > 30:
                bed.fail(f"a changed route is not served after 30 s: {host}{path}")
            time.sleep(0.0005)
        took = (time.monotonic() - start) * 1e3
        # What another edit still has to do must not be counted with the next one.
        time.sleep(0.3)
        return took


def report(results, options):
    """The table; true when everything is within its limit."""
    print(
        "\n| routes from | ready, s | PSS, MiB | (at once, peak) | changed route served, ms: median | max | PSS after the edits, MiB | |"
        "\n|---|---:|---:|---:|---:|---:|---:|---|"
    )
    all_good = True
    for (source, per_file), (starts, changes) in results.items():
        middle = lambda key: statistics.median(start[key] for start in starts)
        seconds, mib, worst = middle("seconds"), middle("mib"), max(changes["ms"], default=0)
        over = [
            what
            for what, value, limit in (("ready", seconds, READY_SECONDS), ("memory", mib, READY_MIB), ("change", worst, CHANGE_MS))
            if value > limit
        ]
        all_good &= not over
        edits = f"{statistics.median(changes['ms']):.1f} | {worst:.1f}" if changes["ms"] else "|"
        print(
            f"| {options.routes} in {source}, {per_file} a file | {seconds:.2f} | {mib:.1f} | {middle('mib_at_once'):.1f}, "
            f"{middle('peak_mib'):.1f} | {edits} | {changes['mib_after']:.1f} | {'over: ' + ', '.join(over) if over else 'good'} |"
        )
    print(f"\nLimits: ready in {READY_SECONDS} s, {READY_MIB} MiB, a changed route in {CHANGE_MS} ms.")
    return all_good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway", default=bed.DEFAULT_GATEWAY, help="the gateway's release binary (default: %(default)s)")
    parser.add_argument("--routes", type=int, default=5000, help="IngressRoutes (default: 5000)")
    parser.add_argument(
        "--layouts", default="manifests:1,manifests:100,file:100", help="provider and routes to a file (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=5, help="starts (default: 5)")
    parser.add_argument("--edits", type=int, default=20, help="changed routes (default: 20)")
    parser.add_argument("--workers", type=int, default=1, help="`core.workers` (default: 1)")
    parser.add_argument("--settle", type=float, default=2, help="seconds of quiet before memory is read (default: 2)")
    parser.add_argument("--out", help="write every figure there, as JSON")
    parser.add_argument("--check", action="store_true", help="exit status 1 when something is over its limit")
    options = parser.parse_args()
    options.gateway = bed.gateway_path(options.gateway)
    bed.describe_machine(options.gateway, [])
    bed.raise_descriptor_limit()
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", bed.free_port()), Answer)
    backend.daemon_threads = True
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    results = {}
    for layout in options.layouts.split(","):
        source, _, per_file = layout.partition(":")
        if source not in ("manifests", "file"):
            bed.fail(f"{source} is neither `manifests` nor `file`")
        with bed.Folder() as folder:
            case = Case(options, source, int(per_file or 1), folder, backend.server_port)
            starts = [case.ready() for _ in range(options.rounds)]
            changes = case.changes()
        results[source, int(per_file or 1)] = (starts, changes)
        print(f"  {layout}: {starts}, {changes}", file=sys.stderr, flush=True)
    if options.out:
        with open(options.out, "w") as out:
            json.dump({f"{source}:{per_file}": both for (source, per_file), both in results.items()}, out, indent=1)
    is_good = report(results, options)
    return 1 if options.check and not is_good else 0


if __name__ == "__main__":
    sys.exit(main())
