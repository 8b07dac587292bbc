# The same jobs as for the adapters; the first one also scores the model without an adapter.
for JOB, RUNS in LAYOUT.scorings.items():

    rule:
        name:
            f"predictions_{JOB}"
        input:
            config=PATHS.config("predictions"),
            images=PATHS.images,
            adapters=LAYOUT.adapter_files(RUNS),
        output:
            LAYOUT.prediction_files(RUNS),
        log:
            PATHS.log(f"predictions/{JOB}"),
        benchmark:
            PATHS.benchmark(f"predictions/{JOB}")
        conda:
            "../../envs/classifiers.yaml"
        threads: LAYOUT.classifier_job("predictions", RUNS).threads
        resources:
            # RUNS of this turn of the loop, not of the last one
            mem_mb=lambda w, attempt, asked=LAYOUT.classifier_job(
                "predictions", RUNS
            ): (asked.again(attempt).mem_mb),
            runtime=lambda w, attempt, asked=LAYOUT.classifier_job(
                "predictions", RUNS
            ): (asked.again(attempt).runtime),
            gpu=LAYOUT.classifier_job("predictions", RUNS).gpu,
        params:
            key=LAYOUT.key("predictions"),
            machine=PATHS.config("machine"),
            runs=RUNS,
            store=PATHS.store(f"predictions-{JOB}"),
            adapters=lambda w, input: Path(input.images).parent / "adapters",
            folder=lambda w, output: Path(output[0]).parents[1],
        shell:
            "varireal predictions --config {input.config:q} --images {input.images:q} --adapters {params.adapters:q}"
            " --runs {params.runs:q} --store {params.store:q} --output {params.folder:q}"
            " --budget {params.machine:q} --log {log:q}"
