import pytest

from mnist_cnn.training.update_log import MOST, UpdateLog


def test_the_mean_of_a_block_follows_from_the_means_since_the_start_of_the_epoch() -> None:
    log = UpdateLog(total=4)
    log.add(2, 4, loss=1.0, accuracy=0.5)
    log.add(4, 4, loss=0.75, accuracy=0.625)
    assert log.blocks == [
        {"update": 2, "loss": 1.0, "accuracy": 0.5},
        {"update": 4, "loss": 0.5, "accuracy": 0.75},
    ]


def test_updates_are_counted_over_all_epochs() -> None:
    log = UpdateLog(total=8, before=4)
    log.add(4, 4, loss=1.0, accuracy=0.5)
    assert [block["update"] for block in log.blocks] == [8]


def test_a_long_training_has_no_more_than_120_blocks_and_one_for_the_end_of_each_epoch() -> None:
    blocks = []
    for epoch in range(12):
        log = UpdateLog(total=12 * 844, before=844 * epoch)
        for done in [*range(16, 844, 16), 844]:
            log.add(done, 844, loss=1.0, accuracy=0.5)
        blocks += log.blocks
        assert blocks[-1]["update"] == 844 * (epoch + 1)
    assert 60 < len(blocks) <= MOST
    assert {block["loss"] for block in blocks} == {1.0}


def test_rounding_does_not_take_an_accuracy_out_of_its_range() -> None:
    log = UpdateLog(total=2)
    log.add(1, 2, loss=1.0, accuracy=0.9999999)
    log.add(2, 2, loss=1.0, accuracy=1.0)
    assert log.blocks[1]["accuracy"] == pytest.approx(1.0)
    assert log.blocks[1]["accuracy"] <= 1
