import re
from typing import Any
from xml.dom import minidom

from mnist_cnn.evaluation.architecture_drawing import architecture, stages


def row(layer: str, *shape: int, details: str = "", count: int = 1) -> dict[str, Any]:
    return {"layer": layer, "details": details, "output_shape": list(shape), "parameters": 0, "count": count}


LAYERS = [
    row("Rescaling", 28, 28, 1),
    row("Conv2D", 12, 12, 8, details="5×5, stride 2, ReLU"),
    row("BatchNormalization", 12, 12, 8),
    row("Conv2D", 12, 12, 8, details="3×3, same padding", count=5),
    row("MaxPooling2D", 6, 6, 8, details="2×2"),
    row("Flatten", 288),
    row("Reshape", 1, 288),
    row("Dense", 10, details="softmax"),
]


def test_layers_with_weights_and_changes_of_shape_are_drawn() -> None:
    found = [(stage.shape, stage.words) for stage in stages((28, 28, 1), LAYERS)]
    assert found == [
        ((28, 28, 1), "input"),
        ((12, 12, 8), "conv 5×5 stride 2"),
        ((12, 12, 8), "conv 3×3"),
        ((6, 6, 8), "max pool 2×2"),
        ((288,), "flatten"),
        ((10,), "dense"),
    ]


def test_the_drawing_has_shapes_words_and_a_text_for_screen_readers() -> None:
    svg = architecture((28, 28, 1), LAYERS)
    assert minidom.parseString(svg)  # noqa: S318  our own
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert texts[:2] == ["28×28×1", "input"]
    assert {"12×12×8", "conv 5×5", "stride 2", "×5", "max pool", "288", "10"} <= set(texts)
    assert "Architecture: input 28×28×1; conv 5×5 stride 2 12×12×8; 5 times conv 3×3 12×12×8;" in svg
    assert svg.count("<path") == 5  # an arrow to each but the first


def test_a_long_network_goes_on_in_another_line() -> None:
    short = architecture((28, 28, 1), LAYERS)
    long = architecture((28, 28, 1), [*LAYERS, row("Dense", 7)])
    assert 'viewBox="0 0 300 100"' in short
    assert 'viewBox="0 0 300 200"' in long


def test_nothing_is_drawn_without_layers_and_hostile_names_are_text() -> None:
    assert architecture((28, 28, 1), []) == ""
    assert "<script" not in architecture((28, 28, 1), [row("<script>", 5)])
