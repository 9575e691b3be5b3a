// One participant, by LiveKit's own client. The test calls these functions, and asks what came.
/* global LivekitClient */

const { ExternalE2EEKeyProvider, Room, RoomEvent } = LivekitClient;
let room;
const events = [];
const data = [];

/** Joins; what is sent is encrypted from end to end if there is a passphrase. */
async function join(url, token, passphrase) {
  const options = { adaptiveStream: true, dynacast: true };
  if (passphrase) {
    const keyProvider = new ExternalE2EEKeyProvider();
    options.e2ee = { keyProvider, worker: new Worker('livekit-client.e2ee.worker.js') };
    room = new Room(options);
    await keyProvider.setKey(passphrase);
    await room.setE2EEEnabled(true);
  } else {
    room = new Room(options);
  }
  room.on(RoomEvent.TrackSubscribed, (track, publication, who) => {
    const element = track.attach();
    const id = `${who.identity}-${publication.source}`;
    // That of a former connection: what is below the page's edge is not received.
    document.getElementById(id)?.remove();
    element.id = id;
    document.querySelector('main').append(element);
  });
  room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
  room.on(RoomEvent.TrackMuted, (publication, who) => events.push(`${who.identity} muted ${publication.source}`));
  room.on(RoomEvent.ParticipantDisconnected, (who) => events.push(`${who.identity} left`));
  room.on(RoomEvent.ActiveSpeakersChanged, (who) => events.push(...who.map((one) => `${one.identity} speaks`)));
  room.on(RoomEvent.DataReceived, (bytes, who) => data.push(`${who?.identity}: ${new TextDecoder().decode(bytes)}`));
  for (const event of ['Reconnecting', 'SignalReconnecting', 'Reconnected', 'Disconnected', 'EncryptionError']) {
    room.on(RoomEvent[event], () => events.push(event));
  }
  await room.connect(url, token);
}

/** Sends the camera and the microphone. */
async function publish() {
  await room.localParticipant.enableCameraAndMicrophone();
}

async function mute(source, muted) {
  await room.localParticipant.getTrackPublication(source)[muted ? 'mute' : 'unmute']();
}

async function say(text, identities) {
  const bytes = new TextEncoder().encode(text);
  await room.localParticipant.publishData(bytes, { reliable: true, destinationIdentities: identities });
}

/** Shows the picture of a participant in that width. */
function show(identity, width) {
  const element = document.getElementById(`${identity}-camera`);
  element.style.width = `${width}px`;
  element.style.height = `${(width * 9) / 16}px`;
}

/** Breaks something, as the client's own tests do. */
async function simulate(scenario) {
  await room.simulateScenario(scenario);
}

async function leave() {
  await room.disconnect();
}

/** What came of each track so far, by participant and source. */
async function received() {
  const found = {};
  for (const who of room.remoteParticipants.values()) {
    for (const publication of who.trackPublications.values()) {
      const stats = await publication.track?.getRTCStatsReport();
      for (const each of stats?.values() ?? []) {
        if (each.type === 'inbound-rtp') {
          const { framesDecoded = 0, frameHeight = 0, totalAudioEnergy = 0, packetsReceived } = each;
          found[`${who.identity} ${publication.source}`] = { framesDecoded, frameHeight, totalAudioEnergy, packetsReceived };
        }
      }
    }
  }
  return found;
}

/** The heights of the pictures that are sent at present. */
async function sent() {
  const publication = room.localParticipant.getTrackPublication('camera');
  const stats = await publication.track.getRTCStatsReport();
  const layers = [...stats.values()].filter((each) => each.type === 'outbound-rtp' && each.active);
  return layers.map((layer) => layer.frameHeight ?? 0).sort((a, b) => a - b);
}

function state() {
  return { state: room.state, others: [...room.remoteParticipants.keys()].sort(), events, data };
}

window.call = { join, publish, mute, say, show, simulate, leave, received, sent, state };
