rule verdicts:
    input:
        config=results("config/verdicts.json"),
        edits=results("edits/{attribute}/{feasibility}/round{round}/{shard}.parquet"),
        masks=results("masks/{shard}.parquet"),
    output:
        results("verdicts/{attribute}/{feasibility}/round{round}/{shard}.parquet"),
    log:
        results("logs/verdicts/{attribute}/{feasibility}/round{round}/{shard}.log"),
    benchmark:
        results(
            "benchmarks/verdicts/{attribute}/{feasibility}/round{round}/{shard}.tsv"
        )
    conda:
        environment("verdicts")
    threads: LAYOUT.needs("verdicts").threads
    resources:
        **LAYOUT.resources("verdicts"),
    params:
        key=LAYOUT.key("verdicts"),
        machine=results("config/machine.json"),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal verdicts --config {input.config:q} --edits {input.edits:q} --masks {input.masks:q}"
        " --output {output:q} --store {params.store:q} --machine {params.machine:q} --log {log:q}"
