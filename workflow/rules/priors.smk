# Prior pictures depend on the prompts alone: a setting's pool is made once and shared by all its photos and rounds.
rule priors:
    input:
        config=PATHS.config("edits"),
        images=PATHS.images,
        prompts=PATHS.prompts_gathered,
    output:
        PATHS.priors("{attribute}", "{feasibility}"),
    log:
        PATHS.log("priors/{attribute}/{feasibility}"),
    benchmark:
        PATHS.benchmark("priors/{attribute}/{feasibility}")
    conda:
        environment("priors")
    threads: LAYOUT.job("priors").threads
    resources:
        mem_mb=lambda w, attempt: LAYOUT.job("priors").again(attempt).mem_mb,
        runtime=lambda w, attempt: LAYOUT.job("priors").again(attempt).runtime,
        gpu=LAYOUT.job("priors").gpu,
    params:
        key=LAYOUT.key("priors"),
        machine=PATHS.config("machine"),
        prompts=lambda w: LAYOUT.prompts_digest(w.attribute, w.feasibility),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal priors --config {input.config:q} --images {input.images:q} --prompts {input.prompts:q}"
        " --attribute {wildcards.attribute:q} --feasibility {wildcards.feasibility:q} --output {output:q}"
        " --store {params.store:q} --machine {params.machine:q} --prompts-digest {params.prompts:q} --log {log:q}"
