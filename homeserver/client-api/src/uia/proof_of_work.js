// Looks for the solution of the proof of work on this page (see proof_of_work.rs), and sends it.
"use strict";
// The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first
// 8: the constants of SHA-256 (FIPS 180-4). It is computed here because the browser's own takes a task for each hash.
const CUBES = [], SQUARES = [];
for (let number = 2; CUBES.length < 64; number++) {
  let isPrime = true;
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) isPrime = false;
  if (!isPrime) continue;
  const fraction = (root) => ((root - Math.floor(root)) * 4294967296) | 0;
  if (SQUARES.length < 8) SQUARES.push(fraction(Math.sqrt(number)));
  CUBES.push(fraction(Math.cbrt(number)));
}

// The first 32 bits of the SHA-256 of a text of ASCII.
function firstBits(text) {
  const blocks = new Uint32Array((((text.length + 8) >> 6) + 1) << 4);
  for (let at = 0; at < text.length; at++) blocks[at >> 2] |= text.charCodeAt(at) << (24 - 8 * (at & 3));
  blocks[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
  blocks[blocks.length - 1] = 8 * text.length;
  const turned = (word, by) => (word >>> by) | (word << (32 - by));
  const state = SQUARES.slice(), words = new Int32Array(64);
  for (let block = 0; block < blocks.length; block += 16) {
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at++) {
      if (at < 16) {
        words[at] = blocks[block + at];
      } else {
        const [x, y] = [words[at - 15], words[at - 2]];
        const low = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3), high = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
        words[at] = words[at - 16] + low + words[at - 7] + high;
      }
      const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + CUBES[at] + words[at];
      const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((word, at) => { state[at] = (state[at] + word) | 0; });
  }
  return state[0];
}

// The page stays alive: it looks for some milliseconds, and goes on a little later.
function search(challenge, bits, number, found) {
  for (const end = performance.now() + 50; performance.now() < end; ) {
    for (let times = 0; times < 500; times++, number++) {
      if (Math.clz32(firstBits(challenge + ":" + number)) >= bits) return found(String(number));
    }
  }
  setTimeout(search, 0, challenge, bits, number, found);
}

if (typeof document !== "undefined") {
  const form = document.querySelector("form");
  search(form.dataset.challenge, Number(form.dataset.bits), 0, (solution) => {
    form.elements.response.value = solution;
    form.submit();
  });
}
