"""The test bed of the benchmarks: processes on given CPUs, their CPU time and memory, and an HTTP client.

Python standard library only. Every process that is started here is ended by its own process group.
"""

import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

# Where `cargo build --release` leaves the gateway, seen from this file.
DEFAULT_GATEWAY = os.path.join(
    os.environ.get("CARGO_TARGET_DIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target")),
    "release",
    "portcullis",
)


def fail(why):
    """Ends the benchmark: what it would print would mean nothing."""
    raise SystemExit(f"bench: {why}")


def need(*programs):
    """Ends the benchmark when a program is missing."""
    missing = [name for name in programs if not shutil.which(name)]
    if missing:
        fail(f"not installed: {', '.join(missing)}")


def gateway_path(path):
    """The gateway's binary, checked."""
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        fail(f"there is no gateway at {path}; build it with `cargo build --release`, or name one with --gateway")
    return path


def raise_descriptor_limit():
    """As many descriptors as are allowed, for us and for everything we start; gives the number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    """Below the ephemeral range, so that no client's socket can take it meanwhile."""
    for _ in range(1000):
        port = random.randint(20000, 31999)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    return fail("no port is free")


class Folder:
    """A folder that is removed at the end. Workers of nginx, which change their user, can enter it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="portcullis-bench-")
        os.chmod(self.path, 0o755)
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """A program on a given set of CPUs, with everything it starts."""

    def __init__(self, name, command, cpus, folder):
        self.name, self.log = name, os.path.join(folder, f"{name}.log")
        environment = {k: v for k, v in os.environ.items() if not re.match(r"(TRAEFIK|PORTCULLIS)_", k)}
        pinned = ["taskset", "-c", ",".join(str(cpu) for cpu in cpus)] if cpus else []
        self.started = time.monotonic()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                pinned + command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def is_running(self):
        return self.process.poll() is None

    def pids(self):
        """The process and all that descend from it."""
        children = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/stat") as file:
                        parent = int(file.read().rsplit(")", 1)[1].split()[1])
                    children.setdefault(parent, []).append(int(name))
                except OSError:
                    pass
        found, ahead = [], [self.process.pid]
        while ahead:
            pid = ahead.pop()
            found.append(pid)
            ahead += children.get(pid, [])
        return found

    def cpu(self):
        """Nanoseconds on a CPU so far, user and kernel, by thread."""
        spent = {}
        for pid in self.pids():
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                        spent[thread] = int(file.read().split()[0])
            except OSError:
                pass  # It has ended just now.
        return spent

    def pss(self):
        """Proportional set size in KiB."""
        return sum(self._number(pid, "smaps_rollup", "Pss") for pid in self.pids())

    def peak(self):
        """The most memory that was ever resident, in KiB."""
        return sum(self._number(pid, "status", "VmHWM") for pid in self.pids())

    @staticmethod
    def _number(pid, file, field):
        try:
            with open(f"/proc/{pid}/{file}") as text:
                found = re.search(rf"^{field}:\s+(\d+)", text.read(), re.M)
                return int(found.group(1)) if found else 0
        except OSError:
            return 0

    def last_words(self):
        with open(self.log, errors="replace") as log:
            return log.read()[-2000:]

    def stop(self):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running():
                return
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass


def cpu_between(before, after):
    """Nanoseconds that were spent between two looks."""
    return sum(spent - before.get(thread, 0) for thread, spent in after.items())


def run(command, cpus, seconds):
    """Output of a program that ends by itself in about this time; what it had said when it did not."""
    pinned = ["taskset", "-c", ",".join(str(cpu) for cpu in cpus)] + command
    process = subprocess.Popen(
        pinned, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
    return output.decode(errors="replace")


class Client:
    """One keep-alive connection, as plain as possible."""

    def __init__(self, port, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket)

    def get(self, host, path):
        """Status of the answer; its body is read and dropped."""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)^content-length:\s*(\d+)", head, re.M)
        if not length:
            raise OSError("an answer without Content-Length")
        while len(body) < int(length.group(1)):
            body += self._more()
        return int(head.split()[1])

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise OSError("closed")
        return data

    def close(self):
        self.socket.close()


def wait_for(process, port, path, seconds, host="bench.test"):
    """Waits until `path` is answered with 200; seconds since the process was started."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.is_running():
        try:
            client = Client(port)
            try:
                if client.get(host, path) == 200:
                    return time.monotonic() - process.started
            finally:
                client.close()
        except OSError:
            pass
        time.sleep(0.002)
    return fail(f"{process.name} does not answer 200 for {path}:\n{process.last_words()}")


def _first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0].strip()
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return None


def describe_machine(gateway, others):
    """What the figures were taken on; warns when the machine has other work."""
    model = "unknown CPU"
    with open("/proc/cpuinfo") as file:
        found = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.M)
        model = found.group(1) if found else model
    print(f"- {time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {model}, Linux {os.uname().release}")
    print(f"- Portcullis {(_first_line([gateway, 'version']) or 'unknown').split()[-1]}")
    for command in others:
        line = _first_line(command) if shutil.which(command[0]) else None
        if line:
            print(f"- {line}")
    load = os.getloadavg()[0]
    print(f"- load average at the start: {load:.2f}", flush=True)
    if load > 0.5:
        print("bench: the machine is not idle; the figures will not mean much", file=sys.stderr)
