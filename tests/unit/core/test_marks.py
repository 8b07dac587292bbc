import io
import json
import re
import zlib
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from varireal.core.marks import SOURCE_TYPES, VOCABULARY, mark_png, read_recipe, unmark_png, xmp_packet
from varireal.core.pictures import decode_png, encode_png
from varireal.errors import DataError

PICTURE = encode_png(np.random.default_rng(1).integers(0, 256, (9, 13, 3), dtype=np.uint8))
SPITEFUL = 'a</varireal:recipe><x attr="1">&amp; \x00\x1b ]]> <?xpacket end="w"?> 😀 ü \u202e'


def packet(recipe, kind="composite"):
    return xmp_packet(kind, recipe, tool="VariReal 1")


def marked(recipe, kind="composite"):
    return mark_png(PICTURE, packet(recipe, kind))


def test_pixels_and_all_other_chunks_stay():
    data = marked({"seed": 1})
    assert (decode_png(data) == decode_png(PICTURE)).all()
    assert unmark_png(data) == PICTURE
    assert unmark_png(PICTURE) == PICTURE


def test_a_mark_is_replaced_not_added():
    data = marked({"seed": 1})
    again = mark_png(data, packet({"seed": 2}))
    assert read_recipe(again) == {"seed": 2}
    assert again.count(b"XML:com.adobe.xmp") == 1
    assert mark_png(data, packet({"seed": 1})) == data


@pytest.mark.parametrize("kind", SOURCE_TYPES)
def test_an_independent_reader_finds_the_mark(kind):
    with Image.open(io.BytesIO(marked({"prompt_name": SPITEFUL}, kind))) as image:
        image.load()
        text = image.info["XML:com.adobe.xmp"]
    body = re.sub(r"<\?xpacket.*?\?>", "", text)
    root = ElementTree.fromstring(body)  # noqa: S314 - our own text
    namespace = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    assert [e.text for e in root.iter(f"{namespace}DigitalSourceType")] == [VOCABULARY + kind]
    (recipe,) = root.iter("{urn:varireal:recipe:1/}recipe")
    assert json.loads(recipe.text) == {"prompt_name": SPITEFUL}


def test_the_header_comes_first_and_sums_are_right():
    data, kinds, place = marked({}), [], 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        assert int.from_bytes(data[place + 8 + size : place + 12 + size], "big") == zlib.crc32(kind + body)
        kinds.append(kind)
        place += 12 + size
    assert kinds[:2] == [b"IHDR", b"iTXt"]
    assert kinds[-1] == b"IEND"


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40) | st.integers() | st.none(), max_size=5))
def test_any_text_comes_back(recipe):
    assert read_recipe(marked(recipe)) == recipe


def test_a_recipe_survives_other_file_formats_and_programs():
    with Image.open(io.BytesIO(marked({"candidate_id": "a.b"}))) as image:
        xmp = image.info["XML:com.adobe.xmp"].encode()
        for kind in ("JPEG", "WEBP"):
            copy = io.BytesIO()
            image.convert("RGB").save(copy, kind, xmp=xmp)
            assert read_recipe(copy.getvalue()) == {"candidate_id": "a.b"}
    as_attribute = b"<rdf:Description varireal:recipe='{&quot;a&quot;: 1}'/>"
    assert read_recipe(as_attribute) == {"a": 1}


def test_what_has_no_recipe():
    assert read_recipe(PICTURE) is None
    assert read_recipe(b"<varireal:recipe>{damaged<") is None
    assert read_recipe(b"<varireal:recipe>[1]<") is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", PICTURE[:40], PICTURE[:8], PICTURE[:-3]])
def test_what_is_no_png_is_refused(data):
    with pytest.raises(DataError, match="PNG"):
        mark_png(data, packet({}))


def test_a_photo_s_term_is_no_mark():
    with pytest.raises(ValueError, match="digitalCapture"):
        packet({}, "digitalCapture")
