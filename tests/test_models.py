from keras import layers

from mnist_cnn.models.classic import classic


def test_classic_has_the_layers_of_the_recipe_and_33658_parameters() -> None:
    network = classic(dropout=0.2)
    kinds = [type(layer) for layer in network.layers]
    assert kinds == [
        layers.Rescaling,
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
    rescaling = classic(dropout=0.2).layers[0]
    assert rescaling.scale == 1 / 255
    assert rescaling.offset == 0
