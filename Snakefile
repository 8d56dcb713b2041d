# One job a row and seed. Snakemake schedules and nothing else: which rows are out of date is decided before it starts
# (o1lib/study/plan.py), and a row's only declared output is its record, so that checkpoints and executed notebooks of a row
# that failed stay where they are. Started by `make study`, which writes the plan named here.
import json

with open(config["plan"], encoding="utf8") as file:
    ROWS = json.load(file)


def record(key):
    row, seed = key.rsplit("/", 1)
    return f"runs/{row}/seed{seed}/record.json"


rule study:
    input: [record(key) for key in ROWS]


rule row:
    input: lambda wildcards: [record(key) for key in ROWS[f"{wildcards.row}/{wildcards.seed}"]["needs"]]
    output: "runs/{row}/seed{seed}/record.json"
    wildcard_constraints: row="[^/]+", seed="[0-9]+"
    # Snakemake allows a job one thread unless told otherwise, in several variables; torch takes the least of these two.
    shell: "OMP_NUM_THREADS={config[threads]} MKL_NUM_THREADS={config[threads]} {config[python]} -m o1lib run-row"
           " {wildcards.row} --seed {wildcards.seed} --scale {config[scale]} --plan {config[plan]}"
