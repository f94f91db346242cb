# Reads a run and what pgsrm export and pgsrm report wrote of it with the readers that others
# use, and prints what they find as one JSON object:
#   python readers.py RUN TABLES REPORT
# TensorBoard's event accumulator and its plugin hparams; pandas and Polars.
import json
import os
import sys

import pandas as pd
import polars as pl
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams

run, tables, report = sys.argv[1:]

events = EventAccumulator(run, size_guidance={"scalars": 0, "tensors": 0})
events.Reload()
scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
texts = {
    tag: [[e.step, e.tensor_proto.string_val[0].decode()] for e in events.Tensors(tag)]
    for tag in events.PluginTagToContent("text")
}
session = hparams.parse_session_start_info_plugin_data(
    events.PluginTagToContent("hparams")[hparams.SESSION_START_INFO_TAG]
)
settings = {k: getattr(v, v.WhichOneof("kind")) for k, v in session.hparams.items()}


def table(folder, name):
    """What pandas and Polars make of a table as CSV and as Parquet; all four must agree."""
    out = {}
    for ending, read in {"csv": (pd.read_csv, pl.read_csv), "parquet": (pd.read_parquet, pl.read_parquet)}.items():
        path = os.path.join(folder, name + "." + ending)
        a, b = read[0](path), read[1](path)
        for library, columns, rows, numbers, seed in (
            ("pandas", list(a.columns), len(a), a.select_dtypes("float").sum().to_dict(), str(a["seed"].dtype).lower()),
            ("polars", b.columns, b.height, {c: b[c].sum() for c in b.columns if b[c].dtype.is_float()}, str(b["seed"].dtype).lower()),
        ):
            out[library + " " + ending] = {
                "columns": columns, "rows": rows, "seed": seed,
                "sums": {k: float(v) for k, v in numbers.items() if v},
            }
    return out


json.dump(
    {
        "scalars": scalars, "texts": texts, "hparams": settings,
        "metrics": table(tables, "metrics"), "completions": table(tables, "completions"), "runs": table(tables, "runs"),
        "results": table(report, "results"),
        "responses": pl.read_parquet(os.path.join(tables, "completions.parquet"))["response"].to_list(),
        "responses_csv": pd.read_csv(os.path.join(tables, "completions.csv"), keep_default_na=False)["response"].to_list(),
    },
    sys.stdout,
)
