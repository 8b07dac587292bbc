# VariReal: from a class list and photos to a gated, paired data set and a page of pictures.
#   snakemake --cores all                                        the demo (config.yaml)
#   snakemake --cores all --configfile studies/my_photos.yaml    your own photos
# docs/modules.md: as a module of another workflow, and from an installed package (`varireal run`).
import os

from snakemake.utils import min_version

from varireal.core.stages import STAGES

min_version("9.27")


# The first rule is what runs without a target: in a module that of the workflow around, if it has one by now.
FIRST = not workflow.default_target


# Only with `--sdm apptainer`: the image that jobs run in, such as one made from apptainer.def.
container: os.environ.get("VARIREAL_IMAGE")


# What the demo chooses is for the demo alone: a study that brings a config file of its own starts from the defaults.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/config.smk"


# A file of rules for each stage; what a stage is called says where its rule is.
for STAGE in STAGES:

    include: f"workflow/rules/{STAGE}.smk"


onstart:
    begin()


onerror:
    tell_failures()


rule all:
    default_target: FIRST
    input:
        # the intermediate tables too: one that was lost is made again
        [LAYOUT.outputs(stage) for stage in STAGES],
        # and what stages write besides
        rules.images.output,
        LAYOUT.all_prompts(),
        rules.dataset.output,
        rules.report.output,


with one_line_errors():
    snakemake_side.join_parent(workflow, PATHS.root, begin, tell_failures)
