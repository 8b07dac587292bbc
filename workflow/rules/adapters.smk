# One rule per job: which trainings a job has is in the config, so its files are known while the workflow is parsed.
# A training that is in the job's store is written again without being trained again.
for JOB in LAYOUT.jobs("adapters"):

    rule:
        name:
            f"adapters_{JOB.shard}"
        input:
            config=results("config/adapters.json"),
            images=results("images.parquet"),
            masks=LAYOUT.outputs("masks"),
            data=rules.dataset.output.data,
        output:
            LAYOUT.below(JOB.outputs),
        log:
            results(f"logs/adapters/{JOB.shard}.log"),
        benchmark:
            results(f"benchmarks/adapters/{JOB.shard}.tsv")
        conda:
            "../../envs/classifiers.yaml"
        threads: LAYOUT.needs("adapters", JOB.runs).threads
        resources:
            **LAYOUT.resources("adapters", JOB.runs),
        params:
            key=LAYOUT.key("adapters"),
            machine=results("config/machine.json"),
            study=lambda w, input: Path(input.images).parent,
            runs=list(JOB.runs),
            store=results(f"store/adapters-{JOB.shard}.sqlite"),
            folder=lambda w, output: Path(output[0]).parents[2],
        shell:
            "varireal adapters --config {input.config:q} --study {params.study:q} --images {input.images:q}"
            " --runs {params.runs:q} --store {params.store:q} --output {params.folder:q}"
            " --budget {params.machine:q} --log {log:q}"
