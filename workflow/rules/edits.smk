# The prompt files themselves are no inputs: a new date runs nothing. What counts is the digest of the setting's own
# prompts, so an edited colour prompt runs the colour edits of its arm and nothing else. The gathered file is written
# whenever the rule prompts runs: Snakemake does not look at the params of jobs behind it, so that file is what makes a
# changed bank followed in the same run.
rule edits:
    input:
        config=PATHS.config("edits"),
        images=PATHS.images,
        masks=PATHS.masks("{shard}"),
        prompts=PATHS.prompts_gathered,
        priors=lambda w: LAYOUT.pool(w.attribute, w.feasibility),
        earlier_edits=earlier(PATHS.edits),
        earlier_verdicts=earlier(PATHS.verdicts),
    output:
        PATHS.edits("{attribute}", "{feasibility}", "{round}", "{shard}"),
    log:
        PATHS.log("edits/{attribute}/{feasibility}/round{round}/{shard}"),
    benchmark:
        PATHS.benchmark("edits/{attribute}/{feasibility}/round{round}/{shard}")
    conda:
        environment("edits")
    threads: LAYOUT.job("edits").threads
    resources:
        mem_mb=lambda w, attempt: LAYOUT.job("edits").again(attempt).mem_mb,
        runtime=lambda w, attempt: LAYOUT.job("edits").again(attempt).runtime,
        gpu=LAYOUT.job("edits").gpu,
    params:
        key=LAYOUT.key("edits"),
        machine=PATHS.config("machine"),
        prompts=lambda w: LAYOUT.prompts_digest(w.attribute, w.feasibility),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal edits --config {input.config:q} --images {input.images:q} --masks {input.masks:q}"
        " --prompts {input.prompts:q} --attribute {wildcards.attribute:q} --feasibility {wildcards.feasibility:q}"
        " --round {wildcards.round} --shard {wildcards.shard:q} --earlier-edits {input.earlier_edits:q}"
        " --earlier-verdicts {input.earlier_verdicts:q} --priors {input.priors:q} --output {output:q}"
        " --store {params.store:q} --machine {params.machine:q} --prompts-digest {params.prompts:q} --log {log:q}"
