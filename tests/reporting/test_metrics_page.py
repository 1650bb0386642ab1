from facekp.evaluation.catalogue import CATALOGUE
from facekp.reporting.metrics_page import PAGE, metrics_page


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == metrics_page(), "run python -m facekp.reporting.metrics_page"


def test_every_metric_is_explained():
    page = metrics_page()
    for key, metric in CATALOGUE.items():
        assert f"| `{key}` | {metric.title()} |" in page
        assert metric.meaning in page
