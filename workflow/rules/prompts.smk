# The files are updated, never replaced: what a person edited in them stays.
if LAYOUT.asks:

    if workflow.is_main_process:
        sys.stderr.write(LAYOUT.asking_news())

    # One job asks for all classes, so that the traffic has one owner. Where the server is, how fast it may be asked and
    # what may be spent change no prompt: that file is no input.
    rule prompts:
        input:
            config=results("config/prompts.json"),
        output:
            prompts=update(LAYOUT.all_prompts()),
            records=LAYOUT.all_records(),
            usage=results("prompts/.record/usage.json"),
        log:
            results("logs/prompts.log"),
        benchmark:
            results("benchmarks/prompts.tsv")
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=600,
            runtime=720,
        params:
            key=LAYOUT.key("prompts"),
            server=results("config/server.json"),
            store=results("store/prompts.sqlite"),
            folder=results("prompts"),
        shell:
            "varireal prompts ask --config {input.config:q} --server {params.server:q} --store {params.store:q}"
            " --output {params.folder:q} --log {log:q}"

else:

    # A moment for each class, and there may be hundreds: not worth a place in a cluster's queue.
    localrules:
        prompts,

    rule prompts:
        input:
            config=results("config/prompts.json"),
        output:
            prompts=update(results("prompts/{class_id}.yaml")),
            record=results("prompts/.record/{class_id}.json"),
        log:
            results("logs/prompts/{class_id}.log"),
        benchmark:
            results("benchmarks/prompts/{class_id}.tsv")
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


# Jobs behind it depend on this one file, not on hundreds each.
localrules:
    prompts_gathered,


rule prompts_gathered:
    input:
        records=LAYOUT.all_records(),
    output:
        results("prompts/.record/.all.json"),
    log:
        results("logs/prompts_gathered.log"),
    benchmark:
        results("benchmarks/prompts_gathered.tsv")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=300,
        runtime=10,
    params:
        key="v1",
    shell:
        "varireal prompts gather --records {input.records:q} --output {output:q} --log {log:q}"
