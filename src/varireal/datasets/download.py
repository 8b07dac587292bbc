"""Getting published data sets: ``varireal data get``.

Oxford-IIIT Pets and FGVC-Aircraft are fetched by torchvision, which knows their URLs and, for the pets, the archives'
checksums. They are unpacked beside their place and moved there when they are whole, so that a download that was cut
off is never taken for a data set. Stanford Cars is gone from its URL and Waterbirds was never with torchvision: there
the command says what the folder must hold, and makes the list of splits of the cars from their own ``.mat`` files.
"""

import importlib
import json
import logging
import shutil
import socket
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from varireal.core.files import write_whole
from varireal.datasets.base import quoted
from varireal.datasets.published import CARS_OFFICIAL, CARS_SPLIT, PETS_SPLIT, PUBLISHED, PublishedSet, PublishedSource
from varireal.errors import BackendError, ConfigError, DataError
from varireal.names import TEST, TRAIN, VAL
from varireal.running.logs import SUMMARY

logger = logging.getLogger(__name__)

_SECONDS = 60  # without an answer for so long the connection is given up; urllib itself would wait for ever
_PARTIAL = ".download"
# source -> (class of torchvision, the folder that it makes, what of an earlier try must go). The archives of the pets
# are checked by their checksums and may stay; torchvision takes whatever there is of the aircraft's for the whole.
_TORCHVISION = {
    "oxford_pets": ("OxfordIIITPet", "oxford-iiit-pet", ("oxford-iiit-pet/images", "oxford-iiit-pet/annotations")),
    "fgvc_aircraft": ("FGVCAircraft", "fgvc-aircraft-2013b", ("fgvc-aircraft-2013b", "fgvc-aircraft-2013b.tar.gz")),
}
_WHY_NOT = {
    "stanford_cars": "its URL (ai.stanford.edu/~jkrause) is gone, and torchvision no longer offers it",
    "waterbirds": "it is not in torchvision",
}
_CAR_LISTS = ("devkit/cars_train_annos.mat", "cars_test_annos_withlabels.mat", "devkit/cars_meta.mat")


def get(*, source: str, output: Path) -> int:
    """Fetch a published data set, or say what its folder must hold; check what is there.

    Args:
        source: name of the source in the config.
        output: folder for the data set; the ``path`` of the source in the config.

    Raises:
        BackendError: torchvision is not installed.
        DataError: the data set is not there and cannot be fetched.
        ConfigError: what is there is not the data set, or not all of it.
    """
    published = PUBLISHED[source]
    if source == "stanford_cars":
        _make_car_splits(output)
    if not _is_there(published, output):
        if source in _WHY_NOT:
            raise DataError(
                f"{source} cannot be downloaded: {_WHY_NOT[source]}; "
                f"put it into {quoted(output)} yourself: {published.layout}"
            )
        _fetch(published, output)
    present = PublishedSource(published, output, {})
    counts = Counter(item.split for item in present.items())
    shown = ", ".join(f"{count} {split}" for split, count in sorted(counts.items(), key=lambda pair: str(pair[0])))
    logger.log(SUMMARY, "ok: %s in %s: %d classes, %s", source, present.top, len(present.class_names()), shown)
    if source == "oxford_pets" and not (present.top / PETS_SPLIT).exists():
        logger.log(
            SUMMARY,
            "for CoOp's 2,944 train and 736 val put its %s into %s; without it val is drawn from train",
            PETS_SPLIT,
            present.top,
        )
    return 0


def _is_there(published: PublishedSet, folder: Path) -> bool:
    """Whether the folder claims to hold the data set; whether it does is checked afterwards."""
    try:
        return PublishedSource(published, folder, {}).top.is_dir()
    except ConfigError:
        return False


def _fetch(published: PublishedSet, output: Path) -> None:
    class_name, made, stale = _TORCHVISION[published.name]
    if (output / made).exists():
        raise DataError(
            f"{quoted(output / made)} is there but is not the whole data set; expected {published.layout}: "
            "complete it, or remove it and call this again"
        )
    try:
        datasets = importlib.import_module("torchvision.datasets")
    except ImportError as error:
        raise BackendError(
            "torchvision, which downloads this data set, is not installed: pip install 'varireal[clip]'"
        ) from error
    partial = output / _PARTIAL
    partial.mkdir(parents=True, exist_ok=True)
    for name in stale:  # torchvision takes a folder that was half unpacked for the whole
        if (partial / name).is_file():
            (partial / name).unlink()
        shutil.rmtree(partial / name, ignore_errors=True)
    dataset: Any = getattr(datasets, class_name)
    try:
        with _patience(_SECONDS):
            dataset(root=partial, download=True)
    # RuntimeError: torchvision found another checksum; the rest: archives that end too early
    except (OSError, RuntimeError, EOFError, tarfile.TarError, zlib.error) as error:
        urls = getattr(dataset, "_URL", None) or " and ".join(url for url, _ in getattr(dataset, "_RESOURCES", ()))
        raise DataError(
            f"{urls} cannot be downloaded ({' '.join(str(error).split()) or type(error).__name__}); try again later, "
            f"or put the data set into {quoted(output)} yourself: {published.layout}"
        ) from error
    (partial / made).rename(output / made)
    shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _make_car_splits(folder: Path) -> None:
    """Write the official splits of the cars in CoOp's form, from the ``.mat`` lists if there are any.

    Raises:
        DataError: a list is damaged.
    """
    tops = [folder, *(folder / name for name in PUBLISHED["stanford_cars"].tops)]
    top = next((top for top in tops if all((top / name).is_file() for name in _CAR_LISTS)), None)
    if top is None or any((top / name).exists() for name in (CARS_SPLIT, CARS_OFFICIAL)):
        return
    from scipy.io import loadmat

    train, test, meta = (top / name for name in _CAR_LISTS)
    splits: dict[str, list[list[Any]]] = {VAL: []}
    try:
        names = [str(name) for name in loadmat(meta, squeeze_me=True)["class_names"].tolist()]
        for split, path, pictures in ((TRAIN, train, "cars_train"), (TEST, test, "cars_test")):
            listed = loadmat(path, squeeze_me=True)["annotations"]
            splits[split] = [
                [f"{pictures}/{entry['fname']}", int(entry["class"]) - 1, names[int(entry["class"]) - 1]]
                for entry in listed
            ]
    except Exception as error:  # damaged MATLAB files end in errors of many kinds
        raise DataError(f"the lists {', '.join(_CAR_LISTS)} in {quoted(top)} cannot be read ({error})") from error
    write_whole(top / CARS_OFFICIAL, json.dumps(splits, indent=0) + "\n")
    logger.log(SUMMARY, "wrote %s: train and test of the data set's own lists, no val", top / CARS_OFFICIAL)
