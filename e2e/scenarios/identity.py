"""An identity provider in the cluster: what gateways and proxies ask of one, and tokens with its signature."""

import base64
import json
import subprocess
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scenarios.stand import Model

CLIENT, SECRET = "recommender", "hush"
LOGIN = "https://login.example.com/authorize"
"""Where people would be sent; nobody listens there."""
PROVIDER = """
import base64
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

PAGES = json.loads(os.environ["PAGES"])

class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        self.tell(200 if self.path in PAGES else 404, PAGES.get(self.path, {}))

    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        client = base64.b64decode((self.headers["authorization"] or "").removeprefix("Basic ")).decode()
        good = asked["code"] == ["good"] and client == os.environ["CLIENT"]
        self.tell(200, PAGES["/token"]) if good else self.tell(400, {"error": "invalid_grant"})

    def tell(self, status, said):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

ThreadingHTTPServer(("", 8080), Provider).serve_forever()
"""


@dataclass(frozen=True)
class Provider:
    """A pod `login` in a model's namespace that gives tokens for a code, and says how they are known."""

    model: Model
    key: Path
    """Its signing key."""

    @property
    def issuer(self) -> str:
        return f"http://login.{self.model.namespace}.svc:8080"

    def token(self, **changed: Any) -> str:
        """Return a signed token for the client, with some claims changed."""
        claims = {
            "iss": self.issuer,
            "sub": "7",
            "email": "ada@example.com",
            "aud": CLIENT,
            "exp": int(time.time()) + 3600,
        }
        said = ".".join(
            _packed(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, {**claims, **changed})
        )
        return f"{said}.{_packed(_openssl('dgst', '-sha256', '-sign', str(self.key), stdin=said.encode()))}"

    def start(self) -> None:
        """Run it, and keep its client's secret as the policy of the example names it."""
        container = {
            "name": "login",
            "image": "serinus-example/recommender:1.0.0",
            "command": ["python", "-c", PROVIDER],
            "env": [
                {"name": "PAGES", "value": json.dumps(self._pages())},
                {"name": "CLIENT", "value": f"{CLIENT}:{SECRET}"},
            ],
            "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "login", "labels": {"app": "login"}},
            "spec": {"containers": [container], "securityContext": security},
        }
        self.model.kubectl("apply", "--filename=-", stdin=json.dumps(pod))
        self.model.kubectl("expose", "pod", "login", "--port=8080")
        self.model.kubectl("wait", "pod/login", "--for=condition=Ready", "--timeout=60s")

    def _pages(self) -> dict[str, Any]:
        modulus = _openssl("rsa", "-in", str(self.key), "-noout", "-modulus").decode().strip().removeprefix("Modulus=")
        known = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": "1",
            "n": _packed(bytes.fromhex(modulus)),
            "e": "AQAB",
        }
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": LOGIN,
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            "/keys": {"keys": [known]},
            "/token": {"access_token": "token", "token_type": "Bearer", "id_token": self.token(), "expires_in": 600},
        }


def provider(model: Model, folder: Path) -> Provider:
    """Start a provider with a key of its own."""
    key = folder / "key.pem"
    _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(key))
    made = Provider(model, key)
    made.start()
    return made


def browse(model: Model, path: str, cookies: dict[str, str]) -> tuple[int, str]:
    """Ask as a browser does; return the status and where it is sent to, and keep the cookies."""
    connection = HTTPConnection(urlsplit(model.site.gateway_url).netloc, timeout=30)
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    connection.request("GET", path, headers={"Host": model.host, "Cookie": cookie})
    answer = connection.getresponse()
    for line in answer.headers.get_all("set-cookie") or []:
        cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
    connection.close()
    return answer.status, answer.headers.get("location", "")


def _openssl(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
