// As much of a Matrix client as Element Call needs around it: it asks its host by the widget API (MSC2762 and those beside
// it), and the host asks the homeserver. Messages to devices go as they are; what Element Call encrypts is its media.

const WIDGET = 'call';
const VERSIONS = ['0.0.1', '0.0.2', 'org.matrix.msc2762', 'org.matrix.msc2762_update_state', 'org.matrix.msc2871',
  'org.matrix.msc2873', 'org.matrix.msc2876', 'org.matrix.msc3819', 'org.matrix.msc4039', 'org.matrix.msc4515'];
let session;
let frame;
let requests = 0;
const answers = new Map();
// What went between the widget and its host, for who looks why a test failed.
const log = [];

class Refused extends Error {
  constructor(status, url, body) {
    super(`${status} ${body.errcode}`);
    this.answer = { http_status: status, http_headers: {}, url, response: body };
  }
}

async function ask(method, path, body) {
  const url = `${session.url}/_matrix/client/${path}`;
  const headers = { Authorization: `Bearer ${session.token}`, 'Content-Type': 'application/json' };
  const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, url, told);
  return told;
}

/** Asks the widget. */
function tell(action, data) {
  const requestId = `host-${(requests += 1)}`;
  frame.contentWindow.postMessage({ api: 'toWidget', widgetId: WIDGET, requestId, action, data }, '*');
  return new Promise((resolve) => answers.set(requestId, resolve));
}

/** What the widget may ask. */
const actions = {
  supported_api_versions: () => ({ supported_versions: VERSIONS }),
  content_loaded: () => {
    setTimeout(begin);
    return {};
  },
  set_always_on_screen: () => ({ success: true }),
  get_openid: async () => {
    const path = `v3/user/${encodeURIComponent(session.user)}/openid/request_token`;
    return { state: 'allowed', ...(await ask('POST', path, {})) };
  },
  'org.matrix.msc4515.get_rtc_transports': () => ask('GET', 'unstable/org.matrix.msc4143/rtc/transports'),
  'org.matrix.msc4157.update_delayed_event': (data) =>
    ask('POST', `unstable/org.matrix.msc4140/delayed_events/${data.delay_id}/${data.action}`, {}),
  'org.matrix.msc2876.read_events': () => ({ events: [] }),
  'org.matrix.msc3869.read_relations': () => ({ chunk: [] }),
  send_event: async ({ type, content, state_key: key, delay }) => {
    const query = delay === undefined ? '' : `?org.matrix.msc4140.delay=${delay}`;
    const room = `v3/rooms/${encodeURIComponent(session.room)}`;
    const name = encodeURIComponent(type);
    const path = key === undefined ? `send/${name}/${Date.now()}${Math.random()}` : `state/${name}/${encodeURIComponent(key)}`;
    return { room_id: session.room, ...(await ask('PUT', `${room}/${path}${query}`, content)) };
  },
  send_to_device: async ({ type, messages }) => {
    await ask('PUT', `v3/sendToDevice/${encodeURIComponent(type)}/${Date.now()}${Math.random()}`, { messages });
    return {};
  },
};

async function answer(request) {
  const reply = (response) => frame.contentWindow.postMessage({ ...request, response }, '*');
  try {
    const act = actions[request.action];
    // What is left only tells something.
    reply(act ? await act(request.data) : {});
    log.push(`asked: ${request.action} ${JSON.stringify(request.data).slice(0, 300)}`);
  } catch (error) {
    log.push(`refused: ${request.action} ${JSON.stringify(request.data)}: ${error}`);
    reply({ error: { message: `${error}`, matrix_api_error: error.answer } });
  }
}

window.addEventListener('message', ({ data }) => {
  if (data?.widgetId !== WIDGET) return;
  if (data.api === 'fromWidget' && !data.response) answer(data);
  if (data.api === 'toWidget' && data.response) answers.get(data.requestId)?.(data.response);
});

/** Gives the widget all that it wants, and the state of the room; then tells it what happens. */
async function begin() {
  const { capabilities } = await tell('capabilities', {});
  await tell('notify_capabilities', { requested: capabilities, approved: capabilities });
  const { next_batch: since } = await ask('GET', 'v3/sync?timeout=0');
  const state = await ask('GET', `v3/rooms/${encodeURIComponent(session.room)}/state`);
  await tell('update_state', { state: state.map(ofRoom) });
  follow(since);
}

function ofRoom(event) {
  return { ...event, room_id: session.room };
}

async function follow(from) {
  let since = from;
  for (;;) {
    try {
      const update = await ask('GET', `v3/sync?timeout=20000&since=${since}`);
      since = update.next_batch;
      for (const { type, sender, content } of update.to_device?.events ?? []) {
        await tell('send_to_device', { type, sender, content, encrypted: true });
      }
      const room = update.rooms?.join?.[session.room];
      const timeline = (room?.timeline?.events ?? []).map(ofRoom);
      const state = [...(room?.state?.events ?? []).map(ofRoom), ...timeline.filter((event) => 'state_key' in event)];
      if (state.length) await tell('update_state', { state });
      for (const event of timeline) await tell('send_event', event);
    } catch (error) {
      log.push(`sync: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** Opens Element Call in a room, which it enters without asking. */
function open(as) {
  session = as;
  const { url, user, device, room, encrypted } = as;
  const parameters = new URLSearchParams({
    widgetId: WIDGET, parentUrl: window.location.href, baseUrl: url, userId: user, deviceId: device, roomId: room,
    perParticipantE2EE: String(encrypted), intent: 'join_existing', skipLobby: 'true', confineToRoom: 'true', header: 'none',
    appPrompt: 'false', lang: 'en',
  });
  frame = document.createElement('iframe');
  frame.allow = 'camera; microphone; autoplay; display-capture';
  frame.src = `call/index.html#?${parameters}`;
  document.body.append(frame);
}

/** Hangs up. */
async function leave() {
  await tell('im.vector.hangup', {});
}

/** All that comes over all connections: pictures that were decoded and sound that was heard, of each track. */
async function received() {
  const tracks = {};
  for (const connection of frame.contentWindow.connections ?? []) {
    if (connection.connectionState === 'closed') continue;
    for (const each of (await connection.getStats()).values()) {
      if (each.type === 'inbound-rtp') {
        tracks[each.trackIdentifier] = { kind: each.kind, frames: each.framesDecoded ?? 0, energy: each.totalAudioEnergy ?? 0 };
      }
    }
  }
  return tracks;
}

/** How many streams are encrypted or decrypted on their way. */
function encrypted() {
  return frame.contentWindow.encrypted ?? 0;
}

function state() {
  return { text: frame.contentDocument?.body?.innerText ?? '', log: log.slice(-40) };
}

window.host = { open, leave, received, encrypted, state };
