# VariReal: from a class list and photos to a gated, paired data set and a page of pictures.
#   snakemake --cores all                                        the demo (config.yaml)
#   snakemake --cores all --configfile studies/my_photos.yaml    your own photos
import os

from snakemake.utils import min_version

min_version("9.27")


# Only with `--sdm apptainer`: the image that jobs run in, such as one made from apptainer.def.
container: os.environ.get("VARIREAL_IMAGE")


# What the demo chooses is for the demo alone: a study that brings a config file of its own starts from the defaults.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/config.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/prompts.smk"
include: "workflow/rules/masks.smk"
include: "workflow/rules/priors.smk"
include: "workflow/rules/edits.smk"
include: "workflow/rules/verdicts.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/adapters.smk"
include: "workflow/rules/predictions.smk"
include: "workflow/rules/report.smk"


onstart:
    begin_workflow(logger)


onerror:
    FAILURES.take_back(snakemake_side.finished_jobs(workflow))
    FAILURES.tell_at_exit()


rule all:
    default_target: True
    input:
        # the intermediate tables too: one that was lost is made again
        rules.images.output,
        LAYOUT.all_prompts(),
        LAYOUT.outputs("masks"),
        LAYOUT.outputs("priors"),
        LAYOUT.outputs("edits"),
        LAYOUT.outputs("verdicts"),
        rules.dataset.output,
        LAYOUT.outputs("adapters"),
        LAYOUT.outputs("predictions"),
        rules.report.output,
