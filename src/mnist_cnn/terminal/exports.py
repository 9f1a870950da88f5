"""How an export looks on a terminal. Computes nothing."""

from rich.table import Table
from rich.text import Text

from mnist_cnn.terminal.screen import show, stdout
from mnist_cnn.workflows.export import Export, card_of


def show_export(export: Export) -> None:
    """The export beside its original, and where its card is."""
    agreement, about = export.agreement, export.card
    calibration = about["calibration"]
    opset = f", opset {about['opset']}" if about["opset"] else ""
    rows = {
        "form": f"{export.format.to}, {export.format.quantize or 'float32'}{opset}",
        "input": about["input"],
        "size": f"{about['bytes']:,} bytes",
        "checked on": f"{agreement.images:,} test images of {about['checked_on']['data']}",
        "largest difference": f"{agreement.max_difference:.1e} of a probability",
        "agreement": f"{agreement.agreement_rate:.2%}, {agreement.disagreements:,} read otherwise than by the original",
        "accuracy": f"{agreement.accuracy:.2%}, the original {agreement.original_accuracy:.2%}",
        "images a second": f"{agreement.images_per_second:,.0f}, the original in Keras "
        f"{agreement.original_images_per_second:,.0f} (one run each, batches of 1,000 and 250)",
    }
    if calibration:
        rows["calibrated on"] = f"{calibration['images']:,} training images of {calibration['data']}"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, text in rows.items():
        table.add_row(Text(name, style="bold"), Text(text))
    stdout.print(table, soft_wrap=False)
    show(f"Kept in {export.path}", f"Card:   {card_of(export.path)}")
