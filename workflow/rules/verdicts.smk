rule verdicts:
    input:
        config=PATHS.config("verdicts"),
        edits=PATHS.edits("{attribute}", "{feasibility}", "{round}", "{shard}"),
    output:
        PATHS.verdicts("{attribute}", "{feasibility}", "{round}", "{shard}"),
    log:
        PATHS.log("verdicts/{attribute}/{feasibility}/round{round}/{shard}"),
    benchmark:
        PATHS.benchmark("verdicts/{attribute}/{feasibility}/round{round}/{shard}")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=30,
    params:
        key=LAYOUT.key("verdicts"),
    shell:
        "varireal verdicts --config {input.config:q} --edits {input.edits:q} --output {output:q} --log {log:q}"
