# The same jobs as for the adapters; the first one also scores the model without an adapter.
for JOB in LAYOUT.jobs("predictions"):

    rule:
        name:
            f"predictions_{JOB.shard}"
        input:
            config=results("config/predictions.json"),
            images=results("images.parquet"),
            adapters=LAYOUT.below(adapter_files(JOB.runs)),
        output:
            LAYOUT.below(JOB.outputs),
        log:
            results(f"logs/predictions/{JOB.shard}.log"),
        benchmark:
            results(f"benchmarks/predictions/{JOB.shard}.tsv")
        conda:
            "../../envs/classifiers.yaml"
        threads: LAYOUT.needs("predictions", JOB.runs).threads
        resources:
            **LAYOUT.resources("predictions", JOB.runs),
        params:
            key=LAYOUT.key("predictions"),
            machine=results("config/machine.json"),
            runs=list(JOB.runs),
            store=results(f"store/predictions-{JOB.shard}.sqlite"),
            adapters=lambda w, input: Path(input.images).parent / "adapters",
            folder=lambda w, output: Path(output[0]).parents[1],
        shell:
            "varireal predictions --config {input.config:q} --images {input.images:q} --adapters {params.adapters:q}"
            " --runs {params.runs:q} --store {params.store:q} --output {params.folder:q}"
            " --budget {params.machine:q} --log {log:q}"
