// Starts the admin page.
import init from './admin.js';

const theme = localStorage.getItem('hearth-theme');
if (theme) document.documentElement.dataset.theme = theme;

try {
  await init({ module_or_path: fetch(new URL('admin_bg.wasm', import.meta.url)) });
} catch (error) {
  console.error(error);
  const note = document.createElement('p');
  note.textContent = 'The page did not start. Reload it to try again.';
  document.getElementById('boot').replaceWith(note);
}
