"""Folders in the shape of the published data sets, with tiny pictures; all of them are links to one file."""

import csv
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

Splits = dict[str, list[tuple[str, str]]]  # split -> (picture below the top folder, class as the lists spell it)

PETS = ("Abyssinian", "american_pit_bull_terrier", "yorkshire_terrier")
VARIANTS = ("707-320", "F-16A/B", "BAE 146-200")
CARS = ("AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012", "smart fortwo Convertible 2012")


def spread(count: int, over: int) -> list[int]:
    """``count`` in ``over`` nearly equal parts."""
    return [count // over + (number < count % over) for number in range(over)]


def pictures(top: Path, names: Iterable[str]) -> None:
    """Make every picture, as a link to a first one."""
    first = top / ".picture.jpg"
    first.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (48, 40), (120, 90, 60)).save(first)
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(first, path)


def make_pets(
    top: Path, *, trainval: int = 12, test: int = 6, classes: Iterable[str] = PETS, coop: tuple[int, int] | None = None
) -> Path:
    """Oxford-IIIT Pets; ``coop``: how many of trainval CoOp's file has in train and in val."""
    breeds = list(classes)
    listed: dict[str, list[tuple[str, int]]] = {"trainval": [], "test": []}
    for number, breed in enumerate(breeds):
        for split, count, start in (("trainval", trainval, 1), ("test", test, 1000)):
            own = spread(count, len(breeds))[number]
            listed[split] += [(f"{breed}_{start + k}", number + 1) for k in range(own)]
    (top / "annotations").mkdir(parents=True)
    for split, rows in listed.items():
        text = "".join(f"{name} {number} 1 1\n" for name, number in rows)
        (top / "annotations" / f"{split}.txt").write_text(text)
    pictures(top, (f"images/{name}.jpg" for rows in listed.values() for name, _ in rows))
    if coop is not None:
        # every so many-th is val, so that each class has some
        rows = [[f"{name}.jpg", number - 1, breeds[number - 1].lower()] for name, number in listed["trainval"]]
        step = len(rows) / coop[1]
        val = {int(k * step) for k in range(coop[1])}
        splits = {
            "train": [row for k, row in enumerate(rows) if k not in val],
            "val": [row for k, row in enumerate(rows) if k in val],
            "test": [[f"{name}.jpg", number - 1, breeds[number - 1].lower()] for name, number in listed["test"]],
        }
        assert len(splits["train"]) == coop[0]
        (top / "split_zhou_OxfordPets.json").write_text(json.dumps(splits))
    return top


def make_aircraft(
    top: Path, *, train: int = 9, val: int = 6, test: int = 6, classes: Iterable[str] = VARIANTS
) -> Path:
    """FGVC-Aircraft; ``top`` is what is called ``data`` in the archive."""
    variants = list(classes)
    top.mkdir(parents=True)
    (top / "variants.txt").write_text("".join(f"{name}\n" for name in variants))
    number = 34309
    names = []
    trainval = []
    for split, count in (("train", train), ("val", val), ("test", test)):
        lines = []
        for variant, own in zip(variants, spread(count, len(variants)), strict=True):
            for _ in range(own):
                number += 1
                names.append(f"images/{number:07d}.jpg")
                lines.append(f"{number:07d} {variant}\n")
        (top / f"images_variant_{split}.txt").write_text("".join(lines))
        trainval += lines if split != "test" else []
    (top / "images_variant_trainval.txt").write_text("".join(trainval))
    pictures(top, names)
    return top


def make_cars(top: Path, *, train: int = 9, val: int = 3, test: int = 6, classes: Iterable[str] = CARS) -> Path:
    """Stanford Cars with CoOp's list, in which the year comes first."""
    models = list(classes)
    splits: dict[str, list[list[object]]] = {}
    number = {"cars_train": 0, "cars_test": 0}
    for split, count in (("train", train), ("val", val), ("test", test)):
        folder = "cars_test" if split == "test" else "cars_train"
        rows: list[list[object]] = []
        for label, (model, own) in enumerate(zip(models, spread(count, len(models)), strict=True)):
            name, year = model[:-5], model[-4:]
            for _ in range(own):
                number[folder] += 1
                rows.append([f"{folder}/{number[folder]:05d}.jpg", label, f"{year} {name}"])
        splits[split] = rows
    pictures(top, (str(row[0]) for rows in splits.values() for row in rows))
    (top / "split_zhou_StanfordCars.json").write_text(json.dumps(splits))
    return top


def make_waterbirds(top: Path, *, groups: dict[tuple[int, int, int], int] | None = None) -> Path:
    """Waterbirds; ``groups``: (split, y, place) -> how many pictures."""
    groups = groups or {(split, y, place): 2 for split in (0, 1, 2) for y in (0, 1) for place in (0, 1)}
    top.mkdir(parents=True)
    names = []
    with (top / "metadata.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["img_id", "img_filename", "y", "split", "place", "place_filename"])
        for (split, y, place), count in groups.items():
            for _ in range(count):
                number = len(names) + 1
                species = "001.Black_footed_Albatross" if y else "012.Yellow_headed_Blackbird"
                names.append(f"{species}/{species[4:]}_{number:05d}.jpg")
                table.writerow([number, names[-1], y, split, place, f"/l/lake/{number}.jpg"])
    pictures(top, names)
    return top


MAKERS: dict[str, Callable[[Path], Path]] = {
    "oxford_pets": make_pets,
    "fgvc_aircraft": make_aircraft,
    "stanford_cars": make_cars,
    "waterbirds": make_waterbirds,
}
