"""Where a server is: addresses as people paste them, proxies, certificates, and what to write instead.

All but ``advice`` is known before anything is sent, so that checks for people can say it. Light: no client.
"""

import os
import re
import ssl
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

from varireal.config.hosted import Server, is_local, shown_address

# What is added to an address, and so must not be in it.
_ENDPOINT = re.compile(
    r"/(chat/completions|completions|responses|embeddings|images/(edits|generations|variations)|messages|models|"
    r"api/(generate|chat|tags))/*$",
    re.I,
)
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)", re.I)
_AZURE = re.compile(r"\.(openai|cognitiveservices|services\.ai)\.azure\.(com|us|cn)$", re.I)
_VERSION = re.compile(r"/(v\d+\w*|openai|api|compatible-mode|inference)(/|$)", re.I)
_AZURE_VERSION = "2024-10-21"
# Hosts whose address has a path that is easily left out.
_KNOWN = {
    "api.openai.com": "/v1",
    "api.anthropic.com": "/v1",
    "openrouter.ai": "/api/v1",
    "api.groq.com": "/openai/v1",
    "api.mistral.ai": "/v1",
    "api.together.xyz": "/v1",
    "generativelanguage.googleapis.com": "/v1beta/openai",
}
# Files of certificates by variable: the first that is set counts. The last is that of other libraries; people have set
# it where a company has certificates of its own.
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


def address_problem(server: Server) -> str:
    """What is certainly wrong with a server's address, with what to write instead; empty when nothing is."""
    url = server.base_url
    netloc = url.partition("://")[2].partition("/")[0]
    if netloc.count(":") > 1 and "[" not in netloc:
        return f"{shown_address(url)!r}: an address of IPv6 stands in brackets; write one such as http://[::1]:8000/v1"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        return f"{shown_address(url)!r} is no address ({error}); write one such as http://localhost:8000/v1"
    if not host or port == 0:
        return f"{shown_address(url)!r} names no host; write one such as http://localhost:8000/v1"
    return _path_problem(parts, server.azure_api_version)


def _path_problem(parts: SplitResult, azure_version: str | None) -> str:
    root = f"{parts.scheme}://{parts.netloc}"
    shown = shown_address(root + parts.path)
    azure = _AZURE.search(parts.hostname or "") is not None
    deployment = _DEPLOYMENT.search(parts.path)
    versions = parse_qs(parts.query).get("api-version", [])
    if deployment is not None and (azure or azure_version or versions):
        version = azure_version or (versions[0] if versions else _AZURE_VERSION)
        return (
            f"{shown!r} is the address of one deployment; write base_url: {root}, "
            f"azure_api_version: {_plain(version)!r}, and as model: {_plain(deployment[1])}"
        )
    if azure_version is not None and re.search(r"/(openai|v1)(/|$)", parts.path):
        return (
            f"{shown!r} with azure_api_version: the path is added to it; write base_url: {root}, "
            f"or base_url: {root}/openai/v1 without azure_api_version"
        )
    if azure and azure_version is None and "/v1" not in parts.path:
        return (
            f"{shown!r} is Azure's; write base_url: {root}/openai/v1, or base_url: {root} with "
            f"azure_api_version: {_plain(versions[0]) if versions else _AZURE_VERSION}"
        )
    ends = _ENDPOINT.search(parts.path)
    if ends is not None:
        rest = parts.path[: ends.start()].rstrip("/")
        whole = f"{root}{rest or '/v1'}"
        return f"{shown!r} ends in {ends[0].strip('/')!r}, which is added to it; write {whole}"
    if parts.query or parts.fragment:
        return (
            f"{shown!r} is followed by {'?' if parts.query else '#'} and more, which is not sent; write it "
            "without, and give what the server wants by key_env or headers"
        )
    return ""


def _plain(text: str) -> str:
    return re.sub(r"[^\w.:-]", "", text)[:60]


def address_note(server: Server) -> str:
    """What is likely to be wrong with a server's address; empty when nothing is."""
    parts = urlsplit(server.base_url)
    path = _KNOWN.get(parts.hostname or "")
    if path is not None and not parts.path.rstrip("/").startswith(path):
        return f"{server.base_url} has not the path of this server; write {parts.scheme}://{parts.netloc}{path}"
    if parts.scheme == "http" and parts.port == 443:
        return f"{server.base_url} asks the port of https without it; write https://{parts.hostname}{parts.path}"
    if server.azure_api_version is None and not _VERSION.search(parts.path):
        return f"{server.base_url} has no /v1; most servers are at {server.base_url.rstrip('/')}/v1"
    return ""


def goes_direct(url: str) -> bool:
    """Whether an address is asked without any proxy: this machine's own, and those that NO_PROXY names."""
    return is_local(url) or bool(urllib.request.proxy_bypass(urlsplit(url).netloc))


def proxy_problem(url: str) -> str:
    """Why the proxy that the environment names cannot be used, with its variable; empty when it can."""
    if goes_direct(url):
        return ""
    for kind, address in _proxies().items():
        scheme = address.partition("://")[0].lower() if "://" in address else "http"
        variable = _variable(kind)
        if scheme in ("socks5", "socks5h") and find_spec("socksio") is None:
            return (
                f"the environment variable {variable} names a SOCKS proxy, which needs the package socksio; "
                f"install it (pip install socksio), or unset {variable}"
            )
        if scheme not in ("http", "https", "socks5", "socks5h"):
            return (
                f"the environment variable {variable} names a proxy of the kind {_plain(scheme)!r}; "
                "it must be http, https, socks5 or socks5h"
            )
    return ""


def _proxies() -> dict[str, str]:
    named = urllib.request.getproxies()
    return {kind: named[kind] for kind in ("all", "http", "https") if named.get(kind)}


def proxy_variable(url: str) -> str:
    """Name of the variable with the proxy that an address is asked through; empty when there is none."""
    proxies = {} if goes_direct(url) else _proxies()
    kind = next((kind for kind in (urlsplit(url).scheme, "all") if kind in proxies), None)
    return "" if kind is None else _variable(kind)


def _variable(kind: str) -> str:
    name = f"{kind}_proxy"
    return next((one for one in (name, name.upper()) if os.environ.get(one)), name.upper())


def certificate_problem(url: str) -> str:
    """Why certificates cannot be read from where the environment says, with its variable; empty when they can."""
    for variable in _CERTIFICATES:
        named = os.environ.get(variable)
        other = variable == _CERTIFICATES[-1]
        if not named or (other and urlsplit(url).scheme != "https"):
            continue
        folders = variable.endswith("DIR") or other
        there = Path(named).is_dir() if variable.endswith("DIR") else Path(named).is_file()
        if not there and not (other and Path(named).is_dir()):
            what = "folder" if folders and not other else "file"
            return (
                f"the environment variable {variable} names {named!r}, and there is no such {what}; "
                "correct it, or unset it to use the certificates of this machine"
            )
        try:
            _context(Path(named))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            return f"the environment variable {variable} names {named!r}, which holds no certificates ({error})"
    return ""


def certificates(url: str) -> ssl.SSLContext | bool:
    """What certificates of servers are checked with: what the environment names, else True, for the machine's own.

    Raises:
        OSError: the file that the environment names cannot be read; see ``certificate_problem``.
    """
    if urlsplit(url).scheme != "https":
        return True
    named = next((os.environ[variable] for variable in _CERTIFICATES if os.environ.get(variable)), None)
    return True if named is None else _context(Path(named))


def _context(path: Path) -> ssl.SSLContext:
    if path.is_dir():
        return ssl.create_default_context(capath=str(path))
    return ssl.create_default_context(cafile=str(path))


def unaskable(server: Server) -> str:
    """What of the environment keeps a server from being asked, with its variable; empty when nothing does."""
    values = {name: os.environ.get(name, "").strip() for name in (server.key_env, *server.headers.values())}
    bad = next((name for name, value in values.items() if not (value.isascii() and value.isprintable())), None)
    if bad is not None:
        return (
            f"the environment variable {bad} holds a character that cannot be sent in a header (a line break, or a "
            "letter outside ASCII); set it to the plain key"
        )
    return certificate_problem(server.base_url) or proxy_problem(server.base_url)


def advice(status: int | None, words: str, server: Server, place: str) -> str:
    """What a person may do about a refusal; empty when the server's words are all there is to say.

    Args:
        status: of HTTP.
        words: of the server.
        server: which was asked.
        place: of the server in the config.
    """
    url, text = server.base_url, words.lower()
    if "plain http request was sent to https" in text or "client sent an http request to an https server" in text:
        return f"write {place}.base_url: https://{url.partition('://')[2]}"
    if status in (404, 405):
        if re.search(r"\b(model|deployment)\b", text) and "endpoint" not in text:
            return f"check {place.rpartition('.')[0]}.model"
        problem = address_problem(server)
        if problem:
            return problem
        if not _VERSION.search(urlsplit(url).path):
            return f"where the server's address has a /v1, write {place}.base_url: {url.rstrip('/')}/v1"
        return f"compare {place}.base_url with the address in the server's documentation"
    if status == 400 and re.search(r"context (length|window)", text):
        return f"lower {place.rpartition('.')[0]}.max_tokens, or let the server have a longer context"
    if status == 401:
        unset = "" if os.environ.get(server.key_env) else ", which is not set"
        return f"the key is read from the environment variable {server.key_env}{unset}"
    if "web page" in words:
        return f"log in where a portal asks for it, or compare {place}.base_url with the server's documentation"
    return ""
