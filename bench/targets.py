"""Who is measured: the gateway, HAProxy and nginx, each as a plain reverse proxy with one worker; and the backend.

All do the same: plain HTTP and HTTPS (h2 and http/1.1) on two ports, X-Forwarded-For, upstream connections kept, no
access log. Besides what that takes, everything is as the project or the distribution ships it.
"""

import json
import os
import shutil
import subprocess

import bed

BODY = 1024
BIG = 10 * 1024 * 1024
POST = 16 * 1024
HOSTS = 1000
PREFIXES = 10

HAPROXY = """
global
    maxconn {connections}
    nbthread 1
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 120s
    timeout server 120s
    option forwardfor
    http-reuse always
frontend both
    bind 127.0.0.1:{port}
    bind 127.0.0.1:{tls_port} ssl crt {folder}/both.pem alpn h2,http/1.1
    default_backend backend
backend backend
    server only 127.0.0.1:{backend}
"""

NGINX_TEMP = """
    access_log off; client_max_body_size 0; keepalive_requests 1000000000; keepalive_timeout 120s;
    client_body_temp_path {folder}/{name}-t1; proxy_temp_path {folder}/{name}-t2; fastcgi_temp_path {folder}/{name}-t3;
    uwsgi_temp_path {folder}/{name}-t4; scgi_temp_path {folder}/{name}-t5;
"""

NGINX = """
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.err error;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
    """ + NGINX_TEMP + """
    upstream backend {{ server 127.0.0.1:{backend}; keepalive 512; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        listen 127.0.0.1:{tls_port} ssl http2 backlog=4096;
        ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:10m; http2_max_concurrent_streams 256;
        location / {{
            proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_request_buffering off; proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

# A body is read to its end before it is answered: the second hop, over a UNIX socket, starts only then.
BACKEND = """
daemon off; master_process off; pid {folder}/{name}.pid; error_log {folder}/{name}.err error;
events {{ worker_connections {descriptors}; }}
http {{
    """ + NGINX_TEMP + """
    sendfile on; client_body_buffer_size 64k;
    upstream answer {{ server unix:{folder}/answer.sock; keepalive 256; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{backend} backlog=4096;
        location = /big {{ root {folder}; }}
        location = /post {{
            proxy_pass http://answer; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_method GET; proxy_pass_request_body off; proxy_set_header Content-Length "";
        }}
        location / {{ return 200 "{body}"; }}
    }}
    server {{ listen unix:{folder}/answer.sock; location / {{ return 200 "{body}"; }} }}
}}
"""


def prepare(folder):
    """A certificate (ECDSA P-256) and the file that the backend serves."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=bench.test "
        "-addext subjectAltName=DNS:bench.test,DNS:localhost,IP:127.0.0.1"
    )
    subprocess.run(command.split() + ["-keyout", key, "-out", cert], check=True, capture_output=True)
    with open(os.path.join(folder, "both.pem"), "w") as both, open(cert) as one, open(key) as other:
        both.write(one.read() + other.read())
    for name in ("cert.pem", "key.pem", "both.pem"):
        os.chmod(os.path.join(folder, name), 0o644)
    with open(os.path.join(folder, "big"), "wb") as big:
        big.write(b"b" * BIG)


class Target:
    """One program that is measured. Started again, it is on the same ports."""

    def __init__(self, name, values, cpus):
        self.name, self.cpus, self.process = name, cpus, None
        self.port, self.tls_port = bed.free_port(), bed.free_port()
        self.values = dict(values, name=name, port=self.port, tls_port=self.tls_port)
        self.folder = values["folder"]

    def write(self, file, text):
        path = os.path.join(self.folder, f"{self.name}.{file}")
        with open(path, "w") as out:
            out.write(text)
        return path

    def start(self):
        self.process = bed.Process(self.name, self.command(), self.cpus, self.folder)
        # The path is one that every configuration routes.
        bed.wait_for(self.process, self.port, route_path(0), 60, route_host(0))

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        if self.process:
            self.process.stop()


class HAProxy(Target):
    def command(self):
        return ["haproxy", "-db", "-f", self.write("cfg", HAPROXY.format(**self.values))]


class Nginx(Target):
    def command(self):
        return ["nginx", "-e", f"{self.folder}/{self.name}.err", "-c", self.write("conf", NGINX.format(**self.values))]


class Backend(Target):
    def command(self):
        text = BACKEND.format(**self.values, body="x" * BODY)
        return ["nginx", "-e", f"{self.folder}/{self.name}.err", "-c", self.write("conf", text)]

    def start(self):
        self.process = bed.Process(self.name, self.command(), self.cpus, self.folder)
        bed.wait_for(self.process, self.values["backend"], "/", 10)


class Portcullis(Target):
    """The gateway with one route for everything, or with many of which each takes one host and prefix."""

    def __init__(self, name, binary, routes, values, cpus):
        super().__init__(name, values, cpus)
        self.binary, self.routes = binary, routes

    def command(self):
        install = {
            "core": {"workers": 1},
            "entryPoints": {
                "web": {"address": f"127.0.0.1:{self.port}"},
                "websecure": {"address": f"127.0.0.1:{self.tls_port}", "http": {"tls": {}}},
            },
            "providers": {"file": {"filename": self.write("dynamic.yaml", self.dynamic())}},
        }
        # JSON is YAML.
        return [self.binary, f"--configFile={self.write('install.yaml', json.dumps(install))}"]

    def dynamic(self):
        rules = {"all": "PathPrefix(`/`)"}
        if self.routes > 1:
            rules = {f"r{n}": f"Host(`{route_host(n)}`) && PathPrefix(`{route_path(n)}`)" for n in range(self.routes)}
        server = {"url": f"http://127.0.0.1:{self.values['backend']}"}
        pair = {"certFile": f"{self.folder}/cert.pem", "keyFile": f"{self.folder}/key.pem"}
        return json.dumps({
            "http": {
                "routers": {name: {"rule": rule, "service": "backend"} for name, rule in rules.items()},
                "services": {"backend": {"loadBalancer": {"servers": [server]}}},
            },
            "tls": {"stores": {"default": {"defaultCertificate": pair}}},
        })


def route_host(number):
    return f"host-{number // PREFIXES}.bench.test"


def route_path(number):
    return f"/service/{number % PREFIXES}"


def peers(values, cpus):
    """Those of HAProxy and nginx that are installed."""
    known = {"haproxy": HAProxy, "nginx": Nginx}
    return [kind(name, values, cpus) for name, kind in known.items() if shutil.which(name)]
