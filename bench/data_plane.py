#!/usr/bin/env python3
"""What a request and a connection cost: the gateway beside HAProxy and nginx, in interleaved rounds.

The figure that counts is CPU time per request, user and kernel, of the whole process tree of a proxy that has one
worker on one CPU of its own. How it is measured, and why: docs/performance.md.
"""

import argparse
import json
import os
import re
import ssl
import statistics
import sys
import time

import bed
import targets

ONE, MANY, RULER = "portcullis", "portcullis-routes", "haproxy"

# case: (what is counted, whom it is compared with, the limit). No comparison: the limit is on the figure itself.
# No limit: only shown.
CASES = {
    "h1": ("us CPU per request", RULER, 1.15),
    "h1-routes": ("us CPU per request", ONE, 1.05),
    "h1-spread": ("us CPU per request", ONE, None),
    "h1tls": ("us CPU per request", RULER, 1.0),
    "handshake": ("us CPU per handshake and request", RULER, 0.75),
    "h2": ("us CPU per request", RULER, 1.25),
    "post16k": ("us CPU per request", RULER, 0.85),
    "big10m": ("us CPU per body", RULER, 0.7),
    "start": ("MiB", None, 25),
    "idle": ("KiB per connection", None, 4),
    "idletls": ("KiB per connection", None, 20),
}
MEMORY = ("start", "idle", "idletls")
# Two processes of ours: one route, and many.
OURS = ("h1-routes", "h1-spread")

# What wrk is to do; `%` stands for the case's own part. It tells what it did in one line that a program can read.
WRK = """
%s
done = function(summary, latency)
    local e = summary.errors
    io.write(string.format("DONE %%d %%d\\n", summary.requests, e.connect + e.read + e.write + e.timeout + e.status))
end
"""
POST = f"""
wrk.method, wrk.body = "POST", string.rep("p", {targets.POST})
"""
# Requests all over the table, not one that stays in the CPU's caches.
SPREAD = f"""
local requests, at = {{}}, 0
init = function()
    for i = 1, 2000 do
        local host, prefix = (i * 7919) %% {targets.HOSTS}, (i * 31) %% {targets.PREFIXES}
        requests[i] = wrk.format("GET", "/service/" .. prefix, {{ Host = "host-" .. host .. ".bench.test" }})
    end
end
request = function()
    at = at %% #requests + 1
    return requests[at]
end
"""


class Load:
    """Makes the load of a case; gives the requests that were done, and those that failed."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def of(self, case, target):
        plain, tls = f"http://127.0.0.1:{target.port}", f"https://127.0.0.1:{target.tls_port}"
        return {
            "h1": lambda: self.wrk(plain, 64),
            "h1-routes": lambda: self.wrk(plain + targets.route_path(5555), 64, header=f"Host: {targets.route_host(5555)}"),
            "h1-spread": lambda: self.wrk(plain, 64, SPREAD % ()),
            "h1tls": lambda: self.wrk(tls, 64),
            "handshake": lambda: self.wrk(tls, 16, header="Connection: close"),
            "h2": lambda: self.h2load(tls),
            "post16k": lambda: self.wrk(plain + "/post", 64, POST),
            "big10m": lambda: self.wrk(plain + "/big", 4),
        }[case]()

    def wrk(self, url, connections, script="", header=None):
        path = os.path.join(self.folder, "load.lua")
        with open(path, "w") as file:
            file.write(WRK % script)
        seconds = self.options.secs
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "8s", "-s", path]
        command += ["-H", header] if header else []
        output = bed.run(command + [url], self.options.load_cpus, seconds + 15)
        done = re.search(r"^DONE (\d+) (\d+)$", output, re.M)
        return (int(done.group(1)), int(done.group(2))) if done else bed.fail(f"wrk said:\n{output[-1000:]}")

    def h2load(self, url):
        seconds = self.options.secs
        command = ["h2load", "-t1", "-c8", "-m16", f"-D{seconds}", url]
        output = bed.run(command, self.options.load_cpus, seconds + 15)
        done = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
        if not done or "h2" not in (re.search(r"Application protocol: (\S+)", output) or [""])[0]:
            return bed.fail(f"h2load said:\n{output[-1000:]}")
        return int(done.group(1)), int(done.group(1)) - int(done.group(2))


def cost(load, case, target):
    """One run of a case: CPU time per request in microseconds."""
    if not target.process.is_running():
        bed.fail(f"{target.name} has ended:\n{target.process.last_words()}")
    before, start = target.process.cpu(), time.monotonic()
    requests, errors = load.of(case, target)
    spent, wall = bed.cpu_between(before, target.process.cpu()), time.monotonic() - start
    if not requests:
        bed.fail(f"{case}: {target.name} answered nothing")
    return {
        "value": spent / 1e3 / requests,
        "per_second": requests / wall,
        "busy": spent / 1e9 / wall,
        "errors": errors,
    }


def memory(options, case, target):
    """Memory of a fresh process: after its start, or by the connection that is open and silent."""
    target.restart()
    time.sleep(1)
    first = target.process.pss()
    if case == "start":
        return {"value": first / 1024, "errors": 0}
    tls = None
    if case == "idletls":
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    # What the first connections bring once and for all is not theirs.
    for _ in range(50):
        talk(target, tls).close()
    time.sleep(1)
    first, clients = target.process.pss(), []
    try:
        for _ in range(options.idle_tls if tls else options.idle):
            clients.append(talk(target, tls))
        time.sleep(options.settle)
        used = target.process.pss() - first
    finally:
        for client in clients:
            client.close()
    return {"value": used / len(clients), "errors": 0}


def talk(target, tls):
    """A connection that has had one answer."""
    client = bed.Client(target.tls_port if tls else target.port, tls)
    if client.get("bench.test", "/") != 200:
        bed.fail(f"{target.name} answers an idle connection with another status than 200")
    return client


def measure(options, cases, everyone, load):
    """All rounds of all cases: `{case: {target: [run, …]}}`."""
    results = {}
    started = sorted({target.name: target for case in cases for target in everyone[case]}.values(), key=lambda t: t.name)
    for target in started:
        target.start()
    busy = [case for case in cases if case not in MEMORY]
    for case in busy:
        for target in everyone[case]:
            load.of(case, target)  # Opens upstream connections, fills caches; not counted.
    # Between two processes of ours it is about a few per cent: that takes more rounds.
    rounds = {case: options.route_rounds if case in OURS else options.rounds for case in busy}
    rounds.update((case, options.memory_rounds) for case in cases if case in MEMORY)
    for number in range(max(rounds.values())):
        for case in (case for case in cases if number < rounds[case]):
            there = everyone[case]
            shift = number % len(there)
            for target in there[shift:] + there[:shift]:
                run = memory(options, case, target) if case in MEMORY else cost(load, case, target)
                results.setdefault(case, {}).setdefault(target.name, []).append(run)
                tell(number, case, target, run)
    return results


def tell(number, case, target, run):
    more = f", {run['per_second']:.0f}/s, busy {run['busy']:.2f}" if "busy" in run else ""
    print(f"  round {number + 1}, {case}, {target.name}: {run['value']:.2f}{more}, {run['errors']} errors", file=sys.stderr, flush=True)


def ratio(runs, others):
    """Only runs of one round are compared: the machine's mood changes from minute to minute."""
    return statistics.median(a["value"] / b["value"] for a, b in zip(runs, others))


def report(results):
    """The table; true when everything is within its limit."""
    print("\n| case | counted | HAProxy | nginx | Portcullis | ratio (median) | best round | limit | |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---|")
    is_good = True
    for case, by_target in results.items():
        counted, against, limit = CASES[case]
        name = MANY if case in OURS else ONE
        runs = by_target[name]
        middle = {who: statistics.median(run["value"] for run in some) for who, some in by_target.items()}
        figure, best, shown = middle[name], "", ""
        if against:
            others = by_target.get(against)
            figure = ratio(runs, others) if others else None
            best = f"{min(a['value'] / b['value'] for a, b in zip(runs, others)):.2f}" if others else ""
            shown = f"{figure:.2f}" if others else ""
        errors = sum(run["errors"] for some in by_target.values() for run in some)
        verdict = "not compared" if figure is None else "good" if figure <= (limit or figure) else "over"
        verdict = f"{errors} errors" if errors else verdict
        is_good &= verdict == "good"
        columns = [f"{middle[who]:.1f}" if who in middle else "" for who in (RULER, "nginx")]
        ours = f"{middle[name]:.1f}" + (f" (one route: {middle[ONE]:.1f})" if case in OURS else "")
        print(f"| {case} | {counted} | {' | '.join(columns)} | {ours} | {shown} | {best} | {limit or ''} | {verdict if limit or errors else ''} |")
    return is_good


def read_options():
    cpus = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(part) for part in text.split(",")]
    parser.add_argument("--gateway", default=bed.DEFAULT_GATEWAY, help="the gateway's release binary (default: %(default)s)")
    parser.add_argument("--cases", default=",".join(CASES), help="of: %(default)s")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of the cases with a load (default: 6)")
    parser.add_argument("--route-rounds", type=int, default=12, help="rounds of h1-routes and h1-spread (default: 12)")
    parser.add_argument("--memory-rounds", type=int, default=3, help="fresh processes of start, idle and idletls (default: 3)")
    parser.add_argument("--secs", type=int, default=2, help="seconds of one run (default: 2)")
    parser.add_argument("--routes", type=int, default=targets.HOSTS * targets.PREFIXES, help="routes of those two (default: 10000)")
    parser.add_argument("--idle", type=int, default=5000, help="connections of idle (default: 5000)")
    parser.add_argument("--idle-tls", type=int, default=1800, help="connections of idletls (default: 1800)")
    parser.add_argument("--settle", type=float, default=5, help="seconds of silence before memory is read (default: 5)")
    parser.add_argument("--cpu", type=int, default=cpus[-1], help="the proxy's CPU (default: the last)")
    parser.add_argument("--load-cpus", type=numbers, help="CPUs of the load and the backend (default: all others)")
    parser.add_argument("--out", help="write every run there, as JSON")
    parser.add_argument("--check", action="store_true", help="exit status 1 when something is over its limit")
    options = parser.parse_args()
    options.load_cpus = options.load_cpus or [cpu for cpu in cpus if cpu != options.cpu]
    if not options.load_cpus:
        bed.fail("two CPUs are needed: one for the proxy, one for the load")
    if options.routes < targets.HOSTS * targets.PREFIXES:
        bed.fail(f"the load asks for {targets.HOSTS * targets.PREFIXES} routes: --routes may only be more")
    return options


def main():
    options = read_options()
    bed.need("wrk", "h2load", "nginx", "openssl", "taskset")
    gateway, descriptors = bed.gateway_path(options.gateway), bed.raise_descriptor_limit()
    cases = [case for case in options.cases.split(",") if case]
    for case in cases:
        if case not in CASES:
            bed.fail(f"there is no case {case}")
    if options.idle > descriptors - 500:
        bed.fail(f"{options.idle} idle connections need `ulimit -n` above {options.idle + 500}, it is {descriptors}")
    bed.describe_machine(gateway, [["haproxy", "-v"], ["nginx", "-v"]])
    print(f"- proxy on CPU {options.cpu}, load and backend on {options.load_cpus}, {options.secs} s a run")
    with bed.Folder() as folder:
        targets.prepare(folder)
        values = {
            "folder": folder, "backend": bed.free_port(), "descriptors": min(descriptors, 60000),
            "connections": min(descriptors, 60000) // 2 - 200,
        }
        cpus = [options.cpu]
        peers = targets.peers(values, cpus)
        one = targets.Portcullis(ONE, gateway, 1, values, cpus)
        many = targets.Portcullis(MANY, gateway, options.routes, values, cpus)
        backend = targets.Backend("backend", values, options.load_cpus)
        everyone = {case: [one, many] if case in OURS else peers + [one] for case in CASES}
        try:
            backend.start()
            results = measure(options, cases, everyone, Load(options, folder))
        finally:
            for target in [backend, one, many] + peers:
                target.stop()
    if options.out:
        with open(options.out, "w") as out:
            json.dump(results, out, indent=1)
    is_good = report(results)
    return 1 if options.check and not is_good else 0


if __name__ == "__main__":
    sys.exit(main())
