/* Probabilities come in, surer or less sure ones go out. (reading/temperature.py) */

const TINY = 1.17549435e-38;

export function at(probabilities, temperature) {
  if (temperature === 1) return probabilities;
  const logits = probabilities.map((share) => Math.log(Math.max(share, TINY)) / temperature);
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}
