import keras
import pytest

from mnist_cnn import card
from mnist_cnn.models.architectures import ARCHITECTURES, build, build_detector
from mnist_cnn.models.layer_table import layer_table
from mnist_cnn.training.recipe import MEASURED


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_rows_have_all_parameters_of_an_architecture(name: str) -> None:
    network = build(name, 0.2)
    rows = layer_table(network)
    assert sum(row["parameters"] for row in rows) == network.count_params()
    assert network.count_params() == MEASURED[name].parameters
    assert sum(row["count"] for row in rows) == sum(type(one).__name__ != "InputLayer" for one in network.layers)


def test_a_row_says_what_a_layer_is_in_words() -> None:
    rows = layer_table(build("fast", 0.25))
    assert rows[1] == {
        "layer": "Conv2D",
        "details": "5×5, stride 2, ReLU",
        "output_shape": [12, 12, 8],
        "parameters": 208,
        "count": 1,
    }
    told = [(row["layer"], row["details"]) for row in rows]
    assert ("Dropout", "25%") in told
    assert ("Dense", "softmax") in told
    assert ("Rescaling", "") in told
    assert ("MaxPooling2D", "1×11, stride 1, same padding") in [
        (row["layer"], row["details"]) for row in layer_table(build("robust", 0.2))
    ]


def test_equal_layers_side_by_side_are_one_row_and_one_after_the_other_are_not() -> None:
    assert {row["count"] for row in layer_table(build("best", 0.3)) if row["parameters"]} == {5}
    image = keras.Input((8, 8, 1))
    chain = [keras.layers.Conv2D(1, 3, padding="same") for _ in range(3)]
    x = image
    for layer in chain:
        x = layer(x)
    assert [row["count"] for row in layer_table(keras.Model(image, x))] == [1, 1, 1]


def test_a_model_without_shapes_has_no_rows() -> None:
    class Own(keras.Model):  # type: ignore[misc]  # Keras ships no types
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, x: object) -> object:
            return self.dense(x)

    assert layer_table(Own()) == []


@pytest.mark.parametrize("name", ["finder", "segmenter", "recogniser"])
def test_the_networks_that_detect_digits_have_rows_as_well(name: str) -> None:
    network = build_detector(name, 0.1)
    rows = layer_table(network)
    assert sum(row["parameters"] for row in rows) == network.count_params() == MEASURED[name].parameters
    assert card.WANTED.optional["layers"].fault(rows, "layers") is None
