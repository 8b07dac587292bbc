rule dataset:
    input:
        config=results("config/dataset.json"),
        images=results("images.parquet"),
        masks=LAYOUT.outputs("masks"),
        edits=LAYOUT.outputs("edits"),
        verdicts=LAYOUT.outputs("verdicts"),
    output:
        data=expand(results("dataset/{name}"), name=LAYOUT.dataset_files()),
        manifest=results("dataset/manifest.parquet"),
        funnel=results("dataset/funnel.parquet"),
        counts=results("dataset/funnel.csv"),
        scores=LAYOUT.score_files(),
        card=report(
            results("dataset/README.md"),
            caption="../report/card.rst",
            category="Data set",
        ),
    log:
        results("logs/dataset.log"),
    benchmark:
        results("benchmarks/dataset.tsv")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        key=LAYOUT.key("dataset"),
        machine=results("config/machine.json"),
        study=lambda w, input: Path(input.images).parent,
        folder=lambda w, output: Path(output.card).parent,
    shell:
        "varireal dataset --config {input.config:q} --images {input.images:q} --study {params.study:q}"
        " --manifest {output.manifest:q} --funnel {output.funnel:q} --card {output.card:q} --output {params.folder:q}"
        " --budget {params.machine:q} --log {log:q}"
