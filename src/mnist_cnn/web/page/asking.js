/* Takes the place of the module that asks a server: the same questions, answered in this browser by `worker.js`. */

export class Problem extends Error {
  constructor(message) {
    super(message);
    Object.assign(this, { status: 0, after: 0, passing: false });
  }
}

export const SLOW = "This picture takes too long.";
export const giveToken = () => {};
export const hasToken = () => false;

const OLD = "This browser has no WebAssembly or no workers, without which nothing can be read here: take a newer one.";

const questions = new Map(); // by number: what to do with the answer
const loading = document.getElementById("loading");
let asked = 0;

const worker = startWorker();
/* Settles once all is loaded; a Problem says why it cannot be. */
export const ready = worker ? ask({ what: "start" }) : Promise.reject(new Problem(OLD));
ready.catch(() => {}).then(() => loading.remove());

function startWorker() {
  if (!globalThis.WebAssembly || !globalThis.Worker || !globalThis.OffscreenCanvas) return null;
  const started = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }) => ("id" in data ? settle(data) : showProgress(data)));
  started.addEventListener("error", () => {
    for (const id of questions.keys()) settle({ id, problem: "A part of this page cannot be started: load it again." });
  });
  return started;
}

function settle({ id, answer, problem }) {
  const question = questions.get(id);
  questions.delete(id);
  if (problem) question?.fail(new Problem(problem));
  else question?.done(answer);
}

function showProgress({ loaded, total }) {
  const megabytes = (bytes) => Math.round(bytes / 1e6);
  loading.hidden = false;
  loading.querySelector("progress").value = loaded / total;
  loading.querySelector("span").textContent = `${megabytes(loaded)} of ${megabytes(total)} MB`;
}

function ask(question, signal) {
  const id = asked++;
  return new Promise((done, fail) => {
    questions.set(id, { done, fail });
    signal?.addEventListener("abort", () => fail(new DOMException("Given up", "AbortError")));
    worker.postMessage({ id, ...question });
  });
}

export function askForReading(picture, { single, least }, signal) {
  return ask({ what: "read", picture, single, minConfidence: least }, signal);
}

export const askForReasons = (image) => ask({ what: "explain", image });
