"""docs/metrics.md, the page of all metrics and of the files of a run.

``python -m facekp.reporting.metrics_page`` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from facekp.config import CONF
from facekp.evaluation.catalogue import CATALOGUE, COMPARED, HEADLINE
from facekp.reporting.published import markdown_table
from facekp.reporting.results import COLUMNS
from facekp.utils.files import write_text

PAGE = CONF.parent / "docs" / "metrics.md"
_INTRODUCTION = """# Metrics

<!-- Made by `python -m facekp.reporting.metrics_page` from facekp/evaluation/catalogue.py; not edited by hand. -->

The unit is in the name: `_px` are pixels of the original photograph, `_px2` their square. Values that tables show in %
are fractions in files: an `nme` of 0.05 is 5 %. Metrics that need the distance between the eye centres are NaN if the
scheme has no eyes.
"""
_ROW = "the number of `images`, and each metric by its name"
_METRICS_JSON = {
    "model, selection, seed": "the network, the selection of points that it predicts, and the seed",
    "weights, epoch": "the evaluated weights, and after how many epochs",
    "data, labels, split": "the data set, its raw or mended labels, and the split",
    "images": "number of held-out faces",
    "face_width_px": "how wide the labelled points of a face lie apart, on average",
    "metrics": f"of all faces {', '.join(HEADLINE)}, each with `_turned` of the turned ones, with `mean_shape_` of "
    "always predicting the mean shape; `spread`: how much the predictions vary among faces, as a fraction of the truth",
    "by_type": f"a row for each image type, then frontal, turned and all: {_ROW}",
    "by_group": f"a row for each point group, then inner and all, but no points twice: {_ROW}",
    "error_px": "mean error by image type, then by point group",
    "mean_shape": "by_type, by_group and error_px of always predicting the mean shape of the training set",
    "raw_labels": "by_type, by_group and error_px on the raw labels, if others were used",
    "coverage": "share of the true points within the ellipses of 50, 90 and 99 %, if the network tells covariances",
    "kind, trained_on, given, missed": "of other detectors: kind, training data, prior knowledge, missed faces",
}
_SWEEP_CSV = {
    "run": "name of the run's folder in that of the sweep",
    "<setting>": "each setting of the sweep, by its name",
    "status": "finished, unfinished or failed",
    ", ".join(COMPARED): "of the final weights, on all held-out faces or the turned ones",
}
_SUMMARY_CSV = {
    "<setting>": "each but seed and fold",
    "runs": "how many finished",
    "<metric>_mean, <metric>_sd": "mean and standard deviation over the runs, of each metric of sweep.csv",
}
_COMPARE_CSV = {
    "run, folder": "name and folder of the run",
    "overrides": "what was typed differently for these runs, if that is little",
    "images, points": "numbers of images and points with predictions",
    "<metric>": "each, on the images and points that all runs have",
    "error_px_frontal, error_px_turned": "of those faces",
    "difference_<metric>_mean, _low, _high, _verdict": "minus the first run's, with a 95 % interval over people",
    "<setting>": "each in which the runs differ",
}


def metrics_page() -> str:
    """The text of docs/metrics.md."""
    metrics = [
        [f"`{key}`", metric.title(), "lower" if metric.lower_is_better else "higher", metric.meaning]
        for key, metric in CATALOGUE.items()
    ]
    parts = [_INTRODUCTION, markdown_table(["name", "in tables", "better", "meaning"], metrics, texts=4)]
    for file, rows, names in (
        ("metrics.json", "All metrics, and their origin.", _METRICS_JSON),
        ("predictions.csv", "A row for each point of each image.", COLUMNS),
        ("sweep.csv", "A row for each run of a sweep, that with the smallest error first.", _SWEEP_CSV),
        ("sweep_summary.csv", "A row for each setting, over seeds and folds.", _SUMMARY_CSV),
        ("compare.csv", "A row for each run of a comparison.", _COMPARE_CSV),
    ):
        parts.append(f"## {file}\n\n{rows}\n\n{_described(names)}")
    return "\n".join(parts)


def _described(columns: Mapping[str, str]) -> str:
    return markdown_table(["name", "meaning"], [[f"`{name}`", text] for name, text in columns.items()], texts=2)


if __name__ == "__main__":
    write_text(PAGE, metrics_page())
