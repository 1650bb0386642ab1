"""The table of all metrics in docs/metrics.md; ``python -m facekp.reporting.metrics_page`` writes it anew."""

from __future__ import annotations

from facekp.config import CONF
from facekp.evaluation.catalogue import CATALOGUE
from facekp.reporting.published import markdown_table, replace_part

PAGE = CONF.parent / "docs" / "metrics.md"


def metrics_table() -> str:
    """The table, in Markdown."""
    rows = [
        [f"`{key}`", m.title(), "lower" if m.lower_is_better else "higher", "yes" if m.headline else "no", m.meaning]
        for key, m in CATALOGUE.items()
    ]
    return markdown_table(["name", "in tables", "better", "headline", "meaning"], rows, texts=5)


if __name__ == "__main__":
    replace_part([PAGE], "metrics", metrics_table())
