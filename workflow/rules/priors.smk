# Prior pictures depend on the prompts alone: a setting's pool is made once and shared by all its photos and rounds.
rule priors:
    input:
        config=results("config/edits.json"),
        images=results("images.parquet"),
        prompts=results("prompts/.record/.all.json"),
    output:
        results("priors/{attribute}/{feasibility}.parquet"),
    log:
        results("logs/priors/{attribute}/{feasibility}.log"),
    benchmark:
        results("benchmarks/priors/{attribute}/{feasibility}.tsv")
    conda:
        environment("priors")
    threads: LAYOUT.needs("priors").threads
    resources:
        **LAYOUT.resources("priors"),
    params:
        key=LAYOUT.key("priors"),
        machine=results("config/machine.json"),
        prompts=lambda w: LAYOUT.prompts_digest(w.attribute, w.feasibility),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal priors --config {input.config:q} --images {input.images:q} --prompts {input.prompts:q}"
        " --attribute {wildcards.attribute:q} --feasibility {wildcards.feasibility:q} --output {output:q}"
        " --store {params.store:q} --machine {params.machine:q} --prompts-digest {params.prompts:q} --log {log:q}"
