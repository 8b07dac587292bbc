import hashlib

import numpy as np
import pytest

from varireal.config.images import DemoImages
from varireal.errors import DataError
from varireal_demo.birds import SPECIES
from varireal_demo.birds_source import demo_specs, render_demo
from varireal_demo.materials import MATERIALS
from varireal_demo.pretrain.corpus import COLORS, caption, corpus_specs, draw_corpus, render_pair
from varireal_demo.scenes import SCENES

SPECS = corpus_specs(22, 3000)


def hashes(pictures) -> set[str]:
    return {hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures}


def test_a_corpus_depends_on_its_seed_and_a_picture_on_its_number():
    assert corpus_specs(22, 50) == SPECS[:50]
    assert not set(corpus_specs(23, 50)) & set(SPECS)
    assert len({spec.seed for spec in SPECS}) == len(SPECS)


def test_the_corpus_holds_everything_that_it_claims():
    assert {spec.species for spec in SPECS} == {"", *SPECIES}
    assert {spec.scene for spec in SPECS} == {"", *SCENES}
    assert {spec.material for spec in SPECS} == {"", *MATERIALS}
    assert {spec.color for spec in SPECS} == {"", *COLORS}
    assert all(spec.scene for spec in SPECS if spec.species)
    assert not any(spec.color and spec.material for spec in SPECS)


def test_a_picture_depends_on_its_spec_alone():
    chosen = [next(s for s in SPECS if test(s)) for test in (_colored, _textured, _empty, _surface)]
    for spec in chosen:
        one = render_pair(spec, 48)
        assert (one.shape, one.dtype) == ((48, 48, 3), np.uint8)
        assert np.array_equal(one, render_pair(spec, 48))
        assert one.std() > 1


def _colored(spec):
    return bool(spec.color)


def _textured(spec):
    return bool(spec.species and spec.material)


def _empty(spec):
    return not spec.species and bool(spec.scene)


def _surface(spec):
    return not spec.scene


def test_drawn_chunks_are_kept_and_a_damaged_one_is_named(tmp_path):
    specs = SPECS[:3]
    pictures = draw_corpus(specs, 32, tmp_path, 1)
    assert np.array_equal(pictures, np.stack([render_pair(spec, 32) for spec in specs]))
    (chunk,) = tmp_path.iterdir()
    stamp = chunk.stat().st_mtime_ns
    assert np.array_equal(draw_corpus(specs, 32, tmp_path, 1), pictures)
    assert chunk.stat().st_mtime_ns == stamp
    chunk.write_bytes(chunk.read_bytes()[:500])
    with pytest.raises(DataError, match=r"\.npy is damaged .*delete it and run again"):
        draw_corpus(specs, 32, tmp_path, 1)


def test_no_picture_of_the_corpus_is_one_of_the_demo():
    demo = DemoImages()
    specs = demo_specs(seed=22, species=demo.species, train=demo.train, val=demo.val, test=demo.test)
    corpus = corpus_specs(22, 20_000)
    assert not {spec.seed for spec in corpus} & {spec.seed for spec in specs}
    shared = [spec for spec in corpus if spec.species in demo.species and not spec.color and not spec.material]
    ours = [render_pair(spec, 32) for spec in shared[:16]]
    theirs = [render_demo(spec, 32)[0] for spec in specs[:: max(1, len(specs) // 16)]]
    assert len(hashes(theirs)) == len(theirs) >= 16
    assert not hashes(ours) & hashes(theirs)


def captions(spec, named=1.0, count=40):
    rng = np.random.default_rng(0)
    return [caption(spec, rng, named).lower() for _ in range(count)]


def test_a_caption_names_no_species_that_the_picture_lacks():
    names = {key: species.name.lower() for key, species in SPECIES.items()}
    named = 0
    for spec in SPECS[:1500]:
        for text in captions(spec, count=2):
            found = {key for key, name in names.items() if f" {name} " in f" {text.rstrip('.')} "}
            # a borrowed coat could be either's, so it is nobody's
            allowed = {spec.species} if spec.species and spec.plumage_of == spec.species else set()
            assert found <= allowed, (spec, text)
            named += bool(found)
    assert named > 1000


def test_captions_of_empty_pictures_promise_no_bird():
    for spec in (one for one in SPECS if not one.species):
        assert all("bird" not in text.replace("with no bird", "") for text in captions(spec, count=4)), spec


def test_a_caption_names_the_paint_or_none():
    words = set(COLORS)
    for spec in [one for one in SPECS if _colored(one)][:100]:
        texts = captions(spec, 0.0)
        starts = {text.split("bird")[0].split(" a ")[-1].split(" an ")[-1].strip() for text in texts}
        assert any(spec.color in text for text in texts)
        assert not {start for start in starts if start in words} - {spec.color}


def test_species_are_named_as_often_as_asked():
    spec = next(one for one in SPECS if one.species == "mallard" and one.plumage_of == "mallard")
    for share in (0.0, 0.3, 1.0):
        found = np.mean(["mallard" in text for text in captions(spec, share, 1000)])
        assert found == pytest.approx(share, abs=0.05)
