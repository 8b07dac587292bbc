"""``prompts.openai``: a language model behind an OpenAI-compatible server, and how it is asked."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from varireal.config.base import Added, AttributeName, StrictModel

Name = Annotated[str, Field(min_length=1)]


def shown_address(url: str) -> str:
    """An address without what may be secret in it, for messages."""
    plain = re.sub(r"^(\w+://)?[^/@\s]*@", r"\1***@", url.strip())
    return re.sub(r"[?#].*", "", plain)[:200]


def is_local(url: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _address(url: str) -> str:
    """The address, where it has the form of one; what is asked there is another question.

    Raises:
        ValueError: it has no scheme or host, or holds a space, a user name or a password.
    """
    shown = shown_address(url)
    if re.search(r"\s", url):
        raise ValueError(f"the address {shown!r} holds a space; write it without")
    if "@" in url:
        raise ValueError(
            "the address holds a user name or password before '@'; remove it, and give what the server wants by "
            "key_env or headers, from the environment"
        )
    if "://" not in url:
        host = url.partition("/")[0]
        secure = "." in host and ":" not in host and not host.replace(".", "").isdigit()
        raise ValueError(
            f"the address {shown!r} has no http:// or https:// before it; write http{'s' if secure else ''}://{shown}"
        )
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https"):
        raise ValueError(f"the address {shown!r} begins with {scheme}://; it must be http:// or https://")
    if not rest.strip("/"):
        raise ValueError(f"the address {shown!r} names no host; write one such as http://localhost:8000/v1")
    return url


class Price(StrictModel):
    """Price of a model in US dollars per million tokens."""

    input: Annotated[float, Field(ge=0, description="Of what is sent.")]
    output: Annotated[float, Field(ge=0, description="Of what is answered.")]


class SecondOpinion(StrictModel):
    """Another call says whether each prompt is feasible, without being told."""

    enabled: Annotated[bool, Field(description="Whether it is asked for.")] = True
    model: Annotated[Name | None, Field(description="Model that judges; null: the one that writes.")] = None
    on_disagreement: Annotated[
        Literal["review", "drop"],
        Field(description="review: the prompt is used and marked for a person; drop: another one is asked for."),
    ] = "review"


class Traffic(StrictModel):
    """How fast the server is asked, and what happens when it fails."""

    concurrency: Annotated[int, Field(ge=1, le=1024, description="Requests under way at once.")] = 8
    requests_per_minute: Annotated[
        float | None, Field(gt=0, description="Most requests per minute; null: no limit.")
    ] = None
    timeout_seconds: Annotated[float, Field(gt=0, description="Longest wait for one answer.")] = 60.0
    tries: Annotated[
        int, Field(ge=1, le=100, description="Times that a request is sent before it counts as failed.")
    ] = 8
    longest_wait_seconds: Annotated[
        float, Field(gt=0, description="Longest wait between two tries; a server's Retry-After may ask for more.")
    ] = 30.0
    failures_in_a_row: Annotated[
        int, Field(ge=1, description="Failed sends without any answer between them after which asking stops.")
    ] = 50


class Budget(StrictModel):
    """What the study may spend on prompts in all; asking stops before it is passed, and goes on when it is raised."""

    usd: Annotated[float | None, Field(ge=0, description="US dollars, by prices; null: no limit.")] = None
    tokens: Annotated[int | None, Field(ge=0, description="Tokens sent and answered; null: no limit.")] = None


class Server(StrictModel):
    """Where the server is and how it is paid; none of this changes a prompt or runs anything again."""

    base_url: Annotated[
        str,
        AfterValidator(_address),
        Field(
            description="Address of the server up to /v1: OpenAI, vLLM, Ollama, llama.cpp, transformers serve ...",
        ),
    ] = "https://api.openai.com/v1"
    key_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="Environment variable that holds the key; a server that needs none is asked without it.",
        ),
    ] = "OPENAI_API_KEY"
    azure_api_version: Annotated[
        Name | None,
        Field(description="For Azure OpenAI, such as 2024-10-21; base_url is then the resource's endpoint."),
    ] = None
    headers: Annotated[
        dict[str, str],
        Field(description="More headers: the header's name, and the environment variable that holds its value."),
    ] = {}  # noqa: RUF012
    traffic: Annotated[Traffic, Field(description="How fast the server is asked.")] = Traffic()
    budget: Annotated[Budget, Field(description="What may be spent.")] = Budget()
    prices: Annotated[
        dict[str, Price], Field(description="Price by model: {gpt-4.1-mini: {input: 0.4, output: 1.6}}.")
    ] = {}  # noqa: RUF012


class EmbeddingServer(StrictModel):
    """Where ``embedding_model`` is, when it is not where prompts are written; traffic, budget, prices are shared."""

    base_url: Annotated[
        str,
        Field(pattern=r"^https?://[^\s@]+$", description="Address of the server up to /v1."),
    ] = "http://localhost:11434/v1"
    key_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="Environment variable that holds its key; a server that needs none is asked without it.",
        ),
    ] = "EMBEDDING_API_KEY"
    headers: Annotated[
        dict[str, str],
        Field(description="More headers: the header's name, and the environment variable that holds its value."),
    ] = {}  # noqa: RUF012


class OpenAIPrompts(StrictModel):
    """Options of ``source: openai``."""

    model: Annotated[Name, Field(description="Model that writes the prompts, as the server calls it.")] = (
        "gpt-4.1-mini"
    )
    count: Annotated[int, Field(ge=1, le=200, description="Prompts wanted for each class and setting.")] = 10
    shared: Annotated[
        tuple[AttributeName, ...],
        Field(description="Attributes whose prompts are asked for once and shared by all classes."),
    ] = ()
    temperature: Annotated[float | None, Field(ge=0, le=2, description="Sampling temperature; null: not sent.")] = 0.8
    seed: Annotated[int | None, Field(description="Seed that is sent to servers that know one; null: not sent.")] = 22
    max_tokens: Annotated[int, Field(ge=16, description="Longest answer, in tokens.")] = 4000
    structured: Annotated[
        Literal["auto", "json_schema", "json_object", "text"],
        Field(description="How the form of the answer is asked for; auto: the strictest way that the server takes."),
    ] = "auto"
    attempts: Annotated[
        int, Field(ge=1, le=20, description="Times that a setting is asked for what it still lacks.")
    ] = 4
    repairs: Annotated[
        int, Field(ge=0, le=5, description="Times that an unusable answer is shown to the model with the error.")
    ] = 2
    templates: Annotated[
        str | None,
        Field(description="Folder with instructions of your own (prompts.md.j2, judge.md.j2); null: the package's."),
    ] = None
    examples: Annotated[
        str | None, Field(description="Bank, by name or path, whose prompts are shown as examples; null: none.")
    ] = None
    frozen: Annotated[
        str | None,
        Field(description="Bank made by 'varireal prompts freeze': the classes in it are not asked for again."),
    ] = None
    language: Annotated[
        Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None,
        Field(description="Language of the prompts (ISO 639-1); another one is refused. null: any."),
    ] = "en"
    max_text_tokens: Annotated[
        int, Field(ge=8, description="Longest prompt in tokens of the editor's text encoder; CLIP reads 77.")
    ] = 77
    tokenizer: Annotated[
        str | None,
        Field(description="Folder or hub id of the text encoder's tokenizer; null: CLIP's, which is SDXL's."),
    ] = None
    unsafe_words: Annotated[tuple[Name, ...], Field(description="Words to refuse besides the package's list.")] = ()
    embedding_model: Annotated[
        Name | None,
        Field(
            description="Model that finds duplicates by meaning, from a similarity that is measured with it on pairs "
            "of the package; null: by text only."
        ),
    ] = None
    embedding_server: Annotated[
        EmbeddingServer | None,
        Field(description="Where embedding_model is; null: on the server that writes the prompts."),
        Added(before=None),
    ] = None
    embedding_similarity: Annotated[
        float,
        Field(
            gt=0,
            le=1,
            description="Not used for what is asked now: the similarity is measured. Classes that an earlier version "
            "asked for to the end stay as this number made them.",
        ),
    ] = 0.92
    judge: Annotated[SecondOpinion, Field(description="The second opinion.")] = SecondOpinion()
    server: Annotated[Server, Field(description="Where the server is, and how it is paid.")] = Server()

    @model_validator(mode="after")
    def _embeds(self) -> "OpenAIPrompts":
        if self.embedding_server is not None and self.embedding_model is None:
            raise ValueError("embedding_server is given, but no embedding_model; name the model that it has")
        return self
