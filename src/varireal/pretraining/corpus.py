"""Rendered pictures to pre-train on: 21 species in every scene, coat and colour, empty scenes, plain surfaces.

Broader than the demo: 13 of the species, most scenes and all recoloured and retextured birds are not among its
pictures. No demo picture is in it: the seeds are drawn from another family, and a test compares the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from varireal.arrays import Array
from varireal.datasets import demo_world
from varireal.datasets.demo import render_bird
from varireal.editors.color import recolor
from varireal.editors.colors import color_lexicon
from varireal.editors.texture import retexture
from varireal.rendering.birds import SPECIES, Plumage
from varireal.rendering.camera import develop
from varireal.rendering.materials import MATERIALS
from varireal.rendering.scenes import SCENES, render_scene
from varireal.seeds import stable_int

COLORS = (
    *("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white", "gray", "cream"),
    *("silver", "gold", "turquoise", "magenta", "navy", "teal", "lavender", "maroon", "olive", "beige", "cyan"),
    *("hot pink", "sky blue", "lime green", "dark green"),
)

# Shares of the corpus. What a bird looks like is drawn apart from where it stands, so that neither tells the other.
_SCENE_ONLY, _SURFACE_ONLY = 0.06, 0.03
_AT_HOME = 0.3
_BORROWED, _UNUSUAL, _COLORED, _TEXTURED = 0.08, 0.15, 0.15, 0.12
_SMALLEST_OBJECT = 60  # pixels that an editor needs


@dataclass(frozen=True, slots=True)
class PairSpec:
    """What a picture of the corpus shows; empty means that it does not.

    Attributes:
        seed: seed of everything else in the picture.
        species: class id of the bird.
        plumage: natural plumage, or a look of ``demo_world.UNUSUAL``.
        plumage_of: species that the natural plumage belongs to.
        scene: key of ``SCENES``.
        color: colour that the bird was painted with.
        material: key of ``MATERIALS`` that the bird, or the whole picture, is made of.
    """

    seed: int
    species: str = ""
    plumage: str = ""
    plumage_of: str = ""
    scene: str = ""
    color: str = ""
    material: str = ""


def corpus_specs(seed: int, pairs: int) -> list[PairSpec]:
    """List the pictures of a corpus; each depends on ``seed`` and its number only."""
    return [_spec(stable_int("pretrain", seed, number)) for number in range(pairs)]


def _spec(seed: int) -> PairSpec:
    rng = np.random.default_rng([seed, 0])
    kind = rng.random()
    if kind < _SCENE_ONLY:
        return PairSpec(seed, scene=any_of(rng, list(SCENES)))
    if kind < _SCENE_ONLY + _SURFACE_ONLY:
        return PairSpec(seed, material=any_of(rng, list(MATERIALS)))
    species = any_of(rng, list(SPECIES))
    home = demo_world.HABITATS.get(species, ())
    scene = any_of(rng, home) if home and rng.random() < _AT_HOME else any_of(rng, list(SCENES))
    look = rng.random()
    owner = any_of(rng, list(SPECIES)) if look < _BORROWED else species
    plumage = any_of(rng, list(SPECIES[owner].plumages))
    if _BORROWED <= look < _BORROWED + _UNUSUAL:
        plumage = any_of(rng, list(demo_world.UNUSUAL))
    dyed = look - _BORROWED - _UNUSUAL
    color = any_of(rng, COLORS) if 0 <= dyed < _COLORED else ""
    material = any_of(rng, list(MATERIALS)) if _COLORED <= dyed < _COLORED + _TEXTURED else ""
    return PairSpec(seed, species, plumage, owner, scene, color, material)


def any_of(rng: np.random.Generator, choices: Sequence[str]) -> str:
    """One of the choices, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def render_pair(spec: PairSpec, size: int) -> Array:
    """Draw one picture of the corpus, (size, size, 3) uint8 sRGB; it depends on ``spec`` and ``size`` only."""
    rng = np.random.default_rng([spec.seed, 1])
    if spec.species:
        return _bird(spec, size, rng)
    if spec.scene:
        return develop(render_scene(spec.scene, size, size, rng, horizon=float(rng.uniform(0.35, 0.7))).image, rng)
    across, down = np.meshgrid(np.linspace(0, 0.6, size), np.linspace(0, 0.6, size))
    albedo, height = MATERIALS[spec.material].draw(across.astype(np.float32), down.astype(np.float32), rng)
    return develop((albedo * (0.6 + 0.5 * height[..., None])).astype(np.float32), rng)


def _bird(spec: PairSpec, size: int, rng: np.random.Generator) -> Array:
    species = SPECIES[spec.species]
    image, mask = render_bird(species, _plumage(spec), spec.scene, size, rng)
    if mask.sum() < _SMALLEST_OBJECT:
        return image
    if spec.color:
        return recolor(image, mask, color_lexicon().find(spec.color.split())[0].value, rng)
    if spec.material:
        return retexture(image, mask, MATERIALS[spec.material], (), rng)
    return image


def _plumage(spec: PairSpec) -> Plumage:
    natural = SPECIES[spec.plumage_of].plumages
    if spec.plumage in natural:
        return natural[spec.plumage]
    return demo_world.dyed(next(iter(natural.values())), spec.plumage)
