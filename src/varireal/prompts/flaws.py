"""What is wrong with the wording of one prompt that a model wrote: a table of flaws, each with a code and a sentence.

Weak models repeat themselves, stop in the middle of a sentence, copy the instructions, and put an animal where a place
was asked for. Every check is of words alone; none knows whether a prompt is feasible.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, partial
from importlib.resources import files
from itertools import pairwise

from varireal.attributes import BACKGROUND, COLOR, attribute_row
from varireal.editors.colors import color_lexicon, tokens
from varireal.prompts.instructions import PROMPTS, own_template, template_texts
from varireal.prompts.reading import mentioned, normalize
from varireal.records import Prompt

# The limits that the package's instructions state. They say "two to five words" of a name; one word is let pass, for
# reviewed banks have such names ("kitchen").
MAX_NAME_WORDS, MAX_COLOR_WORDS, MAX_DESCRIPTION_WORDS = 5, 3, 20
_ECHO = 4  # so many words in a row that the instructions have as well are no chance
# The grammar that some servers are given ends a name and a description there, whatever the model wanted to say.
_GRAMMAR_ENDS = (59, 251)


@cache
def _sections() -> Mapping[str, list[str]]:
    """The word lists: section -> its words, or its names of several words where they are parted by "|"."""
    text = (files("varireal") / "assets" / "instructions" / "vetting_words.txt").read_text("utf-8")
    sections: dict[str, list[str]] = {}
    for block in re.split(r"^\[", "\n".join(line for line in text.splitlines() if line[:1] != "#"), flags=re.M)[1:]:
        name, _, body = block.partition("]\n")
        sections.setdefault(name, []).extend(" ".join(body.split()).split("|" if "|" in body else None))
    return sections


def _section(name: str) -> frozenset[str]:
    return frozenset(_sections()[name])


class Flaw(StrEnum):
    """What is wrong with a prompt's wording."""

    SYMBOL = "symbol"
    MARKUP = "markup"
    ADDRESS = "address"
    SCRIPT = "script"
    PLACEHOLDER = "placeholder"
    ECHO = "echo"
    CHATTER = "chatter"
    REPETITION = "repetition"
    WORD_LIMIT = "word_limit"
    SENTENCES = "several_sentences"
    CUT_OFF = "cut_off"
    SAYS_NOTHING = "says_nothing"
    CLASS_AS_LOOK = "class_as_look"
    PERSON = "person"
    BRAND = "brand"
    ANIMAL = "animal"
    VEHICLE = "vehicle"


@dataclass(frozen=True)
class Wording:
    """One prompt and what it was written for.

    Attributes:
        prompt: the prompt.
        noun: of the data set.
        class_names: display names of all classes.
        language: ISO 639-1 code that was asked for, or None.
        templates: folder of the user's instructions, or None.
    """

    prompt: Prompt
    noun: str
    class_names: tuple[str, ...]
    language: str | None
    templates: str | None

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Its texts, each with what it is called."""
        texts = (("name", self.prompt.name), ("description", self.prompt.description))
        return tuple((label, text) for label, text in texts if text)

    @property
    def english(self) -> bool:
        """Whether English words mean what they say."""
        return self.language in (None, "en")

    @property
    def is_color(self) -> bool:
        """Whether a colour was asked for."""
        return COLOR in attribute_row(self.prompt.attribute).needs

    @property
    def is_background(self) -> bool:
        """Whether a place was asked for."""
        return attribute_row(self.prompt.attribute).region == BACKGROUND

    @cached_property
    def name_words(self) -> list[str]:
        """Words of the name, compared as those of banks are."""
        return normalize(self.prompt.name).split()


def first_flaw(wording: Wording) -> tuple[str, str] | None:
    """The first flaw of a prompt: its code, and a sentence that the model is shown; None when there is none."""
    return next(((code, message) for code, check in _FLAWS if (message := check(wording))), None)


# ---- what is no plain text

_PLAIN = frozenset(" '’‘-–—.,;:!?()\"“”&/%")
_MARKUP = re.compile(
    r"[<>{}\[\]\\|`*_#~^=@]"
    r"|&(?:#?\w+);"
    r"|^\s*(?:[-–—•]|\(?\d{1,3}[.)]|\(?[A-Za-z][.)])\s"  # an entry of a list
    r"|(?i:^\W*(?:name|description|rgb|prompt|background|texture|colou?r)\s*[:=])"
    r"|\"\s*[,:]|^\s*[,:;]|//|--|(?i:\b(?:user|assistant|system|human)\s*:)"
)
_ADDRESS = re.compile(
    r"\b(?:https?|ftp|file|mailto)\s?:|\bwww\b"
    r"|\b[\w-]+\.(?:com|org|net|io|edu|gov|info|ai|app|dev|co\.uk|de|html?|php|jpe?g|png|gif|svg|webp|json|txt|pdf)\b"
    r"|\S@\S",
    re.I,
)
# Scripts besides Latin by language; letters of any other are refused. A language that is not here may have any.
_LATIN = ("LATIN",)
_CYRILLIC, _ARABIC, _INDIC = ("CYRILLIC", "LATIN"), ("ARABIC", "LATIN"), ("DEVANAGARI", "LATIN")
_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fr", "ga", "gl", "hr"), _LATIN
    ),
    **dict.fromkeys(
        ("hu", "id", "is", "it", "lt", "lv", "ms", "mt", "nl", "no", "pl", "pt", "ro", "sk", "sl"), _LATIN
    ),
    **dict.fromkeys(("sq", "sv", "sw", "tl", "tr", "vi"), _LATIN),
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "uk"), _CYRILLIC),
    **dict.fromkeys(("ar", "fa", "ps", "ur"), _ARABIC),
    **dict.fromkeys(("hi", "mr", "ne"), _INDIC),
    "el": ("GREEK", "LATIN"),
    "he": ("HEBREW", "LATIN"),
    "ja": ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "LATIN"),
    "ko": ("HANGUL", "CJK", "LATIN"),
    "th": ("THAI", "LATIN"),
    "zh": ("CJK", "BOPOMOFO", "IDEOGRAPHIC", "LATIN"),
}
_JOINERS = "\u200c\u200d"  # scripts of Persia and India need them


def _symbol(wording: Wording) -> str:
    for label, text in wording.parts:
        for place, char in enumerate(text):
            kind = unicodedata.category(char)
            joins = char in _JOINERS and place > 0 and unicodedata.category(text[place - 1])[0] in "LM"
            if char in _PLAIN or joins or kind[0] in "LMN" or char.isascii():
                continue
            if kind[0] != "P":
                return f"the {label} holds the symbol U+{ord(char):04X}; write words alone"
    return ""


def _markup(wording: Wording) -> str:
    for label, text in wording.parts:
        match = _MARKUP.search(text)
        if match:
            return f"the {label} holds {match[0].strip()!r}, which is markup, a list or JSON; write plain words"
        odd = next((char for char in text if char.isascii() and not char.isalnum() and char not in _PLAIN), None)
        if odd is not None and odd.isprintable():
            return f"the {label} holds {odd!r}; write plain words"
    return ""


def _address(wording: Wording) -> str:
    match = _ADDRESS.search(wording.prompt.text)
    return f"it holds the address {match[0]!r}; describe what can be seen" if match else ""


def _script(wording: Wording) -> str:
    allowed = _SCRIPTS.get(wording.language or "")
    for char in wording.prompt.text if allowed else "":
        if not char.isalpha() or char.isascii():
            continue
        script = unicodedata.name(char, "NONE").split()[0]
        if script not in (allowed or ()):
            language = wording.language
            return f"it holds the letter {char!r} of another script than that of the language {language!r}"
    return ""


# ---- what says nothing of its own

_FIELD = (
    "name|description|string|text|title|prompt|item|entry|example|sample|placeholder|value|background|texture|pattern"
)
_PLACEHOLDER = re.compile(
    rf"(?:the |a |an |your |some |any |sample |example )*(?:{_FIELD}|surface texture|colou?r|place|none|null|nil"
    r"|undefined|unknown|untitled|n a|not applicable|todo|tbd|tba|test|foo|bar|baz|foobar|empty|blank|something"
    r"|anything|nothing|rrggbb|r g b|x+|y+|z+)(?: name| description| here| text)?"
    r"(?: \d+| [a-z]| one| two| three| four| five)?"
)
_FILLED_LATER = re.compile(
    r"\blorem ipsum\b|\b(?:insert|your|enter|fill in|put)\b.{0,40}\bhere\b|\bplaceholder\b|\bgoes here\b"
    r"|\b(?:of|called|named) [xyz]\b|\bto be (?:determined|defined|added|written)\b"
    r"|\b(?:name|description) of (?:the |a |an )?(?:\w+ )?"
    r"(?:place|background|texture|pattern|colou?r|image|photo|prompt|class)\b"
)
# Words of the task that no picture shows.
_TASK = re.compile(
    r"\b(?:in)?feasible\b|\bjson\b|\bprompts?\b|\biso 639\b|\bdata ?set\b|\bclassifiers?\b|\bdata set noun\b"
    r"|\bimage (?:generators?|editors?|classifiers?)\b|\b(?:the|this|its) class\b|\bexample of the class\b|\brrggbb\b"
)
_CHATTER = re.compile(
    r"\b(?:i|i m|i am|me|my|mine|myself|we|us|our|ours|you|your|yours)\b"
    r"|\b(?:sure|certainly|of course|okay|ok|sorry|please|thanks|thank)\b(?: here| i| you| note|$)"
    r"|\bas an ai\b|\blanguage model\b|\bhere (?:is|are|s)\b|\bhope this\b|\bfeel free\b|\bas requested\b|^note that\b"
)
_SHY_OF_COUNTING = ("zh", "ja", "th", "lo", "km", "my")  # written without blanks between words
_FOREIGN_LINKS = _section("foreign link")


_DEFINES = re.compile(
    r"(?:\w+ ){0,6}(?:is|are) (?:a|an|the|one of the) (?:\w+ ){0,3}"
    r"(?:places?|things?|colou?rs?|textures?|patterns?|backgrounds?|words?|names?)\b"
)


def _placeholder(wording: Wording) -> str:
    for label, text in wording.parts:
        normal = normalize(text)
        if not any(char.isalpha() for char in text):
            return f"the {label} {text!r} has no letter; write words"
        if _PLACEHOLDER.fullmatch(normal) or (wording.english and _FILLED_LATER.search(normal)):
            return f"the {label} {text[:60]!r} stands for something that is still to be written; write that"
    return ""


def _echo(wording: Wording) -> str:
    known = _shingles(wording.templates, wording.prompt.attribute, normalize(wording.noun))
    for label, text in wording.parts:
        words = normalize(text).split()
        copied = next((run for run in _runs(words, _ECHO) if run in known), None)
        if copied:
            return f"the {label} repeats the instructions ({' '.join(copied)!r}); describe what can be seen"
        match = _TASK.search(" ".join(words)) if wording.english else None
        if match:
            return f"the {label} speaks of the task ({match[0]!r}); describe what can be seen"
    return ""


@cache
def _shingles(templates: str | None, attribute: str, noun: str) -> frozenset[tuple[str, ...]]:
    """Every few words in a row that the instructions have; what is filled in is left out, but for the wording."""
    text = re.sub(r"\{[%{#].*?[%}#]\}", "\n", template_texts(templates)[PROMPTS], flags=re.S)
    row = attribute_row(attribute).wording
    asked = () if row is None else (row.many, row.feasible, row.infeasible, row.more, row.each)
    pieces = [*re.split(r"\n\s*\n", text), *(part.replace("{noun}", noun) for part in asked)]
    return frozenset(run for piece in pieces for run in _runs(normalize(piece).split(), _ECHO))


def _runs(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[start : start + size]) for start in range(len(words) - size + 1))


def _chatter(wording: Wording) -> str:
    for label, text in wording.parts if wording.english else ():
        match = _CHATTER.search(normalize(text))
        if match:
            return f"the {label} speaks to somebody ({match[0]!r}); describe what can be seen"
    return ""


def _says_nothing(wording: Wording) -> str:
    prompt = wording.prompt
    if wording.is_color or wording.language in _SHY_OF_COUNTING or not prompt.description:
        return ""
    known, more = set(wording.name_words), set()
    for place, word in enumerate(re.findall(r"[^\W_]+(?:['’][^\W_]+)*", prompt.description)):
        proper = wording.language == "en" and place > 0 and word[0].isupper()
        if not proper and normalize(word) not in known and word.lower() not in _FOREIGN_LINKS - _links("en"):
            more.add(normalize(word))
    defines = wording.english and _DEFINES.match(normalize(prompt.description))
    if len(more) < 2 or defines:
        return f"the description {prompt.description[:60]!r} says no more than a name; describe what can be seen"
    return ""


# ---- repetition

# Words that every sentence has: repeating one of them says nothing.
_FUNCTION = _section("function")
# Names that double a word by right.
_DOUBLED = _section("doubled")
_STUTTER = re.compile(r"(.)\1{3,}|([^\W\d_]{2,5}?)\2{2,}", re.I)


@cache
def _links(language: str | None) -> frozenset[str]:
    return _FUNCTION if language in (None, "en") else frozenset()


def _repetition(wording: Wording) -> str:
    for label, text in wording.parts:
        repeated = repeated_words(text, _links(wording.language))
        if repeated:
            return f"the {label} repeats {repeated!r}; say each thing once"
    return ""


def repeated_words(text: str, links: frozenset[str] = _FUNCTION) -> str:
    """What a text says again and again: syllables, a word, or words in a row; empty when it does not.

    Args:
        text: a name or a description.
        links: words that may be repeated, such as articles.
    """
    words = normalize(text).split()
    stutter = next((word for word in words if _STUTTER.search(word)), "")
    if stutter:
        return stutter
    double = next((one for one, two in pairwise(words) if one == two and one not in _DOUBLED and one.isalpha()), "")
    if double:
        return f"{double} {double}"
    counts = Counter(word for word in words if word not in links and len(word) > 2)
    word, count = counts.most_common(1)[0] if counts else ("", 0)
    if count > 2:
        return word
    runs = Counter(_runs(words, 2))
    twice = next((run for run, times in runs.items() if times > 1 and any(part not in links for part in run)), ())
    return " ".join(twice)


# ---- limits that the instructions state

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[^\W\d_])|[。！？](?=.)|;\s")
_SHORT_FORMS = re.compile(r"\b(?:st|mt|dr|mr|mrs|ms|ft|approx|ca|cf|etc|vs|no|e\.g|i\.e|u\.s)\.\s", re.I)


def _word_limit(wording: Wording) -> str:
    if own_template(wording.templates):
        return ""
    limits = {"name": MAX_COLOR_WORDS if wording.is_color else MAX_NAME_WORDS, "description": MAX_DESCRIPTION_WORDS}
    for label, text in wording.parts:
        count = len(re.findall(r"[^\W_]+(?:['’.-][^\W_]+)*", text))
        if count > limits[label]:
            return f"the {label} has {count} words, at most {limits[label]} were asked for; be shorter"
    return ""


def _several_sentences(wording: Wording) -> str:
    if own_template(wording.templates):
        return ""
    for label, text in wording.parts:
        plain = _SHORT_FORMS.sub(" ", text)
        ends = len(_SENTENCE_END.findall(plain))
        if ends or (label == "name" and re.search(r"[.!?。！？]$", plain)):
            asked = "is a sentence, a name was asked for" if label == "name" else "has more than one sentence"
            return f"the {label} {asked}; be shorter"
    return ""


# Words that no English sentence ends with, and those that none ends with unless it has its full stop.
_NEVER_LAST = _section("never last")
_SELDOM_LAST = _section("seldom last")
_OPEN = {"(": ")", "[": "]", "“": "”", "«": "»"}


def _cut_off(wording: Wording) -> str:
    for (label, text), end in zip(wording.parts, _GRAMMAR_ENDS, strict=False):
        last = normalize(text).split()[-1:]
        stopped = text.rstrip("\"'”’) ")[-1:] in (".", "!", "?", "。", "！", "？")
        dangling = text.rstrip()[-1:] in ",;:-–—&/(“…" or text.rstrip().endswith("..")
        unclosed = any(text.count(one) > text.count(other) for one, other in _OPEN.items()) or text.count('"') % 2
        words = _NEVER_LAST if stopped else _NEVER_LAST | _SELDOM_LAST
        half = wording.english and last and last[0] in words
        full = len(text) == end or (len(text) > end and label == "description" and not stopped)
        if dangling or unclosed or half or full:
            return f"the {label} was cut: it ends with {text[-20:]!r}; write a whole one"
    return ""


# ---- what is no place, and no look

_TOKEN = re.compile(r"[^\W_]+|['’]s?(?!\w)|[.,;:!?()]")
_POSSESSIVE = ("'s", "’s", "'", "’")
_AFTER_NAMES = _section("after names")
_AFTER_PLURALS = _section("after plurals")
_BEFORE_PLACES = _section("before places")
_LIKENESS = _section("likeness")
_AMOUNT = _section("amount")


_KINDS = ("person", "given name", "title", "brand", "animal", "vehicle")


@cache
def _kinds() -> Mapping[str, list[tuple[tuple[str, ...], str]]]:
    """First word -> the phrases that begin with it, longest first, with what they are."""
    index: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for kind in _KINDS:
        for phrase in _sections()[kind]:
            words = tuple(normalize(phrase).split())
            index.setdefault(words[0], []).append((words, kind))
    for phrases in index.values():
        phrases.sort(key=lambda entry: -len(entry[0]))
    return index


def _beings(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(word, kind, the words before it) of all that is no place; a word that describes the next one does not count."""
    words = [token if token in _POSSESSIVE else normalize(token) or token for token in _TOKEN.findall(text)]
    for start, word in enumerate(words):
        for form in dict.fromkeys((word, *_singulars(word))):
            for phrase, kind in _kinds().get(form, ()):
                end = start + len(phrase)
                if tuple(words[start + 1 : end]) != phrase[1:]:
                    continue
                if (
                    kind in ("brand", "title")
                    or len(phrase) > 1
                    or _is_head(kind, words[:start], words[end:], form != word)
                ):
                    yield " ".join(words[start:end]), kind, words[:start]
                break


def _is_head(kind: str, before: Sequence[str], after: Sequence[str], plural: bool) -> bool:
    """Whether a word stands for itself: "a dog", "dogs play", "a dog barks", but not "dog park" or "dog's bed"."""
    follower = after[0] if after else ""
    last = next((word for word in reversed(before) if word[0].isalnum()), "")
    if kind == "given name":
        return last not in _BEFORE_PLACES and follower not in _AFTER_NAMES
    if follower in _POSSESSIVE or tuple(after[:2]) == ("of", "pearl"):
        return False
    if not follower or not follower[0].isalnum() or follower in _FUNCTION or follower.endswith(("ed", "ing", "ly")):
        return True
    if plural:
        return follower not in _AFTER_PLURALS
    verb = follower.endswith("s") and not follower.endswith("ss")
    return verb and last in ("a", "an", "one", "another")


_IRREGULAR = {"children": "child", "geese": "goose", "mice": "mouse", "wolves": "wolf"}


def _singulars(word: str) -> Iterator[str]:
    """Forms that a plural may come from."""
    irregular = {
        "men": "man",
        "women": "woman",
        "children": "child",
        "geese": "goose",
        "mice": "mouse",
        "wolves": "wolf",
    }
    if word in irregular:
        yield irregular[word]
    elif word.endswith("men"):
        yield f"{word[:-3]}man"
    elif word.endswith("ies"):
        yield f"{word[:-3]}y"
    elif word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]


def _of_kind(wording: Wording, *, kinds: tuple[str, ...]) -> str:
    if wording.is_color or not wording.english:
        return ""
    for label, text in wording.parts:
        for word, kind, before in _beings(text):
            like = set(before) & _LIKENESS and not set(before) & _AMOUNT
            # a pattern may be that of an animal: "dark streaks as on a tiger"
            if kind not in kinds or (label == "description" and not wording.is_background and like):
                continue
            what = f"{'an' if kind[0] == 'a' else 'a'} {kind}"
            if wording.is_background:
                return f"the {label} holds {word!r}, {what}; describe the place alone"
            return f"the {label} holds {word!r}, {what} and no surface; describe what the surface looks like"
    return ""


def _class_as_look(wording: Wording) -> str:
    if wording.is_background:
        return ""
    names = tuple(dict.fromkeys((*wording.class_names, wording.noun)))
    named = mentioned(wording.prompt.name, names)
    if not named or (wording.is_color and color_lexicon().get(tokens(wording.prompt.name)) is not None):
        return ""  # "salmon" is a colour, of salmons as well
    what = "colour" if wording.is_color else "surface"
    return f"the name holds {named[0]!r}, which is what is edited; name the {what} alone"


Check = Callable[[Wording], str]
_FLAWS: Sequence[tuple[Flaw, Check]] = (
    (Flaw.ADDRESS, _address),
    (Flaw.SYMBOL, _symbol),
    (Flaw.MARKUP, _markup),
    (Flaw.SCRIPT, _script),
    (Flaw.PLACEHOLDER, _placeholder),
    (Flaw.ECHO, _echo),
    (Flaw.CHATTER, _chatter),
    (Flaw.CLASS_AS_LOOK, _class_as_look),
    (Flaw.PERSON, partial(_of_kind, kinds=("person", "given name", "title"))),
    (Flaw.BRAND, partial(_of_kind, kinds=("brand",))),
    (Flaw.ANIMAL, partial(_of_kind, kinds=("animal",))),
    (Flaw.VEHICLE, partial(_of_kind, kinds=("vehicle",))),
    (Flaw.REPETITION, _repetition),
    (Flaw.WORD_LIMIT, _word_limit),
    (Flaw.SENTENCES, _several_sentences),
    (Flaw.CUT_OFF, _cut_off),
    (Flaw.SAYS_NOTHING, _says_nothing),
)
