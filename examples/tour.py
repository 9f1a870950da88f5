# %% [markdown]
# # A tour: from data to reading your own digit
#
# Seven steps, half a minute: load, look, train, evaluate, save, read, explain. Everything uses the 1,797 small digits
# that come with scikit-learn, so no network is needed; with `"mnist"` instead of `"digits"` it is MNIST, and takes
# longer.
#
# You need the package with the extra for training: `pip install "mnist-cnn[train]"`. The same steps are a script,
# `examples/tour.py`, and a notebook with its figures, `notebooks/tour.ipynb`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import mnist_cnn

# %% [markdown]
# ## 1. Load
#
# A dataset has training and test images, 28×28 uint8, foreground 255 and background 0, with their labels. It unpacks
# like Keras' own `load_data()`. The test images are for evaluating what was trained, and for nothing else.

# %%
data = mnist_cnn.load_data("digits")
(x_train, y_train), (x_test, y_test) = data
print(data)
print(x_train.shape, x_train.dtype, "labels", y_train[:10])


# %% [markdown]
# ## 2. Look
#
# Before anything else: what do they look like? Ones and sevens, fours and nines are written more alike than one may
# think.


# %%
def show(images, titles):
    """Show a few images in a row, each with its title."""
    figure, axes = plt.subplots(1, len(images), figsize=(1.1 * len(images), 1.5), squeeze=False)
    for axis, image, title in zip(axes[0], images, titles, strict=True):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    plt.show()
    plt.close(figure)


show(x_train[:10], y_train[:10])

# %% [markdown]
# ## 3. Train
#
# A recipe is an architecture and its hyperparameters. This one is `fast` with augmentation: in thirty passes over the
# images the model never sees one twice alike, since each is rotated, sheared, translated and deformed a little.
# `mnist-cnn info fast` lists the hyperparameters with their ranges.

# %%
model = mnist_cnn.train(
    "fast",
    data,
    epochs=6,
    repeats=5,
    learning_rate=0.01,
    label_smoothing=0.0,
    rotation=10,
    zoom=0.1,
    shear=0.1,
    translation=1,
    elastic=1,
)
for epoch in model.card.history:
    print(f"epoch {epoch['epoch']:.0f}: training accuracy {epoch['accuracy']:.2%}, {epoch['seconds']:.1f} s")

# %% [markdown]
# ## 4. Evaluate
#
# On 500 test images the accuracy itself is uncertain: the 95% confidence interval says by how much. The confusion
# matrix has a row for each true digit and a column for each predicted one, and the misclassified images say more than
# any number.

# %%
evaluation = model.evaluate(data)
low, high = evaluation.confidence_interval
print(f"{evaluation.correct} of {evaluation.count} correct: {evaluation.accuracy:.2%}, 95% CI {low:.2%} to {high:.2%}")
print(evaluation.confusion_matrix)

# %%
probabilities = model.predict_proba(x_test)
predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
most_confident_first = np.argsort(-confidence)
misclassified = [index for index in most_confident_first if predicted[index] != y_test[index]][:8]
shown = misclassified or most_confident_first[-8:]  # without an error, the least confident predictions
show(x_test[shown], [f"{y_test[index]}, predicted {predicted[index]}" for index in shown])

# %% [markdown]
# ## 5. Save and load
#
# Training has saved everything already, in a folder of `runs/`: the model for Keras and for ONNX Runtime, a model card
# that says how it was trained and how good it is, and a report for the browser. Loading verifies every file.

# %%
loaded = mnist_cnn.load(model.folder)
print(loaded)
print(", ".join(sorted(file.name for file in loaded.folder.iterdir())))
print(f"{loaded.card.parameters:,} parameters, seed {loaded.card.seed}")

# %% [markdown]
# ## 6. Read your own digit
#
# Now an image of your own: draw it here with lines, or give a photo's path instead. Any size, colour and light will do,
# and several digits as well: the reader finds them, makes each look like MNIST's, and classifies it.

# %%
drawing = Image.new("RGB", (280, 280), "white")
pen = ImageDraw.Draw(drawing)
pen.line([(85, 75), (120, 52), (165, 60), (178, 95), (160, 125), (122, 137)], fill="navy", width=16, joint="curve")
pen.line([(122, 137), (168, 150), (186, 185), (168, 222), (120, 234), (82, 214)], fill="navy", width=16, joint="curve")
image = drawing  # or a photo: image = "photo.jpg"

reader = mnist_cnn.Reader(model)
reading = reader.read(image)
print("The model of this tour reads", reading.text)
print("The bundled model reads", mnist_cnn.read(image).text)
show([digit.image for digit in reading.digits], [f"{digit.text}: {digit.confidence:.2%}" for digit in reading.digits])

# %% [markdown]
# Where the confidence is below 50%, the text has "?"; `Reader(min_confidence=0.9)` rejects more. The bundled model was
# trained to read anyone's photos and scans; the model of this tour knows 1,297 small digits by 13 people.
#
# ## 7. Explain
#
# An occlusion map shows which parts of the image matter: a patch matters as much as the confidence falls when it is
# covered. And what would have to change for another digit?

# %%
reasons = reader.explain(image).reasons[0]
print(reasons.sentence)
strongest = abs(reasons.importance).max()
figure, (left, right) = plt.subplots(1, 2, figsize=(4, 2.2))
left.imshow(reasons.image, cmap="gray_r")
left.set_title("input of the model", fontsize=9)
right.imshow(reasons.importance, cmap="PuOr_r", vmin=-strongest, vmax=strongest)
right.set_title(f"orange: evidence for {reasons.digit}", fontsize=9)
left.axis("off")
right.axis("off")
plt.show()

# %% [markdown]
# ## The recipe
#
# This is the recipe `classic` as a Keras script, `examples/classic.py`. `mnist-cnn train` follows it exactly, and also
# saves the model, calibrates it and writes a report.
#
# (examples/classic.py)
#
# ## What next
#
# - `mnist-cnn train --recipe fast` trains on MNIST to 99%; `mnist-cnn info` lists the other recipes.
# - `mnist-cnn serve` shows a web app to draw on.
# - `mnist-cnn adapt labels.csv` adapts a model to your handwriting.
# - The course of four notebooks begins with the layers of a network and ends with exercises and answers:
#   `notebooks/1_step_by_step.ipynb`.
# - [How do I …](how_to.md) has the first answers in three lines each.
