rule images:
    input:
        config=results("config/images.json"),
    output:
        images=results("images.parquet"),
        rejects=results("rejects.parquet"),
    log:
        results("logs/images.log"),
    benchmark:
        results("benchmarks/images.tsv")
    conda:
        "../../envs/core.yaml"
    threads: 4
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        key=LAYOUT.key("images"),
        listing=lambda w: LAYOUT.listing_digest,
        photos=results("photos"),
        store=results("store/images.sqlite"),
    shell:
        "varireal images --config {input.config:q} --photos {params.photos:q} --store {params.store:q}"
        " --threads {threads} --output {output.images:q} --rejects {output.rejects:q} --log {log:q}"
