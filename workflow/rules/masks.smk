rule masks:
    input:
        config=results("config/masks.json"),
        images=results("images.parquet"),
    output:
        results("masks/{shard}.parquet"),
    log:
        results("logs/masks/{shard}.log"),
    benchmark:
        results("benchmarks/masks/{shard}.tsv")
    conda:
        environment("masks")
    threads: LAYOUT.needs("masks").threads
    resources:
        **LAYOUT.resources("masks"),
    params:
        key=LAYOUT.key("masks"),
        machine=results("config/machine.json"),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal masks --config {input.config:q} --images {input.images:q} --shard {wildcards.shard:q}"
        " --output {output:q} --store {params.store:q} --machine {params.machine:q} --log {log:q}"
