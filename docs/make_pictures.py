"""Make the README's pictures from a finished demo: ``python docs/make_pictures.py`` after ``make demo``."""

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import sync_playwright

from varireal.store import tables
from varireal.store.schemas import EDITS, IMAGES, MASKS

STUDY = Path("results/demo")
OUT = Path(__file__).parent / "pictures"
SPLITS = {
    "train": "train: usual place and plumage",
    "test": "test: the same",
    "test_background": "test_background: unusual places",
    "test_plumage": "test_plumage: unusual plumage",
}
PAPER, INK, MARGIN, GAP, LINE = "#f4f4f2", "#303030", 12, 4, 20


def main() -> None:
    """Write all pictures."""
    OUT.mkdir(exist_ok=True)
    images = tables.read(STUDY / "images.parquet", IMAGES)
    demo_sheet(images).save(OUT / "demo.jpg", quality=88)
    edit_sheet(images).save(OUT / "edits.jpg", quality=88)
    for tab in ("Results", "Gallery"):
        screenshot(STUDY / "report" / "index.html", tab, OUT / f"{tab.lower()}.jpg")


def demo_sheet(images: list[tables.Row]) -> Image.Image:
    """Two pictures of every class and split."""
    classes = sorted({row["class_id"] for row in images})
    rows = []
    for split, title in SPLITS.items():
        paths = [
            row["path"]
            for c in classes
            for row in [r for r in images if r["class_id"] == c and r["split"] == split][1:3]
        ]
        rows.append((title, [(Image.open(path), "") for path in paths]))
    return grid(rows, 88)


def edit_sheet(images: list[tables.Row]) -> Image.Image:
    """For some photos: photo, mask, and both arms of each attribute."""
    masks = {r["image_id"]: r for path in (STUDY / "masks").glob("*.parquet") for r in tables.read(path, MASKS)}
    edits = {
        (row["image_id"], row["attribute"], row["feasibility"]): row
        for path in sorted((STUDY / "edits").rglob("round0/*.parquet"))
        for row in tables.read(path, EDITS)
    }
    chosen = [row for row in images if row["image_id"] in masks and row["image_id"].endswith("-004")][:5]
    rows = []
    for row in chosen:
        cells = [(Image.open(row["path"]), "photo"), (Image.open(io.BytesIO(masks[row["image_id"]]["mask"])), "mask")]
        for attribute in ("background", "color", "texture"):
            for arm in ("feasible", "infeasible"):
                edit = edits[row["image_id"], attribute, arm]
                cells.append((Image.open(io.BytesIO(edit["image"])), f"{arm[:-4]}: {edit['prompt_name']}"))
        rows.append((row["class_name"], cells))
    return grid(rows, 128, captions=True)


def grid(rows: list[tuple[str, list[tuple[Image.Image, str]]]], side: int, *, captions: bool = False) -> Image.Image:
    """A sheet with a title above every row."""
    font = ImageFont.load_default(11)
    step = side + LINE + GAP + (LINE if captions else 0)
    width = max(len(cells) for _, cells in rows) * (side + GAP) + 2 * MARGIN
    sheet = Image.new("RGB", (width, len(rows) * step + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    for y, (title, cells) in enumerate(rows):
        top = MARGIN + y * step
        draw.text((MARGIN, top + 2), title, INK, font)
        for x, (picture, caption) in enumerate(cells):
            place = (MARGIN + x * (side + GAP), top + LINE)
            sheet.paste(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), place)
            if captions:
                draw.text((place[0], place[1] + side + 2), caption[:24], INK, font)
    return sheet


def screenshot(page: Path, name: str, out: Path) -> None:
    """A tab of the page as a browser shows it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        tab.goto(page.resolve().as_uri())
        tab.get_by_role("tab", name=name).click()
        tab.wait_for_timeout(2000)
        picture = Image.open(io.BytesIO(tab.screenshot()))
        browser.close()
    picture.convert("RGB").save(out, quality=85)


if __name__ == "__main__":
    sys.exit(main())
