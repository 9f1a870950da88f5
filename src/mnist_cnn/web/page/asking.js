/* Replaces the module that calls the server: the same functions, answered in this browser by `worker.js`. */

export class Problem extends Error {
  constructor(message) {
    super(message);
    Object.assign(this, { status: 0, after: 0, passing: false });
  }
}

export const SLOW = "Reading this image takes too long.";
export const giveToken = () => {};
export const hasToken = () => false;

const OLD = "This browser does not support WebAssembly or web workers, which this page needs: update it, or use another one.";

const questions = new Map(); // by ID: the callbacks of each pending question
const loading = document.getElementById("loading");
let asked = 0;

const worker = startWorker();
/* Settles once everything is loaded, or rejects with a Problem. */
export const ready = worker ? ask({ what: "start" }) : Promise.reject(new Problem(OLD));
ready.catch(() => {}).then(() => loading.remove());

function startWorker() {
  if (!globalThis.WebAssembly || !globalThis.Worker || !globalThis.OffscreenCanvas) return null;
  const started = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }) => ("id" in data ? settle(data) : showProgress(data)));
  started.addEventListener("error", () => {
    for (const id of questions.keys()) settle({ id, problem: "The page did not load completely: reload it." });
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
    signal?.addEventListener("abort", () => fail(new DOMException("Cancelled", "AbortError")));
    worker.postMessage({ id, ...question });
  });
}

export function askForReading(picture, { single, least }, signal) {
  return ask({ what: "read", picture, single, minConfidence: least }, signal);
}

export const askForLayers = (image) => ask({ what: "watch", image });

export const askForCard = async () => (await fetch("card.json")).json();

export const askForReasons = (image) => ask({ what: "explain", image });
