r"""Report: the page that shows every photo, mask, pair of edits, prompt, receipt and reason.

By hand::

    varireal report --config results/demo/config/report.json --images results/demo/images.parquet \
        --study results/demo --funnel results/demo/dataset/funnel.parquet \
        --copy results/demo/report.html --output results/demo/report
"""

from pathlib import Path

from varireal.config.slices import ReportSlice
from varireal.core.paths import StudyPaths
from varireal.reporting.about import gallery_facts
from varireal.reporting.gallery import write_gallery
from varireal.reporting.single import write_single_page
from varireal.reporting.source import Candidates, Photos, Spool, choose_pairs
from varireal.reporting.study_results import read_results
from varireal.running import job_record
from varireal.running.room import Room
from varireal.stages.common import Summary


def run(
    config: ReportSlice,
    *,
    study: Path,
    images: Path,
    funnel: Path,
    copy: Path,
    output: Path,
) -> Summary:
    """Write the report folder.

    Args:
        config: the stage's slice.
        study: folder of the study, with its masks, edits and verdicts.
        images: table of images.
        funnel: what became of the items, per class and setting.
        copy: the page in one file to write, for Snakemake's own report.
        output: folder to write; ``index.html`` in it is the page.

    Raises:
        DataError: a table is damaged or does not belong to its neighbour.
    """
    paths, report = StudyPaths(str(study)), config.report
    shown = choose_pairs(
        paths, attributes=config.attributes, shards=config.shards, rounds=config.rounds, limit=report.max_pairs
    )
    job_record.permit()
    results = read_results(config, study)
    facts = gallery_facts(config, study=study, funnel=funnel, output=output, drawn=shown.sentence)
    size = (config.attributes, config.shards, config.rounds)
    with Room(output, len(shown.pairs), copies=1), Spool(output.parent) as spool:
        candidates = Candidates(spool, shown.pairs)
        for edits, verdicts in zip(paths.every_edit(*size), paths.every_verdict(*size), strict=True):
            candidates.take(Path(edits), Path(verdicts))
        photos = Photos(images, config.reading, candidates.images, spool, tests=results is not None)
        for path in paths.every_mask(config.shards):
            photos.take_masks(Path(path))
        summary = write_gallery(
            output,
            facts,
            photos,
            candidates,
            page_size=report.page_size,
            thumbnail_px=report.thumbnail_px,
            results=results,
        )
    write_single_page(output, copy)
    lines = [f"the report is {output / 'index.html'}: open it in a browser"]
    if shown.sentence:
        lines.append(
            f"it shows {len(shown.pairs):,} of {shown.total:,} pairs, drawn evenly; report.max_pairs says how many"
        )
    return Summary({"candidates": summary.candidates, "pages": summary.pages}, lines=tuple(lines))
