# One job for each row and seed. `make study` writes the plan and starts this file with it. Snakemake only schedules: the
# planner (o1lib/study/plan.py) has already decided which rows are out of date. The record is a row's only declared
# output, so Snakemake removes the record of a failed row and leaves its checkpoints and its executed notebook.
import json

with open(config["plan"], encoding="utf8") as file:
    ROWS = json.load(file)


def entry(wildcards):
    return ROWS[f"{wildcards.row}/{wildcards.seed}"]


def record(key):
    row, seed = key.rsplit("/", 1)
    return f"runs/{row}/seed{seed}/record.json"


def asked(wildcards, name):
    return entry(wildcards)["resources"][name]


rule study:
    input: [record(key) for key in ROWS]


rule row:
    input: lambda wildcards: [record(key) for key in entry(wildcards)["needs"]]
    output: "runs/{row}/seed{seed}/record.json"
    wildcard_constraints: row="[^/]+", seed="[0-9]+"
    # Snakemake sets OMP_NUM_THREADS and MKL_NUM_THREADS of each job to this number. torch uses the smaller of the two.
    # 0 in the config: the row runs on a machine of a cluster and gets the cores that it asks for.
    threads: lambda wildcards: int(config["threads"]) or asked(wildcards, "cpus")
    # An arm is scored before the next one is trained: a study that is stopped leaves few models that wait for scores.
    priority: lambda wildcards: int(entry(wildcards)["notebook"] == "03_search_and_score")
    # What a cluster's scheduler is asked for. Without limits for them, which `make study` never sets, they bound nothing.
    resources:
        mem_mb=lambda wildcards: asked(wildcards, "mem_mb"),
        runtime=lambda wildcards: asked(wildcards, "runtime"),
        gpu=lambda wildcards: asked(wildcards, "gpus"),
    # :q quotes a word for the shell: a path may hold spaces, quotes and dollar signs
    shell: "{config[python]:q} -m o1lib run-row {wildcards.row:q} --seed {wildcards.seed} --scale {config[scale]:q}"
           " --plan {config[plan]:q}"
