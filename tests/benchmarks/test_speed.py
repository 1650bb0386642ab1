"""The measures measure what they name; how fast anything is, no test says."""

import pytest

from facekp.benchmarks import scale as bench_scale
from facekp.benchmarks import speed as bench


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(bench_scale, "_PEOPLE", 2)
    monkeypatch.setattr(bench_scale, "_CACHE_MB", 1)


def test_one_drawn_set_serves_as_any_number_of_people(drawn_root, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_scale, "_PEOPLE", 4)
    bench_scale.linked(drawn_root, tmp_path, 60)
    config = bench.configured("unused", "data=standin", f"data.root={tmp_path}", "data.split=person_folds")
    cost = bench_scale.measure(config)
    assert (cost.images, cost.kept) == (60, True)
    assert min(cost.read_ms, cost.check_ms, cost.prepare_ms, cost.rate, cost.peak_mb) > 0
    records, _ = bench_scale.read_records(config.data)
    assert len({record.person for record in records}) == 10


@pytest.mark.slow
def test_the_scale_table_has_a_row_for_each_number_of_images(tmp_path, capsys, small):
    config = bench.configured("unused", "data=standin", f"data.folder={tmp_path}", "data.num_workers=1")
    few, many = bench_scale.run(config, counts=(12, 120))
    assert (few.images, many.images) == (12, 120)
    assert (few.kept, many.kept) == (True, False)
    assert min(few.worker_mb, many.worker_mb) > 10
    assert [path.name for path in tmp_path.iterdir()] == ["standin-2"]
    lines = capsys.readouterr().out
    assert "data.cache_mb=1" in lines
    assert "Each set consists of the same" in lines
