import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from unit.reporting.study_results import HOSTILE, MAIN, difference, study
from varireal.errors import DataError
from varireal.reporting import confusions
from varireal.reporting.gallery import write_gallery
from varireal.reporting.single import write_single_page
from varireal.statistics.accuracy import answer
from varireal.statistics.prediction_measures import BRIER
from varireal.statistics.records import Comparison, Finding, StatisticsSettings


@pytest.fixture
def page(tmp_path, small, monkeypatch):
    """Write a report; figures are tested elsewhere and slow, so that one file stands for them."""

    def figures(folder, results):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "forest.svg").write_text("<svg/>")
        return [("Paired differences", "forest.svg")]

    monkeypatch.setattr("varireal.reporting.results.write_figures", figures)

    def write(results=None, photos=small.photo, **changes):
        results = results or study(**changes)
        write_gallery(tmp_path / "report", small.facts, photos, small.stream(1), results=results)
        return (tmp_path / "report" / "index.html").read_text("utf-8")

    return write


def body(text):
    return text.partition("<body>")[2].partition('<script type="application/json"')[0]


def test_results_come_first_and_start_with_the_answer(page):
    text = page()
    tabs = re.findall(r'data-tab="(\w+)" aria-selected="(\w+)"', text)
    assert [name for name, _ in tabs] == ["results", "training", "errors", "gallery", "funnel", "about"]
    assert [on for _, on in tabs] == ["true"] + ["false"] * 5
    assert re.findall(r'<section id="section-(\w+)"[^>]* hidden>', text) == [name for name, _ in tabs[1:]]
    assert '<p class="finding">Feasible is higher than infeasible in 1 of 2 comparisons' in text
    # what became of the edits is told once, with the funnel
    assert text.count("wanted edits accepted") == 1
    assert text.index("wanted edits accepted") > text.index('id="section-funnel"')


def test_without_results_the_page_is_the_gallery(tmp_path, small):
    write_gallery(tmp_path, small.facts, small.photo, small.stream(1))
    text = (tmp_path / "index.html").read_text("utf-8")
    assert re.findall(r'data-tab="(\w+)"', text) == ["gallery", "funnel", "about"]
    assert "section-results" not in text
    assert ".forest" not in text
    assert not (tmp_path / "tables").exists()


def test_hostile_names_make_no_element_and_no_style_is_inline(page):
    text = body(page())
    assert not re.search(r"<[^>]* style=", text)
    assert not re.search(r"<[^>]* on\w+=", text)
    assert '<b>"x' not in text
    assert HOSTILE not in text
    assert "&lt;/script&gt;&lt;b&gt;&#34;x&#39;&#34; $a_b$ &amp; 50 %" in text
    assert "<script" not in text
    assert set(re.findall(r"https?://[^\s\"')]+", text)) == set()


def test_numbers_are_written_with_their_intervals(page):
    results = study()
    text = " ".join(re.sub(r"<[^>]+>", " ", body(page(results))).split())
    row = results.answers.accuracies[0].top1
    low, high = f"{100 * row.low:.1f}", f"{100 * row.high:.1f}"
    assert f"{100 * row.value:.1f} % [{low}, {high}]" in text
    assert "+3.1 [1.1, 5.1] feasible higher 0.040" in text
    assert "+1.0 [−1.0, 3.0] could not tell 0.040" in text
    assert "+3.1 points [1.1, 5.1] 0.020 0.040 0.250 0.3 0.500 1.000 feasible higher 3.1 40 9,000" in text


def test_an_undecided_row_is_hollow_and_has_no_arm(page):
    text = page(differences=(difference(Finding.UNDECIDED),))
    plot = re.search(r'<svg class="forest-plot".*?</svg>\s*</svg>|<svg class="forest-plot".*?</td>', text, re.S)[0]
    assert 'data-finding="undecided"' in plot
    assert "<circle" in plot
    assert "data-arm" not in plot


@pytest.mark.parametrize(("augmentation", "warned"), [("published", True), ("none", False)])
def test_the_published_augmentation_is_warned_of(page, augmentation, warned):
    assert ("erases part of the colour and texture" in page(augmentation=augmentation)) is warned


def uneven(results, *, start=0.4):
    """The same results, chosen on val, where one seed of an arm took an earlier step."""
    curves = [
        replace(
            curve,
            chosen_step=10 if (curve.regime, curve.seed) == ("color-feasible", 1) else 30,
            val_accuracies=(start, 0.5, 0.7, 0.7, 0.6),
        )
        for curve in results.curves
    ]
    return replace(results, checkpoint="val", curves=tuple(curves))


def test_what_val_chose_is_said_where_it_chose(page):
    text = " ".join(re.sub(r"<[^>]+>", " ", body(page(uneven(study(), start=0.95)))).split())
    assert "Chosen on val. The compared adapters had different training in 3 of 3 comparisons (marked †)" in text
    assert "In 9 of 9 trainings several steps were equally right on val, and its loss decided." in text
    assert "Without training 95.0 % of val is right already" in text
    assert "test (background) †" in text
    assert " 30 10 30 " in text  # the steps of the uneven arm, by seed
    even = replace(uneven(study()), curves=tuple(replace(c, chosen_step=20) for c in uneven(study()).curves))
    text = page(even)
    assert "†" not in text
    assert "Val chose the step of each adapter; here compared adapters are of equal steps." in text
    assert "there is little to choose by" not in text


def test_of_the_last_step_nothing_needs_to_be_said(page):
    results = study()
    last = replace(results, checkpoint="last", curves=tuple(replace(c, chosen_step=40) for c in results.curves))
    text = page(last)
    assert "Chosen on val" not in text
    assert "†" not in text
    assert "chosen on val" not in text


@pytest.mark.parametrize(("seeds", "said"), [(1, "count test pictures only"), (2, "can be too narrow"), (3, "")])
def test_few_seeds_are_warned_of(page, seeds, said):
    text = page(differences=(difference(seeds=seeds),))
    assert ("Few seeds." in text) is bool(said)
    assert said in text


def test_every_download_exists_beside_the_page(page, tmp_path):
    text = page()
    links = re.findall(r'href="((?:tables|figures)/[^"]+)"', text)
    assert {"tables/accuracies.tex", "tables/accuracies.csv", "tables/confusion.parquet", "figures/forest.svg"} <= set(
        links
    )
    assert all((tmp_path / "report" / unquote(link)).is_file() for link in links)
    about = text.partition('id="section-about"')[2]
    assert {link for link in links if link in about} == set(links)


def test_pictures_of_the_hardest_classes_are_those_most_seeds_got_wrong(page, small):
    results, asked = study(test_sets=("test",)), []

    def photos(image_id):
        asked.append(image_id)
        return small.photo(image_id)

    text = page(results, photos)
    tested = [image_id for image_id in asked if image_id.startswith("test-")]
    ids = re.findall(
        r'<img src="data:image/jpeg;base64,[^"]+" width="24" height="24" alt="[^"]*" title="([^"]+)">', text
    )
    assert sorted(ids) == sorted(tested)
    assert 0 < len(ids) <= 24
    slug = min(("color-feasible", "color-infeasible"), key=lambda s: results.predictions[s, "test"].correct.mean())
    result = results.predictions[slug, "test"]
    for image_id in ids:
        assert result.correct[:, result.image_ids.index(image_id)].mean() < 0.5


def test_pictures_stay_within_their_room(page, small, monkeypatch):
    monkeypatch.setattr(confusions, "EXAMPLE_BYTES", 5000)
    urls = re.findall(r'<img src="(data:[^"]+)"', page())
    assert urls
    assert sum(map(len, urls)) <= 5000


def test_many_regimes_and_classes_stay_small(page, small):
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    arms = [f"{source}-{n}-{arm}" for source in "ab" for n in range(7) for arm in ("feasible", "infeasible")]
    sets = ("test", *(f"test_{n}" for n in range(4)))
    rows = tuple(difference(name=f"{a}: {MAIN}", a=a, test_set=name) for a in arms for name in sets)
    text = page(
        regimes=("zero-shot", "real", *arms),
        test_sets=sets,
        classes=200,
        per_class=2,
        seeds=5,
        differences=rows,
        photos=lambda image_id: replace(small.photo(image_id), image=noise),
    )
    assert len(text.encode()) < 1_500_000


@pytest.mark.parametrize(
    "changes",
    [
        {"regimes": (), "differences": ()},
        {"differences": ()},
        {"curves": ()},
        {"predictions": {}},
        {"regimes": ("zero-shot",), "differences": (), "test_sets": ("test",)},
        {"test_sets": ("test_only",)},
        {"facts": (), "class_names": ("a",)},
    ],
)
def test_results_that_lack_parts_make_a_page(page, changes):
    if "class_names" in changes:
        changes = {**changes, "classes": 1, "class_names": ("a",)}
    text = page(**changes)
    assert 'id="section-results"' in text
    assert "nan" not in re.sub(r"<[^>]+>", " ", body(text)).lower().split()


def test_the_same_results_give_the_same_page(page):
    assert page() == page()


def test_a_later_report_removes_what_it_does_not_have(page, tmp_path, small):
    page()
    report = tmp_path / "report"
    (report / "figures" / "confusion-old.svg").write_text("old")
    (report / "figures" / "mine.svg").write_text("mine")
    page()
    assert {path.name for path in (report / "figures").iterdir()} == {"forest.svg", "mine.svg"}
    write_gallery(report, small.facts, small.photo, small.stream(1))
    assert {path.name for path in (report / "figures").iterdir()} == {"mine.svg"}
    assert list((report / "tables").iterdir()) == []


def test_the_copy_keeps_the_results_without_links(page, tmp_path):
    whole = page()
    copy = tmp_path / "copy.html"
    assert write_single_page(tmp_path / "report", copy) == 0
    text = copy.read_text("utf-8")
    assert re.findall(r'(?:href|src)="((?!data:)[^"]+)"', text) == ["#main"]
    for section in ("results", "training", "errors"):
        assert f'id="section-{section}"' in text
    answer = re.search(r'<p class="finding">.*?</p>', whole)[0]
    assert answer in text
    with pytest.raises(DataError):
        write_single_page(Path(tmp_path / "nowhere"), copy)


def test_a_further_measure_is_a_section_of_the_page(page):
    plain = study(test_sets=("test",))
    predictions = {
        key: replace(one, probabilities=np.full((*one.top1.shape, 4), 0.25, np.float32))
        for key, one in plain.predictions.items()
    }
    wanted = [Comparison(f"color: {MAIN}", MAIN, "color-feasible", "color-infeasible")]
    answers = answer(predictions, wanted, StatisticsSettings(resamples=100), [replace(BRIER, label=HOSTILE)])
    text = page(replace(plain, answers=replace(plain.answers, measures=answers.measures)))
    assert "Lower is better. 95 % intervals" in text
    assert '<span class="value">0.750</span>' in text
    assert "equivalence within 0.006" in text
    assert 'href="tables/measure_brier.tex"' in text
    assert HOSTILE not in body(text)
    assert "Lower is better" not in page(plain)
