"""Where a server is: addresses as people paste them, proxies and certificates, each with what to write instead."""

import re

import pytest

from asking_kit import ask, make_slice
from llm_server import Server, completion, written
from varireal.config.hosted import Server as ServerConfig
from varireal.config.hosted import is_local
from varireal.config.model import parse_config
from varireal.errors import BackendError, ConfigError
from varireal.hosted.address import address_note, address_problem
from varireal.study.layout import Layout

ONE = make_slice({"mallard": "mallard"}, attributes=("texture",), attempts=1, repairs=0, judge={"enabled": False})
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in (*PROXIES, *map(str.lower, PROXIES)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "version", "words"),
    [
        ("https://api.openai.com/v1/chat/completions", None, "write https://api.openai.com/v1"),
        ("http://h:8000/v1/images/edits/", None, "write http://h:8000/v1"),
        ("http://localhost:11434/api/chat", None, "write http://localhost:11434/v1"),
        ("https://h/v1?key=secret-77", None, "followed by [?] and more"),
        (
            "https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2025-01-01",
            None,
            "base_url: https://r.openai.azure.com, azure_api_version: '2025-01-01', and as model: gpt",
        ),
        ("https://r.openai.azure.com/", None, "base_url: https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai/v1", "2024-10-21", "without azure_api_version"),
        ("http://::1:8000/v1", None, "in brackets"),
        ("http://h:port/v1", None, "is no address"),
        ("http://h:99999/v1", None, "is no address"),
        ("http://[::1:8000/v1", None, "is no address"),
    ],
)
def test_what_is_certainly_wrong_is_said_before_a_run(url, version, words):
    server = {"base_url": url, "azure_api_version": version}
    assert address_problem(ServerConfig(**server))
    config = parse_config({"study": {"name": "x"}, "prompts": {"source": "openai", "openai": {"server": server}}})
    with pytest.raises(ConfigError, match=rf"prompts.openai.server.base_url: .*{words}") as caught:
        Layout(config).check()
    assert "secret-77" not in str(caught.value)
    unused = parse_config({"study": {"name": "x"}, "prompts": {"openai": {"server": server}}})
    Layout(unused).check()  # nobody asks it


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000/v1", "write http://localhost:8000/v1"),
        ("api.openai.com/v1", "write https://api.openai.com/v1"),
        ("ftp://h/v1", "must be http:// or https://"),
        ("http://me:secret-77@h/v1", "user name or password"),
        ("me:secret-77@h/v1", "user name or password"),
        ("http://h/v1 ", "a space"),
        ("https://", "no host"),
    ],
)
def test_what_has_not_the_form_of_an_address_is_no_config(url, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_config({"study": {"name": "x"}, "prompts": {"openai": {"server": {"base_url": url}}}})
    assert "base_url" in str(caught.value)
    assert "secret-77" not in str(caught.value)


def test_good_addresses_are_left_alone():
    for url in ("http://[::1]:8000/v1", "http://h/v1/", "https://openrouter.ai/api/v1", "http://10.0.0.7:8000/v1"):
        assert not address_problem(ServerConfig(base_url=url))
        assert not address_note(ServerConfig(base_url=url))
    assert not address_problem(ServerConfig(base_url="https://r.openai.azure.com", azure_api_version="2024-10-21"))
    assert "http://localhost:11434/v1" in address_note(ServerConfig(base_url="http://localhost:11434"))
    assert "https://api.openai.com/v1" in address_note(ServerConfig(base_url="https://api.openai.com"))


def test_this_machine_is_known_by_its_names():
    local = (
        "http://localhost:1",
        "http://a.localhost",
        "http://127.0.0.9/v1",
        "http://[::1]:8000",
        "http://0.0.0.0:1",
    )
    assert all(map(is_local, local))
    assert not any(map(is_local, ("http://localhost.example.org", "http://127.example.org", "http://10.0.0.1")))


def good(_path, body, _number):
    return 200, completion(body, written(body)), None


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "socks4://127.0.0.1:9", "nonsense"])
def test_local_addresses_never_go_through_a_proxy(tmp_path, monkeypatch, proxy):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, proxy)
    with Server(script=good) as server:
        ask(tmp_path, server.url, ONE)
        ask(tmp_path / "named", server.url.replace("127.0.0.1", "localhost"), ONE)
        assert len(server.calls) == 4


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ALL_PROXY", "socks5://me:secret-77@127.0.0.1:9", "ALL_PROXY names a SOCKS proxy.*package socksio"),
        ("https_proxy", "socks4://127.0.0.1:9", "https_proxy names a proxy of the kind 'socks4'"),
        ("SSL_CERT_FILE", "/no/such.pem", "SSL_CERT_FILE names '/no/such.pem', and there is no such file"),
        ("SSL_CERT_DIR", "/no/such", "SSL_CERT_DIR names '/no/such', and there is no such folder"),
        ("REQUESTS_CA_BUNDLE", "/no/such.pem", "REQUESTS_CA_BUNDLE names '/no/such.pem'"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE names .*holds no certificates"),
        ("OPENAI_API_KEY", "sk-line\nsecret-77", "OPENAI_API_KEY holds a character that cannot be sent"),
        ("OPENAI_API_KEY", "sk-schl\u00fcssel-secret-77", "OPENAI_API_KEY holds a character that cannot be sent"),
    ],
)
def test_what_the_environment_has_wrong_is_named(tmp_path, monkeypatch, name, value, words):
    monkeypatch.setenv(name, value)
    with pytest.raises(BackendError, match=words) as caught:
        ask(tmp_path, "https://models.example.org/v1", ONE)
    assert "secret-77" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((404, {"detail": "Not Found"}, None), r"/chat/completions answers 404 .*write .*base_url: http://127.*/v1"),
        ((405, b"<html><title>405</title></html>", None), r"has a /v1, write"),
        ((200, {"error": "Unexpected endpoint or method. (POST /x)"}, None), r"error 404: .*has a /v1, write"),
        ((404, {"error": {"message": "The model `m` does not exist"}}, None), "check prompts.openai.model"),
        ((401, {"error": "who are you?"}, None), "variable OPENAI_API_KEY, which is not set"),
        ((400, b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>", None), "base_url: https://"),
        ((302, b"", {"Location": "http://login.example.org/?t=secret-77"}), "on to http://login.example.org/, where"),
        ((301, b"", {"Location": "https://h.example.org/v1/chat/completions"}), "base_url: https://h.example.org/v1"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_address_and_what_to_write_instead(tmp_path, monkeypatch, caplog, reply, words):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Server(script=lambda *_: reply) as server, pytest.raises((BackendError, ConfigError)) as caught:
        ask(tmp_path, server.url.removesuffix("/v1"), ONE, traffic={"tries": 1})
    told = caplog.text + str(caught.value)
    assert "secret-77" not in told
    assert re.search(words, told), told


def test_http_and_https_are_told_apart(tmp_path):
    with (
        Server(script=good) as server,
        pytest.raises(BackendError, match=r"does not speak https; write .*base_url: http://127"),
    ):
        ask(tmp_path, server.url.replace("http://", "https://"), ONE, traffic={"tries": 1})
