"""``varireal replay`` with the real stage and editor: equal, within tolerance, or what differs."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from replay_study import Study, as_jpeg

from varireal.cli import main
from varireal.core.marks import read_recipe
from varireal.core.pictures import decode_png, encode_png
from varireal.core.seeds import digest
from varireal.tools import replay as replaying
from varireal_demo.editor import ProceduralEditor


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path).make()


def replay(study, what, capsys, *args):
    code = main(["replay", str(what), "--study", str(study.root), "--json", *args])
    said = capsys.readouterr()
    return code, json.loads(said.out) if said.out else said.err


def changed(answer):
    return {change["what"].split(" /")[0]: (change["then"], change["now"]) for change in answer["changes"]}


def test_a_candidate_is_made_again_bit_by_bit(study, capsys, tmp_path):
    for number, name in enumerate(study.ids):
        code, answer = replay(study, name, capsys, "--output", str(tmp_path / "out"))
        assert (code, answer["comparison"]["verdict"], answer["changes"], answer["notes"]) == (0, "equal", [], [])
        assert answer["comparison"]["edited_pixels"] > 100
        now = (tmp_path / "out" / f"{name}.now.png").read_bytes()
        assert (decode_png(now) == decode_png(study.row(number)["image"])).all()
        assert read_recipe(now)["candidate_id"] == name
        assert not decode_png((tmp_path / "out" / f"{name}.difference.png").read_bytes()).any()


def test_people_get_lines(study, capsys):
    assert main(["replay", study.ids[0], "--study", str(study.root)]) == 0
    assert capsys.readouterr().err == f"{study.ids[0]}: bit-equal: every pixel is the same\n"


def test_the_store_is_not_asked(study, capsys, monkeypatch):
    """Whatever the stores hold, the picture comes from the editor."""
    for path in (study.root / "store").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as store:
            store.execute("UPDATE items SET value = ?", (b'{"row": {}}\nno picture',))
            store.commit()
    calls = []
    real = ProceduralEditor.edit
    monkeypatch.setattr(ProceduralEditor, "edit", lambda self, r: calls.append(len(r)) or real(self, r))
    assert replay(study, study.ids[0], capsys)[1]["comparison"]["verdict"] == "equal"
    assert calls == [1]


def shifted(monkeypatch, levels):
    """The editor of another machine: a quarter of its pixels are some levels off."""
    real = ProceduralEditor.edit

    def edit(self, requests):
        results = real(self, requests)
        for result in results:
            image = result.image.astype(int)
            image[::2, ::2] += levels
            result.image[...] = np.clip(image, 0, 255).astype(np.uint8)
        return results

    monkeypatch.setattr(ProceduralEditor, "edit", edit)


def test_rounding_is_within_tolerance(study, capsys, monkeypatch):
    shifted(monkeypatch, 1)
    code, answer = replay(study, study.ids[0], capsys)
    found = answer["comparison"]
    assert (code, found["verdict"], found["max_levels"]) == (0, "within tolerance", 1)
    assert 0 < found["mean_levels"] < 1
    assert found["psnr"] > 45


def test_another_picture_is_different_and_the_reasons_are_told(study, capsys, monkeypatch):
    shifted(monkeypatch, 40)
    monkeypatch.setattr(ProceduralEditor, "version", 2)
    then = replaying.package_versions()
    monkeypatch.setattr(replaying, "package_versions", lambda: {**then, "numpy": "99"})
    code, answer = replay(study, study.ids[0], capsys)
    assert (code, answer["comparison"]["verdict"]) == (1, "different")
    assert changed(answer) == {
        "editor": ("procedural v1", "procedural v2"),
        "package numpy": (then["numpy"], "99"),
    }


def test_a_difference_without_a_change_is_said_so(study, capsys, monkeypatch):
    shifted(monkeypatch, 40)
    assert main(["replay", study.ids[0], "--study", str(study.root)]) == 1
    text = capsys.readouterr().err
    assert "different: " in text
    assert "the machine itself computes otherwise" in text


def test_a_changed_photo_is_told(study, capsys):
    image = decode_png(study.photos[0].read_bytes())
    study.photos[0].write_bytes(encode_png(255 - image))
    code, answer = replay(study, study.ids[0], capsys)
    assert (code, answer["comparison"]["verdict"]) == (1, "different")
    assert set(changed(answer)) == {"photo"}


def test_a_photo_that_was_renamed_is_found_by_its_bytes(study, capsys):
    study.photos[0].rename(study.photos[0].with_name("renamed.png"))
    study.photos[0] = study.photos[0].with_name("renamed.png")
    study.write_tables()
    assert replay(study, study.ids[0], capsys)[1]["comparison"]["verdict"] == "equal"


def test_a_changed_mask_is_told(study, capsys):
    study.mask[14:34, 30:50] = True
    study.write_tables()
    code, answer = replay(study, study.ids[0], capsys)
    assert (code, answer["comparison"]["verdict"]) == (1, "different")
    assert set(changed(answer)) == {"mask"}


def test_a_prompt_that_changed_since_is_a_note_and_the_record_is_followed(study, capsys):
    study.write_prompts("lime green")
    code, answer = replay(study, study.ids[0], capsys)
    assert (code, answer["comparison"]["verdict"]) == (0, "equal")
    assert answer["notes"] == [
        "the name of prompt gull.color.infeasible.1 is now 'lime green'; 'hot pink' on record was used"
    ]


def test_the_config_on_record_is_followed(study, capsys):
    study.configure(batch_size=3)
    code, answer = replay(study, study.ids[0], capsys)
    assert (code, answer["changes"]) == (0, [])
    for path in (study.root / "config" / ".slices").iterdir():
        if path.stem != digest("slice", Path(study.paths.config("edits")).read_text().rstrip(), size=8):
            path.unlink()
    code, answer = replay(study, study.ids[0], capsys)
    assert set(changed(answer)) == {"config of edits"}


def test_an_exported_picture_is_made_again(study, capsys, tmp_path):
    picture = study.exported(1, tmp_path / "x.png")
    code, answer = replay(study, picture, capsys)
    assert (code, answer["candidate"], answer["comparison"]["verdict"]) == (0, study.ids[1], "equal")
    code, answer = replay(study, as_jpeg(picture, tmp_path / "x.jpg"), capsys)
    assert answer["comparison"]["verdict"] != "equal"
    assert answer["changes"] == []


def test_the_recipe_of_a_picture_is_followed_when_the_study_went_on(study, capsys, tmp_path):
    picture = study.exported(0, tmp_path / "x.png")
    study.write_prompts("lime green")
    study.make()
    assert (decode_png(study.row(0)["image"]) != decode_png(picture.read_bytes())).any()
    code, answer = replay(study, picture, capsys)
    assert (code, answer["comparison"]["verdict"]) == (0, "equal")
    assert answer["notes"][0].startswith(f"the study has made {study.ids[0]} anew since")


def test_what_cannot_be_made_again_is_one_line(study, capsys, tmp_path):
    (tmp_path / "plain.png").write_bytes(encode_png(np.zeros((4, 4, 3), np.uint8)))
    picture = study.exported(0, tmp_path / "evil.png")
    picture.write_bytes(picture.read_bytes().replace(study.ids[0].encode(), b"../../../etc/x.color.feasible.k0.r0"))
    cases = {
        "gull-9.color.infeasible.k0.r0": "no candidate",
        "gull-0.shape.infeasible.k0.r0": "unknown attribute 'shape'",
        "gull-0": "is neither a picture nor a candidate",
        str(tmp_path / "no.png"): "is neither a picture nor a candidate",
        str(tmp_path / "plain.png"): "carries no recipe",
        str(picture): "names no candidate",
    }
    for what, words in cases.items():
        code, said = replay(study, what, capsys)
        assert code == 2
        assert words in said
        assert said.count("\n") == 1
    assert main(["replay", "x", "--study", str(tmp_path)]) == 2
    study.photos[0].unlink()
    code, said = replay(study, study.ids[0], capsys)
    assert (code, "is gone" in said) == (2, True)


def test_a_candidate_that_was_not_made_cannot_be_made_again(tmp_path, capsys):
    study = Study(tmp_path)
    study.write_prompts("a colour that nobody knows")
    study.make()
    code, said = replay(study, study.ids[0], capsys)
    assert code == 2
    assert "was not made (unknown_prompt" in said


def test_a_server_is_asked_only_on_request(study, capsys):
    path = Path(study.paths.config("edits"))
    study.configure(backend="openai_images")
    kept = path.parent / ".slices"
    for slice_ in kept.iterdir():
        slice_.unlink()  # so the config of today counts
    code, said = replay(study, study.ids[0], capsys)
    assert (code, "add --ask" in said) == (2, True)
