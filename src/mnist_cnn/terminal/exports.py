"""How an export looks on a terminal. Computes nothing."""

from typing import Any

from mnist_cnn.terminal.screen import show, stdout, table_of
from mnist_cnn.workflows.export import Export, card_of


def show_export(export: Export) -> None:
    """The export compared with its original, and where its model card is."""
    agreement, about = export.agreement, export.card
    calibration = about["calibration"]
    opset = f", opset {about['opset']}" if about["opset"] else ""
    rows = {
        "Format": f"{export.format.to}, {export.format.precision or 'float32'}{opset}",
        "Input": about["input"],
        "Size": f"{about['bytes']:,} bytes",
        "Checked on": f"{agreement.images:,} test images of {about['checked_on']['data']}",
        "Largest difference": f"{agreement.max_difference:.1e} (probability)",
        "Agreement": f"{agreement.agreement_rate:.2%} ({agreement.disagreements:,} predictions differ)",
        "Accuracy": f"{agreement.accuracy:.2%} (original: {agreement.original_accuracy:.2%})",
        "Images per second": f"{agreement.images_per_second:,.0f} (original in Keras: "
        f"{agreement.original_images_per_second:,.0f}; one run each, batches of 1,000 and 250)",
    }
    if code := about.get("code"):
        rows |= rows_of_code(code)
    if calibration:
        rows["Calibrated on"] = f"{calibration['images']:,} training images of {calibration['data']}"
    stdout.print(table_of([*rows.items()]), soft_wrap=False)
    show(f"Saved to {export.path}", f"Model card: {card_of(export.path)}")


def rows_of_code(code: dict[str, Any]) -> dict[str, str]:
    """What the C code needs and how it agrees; the rows above are those of the LiteRT file beside it."""
    agreement = code["agreement"]
    return {
        "C code": f"{code['weight_bytes']:,} bytes of constants, {code['ram_bytes']:,} of RAM, "
        f"{code['multiply_adds']:,} multiply-adds per image",
        "C agreement": f"{agreement['agreement_rate']:.2%} ({agreement['disagreements']:,} predictions differ)",
        "C accuracy": f"{agreement['accuracy']:.2%} (original: {agreement['original_accuracy']:.2%})",
    }
