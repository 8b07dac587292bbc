rule verdicts:
    input:
        config=PATHS.config("verdicts"),
        edits=PATHS.edits("{attribute}", "{feasibility}", "{round}", "{shard}"),
        masks=PATHS.masks("{shard}"),
    output:
        PATHS.verdicts("{attribute}", "{feasibility}", "{round}", "{shard}"),
    log:
        PATHS.log("verdicts/{attribute}/{feasibility}/round{round}/{shard}"),
    benchmark:
        PATHS.benchmark("verdicts/{attribute}/{feasibility}/round{round}/{shard}")
    conda:
        environment("verdicts")
    threads: LAYOUT.job("verdicts").threads
    resources:
        mem_mb=lambda w, attempt: LAYOUT.job("verdicts").again(attempt).mem_mb,
        runtime=lambda w, attempt: LAYOUT.job("verdicts").again(attempt).runtime,
        gpu=LAYOUT.job("verdicts").gpu,
    params:
        key=LAYOUT.key("verdicts"),
        machine=PATHS.config("machine"),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal verdicts --config {input.config:q} --edits {input.edits:q} --masks {input.masks:q}"
        " --output {output:q} --store {params.store:q} --machine {params.machine:q} --log {log:q}"
