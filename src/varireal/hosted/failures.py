"""Why a request failed: what came instead of an answer, in one line with the address that was asked and what to do."""

import email.utils
import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from varireal.config.hosted import Server, shown_address
from varireal.core.files import one_line
from varireal.hosted.address import advice, proxy_variable
from varireal.hosted.problems import Complaint, problem_of

__all__ = ["SentOnError", "ServerError", "problem_of", "refused", "stay", "unreached", "without_secrets"]

# Keys of the common services, which servers like to repeat in part: "Incorrect API key provided: sk-ab***yz".
_KEYS = re.compile(r"\b(?:sk|pk|gsk|xai|nvapi|pplx|hf|r8|ghp|csk|AIza)[-_*][\w*.-]{5,}|(?<=[Bb]earer )[^\s\"',;}]{4,}")
_SHORT = 4  # a shorter "secret" is a word
_PASSING = (408, 409, 425, 429)
_FATAL = (401, 402, 403, 404, 405)

# What a failed connection says, what that means, and whether it stays so.
_MEANINGS = (
    (
        r"certificate_verify_failed",
        "its certificate is not trusted here; name a file with the certificates of who signed it in SSL_CERT_FILE",
        True,
    ),
    (
        r"wrong_version_number|record layer|http_request|unknown protocol|packet length|unexpected_message",
        "it does not speak https; write {place}.base_url: {plain}",
        True,
    ),
    (
        r"name or service not known|getaddrinfo|nodename nor servname|no address associated|name resolution",
        "no machine of the name {host!r} is known here",
        False,
    ),
    (
        r"refused|all connection attempts failed|unreachable|no route to host",
        "nothing answers at this address; is the server started?",
        False,
    ),
    (
        r"illegal status line|malformed|without sending a response|illegal header|bad http|not http|connection reset",
        "it closes the connection without an answer of HTTP{secure}",
        False,
    ),
    (r"peer closed|incomplete|readerror|read error", "the connection ended in the midst of the answer", False),
    (r"decod|decompress|zlib|gzip|incorrect header check|brotli|zstd", "its answer is packed in a damaged way", False),
    (r"redirects", "it sends on in a circle", True),
)


class ServerError(Exception):
    """A request that failed.

    Attributes:
        problem: what the server says, and what that means.
        status: of HTTP; None when there was no answer.
        fatal: whether every other request fails in the same way.
        retry_after: seconds after which the server wants to be asked again, or None.
    """

    def __init__(
        self,
        message: str,
        problem: Complaint,
        *,
        status: int | None = None,
        fatal: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.problem, self.status, self.fatal, self.retry_after = problem, status, fatal, retry_after

    @property
    def passes(self) -> bool:
        """Whether another try may succeed: no answer, too busy, or an answer that is none."""
        status = self.problem.status
        return status is None or status in _PASSING or status >= 500


class SentOnError(Exception):
    """A server sends on to another address, where nothing may be sent: a page to log in, or the same with https.

    Attributes:
        target: the address.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


async def stay(response: Any) -> None:
    """Follow a server only to another path of its own, with the whole request; a hook of the client.

    Raises:
        SentOnError: it sends elsewhere, or would be sent no request but only its address.
    """
    location = response.headers.get("location")
    if not 300 <= response.status_code < 400 or not location:
        return
    asked = str(response.request.url)
    target = urljoin(asked, location)
    here, there = urlsplit(asked), urlsplit(target)
    if response.status_code in (307, 308) and (here.scheme, here.netloc) == (there.scheme, there.netloc):
        return
    raise SentOnError(target)


def refused(response: Any, problem: Complaint, server: Server, place: str) -> ServerError:
    """The error of a response that is no answer.

    Args:
        response: of HTTP.
        problem: what it says.
        server: which was asked.
        place: of the server in the config.
    """
    status, url = response.status_code, shown_address(str(response.request.url))
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    if status < 300 and problem.status is not None:
        name = f"{name} with error {problem.status}"
    words = problem.first or "without a word"
    cure = advice(problem.status, problem.words, server, place)
    said = f"{url} answers {name}: {words}"
    unpaid = status == 429 and "insufficient_quota" in (problem.code, *problem.words.split())
    return ServerError(
        said + (f"; {cure}" if cure else ""),
        problem,
        status=status,
        fatal=problem.status in _FATAL or unpaid,
        retry_after=_retry_after(response.headers),
    )


def unreached(error: Exception, url: str, server: Server, place: str, hide: Callable[[str], str]) -> ServerError:
    """The error of a request that nobody answered.

    Args:
        error: what was raised.
        url: the address that was asked.
        server: which was asked.
        place: of the server in the config.
        hide: takes secrets out of a text.
    """
    if isinstance(error, SentOnError):
        return _sent_on(error.target, url, place)
    texts = [hide(one_line(str(one))) for one in _causes(error)]
    names = [type(one).__name__ for one in _causes(error)]
    where = shown_address(url)
    if any("Timeout" in name for name in names):
        words = f"no answer within {server.traffic.timeout_seconds:g} s ({place}.traffic.timeout_seconds)"
        return ServerError(f"{where}: {words}", Complaint(words))
    everything = " ".join((*texts, *names)).lower()
    row = next((row for row in _MEANINGS if re.search(row[0], everything)), None)
    detail = next((text for text in reversed(texts) if text and text != "Connection error."), names[0])[:200]
    words, fatal = detail, False
    if row is not None:
        secure = (
            "" if url.startswith("https") else f"; if it speaks https, write {place}.base_url: https://{_rest(server)}"
        )
        host = urlsplit(url).hostname
        words = row[1].format(place=place, plain=f"http://{_rest(server)}", host=host, secure=secure)
        words, fatal = f"{words} ({detail})", row[2]
    proxy = proxy_variable(url)
    if proxy:
        words = f"asked through the proxy of the environment variable {proxy}: {words}"
    return ServerError(f"{where}: {words}", Complaint(words), fatal=fatal)


def _rest(server: Server) -> str:
    return server.base_url.partition("://")[2]


def _sent_on(target: str, url: str, place: str) -> ServerError:
    shown = shown_address(target)
    here, there = urlsplit(url), urlsplit(target)
    words = f"it sends on to {shown}, where nothing is sent"
    end = next((end for end in ("/chat/completions", "/images/edits", "/embeddings") if here.path.endswith(end)), "")
    if end and there.path.rstrip("/").endswith(end):
        base = shown.rstrip("/").removesuffix(end)
        cure = f"where that is the server meant, write {place}.base_url: {base}"
    else:
        cure = f"log in where a portal asks for it, or correct {place}.base_url"
    return ServerError(f"{shown_address(url)}: {words}; {cure}", Complaint(words), fatal=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(8):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def without_secrets(text: str, secrets: list[str]) -> str:
    """A text without secrets, in the forms in which servers repeat them, and without what looks like a key."""
    for secret in secrets:
        for form in {secret, quote(secret, safe=""), secret.encode("unicode_escape").decode()}:
            if len(form) >= _SHORT:
                text = text.replace(form, "***")
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", "***", text)
    return _KEYS.sub("***", text)


def _retry_after(headers: Any) -> float | None:
    """Seconds of a Retry-After header: a number, or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        try:
            seconds = float(text) * unit
        except ValueError:
            continue
        return seconds if seconds > 0 else 0.0  # a number that is none is no wait
    try:
        parsed = email.utils.parsedate_tz(headers.get("retry-after", ""))
        return None if parsed is None else max(0.0, email.utils.mktime_tz(parsed) - time.time())
    except (ValueError, OverflowError, TypeError):
        return None
