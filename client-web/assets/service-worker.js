// Keeps the client in the browser: a reload needs no network. What servers answer is never kept here.
const RELEASE = '{{release}}';
const BASE = '{{base}}';
const FILES = {{files}};

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(RELEASE);
    await cache.addAll([...FILES.map((file) => `${BASE}/${file}`), '/']);
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name !== RELEASE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname === '/') {
    // The page comes from here at once; a newer one is there at the next start, when its worker is installed.
    event.respondWith(caches.match('/').then((kept) => kept ?? fetch(event.request)));
  } else if (url.pathname.startsWith('/_hearth/web/')) {
    event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
  }
});
