/* A mask comes in, its connected parts go out, as OpenCV's connectedComponents finds them; corners connect as well. */

/* Gives { labels, areas }: for each pixel a label, 0 for none, and for each label its number of pixels. */
export function components({ data, width, height }) {
  const { labels, parents } = firstLabels(data, width, height);
  const finals = new Int32Array(parents.length);
  let count = 1;
  for (let label = 1; label < parents.length; label += 1) {
    finals[label] = parents[label] === label ? count++ : finals[rootOf(parents, label)];
  }
  const areas = new Uint32Array(count);
  for (let index = 0; index < labels.length; index += 1) {
    labels[index] = finals[labels[index]];
    areas[labels[index]] += 1;
  }
  return { labels, areas };
}

/* Labels of which several may be of one part; the parent of each is one of the same part, the least its own. */
function firstLabels(data, width, height) {
  const labels = new Int32Array(width * height);
  const parents = [0];
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      if (!data[index]) continue;
      let label = column ? labels[index - 1] : 0;
      if (row) {
        const above = index - width;
        label = joined(parents, label, labels[above]);
        if (column) label = joined(parents, label, labels[above - 1]);
        if (column + 1 < width) label = joined(parents, label, labels[above + 1]);
      }
      if (!label) parents.push((label = parents.length));
      labels[index] = label;
    }
  }
  return { labels, parents };
}

function joined(parents, one, other) {
  if (!one || !other || one === other) return one || other;
  const [a, b] = [rootOf(parents, one), rootOf(parents, other)];
  const [least, greater] = a < b ? [a, b] : [b, a];
  parents[greater] = least;
  return least;
}

function rootOf(parents, label) {
  let root = label;
  while (parents[root] !== root) root = parents[root];
  return root;
}
