// Runs in each page before all else: notes its connections, and which streams are encrypted from end to end.
(() => {
  window.connections = [];
  window.encrypted = 0;
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...given) {
      super(...given);
      window.connections.push(this);
    }
  };
  for (const of of [window.RTCRtpSender, window.RTCRtpReceiver]) {
    const { createEncodedStreams } = of.prototype;
    if (createEncodedStreams) {
      of.prototype.createEncodedStreams = function encode(...given) {
        window.encrypted += 1;
        return createEncodedStreams.apply(this, given);
      };
    }
    const transform = Object.getOwnPropertyDescriptor(of.prototype, 'transform');
    if (transform?.set) {
      Object.defineProperty(of.prototype, 'transform', {
        ...transform,
        set(value) {
          if (value) window.encrypted += 1;
          transform.set.call(this, value);
        },
      });
    }
  }
})();
