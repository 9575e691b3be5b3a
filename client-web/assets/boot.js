// Fetches the client, shows how far that has come, and starts it.
import init from './app.js';

// What is needed seldom is loaded when it is needed.
globalThis.hearthLoad = (name) => import(new URL(name, import.meta.url));

const theme = localStorage.getItem('hearth-theme');
if (theme) document.documentElement.dataset.theme = theme;
const density = localStorage.getItem('hearth-density');
if (density) document.documentElement.dataset.density = density;

const bar = document.getElementById('boot');

/** The body of a response, with the bar telling how much of it has come. */
function watched(response) {
  // The length is that of the compressed file where it is compressed: then the bar only moves.
  const whole = Number(response.headers.get('content-length')) || 0;
  const factor = response.headers.get('content-encoding') ? 4 : 1;
  let come = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      come += chunk.length;
      if (whole) bar.value = Math.min(0.98, come / (whole * factor));
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), { headers: { 'content-type': 'application/wasm' } });
}

try {
  const response = await fetch(new URL('app_bg.wasm', import.meta.url));
  await init({ module_or_path: watched(response) });
} catch (error) {
  console.error(error);
  const note = document.createElement('p');
  note.textContent = 'Hearth did not start. Reload the page to try again.';
  bar.replaceWith(note);
}

if ('serviceWorker' in navigator) {
  // A click on a notification leads the tab that is open to its room.
  navigator.serviceWorker.addEventListener('message', (event) => {
    if (event.data?.open) location.hash = event.data.open.replace(/^\/#?/, '');
  });
  navigator.serviceWorker.register('/service-worker.js').catch(() => {});
}
