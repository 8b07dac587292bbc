rule images:
    input:
        config=PATHS.config("images"),
    output:
        images=PATHS.images,
        rejects=PATHS.rejects,
    log:
        PATHS.log("images"),
    benchmark:
        PATHS.benchmark("images")
    conda:
        "../../envs/core.yaml"
    threads: 4
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        key=LAYOUT.key("images"),
        listing=lambda w: LAYOUT.listing_digest,
        photos=PATHS.photos,
        store=PATHS.store("images"),
    shell:
        "varireal images --config {input.config:q} --photos {params.photos:q} --store {params.store:q}"
        " --threads {threads} --output {output.images:q} --rejects {output.rejects:q} --log {log:q}"
