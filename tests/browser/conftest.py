"""A headless browser, pages that fail the test on any request or error, and reports whose content is known."""

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from unit.reporting.study_results import study
from varireal.reporting.gallery import write_gallery
from varireal.reporting.records import GalleryCandidate, GalleryFacts, GalleryPhoto
from varireal.store.schemas import FUNNEL

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028{{ 7*7 }}"


def give_up(reason):
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must not skip the browser ring")
    pytest.skip(reason)


@pytest.fixture(scope="module")  # not longer: while it lives, its thread has a running event loop, and others need one
def chromium():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        give_up("playwright is not installed: uv pip install 'varireal[dev]'")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        give_up("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def expect(chromium):
    """Playwright's waiting assertions: they poll without eval, which the page's policy forbids."""
    from playwright.sync_api import expect

    return expect


@dataclass
class Watched:
    """What a page did besides showing itself."""

    requests: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    dialogs: list = field(default_factory=list)


@pytest.fixture
def show(chromium):
    """Open a page from disk; at the end of the test nothing may have gone wrong in any of them."""
    contexts, watched = [], []

    def opened(folder, *, width=1440, height=900, address="", ready=".card", **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page, seen = context.new_page(), Watched()
        watched.append(seen)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto((folder / "index.html").resolve().as_uri() + address)
        page.wait_for_selector("html[data-ready]")
        if ready:
            page.wait_for_selector(ready)
        return page

    yield opened
    for context in contexts:
        context.close()
    for seen in watched:
        assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
        assert seen.errors == []
        assert seen.dialogs == []


CLASSES = {"heron": "Grey heron", "hostile": HOSTILE, "mallard": "Mallard"}
PROMPTS = {
    ("background", "feasible"): ("reed bank", "Reeds in the morning."),
    ("background", "infeasible"): (HOSTILE, HOSTILE),
    ("color", "feasible"): ("slate grey", ""),
    ("color", "infeasible"): ("hot pink", "Pink from head to tail."),
}


def photo(image_id, side=48):
    image = np.full((side, side, 3), 120, np.uint8)
    image[:, : side // 2] = (40, 90, 160)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = True
    if image_id.endswith("-2"):
        return GalleryPhoto(image_id, "train", image, None, "mask_empty", "Nothing stood out.")
    return GalleryPhoto(image_id, "train", image, mask, "ok", "")


def edited(source, attribute, arm):
    image = source.image.copy()
    image[source.mask if attribute == "color" else ~source.mask] = (
        (230, 60, 60) if arm == "feasible" else (60, 60, 230)
    )
    return image


def attempt(source, attribute, arm, n, outcome, reasons):
    name, description = PROMPTS[attribute, arm]
    class_id = source.image_id.partition("-")[0]
    return GalleryCandidate(
        candidate_id=f"{source.image_id}-{attribute}-{arm}-{n}",
        image_id=source.image_id,
        class_id=class_id,
        class_name=CLASSES[class_id],
        attribute=attribute,
        feasibility=arm,
        k=0,
        round=n,
        prompt_id=f"{attribute}-{arm}",
        prompt_name=name,
        prompt_description=description,
        seed=9007199254740993,
        backend="procedural",
        outcome=outcome,
        reasons=reasons,
        receipt={} if outcome == "failed" else {"seam_score": 0.25 + 0.5 * (outcome == "rejected"), "leak_max": 0.0},
        image=None if outcome == "failed" else edited(source, attribute, arm),
    )


def known(photos=3):
    """Per class: photo 0 is accepted at once, 1 needs a second round in the infeasible arm, 2 has no mask."""
    for class_id in sorted(CLASSES):
        for n in range(photos):
            source = photo(f"{class_id}-{n}")
            for attribute in ("background", "color"):
                for arm in ("feasible", "infeasible"):
                    if n == 2:
                        yield attempt(source, attribute, arm, 0, "failed", ("no_mask: mask_empty",))
                        continue
                    if n == 1 and arm == "infeasible":
                        yield attempt(
                            source, attribute, arm, 0, "rejected", ("seam: seam_score 0.75 is above the gate 0.6",)
                        )
                    yield attempt(source, attribute, arm, int(n == 1 and arm == "infeasible"), "accepted", ())


def counts(*values):
    """A row of the table of counts; the reasons come last, as pairs."""
    return dict(zip(FUNNEL.names, (*values[:-1], json.dumps(dict(values[-1]))), strict=True))


FACTS = GalleryFacts(
    study="tiny",
    title=f"Title {HOSTILE}",
    subtitle="Three classes",
    facts=(("Editor", HOSTILE),),
    funnel=tuple(
        counts(
            id,
            name,
            attribute,
            arm,
            3,
            2 + (arm == "infeasible"),
            2,
            1,
            (("no_mask", 1),) + (("seam", 1),) * (arm == "infeasible"),
        )
        for id, name in CLASSES.items()
        for attribute in ("background", "color")
        for arm in ("feasible", "infeasible")
    ),
    downloads=(("Data card", "../dataset/README.md"),),
)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory) -> Path:
    """18 pairs and 42 candidates on 5 pages; thumbnails are smaller than the pictures, so that large ones exist."""
    folder = tmp_path_factory.mktemp("gallery")
    summary = write_gallery(folder, FACTS, photo, known(), page_size=8, thumbnail_px=32)
    assert (summary.candidates, summary.pages) == (42, 5)
    return folder


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """The same gallery with the results of made-up classifiers."""
    folder = tmp_path_factory.mktemp("report")
    results = study(
        regimes=("zero-shot", "real", "color-feasible", "color-infeasible", "background-feasible"), classes=12
    )

    def photos(image_id):
        return photo(f"mallard-{image_id}" if image_id.startswith("test") else image_id)

    write_gallery(folder, FACTS, photos, known(), page_size=8, thumbnail_px=32, results=results)
    return folder


@pytest.fixture(scope="session")
def large(tmp_path_factory) -> Path:
    """5,000 pairs, 10,000 candidates; every fiftieth feasible one is rejected."""
    folder = tmp_path_factory.mktemp("large")
    source = photo("mallard-0", side=16)
    good = attempt(source, "color", "feasible", 0, "accepted", ())
    bad = replace(good, outcome="rejected", reasons=("seam",))

    def photos(image_id):
        return replace(source, image_id=image_id)

    def candidates():
        for n in range(5000):
            for arm in ("feasible", "infeasible"):
                one = bad if arm == "feasible" and n % 50 == 0 else good
                own = {"candidate_id": f"{n}-{arm}", "prompt_id": f"{arm}-{n}", "prompt_name": f"{arm} prompt {n:05d}"}
                yield replace(one, image_id=f"p{n:05d}", feasibility=arm, seed=n, **own)

    summary = write_gallery(folder, FACTS, photos, candidates())
    assert summary.candidates == 10_000
    return folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory) -> Path:
    """A gallery that shows a part of a study of 301 classes, with more counts than its page holds."""
    folder = tmp_path_factory.mktemp("drawn")
    row = FACTS.funnel[0]
    more = [
        row | {"class_id": f"bird-{n:03d}", "class_name": f"Bird {n:03d}", "attribute": attribute, "feasibility": arm}
        for n in range(298)
        for attribute in ("background", "color", "texture")
        for arm in ("feasible", "infeasible")
    ]
    said = "18 of 1,800 pairs are shown, drawn evenly"
    write_gallery(folder, replace(FACTS, funnel=(*FACTS.funnel, *more), drawn=said), photo, known(), page_size=8)
    return folder
