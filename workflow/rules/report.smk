# Snakemake's own report takes single files only, so it gets a copy of the page in one file.
rule report:
    input:
        config=results("config/report.json"),
        images=results("images.parquet"),
        masks=LAYOUT.outputs("masks"),
        edits=LAYOUT.outputs("edits"),
        verdicts=LAYOUT.outputs("verdicts"),
        funnel=results("dataset/funnel.parquet"),
        scores=LAYOUT.score_files(),
        asked=(
            [results("prompts/.record/usage.json"), *LAYOUT.all_records()]
            if LAYOUT.asks
            else []
        ),
        adapters=LAYOUT.outputs("adapters"),
        predictions=LAYOUT.outputs("predictions"),
    output:
        folder=directory(results("report")),
        one_file=report(
            results("report.html"), caption="../report/gallery.rst", category="Gallery"
        ),
    log:
        results("logs/report.log"),
    benchmark:
        results("benchmarks/report.tsv")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=120,
    params:
        key=LAYOUT.key("report"),
        machine=results("config/machine.json"),
        study=lambda w, input: Path(input.images).parent,
    shell:
        "varireal report --config {input.config:q} --images {input.images:q} --study {params.study:q}"
        " --funnel {input.funnel:q} --copy {output.one_file:q} --output {output.folder:q}"
        " --budget {params.machine:q} --log {log:q}"
