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

// What the server sends names rooms and events, never words: what is shown says no more than that something came.
self.addEventListener('push', (event) => {
  let told = {};
  try {
    told = event.data?.json() ?? {};
  } catch {
    // An empty push, as some services send it to see whether anybody is there.
  }
  event.waitUntil((async () => {
    const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    if (told.ack_token) {
      for (const tab of tabs) tab.postMessage({ activate: told.ack_token });
      // The server sends others once a tab has said that this one came. A browser that must show something shows that.
      if (tabs.some((tab) => tab.visibilityState === 'visible')) return;
    }
    const room = told.notification?.room_id;
    const unread = told.notification?.counts?.unread;
    if (unread !== undefined) self.navigator.setAppBadge?.(unread);
    if (told.notification && !room) {
      // What was read elsewhere asks for nothing any more.
      if (unread === 0) for (const shown of await self.registration.getNotifications()) shown.close();
      return;
    }
    const german = self.navigator.language?.startsWith('de');
    await self.registration.showNotification('Hearth', {
      body: german ? 'Neue Nachricht' : 'New message',
      tag: room ?? 'hearth',
      icon: `${BASE}/icon.svg`,
      data: { address: room ? `/#/room/${room}` : '/' },
    });
  })());
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const address = event.notification.data?.address ?? '/';
  event.waitUntil((async () => {
    const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
    // Another tab would have to take the session from the one that is open.
    const open = tabs[0];
    if (!open) return self.clients.openWindow(address);
    open.postMessage({ open: address });
    return open.focus();
  })());
});
