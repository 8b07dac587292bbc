"""The "synthetic" mark of a picture and its recipe, as XMP metadata beside the pixels.

What is made of a picture travels with the picture: IPTC's digital source type says to every reader that it is no plain
photo, and the recipe says how to make it again. A PNG gets one more chunk; no other byte of it changes, so the pixels
stay what they are and taking the mark off gives the first bytes back. Light: standard library.
"""

import html
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from varireal.errors import DataError

# IPTC NewsCodes, http://cv.iptc.org/newscodes/digitalsourcetype/ (definitions of 2024-10-23).
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# The terms that a made picture can have, and what IPTC means by them.
SOURCE_TYPES = {
    "trainedAlgorithmicMedia": "all of it comes from a generative model",
    "compositeWithTrainedAlgorithmicMedia": "a photo that was edited with a generative model",
    "compositeSynthetic": "a composite, at least one part of which comes from a generative model",
    "algorithmicMedia": "all of it is drawn by a program without training data",
    "composite": "a composite, any part of which may or may not come from a generative model",
}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEYWORD = b"XML:com.adobe.xmp"  # XMP specification, part 3, section 1.1.5
_NAMESPACE = "urn:varireal:recipe:1/"
# Other programs may write the same value as an attribute.
_RECIPE = re.compile(rb"varireal:recipe(?:>([^<]*)<|=\"([^\"]*)\"|='([^']*)')")


def xmp_packet(source_type: str, recipe: Mapping[str, Any], *, tool: str) -> bytes:
    """The XMP packet of a picture; the same values give the same bytes.

    Args:
        source_type: a key of ``SOURCE_TYPES``.
        recipe: how the picture was made, JSON-able; texts in it may hold anything.
        tool: name and version of this package.

    Raises:
        ValueError: no such source type.
    """
    if source_type not in SOURCE_TYPES:
        raise ValueError(f"{source_type!r} is no digital source type of a made picture: {', '.join(SOURCE_TYPES)}")
    # ASCII, so that no character of a stranger's text is one that XML forbids
    text = escape(json.dumps(recipe, sort_keys=True, ensure_ascii=True, allow_nan=False))
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:varireal="{_NAMESPACE}">'
        f"<xmp:CreatorTool>{escape(tool)}</xmp:CreatorTool>"
        f"<Iptc4xmpExt:DigitalSourceType>{VOCABULARY}{source_type}</Iptc4xmpExt:DigitalSourceType>"
        f"<varireal:recipe>{text}</varireal:recipe>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    ).encode()


def mark_png(data: bytes, packet: bytes) -> bytes:
    """The PNG with an XMP packet after its header, in the place of one that it may have.

    Raises:
        DataError: the bytes are not a PNG.
    """
    header, *others = _without_xmp(data)
    # keyword, no compression, no language, no translated keyword
    body = b"iTXt" + _KEYWORD + b"\0\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - len(b"iTXt")) + body + struct.pack(">I", zlib.crc32(body))
    return b"".join((_SIGNATURE, header, chunk, *others))


def unmark_png(data: bytes) -> bytes:
    """The PNG without its XMP packet: what ``mark_png`` was given.

    Raises:
        DataError: the bytes are not a PNG.
    """
    return b"".join((_SIGNATURE, *_without_xmp(data)))


def read_recipe(data: bytes) -> dict[str, Any] | None:
    """The recipe in a picture's metadata, of any kind of file that holds XMP as it is (PNG, JPEG, WebP, TIFF).

    Returns:
        None when there is none, or a damaged one.
    """
    match = _RECIPE.search(data)
    if match is None:
        return None
    text = next(group for group in match.groups() if group is not None)
    try:
        recipe = json.loads(html.unescape(text.decode("utf-8")))
    except ValueError:
        return None
    return recipe if isinstance(recipe, dict) else None


def _without_xmp(data: bytes) -> list[bytes]:
    """The chunks of a PNG, its header first, without those of XMP."""
    xmp = _KEYWORD + b"\0"
    chunks = [chunk for chunk in _chunks(data) if not (chunk[4:8] == b"iTXt" and chunk[8:].startswith(xmp))]
    if not chunks or chunks[0][4:8] != b"IHDR":
        raise DataError("a picture is not a PNG; the table that holds it is damaged")
    return chunks


def _chunks(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_SIGNATURE):
        raise DataError("a picture is not a PNG; the table that holds it is damaged")
    place = len(_SIGNATURE)
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        if end > len(data):
            raise DataError("a PNG is cut short; the table that holds it is damaged")
        yield data[place:end]
        place = end
