"""The measures measure what they name; how fast anything is, no test says."""

import pytest

from facekp.benchmarks import scale as bench_scale
from facekp.benchmarks import speed as bench


@pytest.fixture
def small(monkeypatch) -> None:
    monkeypatch.setattr(bench_scale, "_PEOPLE", 2)
    monkeypatch.setattr(bench_scale, "_CACHE_MB", 1)


def test_medians_and_their_ratios_to_the_first_of_a_kind_are_printed(capsys):
    first, second, alone = iter([1.0, 2.0, 10.0]), iter([2.0, 8.0, 30.0]), iter([5.0, 7.0, 6.0])
    kinds = [
        ("images/s", {"bare": first.__next__, "whole": second.__next__}),
        ("s", {"figures": alone.__next__}),
    ]
    bench.measure_in_turn(kinds, 3)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:] if line]
    assert rows == [
        ["bare", "2.0", "images/s", "1.00"],
        ["whole", "8.0", "images/s", "3.00"],
        ["figures", "6.0", "s", "1.00"],
    ]


def test_all_parts_of_a_training_are_measured(drawn_root):
    parts = bench.Bench("model=heatmap_tiny", "data=standin", f"data.root={drawn_root}", "data.split=person_folds")
    speeds = parts.speeds("tiny")
    assert list(speeds)[:2] == ["tiny, bare loop", "tiny, loader"]
    assert min(measure() for measure in [*speeds.values(), parts.figures]) > 0


@pytest.mark.slow
def test_a_command_ends_at_its_first_step(drawn_root, tmp_path):
    data = ("data=standin", f"data.root={drawn_root}", "data.split=person_folds")
    assert bench.seconds([str(bench.CONF.parent / "train.py"), *bench._FIRST_STEP, *data], str(tmp_path)) > 0
    (run,) = tmp_path.glob("outputs/**/split.json")
    assert not list(run.parent.glob("metrics.json"))


def test_one_drawn_set_serves_as_any_number_of_people(drawn_root, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_scale, "_PEOPLE", 4)
    bench_scale.linked(drawn_root, tmp_path, 60)
    config = bench.configured("unused", "data=standin", f"data.root={tmp_path}", "data.split=person_folds")
    cost = bench_scale.measure(config)
    assert (cost["images"], cost["kept"]) == (60, "yes")
    assert min(cost[part] for part in ("read", "check", "prepare", "loader", "peak")) > 0
    records, _ = bench_scale.read_records(config.data)
    assert len({record.person for record in records}) == 10


@pytest.mark.slow
def test_the_scale_table_has_a_row_for_each_number_of_images(tmp_path, capsys, small):
    config = bench.configured("unused", "data=standin", f"data.folder={tmp_path}", "data.num_workers=1")
    few, many = bench_scale.run(config, counts=(12, 120))
    assert (few["images"], many["images"]) == (12, 120)
    assert (few["kept"], many["kept"]) == ("yes", "no")
    assert min(few["of a worker"], many["of a worker"]) > 10
    assert [path.name for path in tmp_path.iterdir()] == ["standin-2"]
    lines = capsys.readouterr().out
    assert "data.cache_mb=1" in lines
    assert "Each set consists of the same" in lines
