# The files are updated, never replaced: what a person edited in them stays.
if LAYOUT.asks:

    if workflow.is_main_process:
        sys.stderr.write(LAYOUT.asking_news())

    # One job asks for all classes, so that the traffic has one owner. Where the server is, how fast it may be asked and
    # what may be spent change no prompt: that file is no input.
    rule prompts:
        input:
            config=PATHS.config("prompts"),
        output:
            prompts=update(LAYOUT.all_prompts()),
            records=LAYOUT.all_records(),
            usage=PATHS.prompts_usage,
        log:
            PATHS.log("prompts"),
        benchmark:
            PATHS.benchmark("prompts")
        conda:
            "../../envs/core.yaml"
        threads: 1
        resources:
            mem_mb=600,
            runtime=720,
        params:
            key=LAYOUT.key("prompts"),
            server=PATHS.config("server"),
            store=PATHS.store("prompts"),
            folder=PATHS.prompts_folder,
        shell:
            "varireal prompts ask --config {input.config:q} --server {params.server:q} --store {params.store:q}"
            " --output {params.folder:q} --log {log:q}"

else:

    # A moment for each class, and there may be hundreds: not worth a place in a cluster's queue.
    localrules:
        prompts,

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


# Jobs behind it depend on this one file, not on hundreds each.
localrules:
    prompts_gathered,


rule prompts_gathered:
    input:
        records=LAYOUT.all_records(),
    output:
        PATHS.prompts_gathered,
    log:
        PATHS.log("prompts_gathered"),
    benchmark:
        PATHS.benchmark("prompts_gathered")
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
