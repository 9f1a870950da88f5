import numpy as np

from mnist_cnn.data.dataset import Examples
from mnist_cnn.evaluation import confusion_cells
from mnist_cnn.evaluation.metrics import evaluate

LABELS = np.array([4, 4, 4, 9, 9], np.uint8)


def predictions(*digits: int, confidence: list[float]) -> np.ndarray:
    rows = np.repeat((1 - np.array(confidence, np.float32)[:, None]) / 9, 10, axis=1)
    rows[np.arange(len(digits)), digits] = confidence
    return rows


PROBABILITIES = predictions(9, 9, 4, 9, 9, confidence=[0.6, 0.9, 0.8, 0.95, 0.7])


def test_a_cell_has_its_most_confident_errors_first_and_its_least_confident_correct_ones() -> None:
    found = confusion_cells.chosen(PROBABILITIES, LABELS, most=100)
    assert found == {(4, 9): [1, 0], (4, 4): [2], (9, 9): [4, 3]}


def test_where_there_is_no_room_the_last_ones_of_each_cell_are_left_out_and_errors_come_first() -> None:
    assert confusion_cells.chosen(PROBABILITIES, LABELS, most=3) == {(4, 9): [1], (4, 4): [2], (9, 9): [4]}
    assert confusion_cells.chosen(PROBABILITIES, LABELS, most=1) == {(4, 9): [1]}


def test_a_cell_has_at_most_24_images() -> None:
    many = np.zeros(100, np.uint8)
    found = confusion_cells.chosen(predictions(*many, confidence=[0.9] * 100), many, most=1000)
    assert found == {(0, 0): [*range(24)]}


def test_every_image_is_at_its_place_on_the_sheet() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None] + np.zeros((5, 28, 28), np.uint8)
    evaluation = evaluate(PROBABILITIES, LABELS)
    about, sheet = confusion_cells.cell_images(Examples(images, LABELS), PROBABILITIES, evaluation, "{:.0%}".format)
    assert about["columns"] == 3
    assert sheet.shape == (56, 84)
    for cell in about["cells"].values():
        for place, index, _ in cell["images"]:
            row, column = divmod(place, about["columns"])
            assert (sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28] == index).all()
    assert about["cells"]["4-9"]["title"] == "4 predicted as 9"
    assert about["cells"]["4-9"]["about"] == "2 images, most confident first"
    assert [image[1:] for image in about["cells"]["4-9"]["images"]] == [[1, "90%"], [0, "60%"]]
    assert about["cells"]["4-4"]["about"] == "1 image"


def test_a_sheet_of_colour_images_has_their_colours() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 3), dtype=np.uint8)
    sheet = confusion_cells.sheet_of(images)
    assert sheet.shape == (56, 56, 3)
    assert (sheet[:28, 28:] == images[1]).all()
    assert (sheet[28:, :28] == images[2]).all()
    assert not sheet[28:, 28:].any()


def test_errors_are_shaded_by_their_number_and_correct_ones_not_at_all() -> None:
    rows = confusion_cells.rows_of(evaluate(PROBABILITIES, LABELS))
    assert (rows[4][9].count, rows[4][9].shade, rows[4][9].is_error) == (2, 1.0, True)
    assert (rows[9][9].count, rows[9][9].shade, rows[9][9].is_error) == (2, 0.0, False)


def test_a_long_name_of_a_class_is_shortened() -> None:
    assert confusion_cells.shortened("hippopotamus") == "hippopotamus"
    assert confusion_cells.shortened("hippopotamuses") == "hippopotamu…"
