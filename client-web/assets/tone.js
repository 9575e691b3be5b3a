// The sound of a call that rings: two notes, again and again, until the context that is given is closed.

// Longer than anything rings.
const TIMES = 60;
const EVERY_S = 2;
const NOTES = [[0, 587.3], [0.35, 880]];
const LOUDNESS = 0.12;

export function begin() {
  const context = new AudioContext();
  const oscillator = context.createOscillator();
  const gain = context.createGain();
  oscillator.connect(gain).connect(context.destination);
  gain.gain.setValueAtTime(0, 0);
  for (let time = 0; time < TIMES; time += 1) {
    for (const [after, pitch] of NOTES) {
      const at = context.currentTime + 0.05 + time * EVERY_S + after;
      oscillator.frequency.setValueAtTime(pitch, at);
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(LOUDNESS, at + 0.02);
      gain.gain.linearRampToValueAtTime(0, at + 0.3);
    }
  }
  oscillator.start();
  return context;
}
