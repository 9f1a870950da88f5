# %% [markdown]
# # 1. A convolutional network, step by step
#
# *First of a course of four:* **1 step by step** · 2 your own photo · 3 how confident is it · 4 faster and smaller
#
# You will train `classic`, the best-known recipe for MNIST, one step at a time, and then look inside: what the
# filters of a convolutional network look like, and what they make of a digit. At the end are exercises with answers.
#
# You need Python, a little NumPy, and `pip install "mnist-cnn[train]"`. The notebook runs in less than a minute on
# two cores. It uses the 1,797 digits that come with scikit-learn, so nothing is downloaded. With `"mnist"` instead of
# `"digits"` it is MNIST: 46 times as many training images, better results, and a few minutes of training.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import mnist_cnn

keras.utils.set_random_seed(0)  # the same initial weights and the same shuffling every time

# %% [markdown]
# ## Look at the data
#
# Each image is 28×28 pixels, from 0 (background) to 255 (ink), and has a label: the digit that it shows. The network
# learns from the training images. The test images are only for measuring, at the very end: a network that has seen
# them could simply remember them.

# %%
(x_train, y_train), (x_test, y_test) = mnist_cnn.load_data("digits")
print("training:", x_train.shape, x_train.dtype, "test:", x_test.shape)


def show(images, titles, rows=1, size=0.95, cmap="gray_r"):
    """Show images in rows, each with its title."""
    columns = -(-len(images) // rows)
    _, axes = plt.subplots(rows, columns, figsize=(size * columns, (size + 0.25) * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image, cmap=cmap)
        axis.set_title(title, fontsize=8)
    plt.show()


show(x_train[:20], y_train[:20], rows=2)

# %% [markdown]
# To the computer, an image is a table of numbers. This is the middle of the first one:

# %%
print(x_train[0][8:20, 8:20])

# %% [markdown]
# ## Prepare
#
# Two conversions. Pixels become numbers from 0 to 1, because training works best when inputs are about that large,
# and get a fourth axis for the channels (a colour image would have three). Labels become *one-hot* vectors: ten
# numbers, a 1 at the digit and 0 elsewhere, which is what a perfect network would output.

# %%
pixels_train = x_train[..., np.newaxis] / 255.0
pixels_test = x_test[..., np.newaxis] / 255.0
one_hot = keras.utils.to_categorical(y_train)
print(pixels_train.shape, pixels_train.min(), pixels_train.max())
print("label", y_train[0], "becomes", one_hot[0].astype(int))

# %% [markdown]
# ## What a convolution does
#
# A *kernel* is a small table of weights. It slides over the image; at each position, the pixels under it are
# multiplied by its weights and added up. The result is a new image, a *feature map*, that is bright where the image
# resembles the kernel. Here are two kernels set by hand: one responds to the upper edges of strokes, the other to
# their left edges. Negative results are set to 0, which is what *ReLU* does. *Max pooling* then keeps the largest of
# each 2×2 pixels, so that the map has a quarter of the pixels and small shifts matter less.


# %%
def convolve(image, kernel):
    """Each position's sum of products: what a Conv2D layer computes, here for one kernel."""
    rows, columns = kernel.shape
    height, width = image.shape[0] - rows + 1, image.shape[1] - columns + 1
    feature_map = np.zeros((height, width))
    for row in range(rows):
        for column in range(columns):
            feature_map += kernel[row, column] * image[row : row + height, column : column + width]
    return feature_map


def relu(x):
    """Negative numbers become 0."""
    return np.maximum(x, 0)


def max_pool(x):
    """The largest of each 2×2 numbers."""
    height, width = x.shape[0] // 2, x.shape[1] // 2
    return x[: 2 * height, : 2 * width].reshape(height, 2, width, 2).max(axis=(1, 3))


digit = pixels_test[1, :, :, 0]
upper_edges = np.array([[-1, -1], [1, 1]])
left_edges = np.array([[-1, 1], [-1, 1]])
maps = [relu(convolve(digit, kernel)) for kernel in (upper_edges, left_edges)]
show(
    [digit, maps[0], max_pool(maps[0]), maps[1], max_pool(maps[1])],
    ["the image", "upper edges", "pooled", "left edges", "pooled"],
    size=1.5,
)

# %% [markdown]
# A network does not have its kernels set by hand. It starts with random ones, and training changes them step by step
# so that the output comes closer to the labels.
#
# ## Build
#
# `classic` has two pairs of convolutions, each pair followed by pooling. The second layer's kernels look at all 16
# feature maps of the first, so it can combine edges to corners and curves, and so on. *Dropout* sets a random fifth
# of the numbers to 0 during training, so that the network cannot rely on any single one. `Flatten` makes one vector
# of all maps; three dense layers turn it into ten probabilities.


# %%
def classic():
    """The layers of the recipe `classic`."""
    return keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 2, activation="relu"),
            layers.Conv2D(16, 2, activation="relu"),
            layers.MaxPool2D(2),
            layers.Dropout(0.2),
            layers.Conv2D(32, 2, activation="relu"),
            layers.Conv2D(32, 2, activation="relu"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


model = classic()
print(f"{'layer':15} {'output':>14} {'parameters':>11}")
for layer in model.layers:
    shape = "×".join(map(str, layer.output.shape[1:]))
    print(f"{type(layer).__name__:15} {shape:>14} {layer.count_params():>11,}")
print(f"{'':15} {'':>14} {model.count_params():>11,}")

# %% [markdown]
# ## Train
#
# The *loss* (cross-entropy) says how far the outputs are from the labels. For each batch of 32 images the *optimizer*
# computes in which direction each of the 33,658 parameters should move to lower the loss, and moves it a little. One
# pass over all training images is an *epoch*. A tenth of the images is left out of training, for *validation*: they
# show whether the network gets better on images that it has not seen.
#
# On MNIST, `classic` uses plain SGD in batches of 64 and makes 10,128 updates. 1,297 images in eight epochs are only
# 296, so here the optimizer is Adam, which needs fewer. Exercise 2 shows what SGD makes of so few.

# %%
model.compile(optimizer=keras.optimizers.Adam(0.003), loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(pixels_train, one_hot, batch_size=32, epochs=8, validation_split=0.1, verbose=0).history

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.6))
for axis, measure in ((left, "loss"), (right, "accuracy")):
    epochs = range(1, len(history[measure]) + 1)
    axis.plot(epochs, history[measure], "--", color="gray", label="training")
    axis.plot(epochs, history[f"val_{measure}"], color="tab:blue", label="validation")
    axis.set_xlabel("epoch")
    axis.set_ylabel(measure)
    axis.legend()
plt.show()

# %% [markdown]
# ## Evaluate
#
# The output for an image is ten probabilities; the prediction is the digit with the largest (`argmax`). The accuracy
# is the fraction of test images that are predicted correctly. Five hundred images do not tell it exactly: the 95%
# confidence interval (CI) says how far it may be off. In the confusion matrix, each row is a true digit and each
# column a predicted one, so errors stand outside the diagonal.

# %%
probabilities = model.predict(pixels_test, verbose=0)
predicted = probabilities.argmax(axis=1)
evaluation = mnist_cnn.evaluate(probabilities, y_test)
print(evaluation)
print(evaluation.confusion_matrix)

# %% [markdown]
# Every error is worth a look. Some are hard to read for people as well:

# %%
errors = np.flatnonzero(predicted != y_test)[:10]
show(x_test[errors], [f"{y_test[one]}, predicted\n{predicted[one]}" for one in errors], size=1.0)

# %% [markdown]
# ## Look inside: filters
#
# These are the 16 kernels of the first layer after training: red weights are positive, blue ones negative. Compare
# them with the two that were set by hand: several have become detectors of edges in different directions.

# %%
kernels = model.layers[0].kernel.numpy()[:, :, 0, :]  # (2, 2, 16)
largest = abs(kernels).max()
figure, axes = plt.subplots(2, 8, figsize=(7, 2))
for index, axis in enumerate(axes.flat):
    axis.imshow(kernels[:, :, index], cmap="RdBu_r", vmin=-largest, vmax=largest)
    axis.set_title(f"filter {index + 1}", fontsize=8)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## Look inside: activations
#
# What do the layers make of a digit? This model has the same layers, but gives the output of every one of them. The
# first maps still look like the digit. Then there are fewer pixels, and each stands for a larger part of the image.
# At the end nothing looks like the digit any more, but a dense layer can tell which one it was.

# %%
inside = keras.Model(model.inputs, [layer.output for layer in model.layers])
activations = inside(pixels_test[1:2])
wanted = {0: "Conv2D 1", 1: "Conv2D 2", 2: "MaxPool2D 1", 4: "Conv2D 3", 5: "Conv2D 4", 6: "MaxPool2D 2"}
figure, axes = plt.subplots(len(wanted), 8, figsize=(7, 5.4), layout="constrained")
for row, (index, name) in zip(axes, wanted.items(), strict=True):
    maps = np.asarray(activations[index])[0]
    brightest = np.argsort(-maps.sum(axis=(0, 1)))[:8]
    row[0].set_ylabel(f"{name}\n{maps.shape[0]}×{maps.shape[1]}", fontsize=8, rotation=0, ha="right", va="center")
    for axis, one in zip(row, brightest, strict=True):
        axis.imshow(maps[:, :, one], cmap="gray_r")
        axis.set_xticks([])
        axis.set_yticks([])
figure.suptitle("the eight strongest feature maps of each layer", fontsize=9)
plt.show()

# %%
figure, axis = plt.subplots(figsize=(5, 1.8))
axis.bar(range(10), probabilities[1], color=["tab:blue" if one == predicted[1] else "lightgray" for one in range(10)])
axis.set_xticks(range(10))
axis.set_ylabel("probability")
axis.set_title(f"the output: {predicted[1]} (label {y_test[1]})", fontsize=9)
plt.show()

# %% [markdown]
# ## The same in one line
#
# `mnist_cnn.train("classic", "mnist")` follows these steps exactly, and also saves the model with everything that is
# needed to use it, and writes a report with the curves and the matrix. `"fast"` gets further in seconds.
#
# ## Exercises
#
# 1. The second convolution has 1,040 parameters. Compute that number by hand. Which layer has most parameters, and
#    why?
# 2. Train the same network as the recipe does on MNIST, with plain SGD (`keras.optimizers.SGD(0.01)`) in batches of
#    64, for twelve epochs. What happens, and why?
# 3. Move the test images by one, two … six pixels to the right (`np.roll`) and measure the accuracy again. Do the
#    same with a network of dense layers only. Which one suffers less?
#
# Try them before you read on.
#
# ## Answers
#
# **1.** Each of its 16 kernels is 2×2 pixels large, looks at 16 maps, and has one bias. The dense layer after
# `Flatten` has most, because each of its 32 outputs has a weight for each of the 800 numbers:

# %%
print("second convolution:", 16 * (2 * 2 * 16 + 1))
print("first dense layer:", 32 * (5 * 5 * 32 + 1))

# %% [markdown]
# **2.** The loss hardly leaves 2.3, which is ln(10): that of a network that gives every digit the same probability.
# SGD with this learning rate needs thousands of updates, and there were only 252. With MNIST's 54,000 training
# images, twelve epochs are enough.

# %%
slow = classic()
slow.compile(optimizer=keras.optimizers.SGD(0.01), loss="categorical_crossentropy")
losses = slow.fit(pixels_train, one_hot, batch_size=64, epochs=12, verbose=0).history["loss"]
accuracy = (slow.predict(pixels_test, verbose=0).argmax(axis=1) == y_test).mean()
print(f"loss {losses[0]:.2f} after one epoch, {losses[-1]:.2f} after twelve; test accuracy {accuracy:.2%}")

# %% [markdown]
# **3.** A dense layer has a weight for each pixel, so a digit that has moved is a different input to it. A
# convolution looks for the same edges everywhere, and pooling forgives a pixel. But `Flatten` keeps the places of
# what was found, so `classic` does not bear large shifts either. Training it on images moved at random does
# (*augmentation*: notebook 2).

# %%
dense = keras.Sequential(
    [
        layers.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
dense.compile(optimizer=keras.optimizers.Adam(0.003), loss="categorical_crossentropy")
dense.fit(pixels_train, one_hot, batch_size=32, epochs=8, verbose=0)

figure, axis = plt.subplots(figsize=(4.5, 2.6))
for name, network in (("convolutional", model), ("dense", dense)):
    accuracies = []
    for shift in range(7):
        moved = np.roll(pixels_test, shift, axis=2)
        accuracies.append((network.predict(moved, verbose=0).argmax(axis=1) == y_test).mean())
    axis.plot(range(7), accuracies, marker="o", label=name)
    print(f"{name:14}", *(f"{one:7.2%}" for one in accuracies))
axis.set_xlabel("pixels to the right")
axis.set_ylabel("test accuracy")
axis.legend()
plt.show()
