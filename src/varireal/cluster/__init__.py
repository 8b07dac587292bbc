"""``varireal cluster``: look at a SLURM cluster, propose a profile for Snakemake, and try it without running a job."""
