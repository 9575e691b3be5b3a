// The media of a call: what LiveKit's client does, as the client in Rust (`src/browser/media.rs`) asks for it. It is loaded
// when somebody looks at a call. What is said back is JSON, whole each time: who is there, and what they send.
import './livekit-client.umd.js';

const {
  BaseKeyProvider, ConnectionState, Room, RoomEvent, Track, createAudioAnalyser, createLocalAudioTrack, createLocalVideoTrack,
  setLogLevel,
} = globalThis.LivekitClient;

// That a key is not there yet, or a connection breaks, is no fault: it is told by what is shown.
setLogLevel('silent');

const SOURCES = { microphone: Track.Source.Microphone, camera: Track.Source.Camera, screen: Track.Source.ScreenShare };
// After these, who is in a call or how they are has changed.
const CHANGES = [
  'ConnectionStateChanged', 'ParticipantConnected', 'ParticipantDisconnected', 'TrackPublished', 'TrackUnpublished',
  'TrackSubscribed', 'TrackUnsubscribed', 'TrackMuted', 'TrackUnmuted', 'LocalTrackPublished', 'LocalTrackUnpublished',
  'ActiveSpeakersChanged',
  'ConnectionQualityChanged', 'TrackStreamStateChanged', 'ParticipantEncryptionStatusChanged', 'EncryptionError',
];

/** The key of each participant, as Element Call has them: as many as an index of one byte tells apart. */
class Keys extends BaseKeyProvider {
  constructor() {
    super({ ratchetWindowSize: 10, keyringSize: 256 });
  }

  async set(identity, index, bytes) {
    const material = await crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits', 'deriveKey']);
    this.onSetEncryptionKey(material, identity, index);
  }
}

class Media {
  constructor(onchange) {
    this.onchange = onchange;
    this.keys = new Keys();
    // By the service that each was found by: one sends to its own and receives of all.
    this.rooms = new Map();
    this.own = null;
    // What the person chose, by `audioinput`, `audiooutput` and `videoinput`.
    this.devices = {};
    // What is captured before it is sent, by source.
    this.captured = {};
    // What one wants to send, also over a connection that comes anew.
    this.wanted = new Set();
    this.showing = new Map();
    this.sounds = document.createElement('div');
    this.sounds.hidden = true;
    document.body.append(this.sounds);
  }

  /** Connects to an SFU; what is captured is sent to one's own. */
  async connect(service, url, token, isOwn, isEncrypted) {
    const options = {
      adaptiveStream: true,
      dynacast: true,
      audioCaptureDefaults: { deviceId: this.devices.audioinput, noiseSuppression: true, echoCancellation: true },
      videoCaptureDefaults: { deviceId: this.devices.videoinput },
      audioOutput: { deviceId: this.devices.audiooutput },
      publishDefaults: { dtx: true, red: false, videoCodec: 'vp8', simulcast: true },
    };
    if (isEncrypted) {
      const worker = new Worker(new URL('livekit-client.e2ee.worker.js', import.meta.url));
      options.e2ee = { keyProvider: this.keys, worker };
    }
    const room = new Room(options);
    this.rooms.set(service, { room, worker: options.e2ee?.worker });
    for (const change of CHANGES) room.on(RoomEvent[change], () => this.soon());
    room.on(RoomEvent.TrackSubscribed, (track) => {
      if (track.kind === Track.Kind.Audio) this.sounds.append(track.attach());
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => {
      if (track.kind === Track.Kind.Audio) track.detach().forEach((element) => element.remove());
    });
    room.on(RoomEvent.Disconnected, () => this.lost(service, room));
    if (isEncrypted) await room.setE2EEEnabled(true);
    try {
      await room.connect(url, token);
    } catch (error) {
      this.lost(service, room);
      throw error;
    }
    if (isOwn) {
      this.own = room;
      // What cannot be sent any more, the person sees as turned off.
      for (const source of this.wanted) await this.begin(source).catch(() => this.wanted.delete(source));
    }
    this.changed();
  }

  /** Sends from a source: what is captured of it already, if that is. */
  async begin(source) {
    const me = this.own.localParticipant;
    const captured = this.captured[source];
    delete this.captured[source];
    if (captured) await me.publishTrack(captured);
    else if (source === 'microphone') await me.setMicrophoneEnabled(true);
    else if (source === 'camera') await me.setCameraEnabled(true);
    else await me.setScreenShareEnabled(true, { audio: true });
  }

  /** A connection that is over; whoever wants it back connects anew. */
  lost(service, room) {
    const connection = this.rooms.get(service);
    if (connection?.room !== room) return;
    this.rooms.delete(service);
    connection.worker?.terminate();
    if (this.own === room) this.own = null;
    this.changed();
  }

  async disconnect(service) {
    const { room, worker } = this.rooms.get(service) ?? {};
    this.rooms.delete(service);
    if (room && this.own === room) this.own = null;
    await room?.disconnect();
    worker?.terminate();
    this.changed();
  }

  setKey(identity, index, bytes) {
    return this.keys.set(identity, index, bytes);
  }

  /** Begins or ends to send from a source; before one is connected, to capture it. */
  async set(source, isOn) {
    try {
      if (this.own) {
        const publication = this.mine(source);
        if (isOn && !publication) await this.begin(source);
        else if (isOn) await publication.unmute();
        else if (source === 'screen') await this.own.localParticipant.setScreenShareEnabled(false);
        else await publication?.mute();
      } else if (isOn && !this.captured[source]) {
        this.captured[source] = await this.capture(source);
      } else if (!isOn && this.captured[source]) {
        this.captured[source].stop();
        delete this.captured[source];
      }
      // Which screen one shares is asked each time.
      if (source !== 'screen') this.wanted[isOn ? 'add' : 'delete'](source);
    } finally {
      this.changed();
    }
  }

  async capture(source) {
    if (source === 'camera') return createLocalVideoTrack({ deviceId: this.devices.videoinput });
    const track = await createLocalAudioTrack({ deviceId: this.devices.audioinput });
    this.analyser?.cleanup();
    this.analyser = createAudioAnalyser(track);
    return track;
  }

  /** The devices of this machine, once it was allowed to name them. */
  async list() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    return JSON.stringify(devices.map(({ kind, deviceId, label }) => ({ kind, id: deviceId, label })));
  }

  async choose(kind, id) {
    this.devices[kind] = id;
    for (const { room } of this.rooms.values()) await room.switchActiveDevice(kind, id);
    const source = { audioinput: 'microphone', videoinput: 'camera' }[kind];
    await this.captured[source]?.setDeviceId(id);
  }

  /** How loud the microphone is before one joins: 0 to 1. */
  loudness() {
    return this.captured.microphone ? this.analyser.calculateVolume() : 0;
  }

  /** The track of a participant from a source; without an identity, what is captured here. */
  track(service, identity, source) {
    const room = this.rooms.get(service)?.room;
    if (!room) return identity ? undefined : (this.captured[source] ?? this.mine(source)?.track);
    const who = room.localParticipant.identity === identity ? room.localParticipant : room.remoteParticipants.get(identity);
    return who?.getTrackPublication(SOURCES[source])?.track;
  }

  mine(source) {
    return this.own?.localParticipant.getTrackPublication(SOURCES[source]);
  }

  /** Shows in each `video` of the page the track that it names. */
  show() {
    const there = new Set(document.querySelectorAll('video[data-source]'));
    for (const [element, track] of this.showing) {
      if (!there.has(element)) {
        track.detach(element);
        this.showing.delete(element);
      }
    }
    for (const element of there) {
      const { service, identity, source } = element.dataset;
      const track = this.track(service, identity, source);
      const before = this.showing.get(element);
      if (before === track) continue;
      before?.detach(element);
      this.showing.delete(element);
      if (track) {
        track.attach(element);
        element.muted = true;
        this.showing.set(element, track);
      }
    }
  }

  /** Tells of changes that come one after the other once, when all of them are there. */
  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed();
    });
  }

  changed() {
    this.show();
    this.onchange(JSON.stringify(this.now()));
  }

  now() {
    const connections = [];
    for (const [service, { room }] of this.rooms) {
      const people = [...room.remoteParticipants.values(), room.localParticipant].map((who) => ({
        identity: who.identity,
        speaks: who.isSpeaking,
        quality: who.connectionQuality,
        microphone: sends(who, 'microphone'),
        camera: sends(who, 'camera'),
        screen: sends(who, 'screen'),
      }));
      connections.push({ service, isConnected: room.state === ConnectionState.Connected, people });
    }
    const own = (source) => (this.own ? sends(this.own.localParticipant, source) : Boolean(this.captured[source]));
    return { connections, microphone: own('microphone'), camera: own('camera'), screen: own('screen') };
  }

  /** What came so far of each participant, for tests: pictures decoded and energy heard. */
  async received() {
    const found = {};
    for (const { room } of this.rooms.values()) {
      for (const who of room.remoteParticipants.values()) {
        for (const publication of who.trackPublications.values()) {
          for (const each of (await publication.track?.getRTCStatsReport())?.values() ?? []) {
            if (each.type !== 'inbound-rtp') continue;
            const { framesDecoded = 0, totalAudioEnergy = 0 } = each;
            found[`${who.identity} ${publication.source}`] = { frames: framesDecoded, energy: totalAudioEnergy };
          }
        }
      }
    }
    return found;
  }

  async close() {
    for (const track of Object.values(this.captured)) track.stop();
    this.captured = {};
    this.analyser?.cleanup();
    await Promise.all([...this.rooms.keys()].map((service) => this.disconnect(service)));
    this.sounds.remove();
    clearTimeout(this.timer);
  }
}

function sends(who, source) {
  const publication = who.getTrackPublication(SOURCES[source]);
  return Boolean(publication && !publication.isMuted);
}

/** The media of one call. */
export function begin(onchange) {
  globalThis.hearthCall = new Media(onchange);
  return globalThis.hearthCall;
}
