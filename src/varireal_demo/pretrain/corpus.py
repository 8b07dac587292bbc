"""Rendered pictures to pre-train on: 21 species in every scene, coat and colour, empty scenes, plain surfaces.

Broader than the demo: 13 of the species, most scenes and all recoloured and retextured birds are not among its
pictures. No demo picture is in it: the seeds are drawn from another family, and a test compares the pictures.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from varireal.core.files import whole_file
from varireal.core.seeds import digest, stable_int
from varireal.editors.colors import color_lexicon
from varireal.errors import DataError
from varireal.records import Array
from varireal.running.logs import progress
from varireal.running.parallel import process_map
from varireal_demo import birds_source
from varireal_demo.birds import SPECIES, Plumage
from varireal_demo.birds_source import render_bird
from varireal_demo.camera import develop
from varireal_demo.edit_object import recolor, retexture
from varireal_demo.materials import MATERIALS
from varireal_demo.scenes import SCENES, render_scene

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
    home = birds_source.HABITATS.get(species, ())
    scene = any_of(rng, home) if home and rng.random() < _AT_HOME else any_of(rng, list(SCENES))
    look = rng.random()
    owner = any_of(rng, list(SPECIES)) if look < _BORROWED else species
    plumage = any_of(rng, list(SPECIES[owner].plumages))
    if _BORROWED <= look < _BORROWED + _UNUSUAL:
        plumage = any_of(rng, list(birds_source.UNUSUAL))
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
    return birds_source.dyed(next(iter(natural.values())), spec.plumage)


# The rendered corpus on disk: chunks of pictures, each drawn once and kept, so that a killed run goes on.

logger = logging.getLogger(__name__)

CORPUS_VERSION = 1
"""Raise it when a spec gives another picture."""
_CHUNK = 250


def draw_corpus(specs: Sequence[PairSpec], size: int, folder: Path, workers: int) -> Array:
    """Draw the pictures that are not there yet and return all of them.

    Args:
        specs: what to draw.
        size: side of the square pictures, in pixels.
        folder: folder for the chunks.
        workers: processes to draw with.

    Returns:
        (N, size, size, 3) uint8 sRGB.

    Raises:
        DataError: a chunk is damaged.
    """
    chunks = [specs[start : start + _CHUNK] for start in range(0, len(specs), _CHUNK)]
    places = [folder / f"{digest(CORPUS_VERSION, size, *chunk, size=8)}.npy" for chunk in chunks]
    missing = [(place, chunk) for place, chunk in zip(places, chunks, strict=True) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    done = process_map(partial(_draw, size=size), missing, workers, chunksize=1)
    for _ in progress(done, logger, "chunks of pictures", len(missing)):
        pass
    return np.concatenate([_load(place) for place in places])


def _draw(job: tuple[Path, Sequence[PairSpec]], size: int) -> None:
    place, specs = job
    pictures = np.stack([render_pair(spec, size) for spec in specs])
    with whole_file(place) as part, part.open("wb") as file:
        np.save(file, pictures, allow_pickle=False)


def _load(place: Path) -> Array:
    try:
        pictures: Array = np.load(place, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{place} is damaged ({error}); delete it and run again") from error
    return pictures


# Captions of the rendered pictures: what is in them, in a handful of ways to say it, never more than is there.

_FRAMES = (
    *("a photo of {}", "a picture of {}", "an image of {}", "{}", "a photograph showing {}", "a good photo of {}"),
    "a bird photo of {}",
)
_PLACES = ("in a {}", "with a {} background", "in the {}", "on a {}", "at a {}")
_EMPTY = ("a photo of a {} background", "{}", "a photo of a {}", "a {} scene with no bird")
_SURFACES = ("a photo of {} texture", "{}", "a {} surface", "close-up of {}")

NAMED = 0.3
"""How often a bird is called by its species. The rest says "bird": knowing the species is left to fine-tuning."""


def caption(spec: PairSpec, rng: np.random.Generator, named: float = NAMED) -> str:
    """One caption of a picture; another draw says it in other words or leaves something out."""
    if not spec.species:
        words, frames = (_scene(spec, rng), _EMPTY) if spec.scene else (_material(spec, rng), _SURFACES)
        return any_of(rng, frames).format(words)
    text = _with_article(f"{_look(spec, rng)}{_name(spec, rng, named)}")
    if spec.material and rng.random() < 0.85:
        material = _material(spec, rng)
        text = f"{text} with {material} texture" if rng.random() < 0.7 else text.replace(" ", f" {material} ", 1)
    if rng.random() < 0.6:
        text = f"{text} {any_of(rng, _PLACES).format(_scene(spec, rng))}"
    return any_of(rng, _FRAMES).format(text) + ("." if rng.random() < 0.5 else "")


def _name(spec: PairSpec, rng: np.random.Generator, named: float) -> str:
    draw = rng.random()
    if draw >= named or spec.plumage_of != spec.species:
        return "bird"
    name = SPECIES[spec.species].name
    return name if draw < 0.6 * named else f"{name} bird"


def _look(spec: PairSpec, rng: np.random.Generator) -> str:
    """The colour that can be seen: the paint's, or that of an unusual look."""
    look = spec.color or (spec.plumage if spec.plumage in birds_source.UNUSUAL and not spec.material else "")
    return f"{look} " if look and rng.random() < 0.85 else ""


def _scene(spec: PairSpec, rng: np.random.Generator) -> str:
    return _worded(spec.scene.replace("_", " "), SCENES[spec.scene].synonyms, rng)


def _material(spec: PairSpec, rng: np.random.Generator) -> str:
    return _worded(spec.material, MATERIALS[spec.material].synonyms, rng)


def _worded(name: str, synonyms: Sequence[str], rng: np.random.Generator) -> str:
    """The name, or at times one of its short synonyms."""
    short = [word for word in synonyms if len(word.split()) <= 3]
    return name if rng.random() < 0.6 or not short else any_of(rng, short)


def _with_article(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
