"""Pictures in requests: as data URLs, and what they cost in tokens."""

import base64
import io
import math

from PIL import Image

# How the chat models of OpenAI count a picture in high detail (their guide "Images and vision"): it is made to fit
# into 2048 pixels, its shorter side becomes 768 at most, and each tile of 512 costs 170 tokens, besides 85 for all.
# Other servers count otherwise; theirs is what is added up in the end.
_FIT, _SHORT, _TILE, _TILE_TOKENS, _WHOLE_TOKENS = 2048, 768, 512, 170, 85


def data_url(data: bytes, kind: str) -> str:
    """A picture's bytes as a data URL.

    Args:
        data: the encoded picture.
        kind: png or jpeg.
    """
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def image_tokens(url: str) -> int:
    """Tokens of a picture that is sent as a data URL."""
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as picture:
        width, height = picture.size
    scale = min(1.0, _FIT / max(width, height))
    scale = min(scale, _SHORT / min(width, height))
    tiles = math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)
    return _WHOLE_TOKENS + _TILE_TOKENS * tiles
