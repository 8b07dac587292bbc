# One rule per job: which trainings a job has is in the config, so its files are known while the workflow is parsed.
# A training that is in the job's store is written again without being trained again.
for JOB, RUNS in LAYOUT.trainings.items():

    rule:
        name:
            f"adapters_{JOB}"
        input:
            config=PATHS.config("adapters"),
            images=PATHS.images,
            masks=LAYOUT.all_masks(),
            data=rules.dataset.output.data,
        output:
            LAYOUT.adapter_files(RUNS),
        log:
            PATHS.log(f"adapters/{JOB}"),
        benchmark:
            PATHS.benchmark(f"adapters/{JOB}")
        conda:
            "../../envs/classifiers.yaml"
        threads: LAYOUT.classifier_job("adapters", RUNS).threads
        resources:
            # RUNS of this turn of the loop, not of the last one
            mem_mb=lambda w, attempt, asked=LAYOUT.classifier_job("adapters", RUNS): (
                asked.again(attempt).mem_mb
            ),
            runtime=lambda w, attempt, asked=LAYOUT.classifier_job("adapters", RUNS): (
                asked.again(attempt).runtime
            ),
            gpu=LAYOUT.classifier_job("adapters", RUNS).gpu,
        params:
            key=LAYOUT.key("adapters"),
            machine=PATHS.config("machine"),
            study=lambda w, input: Path(input.images).parent,
            runs=RUNS,
            store=PATHS.store(f"adapters-{JOB}"),
            folder=lambda w, output: Path(output[0]).parents[2],
        shell:
            "varireal adapters --config {input.config:q} --study {params.study:q} --images {input.images:q}"
            " --runs {params.runs:q} --store {params.store:q} --output {params.folder:q}"
            " --budget {params.machine:q} --log {log:q}"
