from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from mnist_cnn.card import NO_CLASSIFIERS
from mnist_cnn.models.architectures import ARCHITECTURES, as_saved, build
from mnist_cnn.models.classic import classic
from mnist_cnn.models.layers import ProductConv2D, plain
from mnist_cnn.models.robust import non_digit_shared, without_background
from mnist_cnn.models.subnetworks import DigitAccuracy, MeanOfCrossEntropies, averaged
from mnist_cnn.models.test_time_augmentation import with_test_time_augmentation
from mnist_cnn.training.recipe import RECIPES


def test_classic_has_the_layers_of_the_recipe_and_33658_parameters() -> None:
    network = classic(dropout=0.2)
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [
        layers.InputLayer,
        *(layers.Conv2D, layers.Conv2D, layers.MaxPooling2D, layers.Dropout),
        *(layers.Conv2D, layers.Conv2D, layers.MaxPooling2D, layers.Flatten),
        *(layers.Dense, layers.Dense, layers.Dense),
    ]
    convolutions = [layer for layer in network.layers if isinstance(layer, layers.Conv2D)]
    assert [(layer.filters, layer.kernel_size, layer.padding) for layer in convolutions] == [
        (16, (2, 2), "valid"),
        (16, (2, 2), "valid"),
        (32, (2, 2), "valid"),
        (32, (2, 2), "valid"),
    ]
    assert [layer.units for layer in network.layers if isinstance(layer, layers.Dense)] == [32, 16, 10]
    assert network.count_params() == 33_658


def test_pixels_are_divided_by_255_inside_the_network() -> None:
    images = np.arange(2 * 784).astype(np.uint8).reshape(2, 28, 28, 1)
    network = classic(dropout=0.2)
    divided = keras.Model(network.inputs, network.layers[1].input).predict(images, verbose=0)
    assert divided.dtype == np.float32
    assert (divided == (images / 255.0).astype(np.float32)).all()


def test_every_recipe_has_a_network() -> None:
    assert {*ARCHITECTURES, *NO_CLASSIFIERS} == set(RECIPES)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_network_takes_images_and_gives_probabilities(name: str) -> None:
    network = averaged(build(name, dropout=0.5))
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    probabilities = network.predict(images, verbose=0)
    assert network.name == name
    assert (probabilities.shape, probabilities.dtype) == ((3, 10), np.float32)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_networks_keep_to_their_limits() -> None:
    assert build("tiny", 0.0).count_params() <= 10_000
    assert build("best", 0.0).count_params() <= 1_200_000
    assert build("robust", 0.0).count_params() <= 480_000  # 2 MB in float32


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(5, 2), (3, 1), (2, 1), (4, 3), (1, 1)])
def test_a_convolution_as_a_product_gives_what_keras_gives(padding: str, size: int, strides: int) -> None:
    images = np.random.default_rng(0).normal(size=(2, 13, 14, 3)).astype(np.float32)
    product = ProductConv2D(4, size, strides=strides, padding=padding)
    usual = layers.Conv2D(4, size, strides=strides, padding=padding)
    expected = usual(images)
    product.build(images.shape)
    product.set_weights(usual.get_weights())
    assert np.asarray(product(images)) == pytest.approx(np.asarray(expected), abs=1e-5)


def test_first_weights_drawn_by_numpy_are_distributed_like_keras_own() -> None:
    keras.utils.set_random_seed(0)
    drawn, usual = (kind(64, 3) for kind in (ProductConv2D, layers.Conv2D))
    for layer in (drawn, usual):
        layer.build((None, 28, 28, 32))
    kernels = [np.asarray(layer.kernel) for layer in (drawn, usual)]
    assert kernels[0].shape == kernels[1].shape
    assert kernels[0].std() == pytest.approx(kernels[1].std(), rel=0.02)
    assert np.abs(kernels[0]).max() == pytest.approx(np.abs(kernels[1]).max(), rel=0.01)


def test_a_plain_network_is_the_same_of_keras_own_layers() -> None:
    inside = keras.Sequential([layers.Input((8, 8, 1)), ProductConv2D(3, 3, padding="same"), layers.Flatten()])
    same = plain(inside)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    assert [type(layer) for layer in same.layers] == [layers.Conv2D, layers.Flatten]
    assert np.asarray(same(images)) == pytest.approx(np.asarray(inside(images)), abs=1e-6)


def test_a_network_inside_another_is_made_plain_too() -> None:
    inside = keras.Sequential([layers.Input((28, 28, 1)), ProductConv2D(3, 3), layers.Flatten(), layers.Dense(10)])
    whole = with_test_time_augmentation(inside, 1)
    same = plain(whole)
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    nested = next(layer for layer in same.layers if isinstance(layer, keras.Model))
    assert [type(layer) for layer in nested.layers] == [layers.Conv2D, layers.Flatten, layers.Dense]
    expected = np.asarray(whole(images))
    assert np.asarray(same(images)) == pytest.approx(expected, rel=1e-4, abs=float(1e-4 * np.abs(expected).max()))


def test_a_plain_network_keeps_what_is_no_layer() -> None:
    network = build("robust", dropout=0.0)
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1), dtype=np.uint8)
    expected = network.predict(images, verbose=0)
    assert plain(network).predict(images, verbose=0) == pytest.approx(expected, abs=1e-6)


def test_a_network_with_columns_is_kept_as_their_mean_and_each_is_trained_by_itself() -> None:
    network = build("best", dropout=0.0)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    columns = network.predict(images, verbose=0)
    assert columns.shape == (3, 5, 10)
    assert averaged(network).predict(images, verbose=0) == pytest.approx(columns.mean(axis=1), abs=1e-6)
    truth = np.eye(10, dtype=np.float32)[:3]
    own = [float(keras.losses.CategoricalCrossentropy()(truth, columns[:, index])) for index in range(5)]
    assert float(MeanOfCrossEntropies(0.0)(truth, columns)) == pytest.approx(np.mean(own), rel=1e-5)
    right = columns.mean(axis=1).argmax(axis=1) == truth.argmax(axis=1)
    accuracy = DigitAccuracy()
    accuracy.update_state(truth, columns)
    assert float(accuracy.result()) == pytest.approx(right.mean())


def test_accuracy_is_that_on_digits_only() -> None:
    truth = np.concatenate([np.eye(10)[[3, 7]], np.full((2, 10), 0.1)]).astype(np.float32)
    read = np.eye(10, dtype=np.float32)[[3, 3, 0, 5]]
    accuracy = DigitAccuracy()
    accuracy.update_state(truth, read)
    assert float(accuracy.result()) == 0.5
    accuracy.reset_state()
    accuracy.update_state(truth[2:], read[2:])
    assert float(accuracy.result()) == 0


def taken_off(image: np.ndarray) -> np.ndarray:
    return np.asarray(without_background(keras.ops.convert_to_tensor(image[None, ..., None].astype(np.float32))))[
        0, ..., 0
    ]


def test_paper_that_is_not_black_is_taken_away_and_strokes_are_stretched_to_the_full_range() -> None:
    stroke = np.zeros((28, 28))
    stroke[6:22, 13:16] = 1
    slope = np.linspace(0.2, 0.4, 28)[None].repeat(28, axis=0)
    step = np.where(np.arange(28) < 20, 0.1, 0.7)[None].repeat(28, axis=0)
    for paper in (0 * slope, slope, step):
        seen = taken_off(paper + 0.25 * stroke)
        assert seen[stroke > 0].min() > 0.8
        assert seen[:, 24:].max() < 0.2


def test_an_image_without_contrast_stays_empty() -> None:
    assert taken_off(np.full((28, 28), 0.6)).max() == 0
    faint = np.full((28, 28), 0.6)
    faint[10:12, 10:12] += 0.01
    assert taken_off(faint).max() == pytest.approx(0.1, abs=0.01)


def test_the_probability_of_no_digit_is_divided_among_the_ten() -> None:
    eleven = np.zeros((3, 11), np.float32)
    eleven[0, 10] = eleven[1, 4] = 1
    eleven[2, [4, 10]] = 0.5
    inputs = layers.Input((11,))
    ten = keras.Model(inputs, non_digit_shared(inputs)).predict(eleven, verbose=0)
    assert ten[0] == pytest.approx(np.full(10, 0.1))
    assert ten[1] == pytest.approx(np.eye(10)[4])
    assert ten[2] == pytest.approx(0.5 * np.eye(10)[4] + 0.05)


def test_a_network_that_looks_around_gives_the_mean_of_its_views(tmp_path: Path) -> None:
    network = build("fast", dropout=0.0)
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    views = [padded[:, row : row + 28, column : column + 28] for row in range(3) for column in range(3)]
    expected = np.mean([network.predict(view, verbose=0) for view in views], axis=0)
    looking = with_test_time_augmentation(network, 1)
    assert looking.predict(images, verbose=0) == pytest.approx(expected, abs=1e-6)
    assert looking.count_params() == network.count_params()
    looking.save(tmp_path / "looking.keras")
    again = keras.saving.load_model(tmp_path / "looking.keras", safe_mode=True)
    assert again.predict(images, verbose=0) == pytest.approx(expected, abs=1e-6)
    assert with_test_time_augmentation(network, 0) is network


def test_best_is_kept_as_the_mean_of_columns_and_views() -> None:
    kept = as_saved(build("best", dropout=0.0), 1)
    images = np.zeros((2, 28, 28, 1), np.uint8)
    assert kept.predict(images, verbose=0).shape == (2, 10)
    assert kept.count_params() <= 1_200_000
