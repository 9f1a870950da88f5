/* Calls the API of the server that hosts the page. All URLs are relative, so the page works behind a prefix.

   The page without a server has another module in place of this one (`mnist_cnn/web/page/asking.js`). */

export class Problem extends Error {
  constructor(message, { status = 0, after = 0, passing = false } = {}) {
    super(message);
    Object.assign(this, { status, after, passing });
  }
}

export const SLOW = "The server is taking too long.";
export const ready = Promise.resolve(); // settles once requests can be made

let token = "";

export function giveToken(given) {
  token = given;
}

export const hasToken = () => Boolean(token);

export function askForReading(image, { single, least }, signal) {
  const wanted = new URLSearchParams({ single, min_confidence: least, images: true });
  const headers = { "Content-Type": image.type || "application/octet-stream" };
  return ask(`v1/read?${wanted}`, { body: image, headers, signal });
}

export function askForReasons(image) {
  const headers = { "Content-Type": "application/json" };
  return ask("v1/explain", { body: JSON.stringify({ image }), headers });
}

export function askForLayers(image) {
  const headers = { "Content-Type": "application/json" };
  return ask("v1/activations", { body: JSON.stringify({ image }), headers });
}

export const askForCard = () => ask("card.json", { method: "GET" });

async function ask(address, options) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  let response;
  try {
    response = await fetch(address, { method: "POST", ...options, headers });
    if (response.ok) return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server is not responding.", { passing: true });
  }
  throw await problemOf(response);
}

async function problemOf(response) {
  const { status } = response;
  const told = await response.json().catch(() => ({}));
  const message = typeof told.detail === "string" ? told.detail : `The server returned HTTP ${status}.`;
  const passing = status === 503 || status === 429;
  return new Problem(message, { status, passing, after: 1000 * (Number(response.headers.get("Retry-After")) || 0) });
}
