# Copies runs of pgsrm into Trackio or Weights & Biases by their own Python API:
#   python tracker.py trackio|wandb PROJECT DIR...      (WANDB_MODE=offline keeps it on this machine)
# A run is named by its folder; its configuration, all metrics by step, and the greedy answers
# of the last evaluation as a table go with it. Copy a run once: it would be there twice.
import importlib, json, os, sys

library, project, *folders = sys.argv[1:]
tracker = importlib.import_module(library)


def lines(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.endswith("\n"):  # a run that goes on may write the last one now
                yield json.loads(line)


found = [top for folder in folders for top, _, files in os.walk(folder) if "metrics.jsonl" in files]
for top in sorted(set(found)):
    config = {}
    with open(os.path.join(top, "config.yaml"), encoding="utf-8") as f:
        for line in f:  # the keys without sections; the whole file goes with them as one text
            key, _, value = line.partition(":")
            if value.strip() and not line.startswith(" "):
                config[key] = value.strip()
            config["config.yaml"] = config.get("config.yaml", "") + line
    tracker.init(project=project, name=os.path.relpath(top).replace(os.sep, "-"), config=config)
    steps = {}  # an evaluation is a line of its own with the step of the one before
    for m in lines(os.path.join(top, "metrics.jsonl")):
        steps.setdefault(m.pop("step"), {}).update((k, v) for k, v in m.items() if v is not None)
    for step, values in steps.items():
        tracker.log(values, step=step)
    answers = [c for c in lines(os.path.join(top, "completions.jsonl")) if c.get("greedy")]
    rows = [[c["prompt"], c["reference"], c["response"]] for c in answers if c["step"] == answers[-1]["step"]]
    if rows and library == "wandb":
        tracker.log({"answers": tracker.Table(columns=["prompt", "reference", "answer"], data=rows)}, step=max(steps))
    tracker.finish()
