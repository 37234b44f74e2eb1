// The work behind "I'm not a robot", in a worker: find the number whose SHA-256 after the salt is the challenge.
// The arithmetic is our own: crypto.subtle is there on https only, and costs a promise for each number.
"use strict";

const K = new Uint32Array(64);
const START = new Uint32Array(8);

// The constants are the first bits of the fractions of the roots of the first primes (FIPS 180-4).
for (let candidate = 2, found = 0; found < 64; candidate++) {
  let prime = true;
  for (let by = 2; by * by <= candidate; by++) if (candidate % by === 0) prime = false;
  if (!prime) continue;
  const bits = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  if (found < 8) START[found] = bits(candidate ** (1 / 2));
  K[found++] = bits(candidate ** (1 / 3));
}

const w = new Uint32Array(64);
const turn = (x, by) => (x >>> by) | (x << (32 - by));

function sha256(text) {
  const bytes = new Uint8Array(((text.length + 8) >> 6) * 64 + 64);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  bytes[text.length] = 0x80;
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 4, text.length * 8);
  const hash = new Uint32Array(START);
  for (let at = 0; at < bytes.length; at += 64) block(hash, view, at);
  return hash;
}

function block(hash, view, at) {
  for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    w[i] = (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10)) + w[i - 16];
  }
  let [a, b, c, d, e, f, g, h] = hash;
  for (let i = 0; i < 64; i++) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => (hash[i] += value));
}

onmessage = ({ data: { challenge, salt, maxNumber } }) => {
  const wanted = challenge.match(/.{8}/g).map((word) => parseInt(word, 16));
  for (let number = 0; number <= maxNumber; number++) {
    const hash = sha256(salt + number);
    if (hash.every((word, i) => word === wanted[i])) return postMessage(number);
  }
  postMessage(null);
};
