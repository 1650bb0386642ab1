from facekp.data.samplers import EpochSampler


def test_sampler_visits_everything_once_in_a_new_order_each_epoch():
    sampler = EpochSampler(20, seed=1)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {variant for variant, _ in keys} == {epoch}
        assert sorted(index for _, index in keys) == list(range(20))
        epochs.append([index for _, index in keys])
    assert epochs[0] != epochs[1] != epochs[2]
    sampler.set_epoch(1)
    assert [index for _, index in sampler] == epochs[1]
    assert [index for _, index in EpochSampler(20, seed=2)] != epochs[0]


def test_sampler_visits_every_sample_several_times_an_epoch_each_time_with_a_key_of_its_own():
    sampler = EpochSampler(5, repeats=3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert len(sampler) == len(first) == 15
    assert sorted(first) == [(variant, index) for variant in range(3) for index in range(5)]
    assert sorted(second) == [(variant, index) for variant in range(3, 6) for index in range(5)]


def test_without_shuffling_every_epoch_has_the_same_order():
    sampler = EpochSampler(2, repeats=2, shuffle=False)
    assert list(sampler) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    sampler.set_epoch(1)
    assert list(sampler) == [(2, 0), (2, 1), (3, 0), (3, 1)]
