rule report:
    input:
        config=PATHS.config("report"),
        images=PATHS.images,
        masks=expand(PATHS.masks("{shard}"), shard=LAYOUT.shards),
        edits=LAYOUT.all_edits(),
        verdicts=LAYOUT.all_verdicts(),
        funnel=PATHS.funnel,
    output:
        report(
            directory(PATHS.report),
            htmlindex="index.html",
            caption="../report/gallery.rst",
            category="Gallery",
        ),
    log:
        PATHS.log("report"),
    benchmark:
        PATHS.benchmark("report")
    conda:
        "../../envs/core.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=120,
    params:
        key=LAYOUT.key("report"),
        study=lambda w, input: Path(input.images).parent,
    shell:
        "varireal report --config {input.config:q} --images {input.images:q} --study {params.study:q} --funnel {input.funnel:q}"
        " --output {output:q} --log {log:q}"
