rule masks:
    input:
        config=PATHS.config("masks"),
        images=PATHS.images,
    output:
        PATHS.masks("{shard}"),
    log:
        PATHS.log("masks/{shard}"),
    benchmark:
        PATHS.benchmark("masks/{shard}")
    conda:
        environment("masks")
    threads: LAYOUT.job("masks").threads
    resources:
        mem_mb=lambda w, attempt: LAYOUT.job("masks").again(attempt).mem_mb,
        runtime=lambda w, attempt: LAYOUT.job("masks").again(attempt).runtime,
        gpu=LAYOUT.job("masks").gpu,
    params:
        key=LAYOUT.key("masks"),
        machine=PATHS.config("machine"),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal masks --config {input.config:q} --images {input.images:q} --shard {wildcards.shard:q}"
        " --output {output:q} --store {params.store:q} --machine {params.machine:q} --log {log:q}"
