# The prompt files themselves are no inputs: a new date runs nothing. What counts is the digest of the setting's own
# prompts, so an edited colour prompt runs the colour edits of its arm and nothing else. The gathered file is written
# whenever the rule prompts runs: Snakemake does not look at the params of jobs behind it, so that file is what makes a
# changed bank followed in the same run.
rule edits:
    input:
        config=results("config/edits.json"),
        images=results("images.parquet"),
        masks=results("masks/{shard}.parquet"),
        prompts=results("prompts/.record/.all.json"),
        priors=lambda w: LAYOUT.pool(w.attribute, w.feasibility),
        earlier_edits=earlier("edits"),
        earlier_verdicts=earlier("verdicts"),
    output:
        results("edits/{attribute}/{feasibility}/round{round}/{shard}.parquet"),
    log:
        results("logs/edits/{attribute}/{feasibility}/round{round}/{shard}.log"),
    benchmark:
        results("benchmarks/edits/{attribute}/{feasibility}/round{round}/{shard}.tsv")
    conda:
        environment("edits")
    threads: LAYOUT.needs("edits").threads
    resources:
        **LAYOUT.resources("edits"),
    params:
        key=LAYOUT.key("edits"),
        machine=results("config/machine.json"),
        prompts=lambda w: LAYOUT.prompts_digest(w.attribute, w.feasibility),
        store=lambda w, output: PATHS.store_of(output[0]),
    shell:
        "varireal edits --config {input.config:q} --images {input.images:q} --masks {input.masks:q}"
        " --prompts {input.prompts:q} --attribute {wildcards.attribute:q} --feasibility {wildcards.feasibility:q}"
        " --round {wildcards.round} --shard {wildcards.shard:q} --earlier-edits {input.earlier_edits:q}"
        " --earlier-verdicts {input.earlier_verdicts:q} --priors {input.priors:q} --output {output:q}"
        " --store {params.store:q} --machine {params.machine:q} --prompts-digest {params.prompts:q} --log {log:q}"
