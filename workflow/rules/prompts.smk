# The file is updated, never replaced: what a person edited in it stays.
rule prompts:
    input:
        config=PATHS.config("prompts"),
    output:
        prompts=update(PATHS.prompts("{class_id}")),
        record=PATHS.prompts_record("{class_id}"),
    log:
        PATHS.log("prompts/{class_id}"),
    benchmark:
        PATHS.benchmark("prompts/{class_id}")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=300,
        runtime=10,
    params:
        key=LAYOUT.key("prompts"),
        bank=lambda w: LAYOUT.bank_digest(w.class_id),
    shell:
        "varireal prompts --config {input.config:q} --class-id {wildcards.class_id:q}"
        " --output {output.prompts:q} --record {output.record:q} --log {log:q}"
