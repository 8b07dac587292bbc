"""The editing pipelines of diffusers that are supported, and how each of them is called, as data. Light."""

from dataclasses import dataclass, replace
from typing import Literal

from varireal.config.instruct import InstructEdits
from varireal.errors import BackendError
from varireal.models.loading_diffusers import pipeline_class

KEY = "edits.instruct.model"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a pipeline is called.

    Attributes:
        name: its class.
        multiple: of what both sides of a picture are multiples.
        sizes: the least and the most of ``edits.instruct.size``.
        guidance: argument of the guidance; empty where it has none.
        negative: how it gets the negative prompt: as a text, as embeddings, or not at all (models whose guidance is
            distilled into the weights).
        texts: arguments that replace the prompt, in the order in which ``encode_prompt`` gives them; empty where the
            text encoder sees the photo too, so that each edit has a text of its own.
        encoders: components that read the instruction, when they are needed for ``encode_prompt`` alone.
        reader: class whose ``encode_prompt`` reads the instruction where its own cannot do without a transformer.
        together: whether one call edits several photos; where it cannot, a list of photos means one edit that sees
            all of them.
        shaped: whether a call is told height and width.
        area: whether it is told the area as well, because it would scale to its own.
        masked: whether it sees what may change, and has a strength.
        step_cache: whether FirstBlockCache works with it; FLUX Kontext opens no cache context, and the blocks of
            FLUX.2 klein give a list where the cache expects a tensor (diffusers 0.42).
        inpaint: class of the variant that sees what may change; empty where there is none.
    """

    name: str
    multiple: int = 16
    sizes: tuple[int, int] = (64, 2048)
    guidance: str = "guidance_scale"
    negative: Literal["", "text", "embeddings"] = ""
    texts: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    reader: str = ""
    together: bool = True
    shaped: bool = True
    area: bool = False
    masked: bool = False
    step_cache: bool = False
    inpaint: str = ""

    @property
    def fixed(self) -> bool:
        """Whether it edits at one size only."""
        return self.sizes[0] == self.sizes[1]


_KONTEXT = Kind(
    "FluxKontextPipeline",
    texts=("prompt_embeds", "pooled_prompt_embeds"),
    encoders=("text_encoder", "text_encoder_2"),
    area=True,
    inpaint="FluxKontextInpaintPipeline",
)
# It shows the model no more than 1024 x 1024 pixels of the photo, and refuses a side below 64.
_KLEIN = Kind(
    "Flux2KleinPipeline",
    sizes=(128, 1024),
    negative="embeddings",
    texts=("prompt_embeds",),
    encoders=("text_encoder",),
    together=False,
    inpaint="Flux2KleinInpaintPipeline",
)
_QWEN = Kind(
    "QwenImageEditPipeline",
    multiple=32,
    sizes=(1024, 1024),
    guidance="true_cfg_scale",
    negative="text",
    shaped=False,
    step_cache=True,
    inpaint="QwenImageEditInpaintPipeline",
)
KINDS = {
    kind.name: kind
    for kind in (
        _KONTEXT,
        replace(_KONTEXT, name=_KONTEXT.inpaint, masked=True),
        _KLEIN,
        replace(_KLEIN, name=_KLEIN.inpaint, masked=True, together=True),
        # made for four steps without guidance; it reads the photo once and remembers it
        replace(_KLEIN, name="Flux2KleinKVPipeline", guidance="", negative="", inpaint="", reader=_KLEIN.name),
        _QWEN,
        replace(_QWEN, name=_QWEN.inpaint, masked=True),
        replace(_QWEN, name="QwenImageEditPlusPipeline", together=False, inpaint=""),
    )
}


def find_kind(settings: InstructEdits) -> Kind:
    """How the configured model is called; only its index is read.

    Raises:
        BackendError: there is no such model, it is of another class, or cannot do what the config asks of it.
    """
    name = pipeline_class(settings.model, KEY)
    kind = KINDS.get(name)
    if kind is None:
        raise BackendError(
            f"{KEY}: {settings.model.id!r} is a {name}, which is not supported; expected one of {', '.join(KINDS)}"
        )
    if settings.inpaint and not kind.masked:
        if not kind.inpaint:
            raise BackendError(f"edits.instruct.inpaint: {name} has no inpainting variant; set it to false")
        kind = KINDS[kind.inpaint]
    least, most = kind.sizes
    if not least <= settings.size <= most:
        wanted = f"at {least} only" if kind.fixed else f"from {least} to {most}"
        raise BackendError(f"edits.instruct.size: {kind.name} edits {wanted}, found {settings.size}")
    if settings.step_cache and not kind.step_cache:
        able = ", ".join(each.name for each in KINDS.values() if each.step_cache)
        raise BackendError(f"edits.instruct.step_cache: {kind.name} has no step cache; set it to false, or use {able}")
    return kind
