rule masks:
    input:
        config=PATHS.config("masks"),
        machine=ancient(PATHS.config("machine")),
        images=PATHS.images,
    output:
        PATHS.masks("{shard}"),
    log:
        PATHS.log("masks/{shard}"),
    benchmark:
        PATHS.benchmark("masks/{shard}")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=LAYOUT.needs("masks")[0],
        runtime=LAYOUT.needs("masks")[1],
        gpu=LAYOUT.stage_gpus("masks"),
    params:
        key=LAYOUT.key("masks"),
        store=lambda w: PATHS.store(f"masks-{w.shard}"),
    shell:
        "varireal masks --config {input.config:q} --images {input.images:q} --shard {wildcards.shard:q}"
        " --output {output:q} --store {params.store:q} --machine {input.machine:q} --log {log:q}"
