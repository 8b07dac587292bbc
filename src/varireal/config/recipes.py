"""Recipes: the parameters of the diffusion edits as data, in two presets.

``assets/recipes/paper.yaml`` holds the published values by attribute, data set and arm, ``matched.yaml`` what both
arms share. Light.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter

from varireal.config.base import StrictModel

_ASSETS = Path(__file__).parents[1] / "assets" / "recipes"

Positive = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Guidance = Annotated[float, Field(ge=0, le=100)]
Text = Annotated[str, Field(min_length=1)]


class PriorRecipe(StrictModel):
    """A picture from a prompt alone: a scene, or a swatch of a texture.

    Attributes:
        template: prompt; {prompt} is name and description, {name} and {marked_name} the name, {class} noun and
            class, {bare_class} the class alone.
        negative: what it must not show; empty: nothing is said.
        steps: denoising steps of DPM-Solver++.
        guidance: classifier-free guidance.
        weighted: the prompt keeps the weight of its name, as published.
    """

    template: Text
    negative: str = ""
    steps: Positive
    guidance: Guidance = 7.5
    weighted: bool = False


class MaskedRecipe(StrictModel):
    """What all recipes have: text, weight and the inpainting stage.

    Attributes:
        template: prompt, with {class} and {prompt}.
        negative: negative prompt, used where ``use_negative`` is set.
        use_negative: published code drops it: the unconditional embedding is then zeros.
        weight: weight of the prompt's name.
        compel_syntax: published: texts are in compel's syntax and read by its parser; the pooled embedding reads the
            syntax as words.
        guidance: of the inpainting stage.
        steps: of the inpainting stage, before ``strength`` shortens them.
        strength: share of the steps that are made.
        letterbox: square pads to a black square, as published; bucket keeps the photo's shape.
        seeds: published: every edit has one of these seeds; empty: each candidate has its own.
        casting: wrap cuts decimals and lets overflows wrap round, as published for textures; cut cuts decimals; round
            clips and rounds.
        whole: published: the pixels outside the mask are those of the resized photo; else the photo's own.
    """

    template: Text
    negative: str = ""
    use_negative: bool = True
    weight: Annotated[float, Field(gt=0, le=2)] = 1.0
    compel_syntax: bool = False
    guidance: Guidance
    steps: Positive
    strength: Annotated[float, Field(gt=0, le=1)]
    letterbox: Literal["square", "bucket"] = "bucket"
    seeds: tuple[int, ...] = ()
    casting: Literal["round", "cut", "wrap"] = "round"
    whole: bool = False


class BackgroundRecipe(MaskedRecipe):
    """Prior scene, the object and a ring of real pixels pasted onto it, inpainting of all but the object.

    Attributes:
        prior: the scene.
        ring_px: side of the square that the mask is dilated with, in pixels of a long side of 1024.
        blur_px: side of the Gaussian on the inpainting mask, likewise; odd.
    """

    prior: PriorRecipe
    ring_px: Annotated[int, Field(ge=0, le=512)]
    blur_px: Annotated[int, Field(ge=1, le=255)] = 41


class ColorRecipe(MaskedRecipe):
    """Flat colour blended in, inpainting, then a ControlNet that sees edges and the inpainted object.

    Attributes:
        alpha: share of the colour in the blend.
        ip_scale: scale of the IP-Adapter.
        control_scale: scale of the ControlNet.
        control_steps: steps of the last stage.
        control_guidance: guidance of the last stage.
        grey: level of the canvas around the object that the IP-Adapter sees.
        canny_low: lower Canny threshold as a share of the picture's median; the upper one is 255.
    """

    alpha: Share
    ip_scale: Share
    control_scale: Annotated[float, Field(ge=0, le=2)] = 1.0
    control_steps: Positive = 25
    control_guidance: Guidance = 7.5
    grey: Annotated[int, Field(ge=0, le=255)] = 100
    canny_low: Share = 0.7


class TextureRecipe(ColorRecipe):
    """As colour, with a crop of a prior texture, enlarged and sharpened, in place of the flat colour.

    Attributes:
        prior: the texture.
        crop_px: side of the crop, in pixels of a prior of 1024.
    """

    prior: PriorRecipe
    crop_px: Annotated[int, Field(ge=8, le=1024)] = 256


class PlainRecipe(StrictModel):
    """The published baselines without a mask.

    Attributes:
        template: prompt by attribute, with {class} and {name}.
        steps: denoising steps.
        guidance: classifier-free guidance.
        strength: share of the steps that image2image makes; not used by text2image.
    """

    template: dict[str, Text]
    steps: Positive = 30
    guidance: Guidance
    strength: Annotated[float, Field(gt=0, le=1)] = 1.0


_KINDS: dict[str, type[MaskedRecipe]] = {
    "background": BackgroundRecipe,
    "color": ColorRecipe,
    "texture": TextureRecipe,
}


def recipe_kind(attribute: str) -> type[MaskedRecipe]:
    """The class of the recipes of an attribute."""
    return _KINDS[attribute]


@cache
def _asset(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((_ASSETS / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def masked_recipe(
    preset: str, published: str, attribute: str, feasibility: str, overrides: Mapping[str, Mapping[str, Any]]
) -> Any:
    """The recipe of one setting.

    Args:
        preset: matched or paper.
        published: data set whose values are taken.
        attribute: background, color or texture.
        feasibility: the arm; ``matched`` does not look at it.
        overrides: the user's own parameters by attribute.

    Raises:
        ValueError: the data set has no published recipe for the attribute, or a parameter is not valid.
    """
    data = _asset(preset)
    common, by_set = data["common"], data[attribute]["sets"]
    if published not in by_set:
        raise ValueError(
            f"there is no published recipe for {attribute} edits of {published!r}, only for {', '.join(by_set)}; "
            "use one of these or the preset matched"
        )
    own = by_set[published]
    values = {**common, **data[attribute]["common"], **own.get("both", own), **own.get(feasibility, {})}
    mine = dict(overrides.get(attribute, {}))
    prior = {**values.pop("prior", {}), **mine.pop("prior", {})}
    merged = values | mine | ({"prior": prior} if prior else {})
    return TypeAdapter(_KINDS[attribute]).validate_python(merged)


def plain_recipe(mode: str) -> PlainRecipe:
    """The recipe of text2image or image2image."""
    return PlainRecipe.model_validate(_asset("paper")["plain"][mode])
