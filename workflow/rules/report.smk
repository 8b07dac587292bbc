# Snakemake's own report takes single files only, so it gets a copy of the page in one file.
rule report:
    input:
        config=PATHS.config("report"),
        images=PATHS.images,
        masks=LAYOUT.all_masks(),
        edits=LAYOUT.all_edits(),
        verdicts=LAYOUT.all_verdicts(),
        funnel=PATHS.funnel,
        scores=LAYOUT.score_files(),
        asked=[PATHS.prompts_usage, *LAYOUT.all_records()] if LAYOUT.asks else [],
        adapters=LAYOUT.all_adapters(),
        predictions=LAYOUT.all_predictions(),
    output:
        folder=directory(PATHS.report),
        one_file=report(
            PATHS.report_copy, caption="../report/gallery.rst", category="Gallery"
        ),
    log:
        PATHS.log("report"),
    benchmark:
        PATHS.benchmark("report")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=120,
    params:
        key=LAYOUT.key("report"),
        machine=PATHS.config("machine"),
        study=lambda w, input: Path(input.images).parent,
    shell:
        "varireal report --config {input.config:q} --images {input.images:q} --study {params.study:q}"
        " --funnel {input.funnel:q} --copy {output.one_file:q} --output {output.folder:q}"
        " --budget {params.machine:q} --log {log:q}"
