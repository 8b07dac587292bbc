# VariReal: from a class list and photos to a gated, paired data set and a page of pictures.
#   snakemake --cores all                                        the demo (config.yaml)
#   snakemake --cores all --configfile studies/my_photos.yaml    your own photos
import os

from snakemake.utils import min_version

from varireal.core.stages import STAGES

min_version("9.27")


# Only with `--sdm apptainer`: the image that jobs run in, such as one made from apptainer.def.
container: os.environ.get("VARIREAL_IMAGE")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/config.smk"


# A file of rules for each stage; what a stage is called says where its rule is.
for STAGE in STAGES:

    include: f"workflow/rules/{STAGE}.smk"


onstart:
    begin_workflow(logger)


onerror:
    FAILURES.take_back(snakemake_side.finished_jobs(workflow))
    FAILURES.tell_at_exit()


rule all:
    default_target: True
    input:
        # the intermediate tables too: one that was lost is made again
        [LAYOUT.outputs(stage) for stage in STAGES],
        # and what stages write besides
        rules.images.output,
        LAYOUT.all_prompts(),
        rules.dataset.output,
        rules.report.output,
