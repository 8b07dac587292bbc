rule dataset:
    input:
        config=PATHS.config("dataset"),
        images=PATHS.images,
        masks=LAYOUT.all_masks(),
        edits=LAYOUT.all_edits(),
        verdicts=LAYOUT.all_verdicts(),
    output:
        data=expand(f"{PATHS.dataset}/{{name}}", name=LAYOUT.dataset_files()),
        manifest=PATHS.manifest,
        funnel=PATHS.funnel,
        counts=PATHS.counts,
        scores=LAYOUT.score_files(),
        card=report(PATHS.card, caption="../report/card.rst", category="Data set"),
    log:
        PATHS.log("dataset"),
    benchmark:
        PATHS.benchmark("dataset")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        key=LAYOUT.key("dataset"),
        machine=PATHS.config("machine"),
        study=lambda w, input: Path(input.images).parent,
        folder=lambda w, output: Path(output.card).parent,
    shell:
        "varireal dataset --config {input.config:q} --images {input.images:q} --study {params.study:q}"
        " --manifest {output.manifest:q} --funnel {output.funnel:q} --card {output.card:q} --output {params.folder:q}"
        " --budget {params.machine:q} --log {log:q}"
