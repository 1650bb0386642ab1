from facekp.reporting.metrics_page import PAGE, metrics_table
from facekp.reporting.results import COLUMNS


def test_the_page_has_the_metrics_of_the_catalogue():
    assert f"\n{metrics_table()}\n" in PAGE.read_text(encoding="utf-8"), "run python -m facekp.reporting.metrics_page"


def test_the_page_has_the_columns_of_predictions_csv():
    of_file = PAGE.read_text(encoding="utf-8").partition("## predictions.csv")[2].partition("## ")[0]
    assert [line.split("`")[1] for line in of_file.splitlines() if "`" in line] == list(COLUMNS)
