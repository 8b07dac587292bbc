localrules:
    stage_config,


rule stage_config:
    output:
        results("config/{stage}.json"),
    log:
        results("logs/config/{stage}.log"),
    conda:
        "../../envs/core.yaml"
    params:
        text=lambda w: LAYOUT.slice(w.stage),
    shell:
        "varireal config write --text - --output {output:q} --log {log:q} <<< {params.text:q}"
